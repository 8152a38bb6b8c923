//! Bytes into lines, and a line into cells. Knows nothing of columns.
//!
//! By hand, for the sake of torn files: a CSV reader takes an open quote to the end of the file and every row after it
//! along, and does not tell. Here each line is looked at by itself first.

use std::borrow::Cow;

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    Lf,
    CrLf,
    /// As spreadsheets of old on a Mac wrote it.
    Cr,
}

impl LineEnd {
    pub(super) const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
        }
    }
}

/// A stretch of the file without a line end or a NUL in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// As an editor counts, from 1.
    pub(super) number: u64,
    /// Where it begins in the file.
    pub(super) start: usize,
    /// Where its text ends.
    pub(super) end: usize,
    /// What follows; `None` at the end of the file and before NULs.
    pub(super) terminator: Option<LineEnd>,
}

/// All lines of a file. A power cut may leave NULs where a row was to be, so that they divide lines too.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut start, mut number) = (0, 1);
    while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
        let len = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)).unwrap_or(rest.len());
        let (terminator, skipped) = match rest.get(len..) {
            Some([b'\r', b'\n', ..]) => (Some(LineEnd::CrLf), 2),
            Some([b'\r', ..]) => (Some(LineEnd::Cr), 1),
            Some([b'\n', ..]) => (Some(LineEnd::Lf), 1),
            after => (None, after.unwrap_or_default().iter().take_while(|byte| **byte == 0).count()),
        };
        lines.push(Line { number, start, end: start + len, terminator });
        number += u64::from(terminator.is_some());
        start += len + skipped;
    }
    lines
}

/// How the quotes of a record came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// None, or each one closed.
    Closed,
    /// One within a cell that did not begin with one, or text between one that closed and the next cell: made by hand,
    /// two rows run together, or the second half of a cell that has a line break.
    Misplaced,
    /// The last one still open at the end.
    Open,
}

/// Divides a record into its cells (RFC 4180, with any separator).
///
/// A quote within a cell that did not begin with one stands for itself, as people write it.
pub(super) fn split(record: &[u8], separator: u8) -> (Vec<Cow<'_, [u8]>>, Quotes) {
    if !record.contains(&b'"') {
        return (record.split(|byte| *byte == separator).map(Cow::Borrowed).collect(), Quotes::Closed);
    }
    let (mut cells, mut quotes, mut rest) = (Vec::new(), Quotes::Closed, record);
    loop {
        let (cell, after, found) = if let Some(quoted) = rest.strip_prefix(b"\"") {
            quoted_cell(quoted, separator)
        } else {
            let (cell, after) = until(rest, separator);
            let found = if cell.contains(&b'"') { Quotes::Misplaced } else { Quotes::Closed };
            (Cow::Borrowed(cell), after, found)
        };
        cells.push(cell);
        if found != Quotes::Closed {
            quotes = found;
        }
        match after {
            Some(after) => rest = after,
            None => return (cells, quotes),
        }
    }
}

/// The cell whose opening quote has been taken off, what follows its separator, and how the quote closed.
fn quoted_cell(quoted: &[u8], separator: u8) -> (Cow<'_, [u8]>, Option<&[u8]>, Quotes) {
    let mut cell = Vec::new();
    let mut rest = quoted;
    loop {
        let (text, after) = until(rest, b'"');
        cell.extend_from_slice(text);
        let Some(after) = after else { return (cell.into(), None, Quotes::Open) };
        if let Some(after) = after.strip_prefix(b"\"") {
            cell.push(b'"');
            rest = after;
            continue;
        }
        let (tail, next) = until(after, separator);
        let outcome = if tail.trim_ascii().is_empty() { Quotes::Closed } else { Quotes::Misplaced };
        cell.extend_from_slice(tail.trim_ascii_end());
        return (cell.into(), next, outcome);
    }
}

/// What stands before the first `stop`, and what after it.
fn until(text: &[u8], stop: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == stop);
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(record: &str) -> (Vec<String>, Quotes) {
        let (cells, quotes) = split(record.as_bytes(), b',');
        (cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect(), quotes)
    }

    #[test]
    fn s5_cells_are_divided_as_rfc_4180_says() {
        for (record, expected) in [
            ("", vec![""]),
            ("a,b", vec!["a", "b"]),
            (",", vec!["", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"say \"\"hi\"\"\"", vec!["say \"hi\""]),
            ("\"two\nlines\",x", vec!["two\nlines", "x"]),
            ("\"\",\"\"", vec!["", ""]),
            ("\"a\" ,b", vec!["a", "b"]),
        ] {
            assert_eq!(cells(record), (expected.into_iter().map(str::to_owned).collect(), Quotes::Closed), "{record}");
        }
    }

    #[test]
    fn c1_a_quote_left_open_or_out_of_place_is_told_and_still_read() {
        assert_eq!(cells("a,\"b,c").1, Quotes::Open);
        assert_eq!(cells("say \"hi\",b"), (vec!["say \"hi\"".to_owned(), "b".to_owned()], Quotes::Misplaced));
        assert_eq!(cells("a,\"b\"c,d"), (vec!["a".to_owned(), "bc".to_owned(), "d".to_owned()], Quotes::Misplaced));
    }

    #[test]
    fn c2_c3_every_kind_of_line_end_ends_a_line_and_so_do_nuls() {
        let bytes = b"a\r\nb\nc\rd\0\0\0e\n\0";
        let found: Vec<_> = lines(bytes)
            .into_iter()
            .map(|line| (line.number, bytes.get(line.start..line.end).unwrap(), line.terminator))
            .collect();
        assert_eq!(
            found,
            [
                (1, b"a".as_slice(), Some(LineEnd::CrLf)),
                (2, b"b", Some(LineEnd::Lf)),
                (3, b"c", Some(LineEnd::Cr)),
                (4, b"d", None),
                (4, b"e", Some(LineEnd::Lf)),
                (5, b"", None),
            ]
        );
    }
}
