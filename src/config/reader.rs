//! Reads checked values out of the merged layers, and collects what is wrong with them instead of stopping there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

use config::{Value, ValueKind};
use secrecy::SecretString;

use super::files::SettingsFile;
use super::layers::{FILE_TWIN, Schema, lookup, merge};
use super::problem::{Problem, nearest};

/// The longest value that an error message repeats.
const SHOWN: usize = 80;

/// Why a value is refused: what is wrong with it, where that isn't plain, and what is allowed instead.
pub(super) struct Refusal {
    reason: Option<String>,
    allowed: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), allowed: allowed.into() }
    }

    fn allowed(allowed: impl Into<String>) -> Self {
        Self { reason: None, allowed: allowed.into() }
    }

    fn sentence(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!("{reason}; ")).unwrap_or_default();
        format!("{reason}allowed is {}", self.allowed)
    }
}

/// The merged layers, and what has been found wrong in them so far.
///
/// A value that is refused is a problem, and the default is returned for it, so that one run finds all there is.
pub(super) struct Reader<'a> {
    tree: &'a Value,
    defaults: Value,
    state_dir: PathBuf,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    refused: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(schema: &Schema, tree: &'a Value, problems: Vec<Problem>) -> Self {
        let defaults = merge([schema.defaults()]);
        let (state_dir, warnings, refused) = (PathBuf::new(), Vec::new(), BTreeSet::new());
        Self { tree, defaults, state_dir, problems, warnings, refused }
    }

    /// The folder from which relative paths are taken, from here on.
    pub(super) fn set_state_dir(&mut self, state_dir: &Path) {
        state_dir.clone_into(&mut self.state_dir);
    }

    /// All that was found wrong, and all that is only doubtful.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<String>) {
        (self.problems, self.warnings)
    }

    /// Adds what was found wrong with a key's value in relation to others.
    pub(super) fn refuse(&mut self, key: &'static str, what: impl Into<String>) {
        let value = lookup(self.tree, key);
        let shown = value.filter(|_| !Schema::is_secret(key)).map(show);
        let twin = lookup(self.tree, &format!("{key}{FILE_TWIN}"));
        let source = value.or(twin).and_then(Value::origin).map(str::to_owned);
        self.add(key, Problem { key: key.to_owned(), value: shown, what: what.into(), source });
    }

    /// Whether a key's own value is all right, so that it makes sense to compare it with others.
    pub(super) fn is_fine(&self, key: &str) -> bool {
        !self.refused.contains(key)
    }

    /// Whether a key's value is the default.
    pub(super) fn is_default(&self, key: &str) -> bool {
        lookup(self.tree, key).is_none_or(|value| value.origin().is_none())
    }

    /// A key's value, read by `read`.
    pub(super) fn get<T>(&mut self, key: &'static str, read: impl Fn(&ValueKind) -> Result<T, Refusal>) -> T {
        if let Some(value) = lookup(self.tree, key) {
            match read(&value.kind) {
                Ok(read) => return read,
                Err(refusal) => self.refuse(key, refusal.sentence()),
            }
        }
        let default = lookup(&self.defaults, key).map_or(&ValueKind::Nil, |value| &value.kind);
        read(default).ok().expect("each default is allowed, as a test of the example file sees to")
    }

    /// A key's text, for a key without a default.
    pub(super) fn given<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, Refusal>) -> Option<T> {
        let value = lookup(self.tree, key)?;
        let result = match &value.kind {
            ValueKind::String(text) => read(text),
            _ => Err(Refusal::allowed("text in quotes")),
        };
        result.map_err(|refusal| self.refuse(key, refusal.sentence())).ok()
    }

    /// The value of a key without a default; an empty one, and a problem, where there is none.
    pub(super) fn required<T: Default>(&mut self, key: &'static str, value: Option<T>) -> T {
        if value.is_none() && self.is_fine(key) {
            self.add(key, Problem::missing(key));
        }
        value.unwrap_or_default()
    }

    /// A path, made absolute.
    pub(super) fn path(&mut self, key: &'static str) -> PathBuf {
        let state_dir = self.state_dir.clone();
        self.get(key, text(|text| absolute(&state_dir, text)))
    }

    /// A secret, from the key itself or from the file that its twin names.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<SecretString> {
        self.twin(key).or_else(|| self.given(key, |text| Ok(text.to_owned()))).and_then(|text| {
            let is_secret = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
            if is_secret {
                return Some(text.into());
            }
            self.refuse(key, "it is empty, or has spaces around it or line ends in it; copy it once more");
            None
        })
    }

    /// What is in the file that a secret's twin names, without the line end at its end.
    pub(super) fn twin(&mut self, key: &'static str) -> Option<String> {
        let twin = format!("{key}{FILE_TWIN}");
        let value = lookup(self.tree, &twin)?;
        let path = match &value.kind {
            ValueKind::String(text) => absolute(&self.state_dir, text),
            _ => Err(Refusal::allowed("a path in quotes")),
        };
        let read = path.map_err(|refusal| refusal.sentence()).and_then(|path| {
            let file = SettingsFile::read(&path).map_err(|error| format!("cannot read the file: {error}"))?;
            file.check_owner_alone_writes().map_err(|problem| problem.what)?;
            self.warnings.extend(file.others_may_read());
            let text = String::from_utf8(file.bytes).map_err(|_| "the file is not UTF-8 text".to_owned())?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        });
        match read {
            Ok(text) => Some(text),
            Err(what) => {
                let source = value.origin().map(str::to_owned);
                self.add(key, Problem { key: twin, value: Some(show(value)), what, source });
                None
            }
        }
    }

    fn add(&mut self, key: &str, problem: Problem) {
        self.refused.insert(key.to_owned());
        self.problems.push(problem);
    }
}

