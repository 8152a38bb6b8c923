//! The line of the config file that a problem is about, with a mark under what is meant.
//!
//! Not the line as it stands, for a secret may be in it, under its own name, a misspelt one, or in a comment: a key, and of
//! its value no more than the problem's words tell anyway. Where the file is no TOML, a value is shown only if the key before
//! it is one of ours, in full and no secret's, and the value is a single word.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::files::SettingsFile;
use super::layers::{FILE_TWIN, Schema};
use super::problem::Problem;
use super::toml_values::bare;

/// What stands for a value that is not shown.
const HIDDEN: &str = "...";
/// The longest key or value that is repeated, in bytes.
const SHOWN: usize = 80;

/// A config file, ready to be quoted from.
pub(super) struct Quotes<'a> {
    schema: &'a Schema,
    /// What comes before the number of a line in a problem's source.
    source: String,
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// Where each key is, and its value; by line and name. Empty where the file is no TOML.
    entries: BTreeMap<(usize, String), (Range<usize>, Range<usize>)>,
}

impl<'a> Quotes<'a> {
    /// Of a file that is no text, nothing can be quoted.
    pub(super) fn of(schema: &'a Schema, file: &'a SettingsFile) -> Option<Self> {
        let text = std::str::from_utf8(&file.bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let source = format!("{}, line ", file.path.display());
        let mut quotes = Self { schema, source, text, starts, entries: BTreeMap::new() };
        if let Ok(table) = DeTable::parse(text) {
            for (key, value) in table.get_ref() {
                quotes.add(bare(key.get_ref()), key, value);
                if let DeValue::Table(section) = value.get_ref() {
                    quotes.add(format!("[{}]", key.get_ref().escape_debug()), key, value);
                    for (inner, value) in section {
                        quotes.add(format!("{}.{}", bare(key.get_ref()), bare(inner.get_ref())), inner, value);
                    }
                }
            }
        }
        Some(quotes)
    }

    fn add(&mut self, name: String, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let line = self.starts.partition_point(|start| *start <= key.span().start);
        self.entries.insert((line, name), (key.span(), value.span()));
    }

    /// The line that a problem is about, and one with a mark under it; `None` where that isn't known.
    pub(super) fn quote(&self, problem: &Problem) -> Option<String> {
        let number = problem.source.as_ref()?.strip_prefix(&self.source)?.parse().ok()?;
        let line = if problem.key.is_empty() {
            let start = *self.starts.get(number - 1)?;
            self.of_broken(self.text.get(start..)?.lines().next()?)?
        } else {
            self.of_entry(number, problem)?
        };
        let number = format!("{number:>4}");
        let (gap, before, mark) = (" ".repeat(number.len()), " ".repeat(line.mark.start), "^".repeat(line.mark.len()));
        Some(format!("{number} | {}\n{gap} | {before}{mark}", line.text))
    }

    /// A key that was read, with its value where the problem's words have it too.
    fn of_entry(&self, number: usize, problem: &Problem) -> Option<Line> {
        let find = |name: String| self.entries.get(&(number, name));
        let (key, value) = find(problem.key.clone()).or_else(|| find(format!("{}{FILE_TWIN}", problem.key)))?.clone();
        let is_header = problem.key.starts_with('[')
            && self.text.get(..key.start).is_some_and(|before| before.trim_end().ends_with('['));
        let (key, value) = (self.text.get(key)?, self.text.get(value)?);
        if key.len() > SHOWN {
            return None;
        }
        if is_header {
            return Some(Line::new("[", key, "]"));
        }
        // What is left out there is not to be told here.
        let is_told = problem.value.as_ref().is_some_and(|told| !told.contains(HIDDEN));
        let is_plain = value.len() <= SHOWN && !value.contains(['\n', '\r']) && !is_address_with_password(value);
        if is_told && is_plain {
            return Some(Line::new(&format!("{key} = "), value, ""));
        }
        Some(Line::new("", key, &format!(" = {HIDDEN}")))
    }

    /// A line in a file that is no TOML: what can be told of it without knowing what it is.
    fn of_broken(&self, line: &str) -> Option<Line> {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.trim_start_matches('[').split(']').next()?.trim();
            return self.schema.is_like_a_section(name).then(|| Line::new("[", name, ""));
        }
        let Some((key, value)) = line.split_once('=') else {
            // To the letter one of ours: what is only like it may have a value stuck to it.
            let key = line.split(|c: char| c.is_whitespace() || c == ':').next()?;
            return self.schema.is_name(key).then(|| Line::new("", key, &format!(" {HIDDEN}")));
        };
        let key = key.trim_end();
        let name = key.rsplit('.').next()?;
        let is_bare = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if key.len() > SHOWN || !key.split('.').all(|part| is_bare(part) && self.schema.is_like_a_name(part)) {
            return None;
        }
        let value = value.split('#').next()?.trim();
        let word = value.strip_prefix(['"', '\'']).unwrap_or(value);
        let word = word.strip_suffix(['"', '\'']).unwrap_or(word);
        let is_word = !word.contains(|c: char| c.is_whitespace() || "\"'=,{}[]".contains(c));
        let is_plain = is_word && !value.is_empty() && value.len() <= SHOWN && !is_address_with_password(word);
        if is_plain && self.schema.is_name_of_no_secret(name) {
            return Some(Line::new(&format!("{key} = "), value, ""));
        }
        let hidden = if value.is_empty() { "" } else { HIDDEN };
        Some(Line::new("", key, format!(" = {hidden}").trim_end()))
    }
}

