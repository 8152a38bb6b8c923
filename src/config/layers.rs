//! Where values come from, and which one wins.
//!
//! Each source becomes a [`Layer`]: a flat list of known keys, every value with its origin. The `config` crate lays
//! them over each other. Its own file and environment sources are not used: they forget the lines, and take 1.5 for
//! a whole number.

use std::collections::BTreeMap;
use std::path::Path;

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::problem::{ConfigError, Problem, nearest};
use super::toml_values::{bare, flatten, place, plain};

/// What every environment variable of ours begins with.
const PREFIX: &str = "ZOOM_ARCHIVER__";

/// The example file: each key's default, except for those whose value there is only a placeholder.
const EXAMPLE: &str = include_str!("../../config/zoom-archiver.example.toml");

/// What stands in the example in the place of a value that only the user has.
const PLACEHOLDER: &str = "...";

/// The longest unknown key that an error message repeats, in characters.
const SHOWN: usize = 80;

/// Suffix of the twin of a secret's key: it names a file to read the secret from.
pub(super) const FILE_TWIN: &str = "_file";

/// The environment variables of the prototype, and their keys.
const PROTOTYPE: [(&str, &str); 4] = [
    ("ZOOM_CLIENT_ID", "zoom.client_id"),
    ("ZOOM_CLIENT_SECRET", "zoom.client_secret"),
    ("ZOOM_REDIRECT_URI", "zoom.redirect_uri"),
    ("ZOOM_USER_ID", "zoom.users"),
];

/// Values by their keys, out of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    values: BTreeMap<String, Value>,
}

impl Layer {
    /// Whether it has a value for a key.
    pub(super) fn has_value(&self, key: &str) -> bool {
        match self.values.get(key).map(|value| &value.kind) {
            None | Some(ValueKind::Nil) => false,
            Some(ValueKind::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    fn set(&mut self, key: &str, origin: &str, kind: impl Into<ValueKind>) {
        self.values.insert(key.to_owned(), Value::new(Some(&origin.to_owned()), kind.into()));
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone().into_iter().collect())
    }
}

/// Lays the layers over each other, the last one on top.
pub(super) fn merge(layers: impl IntoIterator<Item = Layer>) -> Value {
    let builder = layers.into_iter().fold(Config::builder(), ConfigBuilder::<DefaultState>::add_source);
    // A layer gives its values without a failure, so there is none here either.
    builder.build().map(|merged| merged.cache).unwrap_or_default()
}

/// The value of a key in merged layers; `Nil` is none.
pub(super) fn lookup<'a>(tree: &'a Value, key: &str) -> Option<&'a Value> {
    let child = key.split('.').try_fold(tree, |value, part| match &value.kind {
        ValueKind::Table(table) => table.get(part),
        _ => None,
    });
    child.filter(|value| value.kind != ValueKind::Nil)
}

/// Every key there is, with its default.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    keys: BTreeMap<String, Value>,
}

impl Schema {
    /// The keys of the example file.
    pub(super) fn new() -> Self {
        let table = DeTable::parse(EXAMPLE).expect("the example file is TOML, as a test sees to");
        Self { keys: flatten("the example", EXAMPLE, table.get_ref().iter()) }
    }

    /// The defaults. Keys that only the user can fill in are absent, and so is `state_dir`: it depends on where the
    /// program runs.
    pub(super) fn defaults(&self) -> Layer {
        let has_default = |(key, value): &(&String, &Value)| *key != "state_dir" && !is_placeholder(&value.kind);
        let values = self.keys.iter().filter(has_default);
        Layer { values: values.map(|(key, value)| (key.clone(), Value::new(None, value.kind.clone()))).collect() }
    }

    /// Whether a key is a secret, or made of secrets.
    pub(super) fn is_secret(key: &str) -> bool {
        ["zoom.client_secret", "youtube.client_secret", "notify.urls"].contains(&key)
    }

