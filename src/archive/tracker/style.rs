//! How a tracker file is written, and our rows in that style: separator, line end, columns.

use super::account::Account;
use super::cell::Column;
use super::lines::{LineEnd, split};

/// How a file is written, as its header shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// Between two cells.
    pub(super) separator: u8,
    line_end: LineEnd,
    /// `None` for a column that isn't ours, which stays empty in our rows.
    columns: Vec<Option<Column>>,
}

impl Default for Style {
    /// The style of a new file.
    fn default() -> Self {
        Self { separator: b',', line_end: LineEnd::Lf, columns: Column::ALL.map(Some).into() }
    }
}

impl Style {
    /// The style of a file with this header; `None` where it is no header of ours.
    pub(super) fn of_header(text: &[u8], line_end: Option<LineEnd>) -> Option<Self> {
        b",;\t".iter().find_map(|separator| {
            let mut columns: Vec<Option<Column>> = Vec::new();
            for name in split(text, *separator).0 {
                let column = Column::named(&String::from_utf8_lossy(&name));
                // Of two columns of one name, the first is ours.
                columns.push(column.filter(|column| !columns.contains(&Some(*column))));
            }
            let line_end = line_end.unwrap_or(LineEnd::Lf);
            let style = Self { separator: *separator, line_end, columns };
            style.place(Column::MeetingUuid).is_some().then_some(style)
        })
    }

    /// Whether `text` is a second header within a file in this style, as where two files were put together.
    ///
    /// Asks for more than a first header has to have: it may be a piece of a row with an odd topic.
    pub(super) fn of_second_header(&self, text: &[u8], line_end: Option<LineEnd>) -> Option<Self> {
        let found = Self::of_header(text, line_end.or(Some(self.line_end)))?;
        let whole = Column::ESSENTIAL.iter().all(|column| found.place(*column).is_some());
        (whole && found.separator == self.separator).then_some(found)
    }

    /// Which cell of a row is this column's.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|found| *found == Some(column))
    }

    /// The essential columns that it lacks.
    pub(super) fn lacks(&self) -> Vec<&'static str> {
        let lacking = Column::ESSENTIAL.iter().filter(|column| self.place(**column).is_none());
        lacking.map(|column| column.name()).collect()
    }

    /// What ends a line.
    pub(super) const fn line_end(&self) -> &'static [u8] {
        self.line_end.as_bytes()
    }

    /// How many cells a row has.
    pub(super) const fn width(&self) -> usize {
        self.columns.len()
    }

    /// The header, with its line end.
    pub(super) fn header(&self) -> Vec<u8> {
        self.encode(|column| column.name().to_owned())
    }

    /// A row, on one line whatever is in it, with its line end.
    pub(super) fn row(&self, account: &Account) -> Vec<u8> {
        self.encode(|column| column.cell(account))
    }

    fn encode(&self, cell: impl Fn(Column) -> String) -> Vec<u8> {
        let terminator = match self.line_end {
            LineEnd::Lf => csv::Terminator::Any(b'\n'),
            LineEnd::CrLf => csv::Terminator::CRLF,
            LineEnd::Cr => csv::Terminator::Any(b'\r'),
        };
        let mut writer =
            csv::WriterBuilder::new().delimiter(self.separator).terminator(terminator).from_writer(Vec::new());
        writer
            .write_record(self.columns.iter().map(|column| column.map(&cell).unwrap_or_default()))
            .expect("memory takes every write, and there is but one record to be of equal length with");
        writer.into_inner().expect("memory takes every write")
    }
}
