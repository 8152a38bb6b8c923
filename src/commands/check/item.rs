//! What was looked at, and what was found.

use anstyle::Style;
use serde_json::{Value, json};

use super::names;
use crate::commands::print;
use crate::logging::shown;

/// The longest name of an item.
const NAME_WIDTH: usize = 15;
/// The longest word for a state.
const STATE_WIDTH: usize = 7;

/// How it is with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It works, but a person should know of it.
    Warning,
    /// It keeps the program from its work.
    Failure(Cause),
    /// It can't be looked at, because of another one.
    Skipped,
}

/// What a failure lies in; the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The settings, or a folder that they name.
    Settings,
    /// The app must be authorized (again).
    Authorization,
    /// Anything else.
    Other,
}

impl State {
    /// The colour of that word.
    const fn style(self) -> Style {
        match self {
            Self::Ok => print::GOOD,
            Self::Warning => print::DOUBTFUL,
            Self::Failure(_) => print::BAD,
            Self::Skipped => print::FAINT,
        }
    }

    /// One word for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure(_) => "failure",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What.
    pub name: &'static str,
    /// How it is with it.
    pub state: State,
    /// What was found, in words.
    pub text: String,
    /// What a person can do about it.
    pub remedy: Option<String>,
}

impl Item {
    /// As it should be.
    pub(super) fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, state: State::Ok, text: text.into(), remedy: None }
    }

    /// It works, but.
    pub(super) fn warning(name: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Warning, ..Self::ok(name, text) }
    }

    /// It does not.
    pub(super) fn failure(name: &'static str, cause: Cause, text: impl Into<String>) -> Self {
        Self { state: State::Failure(cause), ..Self::ok(name, text) }
    }

    /// It can't be looked at without what `needs` names.
    pub(super) fn skipped(name: &'static str, needs: &str) -> Self {
        Self { state: State::Skipped, ..Self::ok(name, format!("needs {needs}")) }
    }

    /// With this to do about it, if there is anything.
    pub(super) fn remedied_by(mut self, remedy: Option<impl Into<String>>) -> Self {
        self.remedy = remedy.map(Into::into);
        self
    }

    /// Whether it keeps the program from its work.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.state, State::Failure(_))
    }

    /// No failure, only a warning, unless it `is_needed`.
    pub(super) fn mild_unless(mut self, is_needed: bool) -> Self {
        if self.is_failure() && !is_needed {
            self.state = State::Warning;
        }
        self
    }

    /// It in one line, whatever others have put into the words.
    pub(super) fn line(&self) -> String {
        let (state, name) = (self.state.word(), self.name);
        let remedy = self.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let words = shown(&format!("{}{remedy}", self.text)).replace('\n', "\\n");
        let state = print::painted(self.state.style(), &format!("{state:<STATE_WIDTH$}"));
        format!("{state}  {name:<NAME_WIDTH$}  {words}")
    }

    /// It as JSON.
    pub(super) fn value(&self) -> Value {
        json!({ "item": self.name, "state": self.state.word(), "text": self.text, "remedy": self.remedy })
    }
}

/// The exit code that these items come to: the settings have to be right first, then the authorization.
pub(super) fn exit_code(items: &[Item]) -> u8 {
    let has = |cause| items.iter().any(|item| item.state == State::Failure(cause));
    let codes = [(Cause::Settings, 2), (Cause::Authorization, 3), (Cause::Other, 1)];
    codes.into_iter().find(|(cause, _)| has(*cause)).map_or(0, |(_, code)| code)
}

/// The last line: how many of which kind, and what comes next. `is_new` is a service that has archived nothing yet.
pub(super) fn verdict(items: &[Item], is_new: bool) -> String {
    let count = |is: fn(&Item) -> bool| items.iter().filter(|item| is(item)).count();
    let failures = count(Item::is_failure);
    let (warnings, skipped) = (count(|item| item.state == State::Warning), count(|item| item.state == State::Skipped));
    let counts: Vec<String> = [(failures, "failure"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .chain((skipped > 0).then(|| format!("{skipped} skipped")))
        .collect();
    let state = match (counts.is_empty(), failures) {
        (true, _) => "all is well".to_owned(),
        (false, 0) => format!("{}, else all is well", counts.join(", ")),
        (false, _) => counts.join(", "),
    };
    let lacks_token = |item: &Item| {
        item.state == State::Failure(Cause::Authorization) && matches!(item.name, names::TOKEN_FILE | names::ACCESS)
    };
    let next = match exit_code(items) {
        0 if is_new => "; next: zoom-archiver once",
        0 => "",
        3 if items.iter().any(lacks_token) => "; next: zoom-archiver auth zoom",
        _ if failures == 1 => "; mend it, then run zoom-archiver check again",
        _ => "; mend them from the top, then run zoom-archiver check again",
    };
    format!("{state}{next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: Cause) -> Item {
        Item::failure("x", cause, "")
    }

    #[test]
    fn the_exit_code_is_that_of_what_has_to_be_mended_first() {
        use Cause::{Authorization, Other, Settings};
        for (causes, code) in [
            (&[][..], 0),
            (&[Other], 1),
            (&[Authorization], 3),
            (&[Other, Authorization], 3),
            (&[Other, Authorization, Settings], 2),
        ] {
            let mut items = vec![Item::ok("x", ""), Item::warning("x", ""), Item::skipped("x", "y")];
            items.extend(causes.iter().map(|cause| failure(*cause)));
            assert_eq!(exit_code(&items), code, "{causes:?}");
        }
    }

    #[test]
    fn the_last_line_counts_and_says_what_comes_next() {
        let [ok, warning] = [Item::ok("x", ""), Item::warning("x", "")];
        let no_token = Item::failure(names::TOKEN_FILE, Cause::Authorization, "");
        for (items, is_new, line) in [
            (vec![ok.clone()], true, "all is well; next: zoom-archiver once"),
            (vec![ok.clone()], false, "all is well"),
            (vec![ok, Item::skipped("x", "y")], false, "1 skipped, else all is well"),
            (vec![warning.clone()], true, "1 warning, else all is well; next: zoom-archiver once"),
            (vec![no_token], true, "1 failure; next: zoom-archiver auth zoom"),
            (vec![failure(Cause::Authorization)], true, "1 failure; mend it, then run zoom-archiver check again"),
            (
                vec![failure(Cause::Settings), failure(Cause::Other), warning.clone(), warning],
                true,
                "2 failures, 2 warnings; mend them from the top, then run zoom-archiver check again",
            ),
            (vec![failure(Cause::Other)], false, "1 failure; mend it, then run zoom-archiver check again"),
        ] {
            assert_eq!(verdict(&items, is_new), line);
        }
    }

    #[test]
    fn an_item_is_one_line_whatever_others_put_into_it() {
        let item =
            Item::failure("download", Cause::Other, "Zoom says \u{1b}[2J\nall is well").remedied_by(Some("wait"));
        let word = print::painted(print::BAD, "failure");
        assert_eq!(item.line(), format!("{word}  download         Zoom says \\u{{1b}}[2J\\nall is well; wait"));
    }
}