    /// The secrets' keys.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str).filter(|key| Self::is_secret(key))
    }

    /// The keys, without the secrets' twins.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    fn knows(&self, key: &str) -> bool {
        self.keys.contains_key(key) || key.strip_suffix(FILE_TWIN).is_some_and(Self::is_secret)
    }

    /// Whether a word is a section's name, or nearly one.
    pub(super) fn is_like_a_section(&self, name: &str) -> bool {
        nearest(name, self.keys.keys().filter_map(|key| key.split_once('.')).map(|(section, _)| section)).is_some()
    }

    /// Whether a word is a part of a key.
    pub(super) fn is_name(&self, word: &str) -> bool {
        self.keys.keys().flat_map(|key| key.split('.')).any(|name| name == word)
    }

    /// Whether a word is a part of a key, or nearly one.
    pub(super) fn is_like_a_name(&self, word: &str) -> bool {
        nearest(word.strip_suffix(FILE_TWIN).unwrap_or(word), self.keys.keys().flat_map(|key| key.split('.'))).is_some()
    }

    /// Whether a word is the last part of a key, and of none that is a secret.
    pub(super) fn is_name_of_no_secret(&self, name: &str) -> bool {
        let last = |key: &str| key.rsplit('.').next() == Some(name);
        self.keys.keys().any(|key| last(key)) && !self.secrets().any(last)
    }

    fn is_section(&self, name: &str) -> bool {
        self.keys.keys().any(|key| key.split_once('.').is_some_and(|(section, _)| section == name))
    }

    /// The key that was probably meant by an unknown one.
    fn suggestion(&self, key: &str) -> Option<&str> {
        let name = |key: &'_ str| key.rsplit('.').next().map(str::to_owned);
        let keys = || self.keys.keys().map(String::as_str);
        let same_name = || keys().find(|known| name(known) == name(key));
        nearest(key, keys()).or_else(same_name)
    }

    /// Takes in what a source says: unknown keys, and a secret that is there twice, are problems; a secret hides its
    /// own twin in the layers below; a placeholder left from the example counts for nothing.
    fn layer(
        &self,
        found: BTreeMap<String, Value>,
        written: impl Fn(&str) -> String,
        problems: &mut Vec<Problem>,
    ) -> Layer {
        let mut layer = Layer::default();
        for (key, value) in found {
            if !self.knows(&key) {
                problems.push(self.unknown(&key, &value, &written));
            } else if matches!(value.kind, ValueKind::Table(_)) {
                let source = value.origin().map(str::to_owned);
                problems.push(Problem { key, value: None, what: "this is a key, not a section".to_owned(), source });
            } else if !(is_placeholder(&value.kind) && self.keys.get(&key).is_some_and(|v| is_placeholder(&v.kind))) {
                layer.values.insert(key, value);
            }
        }
        for key in self.secrets() {
            let twin = format!("{key}{FILE_TWIN}");
            match (layer.values.get(key), layer.values.get(&twin)) {
                (Some(_), Some(other)) => problems.push(Problem {
                    key: written(&twin),
                    value: None,
                    what: format!("there is {} too; keep one of the two", written(key)),
                    source: other.origin().map(str::to_owned),
                }),
                (Some(_), None) => layer.set(&twin, "", ValueKind::Nil),
                (None, Some(_)) => layer.set(key, "", ValueKind::Nil),
                (None, None) => {}
            }
        }
        layer
    }

    /// An unknown key's value isn't told: it may be a secret under a misspelt name.
    fn unknown(&self, key: &str, value: &Value, written: &impl Fn(&str) -> String) -> Problem {
        let what = match self.suggestion(key) {
            _ if self.is_section(key) => "this is a section, not a key".to_owned(),
            Some(known) => format!("there is no such key; did you mean {}?", written(known)),
            None => "there is no such key".to_owned(),
        };
        Problem { key: shown(&written(key)), value: None, what, source: value.origin().map(str::to_owned) }
    }

    /// What a config file says.
    ///
    /// # Errors
    /// Everything that is wrong with the text as TOML.
    pub(super) fn file(&self, path: &Path, bytes: &[u8], problems: &mut Vec<Problem>) -> Result<Layer, ConfigError> {
        let name = path.display().to_string();
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Problem::of_source(format!("{name}, line {line}"), "this is not UTF-8 text; save the file as UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (table, mut errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let entries = table.get_ref().iter().filter(|(key, value)| {
                let line = || format!("{name}, {}", place(text, key.span().start));
                self.has_place(key.get_ref(), value.get_ref(), line, problems)
            });
            let found = flatten(&name, text, entries);
            return Ok(self.layer(found, str::to_owned, problems));
        }
        let start = |error: &toml::de::Error| error.span().map_or(text.len(), |span| span.start);
        errors.sort_by_key(start);
        // Not an error's own text: it quotes the line, which may hold a secret.
        let problem = |error: &toml::de::Error| {
            Problem::of_source(format!("{name}, {}", place(text, start(error))), error.message().replace('\n', ", "))
        };
        let mut broken: Vec<Problem> = errors.iter().map(problem).collect();
        broken.dedup_by(|next, first| next.source == first.source);
        Err(ConfigError::new(broken))
    }

    /// Whether an entry is none of a section that doesn't exist; if it is, that is one problem, whatever its keys.
    fn has_place(
        &self,
        key: &str,
        value: &DeValue<'_>,
        line: impl Fn() -> String,
        problems: &mut Vec<Problem>,
    ) -> bool {
        if !value.is_table() || self.is_section(key) {
            return true;
        }
        let sections = self.keys.keys().filter_map(|key| key.split_once('.')).map(|(section, _)| section);
        let what = match nearest(key, sections) {
            _ if self.knows(key) => "this is a key, not a section".to_owned(),
            Some(known) => format!("there is no such section; did you mean [{known}]?"),
            None => "there is no such section".to_owned(),
        };
        let key = format!("[{}]", shown(&if key.is_empty() { bare(key) } else { key.escape_debug().to_string() }));
        problems.push(Problem { key, value: None, what, source: Some(line()) });
        false
    }

    /// What the environment says in our variables.
    pub(super) fn environment(&self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Layer {
        let mut found = BTreeMap::new();
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let key = rest.to_lowercase().replace("__", ".");
            let origin =
                if self.knows(&key) { format!("environment variable {name}") } else { "the environment".to_owned() };
            if text.contains('\u{fffd}') {
                problems.push(Problem::of_source(origin, "its value is not UTF-8 text"));
            } else if self.knows(&key) && variable(&key) != *name {
                problems.push(Problem::of_source(origin, format!("it is written {}", variable(&key))));
            } else {
                let kind = self.typed(&key, text);
                found.insert(key, Value::new(Some(&origin), kind));
            }
        }
        self.layer(found, variable, problems)
    }

    /// A text as the key's type has it; a text that isn't of that type stays one, to be refused where it is read.
    fn typed(&self, key: &str, text: &str) -> ValueKind {
        let parsed = match self.keys.get(key).map(|value| &value.kind) {
            Some(ValueKind::Boolean(_)) => text.parse().map(ValueKind::Boolean).ok(),
            Some(ValueKind::I64(_)) => text.parse().map(ValueKind::I64).ok(),
            Some(ValueKind::Array(_)) => DeValue::parse(text).ok().and_then(|value| match value.into_inner() {
                list @ DeValue::Array(_) => Some(plain("", "", &list).kind),
                _ => None,
            }),
            _ => None,
        };
        parsed.unwrap_or_else(|| ValueKind::String(text.to_owned()))
    }

    /// What the prototype's variables say; empty ones say nothing.
    pub(super) fn prototype(&self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Layer {
        let mut found = BTreeMap::new();
        for (name, key) in PROTOTYPE {
            if let Some(text) = environment.get(name).filter(|text| !text.is_empty()) {
                let origin = format!("environment variable {name}");
                let kind = match key {
                    "zoom.users" => ValueKind::Array(vec![Value::new(Some(&origin), text.as_str())]),
                    _ => ValueKind::String(text.clone()),
                };
                found.insert(key.to_owned(), Value::new(Some(&origin), kind));
            }
        }
        self.layer(found, str::to_owned, problems)
    }

    /// What the credentials of systemd say: secrets by their keys, with the files that they came from.
    pub(super) fn credentials(&self, secrets: &[(&str, String, String)], problems: &mut Vec<Problem>) -> Layer {
        let value =
            |(key, origin, text): &(&str, String, String)| ((*key).to_owned(), Value::new(Some(origin), text.as_str()));
        self.layer(secrets.iter().map(value).collect(), str::to_owned, problems)
    }
}

/// An unknown key as an error message repeats it: on one line, and no more of it than tells which one it is.
fn shown(key: &str) -> String {
    let mut shown: String = key.chars().take(SHOWN).filter(|c| !c.is_control()).collect();
    if shown.len() < key.len() {
        shown.push_str("...");
    }
    shown
}

fn is_placeholder(kind: &ValueKind) -> bool {
    matches!(kind, ValueKind::String(text) if text == PLACEHOLDER)
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}
