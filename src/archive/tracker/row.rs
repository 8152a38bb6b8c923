//! The cells of a line into what they say of a meeting.

use std::borrow::Cow;
use std::path::{Component, Path};

use super::account::{Account, Status};
use super::cell::{self, Column};
use super::damage::Reason;
use super::style::Style;
use crate::meeting::ByteCount;

/// One row as it was read.
pub(super) struct Row {
    pub(super) account: Account,
    /// What in it can't be right.
    pub(super) doubts: Vec<Reason>,
}

/// The row that these cells are; `None` for an empty one.
///
/// Anything but the id may be unreadable, but a row that was cut off is none: its id may be cut too. Cells may lack at
/// the end where a row can do without them, for the header may have got further columns since, and some spreadsheets
/// leave out empty cells.
pub(super) fn read(style: &Style, cells: &[Cow<'_, [u8]>]) -> Result<Option<Row>, Reason> {
    if is_blank(cells) {
        return Ok(None);
    }
    let text = |column| text(style, cells, column);
    let status: Result<Option<Status>, Reason> = match text(Column::Status).trim() {
        "" => Ok(None),
        word => word.parse().map(Some).map_err(Reason::Status),
    };
    let is_cut = |column: &Column| style.place(*column).is_some_and(|place| place >= cells.len());
    let is_known_empty = !is_cut(&Column::MeetingUuid) && matches!(status, Ok(Some(Status::Empty)));
    let is_piece = !is_known_empty && Column::ESSENTIAL.iter().any(is_cut);
    if is_piece || !is_blank(cells.get(style.width()..).unwrap_or_default()) {
        return Err(Reason::Cells { found: cells.len(), expected: style.width() });
    }
    let mut account = Account::new(text(Column::MeetingUuid).parse().map_err(Reason::Id)?);
    account.status = status?;
    fill(&mut account, text);
    let doubts = doubts(&mut account, cells);
    Ok(Some(Row { account, doubts }))
}

/// Whether these cells are a row beyond doubt: a cell for each column, and a status among them.
pub(super) fn is_surely_one(style: &Style, cells: &[Cow<'_, [u8]>]) -> bool {
    cells.len() >= style.width() && matches!(read(style, cells), Ok(Some(row)) if row.account.status.is_some())
}

fn is_blank(cells: &[Cow<'_, [u8]>]) -> bool {
    cells.iter().all(|cell| cell.trim_ascii().is_empty())
}

fn text<'a>(style: &Style, cells: &'a [Cow<'_, [u8]>], column: Column) -> Cow<'a, str> {
    let cell = style.place(column).and_then(|place| cells.get(place));
    cell.map_or(Cow::Borrowed(""), |cell| String::from_utf8_lossy(cell))
}

fn fill<'a>(account: &mut Account, text: impl Fn(Column) -> Cow<'a, str>) {
    let number = |column| text(column).trim().parse::<u64>().ok();
    account.recorded_at = cell::parse_time(&text(Column::RecordedAt));
    account.meeting_id = number(Column::MeetingId);
    cell::as_meant(&text(Column::Topic)).clone_into(&mut account.topic);
    account.start_time = cell::parse_time(&text(Column::StartTime));
    account.duration_min = number(Column::DurationMin).and_then(|minutes| minutes.try_into().ok());
    account.user = cell::as_meant(&text(Column::User)).parse().ok();
    account.files = number(Column::Files);
    account.bytes = number(Column::Bytes).map(ByteCount);
    cell::as_meant(&text(Column::Directory)).clone_into(&mut account.directory);
    account.best_files = cell::items(cell::as_meant(&text(Column::BestFile))).collect();
    account.youtube_ids =
        cell::items(&text(Column::YoutubeId)).map(|id| Some(id).filter(|id| id != cell::NOT_SENT)).collect();
    account.file_ids = cell::items(&text(Column::FileIds)).filter_map(|id| id.parse().ok()).collect();
}

/// What in a row can't be right; a folder outside the archive is taken out of it.
fn doubts(account: &mut Account, cells: &[Cow<'_, [u8]>]) -> Vec<Reason> {
    let mut doubts = Vec::new();
    if is_mangled(account.uuid.as_str()) {
        doubts.push(Reason::MangledId(account.uuid.to_string()));
    }
    if !is_inside(&account.directory) {
        doubts.push(Reason::Directory(std::mem::take(&mut account.directory)));
    }
    if cells.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        doubts.push(Reason::NotUtf8);
    }
    doubts
}

/// Whether a spreadsheet has made a number or an error of an id (`1E+10`, `#NAME?`).
fn is_mangled(id: &str) -> bool {
    id.starts_with('#') || (id.contains("E+") && id.replace(',', ".").parse::<f64>().is_ok())
}

/// Whether a folder, as the tracker names it, lies within the archive.
fn is_inside(directory: &str) -> bool {
    Path::new(directory).components().all(|component| matches!(component, Component::Normal(_)))
}