fn is_address_with_password(value: &str) -> bool {
    value.contains('@') && value.contains(':')
}

/// A line, and where its mark is.
struct Line {
    text: String,
    mark: Range<usize>,
}

impl Line {
    /// `marked`, and what stands around it.
    fn new(before: &str, marked: &str, after: &str) -> Self {
        let start = before.chars().count();
        let text = format!("{before}{marked}{after}").replace('\t', " ");
        Self { text, mark: start..start + marked.chars().count().max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is quoted of a line of a file, where this is wrong with it.
    fn quoted(text: &str, line: usize, key: &str, value: Option<&str>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let file = SettingsFile::read(&path).unwrap();
        let source = Some(format!("{}, line {line}", path.display()));
        let problem = Problem { key: key.to_owned(), value: value.map(str::to_owned), what: String::new(), source };
        Quotes::of(&Schema::new(), &file)?.quote(&problem)
    }

    #[test]
    fn a_value_that_the_message_tells_is_shown_and_marked() {
        let text = "[download]\n  workers   = 17 # SECRET\n";
        let expected = "   2 | workers = 17\n     |           ^^";
        assert_eq!(quoted(text, 2, "download.workers", Some("17")).unwrap(), expected);
        let text = "zoom = { client_secret = \"SECRET\", users = [] }";
        assert_eq!(quoted(text, 1, "zoom.users", Some("[]")).unwrap(), "   1 | users = []\n     |         ^^");
    }

    #[test]
    fn a_value_that_the_message_does_not_tell_is_not_shown() {
        for (text, key, told) in [
            ("[zoom]\nclient_secrt = \"SECRET\"", "zoom.client_secrt", None),
            ("[zoom]\nclient_secret = \"SECRET\"", "zoom.client_secret", None),
            ("[zoom]\napi_url = \"https://me:SECRET@host\"", "zoom.api_url", Some("\"https://...\"")),
            ("[zoom]\napi_url = \"https:\\u002f/me:SECRET@host\"", "zoom.api_url", Some("\"https://...\"")),
            ("[zoom]\nusers = [ # SECRET\n7]", "zoom.users", Some("[7]")),
        ] {
            let quote = quoted(text, 2, key, told).unwrap();
            let name = key.split('.').nth(1).unwrap();
            assert_eq!(quote, format!("   2 | {name} = ...\n     | {}", "^".repeat(name.len())));
        }
    }

    #[test]
    fn a_section_is_shown_as_it_is_written() {
        assert_eq!(
            quoted("[downlod]\nworkers = 1", 1, "[downlod]", None).unwrap(),
            "   1 | [downlod]\n     |  ^^^^^^^"
        );
        assert_eq!(quoted("zom = { x = 1 }", 1, "[zom]", None).unwrap(), "   1 | zom = ...\n     | ^^^");
    }

    #[test]
    fn of_a_file_that_is_no_toml_only_what_is_surely_no_secret_is_shown() {
        for (line, expected) in [
            ("level = info # SECRET", Some("level = info")),
            ("log.level = info", Some("log.level = info")),
            ("workers = 3x", Some("workers = 3x")),
            ("directory = \"downloads", Some("directory = \"downloads")),
            ("workers =", Some("workers =")),
            ("workers 17", Some("workers ...")),
            ("[download", Some("[download")),
            ("client_secret = \"SECRET", Some("client_secret = ...")),
            ("client_secret = SECRET", Some("client_secret = ...")),
            ("zoom.client_secret = SECRET", Some("zoom.client_secret = ...")),
            ("client_secrt = SECRET", Some("client_secrt = ...")),
            ("client_secret SECRET", Some("client_secret ...")),
            ("client_secret: SECRET", Some("client_secret ...")),
            ("client_secret:SEC", Some("client_secret ...")),
            ("client_secret\"SEC\"", None),
            ("client_secret\"SEC\" = x", None),
            ("client_secret SEC = x", None),
            ("urls = [\"https://SECRET", Some("urls = ...")),
            ("client_id = \"id\", client_secret = \"SECRET\"", Some("client_id = ...")),
            ("client_id = id SECRET", Some("client_id = ...")),
            ("api_url = https://me:SECRET@host", Some("api_url = ...")),
            ("SECRET==\"", None),
            ("SECRET\"", None),
            ("SECRET", None),
            ("[SECRET", None),
            ("\"https://host/?level=SECRET\"", None),
        ] {
            let quote = quoted(&format!("{line}\n= broken"), 1, "", None);
            let shown = quote.map(|quote| quote.lines().next().unwrap().trim_start_matches("   1 | ").to_owned());
            assert_eq!(shown.as_deref(), expected, "{line}");
        }
    }
}
