//! What has been found so far: a person sees each item as it is done, a script gets all of them at the end.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::item::{Item, exit_code, verdict};
use crate::commands::print;
use crate::report::Failure;

/// The items, in the order in which they were looked at.
#[derive(Debug)]
pub(super) struct Findings {
    as_json: bool,
    items: Vec<Item>,
    /// Whether nothing was archived yet.
    pub is_new: bool,
    printed: Result<(), Failure>,
    stop: CancellationToken,
}

impl Findings {
    /// None yet.
    pub(super) fn new(as_json: bool) -> Self {
        Self { as_json, items: Vec::new(), is_new: false, printed: Ok(()), stop: CancellationToken::new() }
    }

    /// Takes no more once this is cancelled: what was under way then says nothing of what was looked at.
    pub(super) fn until(&mut self, stop: &CancellationToken) {
        self.stop = stop.clone();
    }

    /// Adds one, and shows it.
    pub(super) fn add(&mut self, item: Item) {
        if self.stop.is_cancelled() {
            return;
        }
        if !self.as_json {
            self.print(&item.line());
        }
        self.items.push(item);
    }

    /// Adds several.
    pub(super) fn add_all(&mut self, items: Vec<Item>) {
        for item in items {
            self.add(item);
        }
    }

    /// Adds those that can't be looked at without what `needs` names.
    pub(super) fn skip<const N: usize>(&mut self, names: [&'static str; N], needs: &str) {
        for name in names {
            self.add(Item::skipped(name, needs));
        }
    }

    /// Says what it all comes to.
    pub(super) fn conclude(mut self) -> Result<(), Failure> {
        let (code, words) = (exit_code(&self.items), verdict(&self.items, self.is_new));
        if self.as_json {
            let items: Vec<_> = self.items.iter().map(Item::value).collect();
            self.printed = print::json(&json!({ "items": items, "exit_code": code }));
        } else if code == 0 {
            self.print(&words);
        }
        self.printed?;
        if code == 0 { Ok(()) } else { Err(Failure::Unwell { words, code }) }
    }

    /// Prints a line; that one was lost is the command's failure in the end.
    fn print(&mut self, line: &str) {
        if let Err(error) = print::text(&format!("{line}\n")) {
            self.printed = Err(error);
        }
    }
}