/// Reads text.
pub(super) fn text<T>(read: impl Fn(&str) -> Result<T, Refusal>) -> impl Fn(&ValueKind) -> Result<T, Refusal> {
    move |kind| match kind {
        ValueKind::String(text) => read(text),
        _ => Err(Refusal::allowed("text in quotes")),
    }
}

/// Reads text by a function that says in words what is wrong with it.
pub(super) fn parsed<T, E: ToString>(
    allowed: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&ValueKind) -> Result<T, Refusal> {
    move |kind| match kind {
        ValueKind::String(text) => read(text).map_err(|error| Refusal::new(error.to_string(), allowed)),
        _ => Err(Refusal::allowed(format!("text in quotes: {allowed}"))),
    }
}

/// Reads a whole number.
pub(super) fn whole(range: RangeInclusive<u32>) -> impl Fn(&ValueKind) -> Result<u32, Refusal> {
    move |kind| {
        let number = match kind {
            ValueKind::I64(number) => u32::try_from(*number).ok().filter(|number| range.contains(number)),
            _ => None,
        };
        number.ok_or_else(|| Refusal::allowed(format!("a whole number from {} to {}", range.start(), range.end())))
    }
}

/// Reads true or false.
pub(super) fn truth(kind: &ValueKind) -> Result<bool, Refusal> {
    match kind {
        ValueKind::Boolean(truth) => Ok(*truth),
        _ => Err(Refusal::allowed("true or false")),
    }
}

/// Reads a list of texts.
pub(super) fn list<T>(read: impl Fn(&str) -> Result<T, Refusal>) -> impl Fn(&ValueKind) -> Result<Vec<T>, Refusal> {
    move |kind| {
        let not_a_list = || Refusal::allowed("a list of texts, like [\"a\", \"b\"]");
        let ValueKind::Array(items) = kind else { return Err(not_a_list()) };
        let item = |item: &Value| match &item.kind {
            ValueKind::String(text) => read(text),
            _ => Err(not_a_list()),
        };
        items.iter().map(item).collect()
    }
}

/// Reads one of a few words.
pub(super) fn choice<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&str) -> Result<T, Refusal> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let names = words.iter().map(|(word, _)| *word);
            let meant = nearest(text, names.clone()).map(|word| format!("did you mean {word:?}?"));
            let quoted: Vec<String> = names.map(|word| format!("{word:?}")).collect();
            Refusal { reason: meant, allowed: format!("one of {}", quoted.join(", ")) }
        })
    }
}

/// A path, taken from `base` unless it is absolute.
pub(super) fn absolute(base: &Path, text: &str) -> Result<PathBuf, Refusal> {
    let refused = |reason: &str| Err(Refusal::new(reason, "a path, absolute or below state_dir"));
    if text.is_empty() {
        return refused("it is empty");
    }
    if text.contains(char::is_control) {
        return refused("it has a control character in it");
    }
    if text.starts_with('~') {
        return refused("`~` is not known here: write the home folder out");
    }
    // Taken apart and put together again, it has no `.` and no `//` in it.
    Ok(base.join(text).components().filter(|part| *part != Component::CurDir).collect())
}

/// A value as an error message repeats it.
fn show(value: &Value) -> String {
    let mut shown = String::new();
    match &value.kind {
        // A password may stand there.
        ValueKind::String(text) if text.contains("://") && text.contains('@') => {
            shown = format!("\"{}://...\"", text.split(':').next().unwrap_or_default().escape_debug());
        }
        ValueKind::String(text) => {
            let start: String = text.chars().take(SHOWN).collect();
            let more = if start.len() < text.len() { "..." } else { "" };
            shown = format!("{start:?}{more}");
        }
        ValueKind::Float(number) => shown = format!("{number:?}"),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().take(16).map(show).collect();
            shown = format!("[{}]", items.join(", "));
        }
        ValueKind::Table(_) => shown.push_str("{...}"),
        other => {
            write!(shown, "{other}").expect("a text takes all that is written to it");
        }
    }
    shown
}
