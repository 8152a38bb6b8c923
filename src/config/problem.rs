//! What is wrong with the settings, all of it at once, in words for whoever wrote them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::layers::{FILE_TWIN, Schema, variable};

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key with its section, like `download.workers`; empty where the source as a whole is meant.
    pub key: String,
    /// What was written there; none where nothing was, and never a secret.
    pub value: Option<String>,
    /// What is wrong with it, and what is allowed.
    pub what: String,
    /// The file with its line, or the environment variable; none for a default.
    pub source: Option<String>,
}

impl Problem {
    /// A problem of a whole source.
    pub(super) fn of_source(source: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: String::new(), value: None, what: what.into(), source: Some(source.into()) }
    }

    /// A key without which it doesn't go on.
    pub(super) fn missing(key: &str) -> Self {
        let file = if Schema::is_secret(key) { format!(", {key}{FILE_TWIN}") } else { String::new() };
        let what = format!("this is needed: set it in the config file{file} or as {}", variable(key));
        Self { key: key.to_owned(), value: None, what, source: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}: ")?;
        }
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        if !self.key.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.what)
    }
}

/// The settings can't be used. Shown as all the problems, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    /// For each of them the line that it is about, as far as that can be shown.
    quotes: Vec<Option<String>>,
    /// The config file, where this user may not read it.
    denied: Option<PathBuf>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        let quotes = vec![None; problems.len()];
        Self { problems, quotes, denied: None }
    }

    /// A config file that this user may not read.
    pub(super) fn of_denied(path: PathBuf, problem: Problem) -> Self {
        Self { denied: Some(path), ..problem.into() }
    }

    /// The config file, where all that is wrong with it is that this user may not read it.
    #[must_use]
    pub fn denied(&self) -> Option<&Path> {
        self.denied.as_deref()
    }

    /// With the line that each problem is about, where `quote` has it.
    pub(super) fn quoting(mut self, quote: impl Fn(&Problem) -> Option<String>) -> Self {
        self.quotes = self.problems.iter().map(quote).collect();
        self
    }

    /// All the problems, each with the line that it is about under it, as far as that is known: for a terminal.
    #[must_use]
    pub fn with_lines(&self) -> String {
        let told = self.problems.iter().zip(&self.quotes).flat_map(|(problem, quote)| {
            let quote = quote.clone();
            std::iter::once(problem.to_string()).chain(quote)
        });
        told.collect::<Vec<_>>().join("\n")
    }

    /// Everything that was found wrong; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The one of `candidates` that `text` was most likely meant to be; none if nothing is near.
pub(super) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = text.chars().count().div_ceil(3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, left out or changed.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    // Nothing that long is near to any of ours; without a bound, the work would be.
    if from.len() > 100 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 1..row.len() {
            let changed = diagonal + usize::from(letter != to[column - 1]);
            diagonal = row[column];
            row[column] = changed.min(diagonal + 1).min(row[column - 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let names = ["workers", "attempts", "rate_limit"];
        assert_eq!(nearest("worker", names), Some("workers"));
        assert_eq!(nearest("ratelimit", names), Some("rate_limit"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"workers".repeat(10_000), names), None);
    }

    #[test]
    fn problems_are_told_one_a_line() {
        let source = Some("a.toml, line 3".to_owned());
        let one = Problem { key: "a.b".into(), value: Some("7".into()), what: "too much".into(), source };
        let error = ConfigError::new(vec![one, Problem::of_source("b.toml", "unreadable")]);
        assert_eq!(error.to_string(), "a.toml, line 3: a.b = 7: too much\nb.toml: unreadable");
    }
}
