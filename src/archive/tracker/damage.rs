//! What is wrong with a line of the tracker, in words for whoever edits it.

use std::fmt;

use super::account::StatusError;
use crate::meeting::IdError;

/// Something in the file that could not be read. It stays as it is; the file is the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The line, counted from 1 as editors do.
    pub line: u64,
    /// What is wrong there.
    pub reason: Reason,
    /// Stays the same when the line moves, so that nothing is told twice.
    pub(super) fingerprint: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl Damage {
    /// What to do about it, and what becomes of the row until then.
    #[must_use]
    pub fn remedy(&self) -> String {
        format!("look at line {}: {}", self.line, self.reason.remedy())
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A piece of a row, or two run together.
    #[error("the header has {expected} cells, the row {found}")]
    Cells {
        /// On this line.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// The end of the row is missing.
    #[error("a quote is not closed")]
    OpenQuote,
    /// No id that could be one.
    #[error("the `meeting_uuid` is no id: {0}")]
    Id(IdError),
    /// No word that we know.
    #[error("{0}")]
    Status(StatusError),
    /// The row counts, for a meeting that nobody will ask for.
    #[error("the `meeting_uuid` `{0}` is what a spreadsheet made of one")]
    MangledId(String),
    /// The row counts, but for its folder.
    #[error("the directory `{0}` is not in the archive")]
    Directory(String),
    /// The row counts; the letters in question are lost to us.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The file counts; rows to come can't say all that they should.
    #[error("the header lacks {}; what belongs there is not kept", .0.join(", "))]
    Lacking(Vec<&'static str>),
}

impl Reason {
    /// What to do about it, to be read after "look at line 5: ".
    const fn remedy(&self) -> &'static str {
        match self {
            Self::Cells { .. } | Self::OpenQuote => {
                "mend it or delete it. It doesn't count; where the meeting's folder is there, a new row is added, and nothing is \
                 fetched again"
            }
            Self::Id(_) => {
                "write the meeting's uuid there (its meeting.json has it), or delete the line. It doesn't count; where the meeting's \
                 folder is there, a new row is added"
            }
            Self::Status(_) => "write one of these there; until then it doesn't count",
            Self::MangledId(_) => {
                "it needs nothing where the meeting's folder is there; else write the meeting's uuid there, as `list --json` has it"
            }
            Self::Directory(_) => {
                "write the meeting's folder there, as it is below archive.directory, or nothing. The row counts"
            }
            Self::NotUtf8 => "letters of it are lost; save the file as CSV, UTF-8. The row counts",
            Self::Lacking(_) => "add these columns with a spreadsheet, if what belongs there is to be kept",
        }
    }

    /// Whether the row is left out because of it.
    #[must_use]
    pub const fn loses_the_row(&self) -> bool {
        match self {
            Self::Cells { .. } | Self::OpenQuote | Self::Id(_) | Self::Status(_) => true,
            Self::MangledId(_) | Self::Directory(_) | Self::NotUtf8 | Self::Lacking(_) => false,
        }
    }
}
