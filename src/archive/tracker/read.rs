//! A file's bytes into rows. Pure, and no more than an opinion of the bytes: what can't be read is told, left out, and
//! stays in the file.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::account::Account;
use super::damage::{Damage, Reason};
use super::lines::{Line, Quotes, lines, split};
use super::row::{self, Row};
use super::style::Style;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// How many lines a cell may have. A spreadsheet makes two or three; a quote left open would go on for ever.
const MAX_CELL_LINES: usize = 100;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Its style; `None` where nothing but line ends, NULs and perhaps a piece of our own header is in it.
    pub(super) style: Option<Style>,
    /// Its rows, in its order.
    pub(super) rows: Vec<Account>,
    /// What is wrong with it.
    pub(super) damage: Vec<Damage>,
}

/// Why a file is no tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Utf16,
    Foreign,
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, Refusal> {
    if is_utf16(bytes) {
        return Err(Refusal::Utf16);
    }
    let lines = lines(bytes);
    let Some((header, style)) = find_header(bytes, &lines)? else { return Ok(Table::default()) };
    let mut reader = Reader { bytes, lines: &lines, style, table: Table::default() };
    reader.read_rows(header + 1);
    if let Some(line) = lines.get(header) {
        let lacking = reader.style.lacks();
        if !lacking.is_empty() {
            reader.tell(*line, line.end, Reason::Lacking(lacking));
        }
    }
    Ok(Table { style: Some(reader.style), ..reader.table })
}

/// Two bytes for each character, by the mark or by every other byte of the first ones being zero.
fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [a, b, c, d, ..] => {
            [(a, b, c, d), (b, a, d, c)].iter().any(|(a, b, c, d)| **a == 0 && **c == 0 && **b != 0 && **d != 0)
        }
        _ => false,
    }
}

/// Which line is the header, and what it shows; `None` where there is no line yet.
///
/// A power cut while the file was created may have left a piece of our header; ours then comes after it.
fn find_header(bytes: &[u8], lines: &[Line]) -> Result<Option<(usize, Style)>, Refusal> {
    let ours = Style::default().header();
    for (index, line) in lines.iter().enumerate() {
        let text = text_of(bytes, *line);
        let is_torn = line.terminator.is_none() && ours.starts_with(text) && text != ours.trim_ascii_end();
        if is_torn || text.trim_ascii().is_empty() {
            continue;
        }
        if let Some(style) = Style::of_header(text, line.terminator) {
            return Ok(Some((index, style)));
        }
        if !ours.starts_with(text) {
            return Err(Refusal::Foreign);
        }
    }
    Ok(None)
}

fn text_of(bytes: &[u8], line: Line) -> &[u8] {
    let text = bytes.get(line.start..line.end).unwrap_or_default();
    if line.start == 0 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text }
}

struct Reader<'a> {
    bytes: &'a [u8],
    lines: &'a [Line],
    style: Style,
    table: Table,
}

impl Reader<'_> {
    fn read_rows(&mut self, first: usize) {
        let mut index = first;
        while let Some(line) = self.lines.get(index).copied() {
            let (cells, quotes) = self.cells(line.start, line.end);
            let (last, read) = match quotes {
                Quotes::Open => self.read_on(index),
                Quotes::Closed | Quotes::Misplaced => (index, row::read(&self.style, &cells)),
            };
            index = last + 1;
            let end = self.lines.get(last).map_or(line.end, |line| line.end);
            match read {
                Ok(None) => {}
                Ok(Some(row)) => {
                    for doubt in row.doubts {
                        self.tell(line, end, doubt);
                    }
                    self.table.rows.push(row.account);
                }
                Err(reason) => match self.style.of_second_header(text_of(self.bytes, line), line.terminator) {
                    Some(style) => self.style = style,
                    None => self.tell(line, end, reason),
                },
            }
        }
    }

    /// The row that begins on a line with an open quote, and its last line.
    ///
    /// A spreadsheet keeps line breaks in a cell, and then closes its quote. A torn row never does, and the rows after it
    /// are to be read: so none of the lines that a cell takes along may be a row itself.
    fn read_on(&self, first: usize) -> (usize, Result<Option<Row>, Reason>) {
        let start = self.lines.get(first).map_or(0, |line| line.start);
        for (index, line) in self.lines.iter().enumerate().skip(first + 1).take(MAX_CELL_LINES) {
            let (alone, quotes) = self.cells(line.start, line.end);
            if quotes == Quotes::Closed && row::is_surely_one(&self.style, &alone) {
                break;
            }
            let (cells, quotes) = self.cells(start, line.end);
            match quotes {
                Quotes::Open => {}
                Quotes::Misplaced => break,
                Quotes::Closed => match row::read(&self.style, &cells) {
                    Ok(row) => return (index, Ok(row)),
                    Err(_) => break,
                },
            }
        }
        (first, Err(Reason::OpenQuote))
    }

    fn cells(&self, start: usize, end: usize) -> (Vec<Cow<'_, [u8]>>, Quotes) {
        split(self.bytes.get(start..end).unwrap_or_default(), self.style.separator)
    }

    fn tell(&mut self, line: Line, end: usize, reason: Reason) {
        let mut hasher = DefaultHasher::new();
        (self.bytes.get(line.start..end), reason.to_string()).hash(&mut hasher);
        self.table.damage.push(Damage { line: line.number, reason, fingerprint: hasher.finish() });
    }
}
