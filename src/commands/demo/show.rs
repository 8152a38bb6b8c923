//! What the demo has left, as text: the tree of its folder, the tracker as a table, the end of the log, the channel.

use std::fs;
use std::path::Path;

use crate::archive::manifest::Manifest;
use crate::disk;
use crate::meeting::ByteCount;
use crate::simulator::youtube::TrueVideo;

/// The tracker's columns that fit side by side on a terminal.
const COLUMNS: [&str; 5] = ["start_time", "topic", "status", "directory", "youtube_id"];

/// What is in a folder and below it, a line each, with what it is for.
pub(super) fn tree(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    grow(folder, "", &mut lines);
    lines
}

fn grow(folder: &Path, indent: &str, lines: &mut Vec<String>) {
    // A demo that can't look at its own folder shows less of it.
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(|entry| (entry.path().is_dir(), entry.file_name()));
    let last = entries.len().saturating_sub(1);
    for (index, entry) in entries.iter().enumerate() {
        let (branch, below) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let slash = if is_folder { "/" } else { "" };
        let label = format!("{indent}{branch}{name}{slash}");
        lines.push(format!("{label:<56} {}", note(&entry.path(), &name)).trim_end().to_owned());
        if is_folder {
            grow(&entry.path(), &format!("{indent}{below}"), lines);
        }
    }
}

fn note(path: &Path, name: &str) -> String {
    let what = match name {
        "config.toml" => "the settings",
        ".zoom_refresh_token" => "the key to the account, for its owner alone",
        ".zoom_access_token" | ".youtube_access_token" => "good for an hour, then renewed",
        "processed.csv" => "the tracker: what became of each meeting",
        "state.json" => "what is still to be done",
        ".youtube_refresh_token" => "the key to the channel, for its owner alone",
        ".zoom_refresh_token.lock" | ".youtube_refresh_token.lock" => "one renewal at a time",
        "uploads" => "uploads that are begun: none is left",
        ".zoom-archiver" => "marks the archive: an unmounted disk lacks it",
        "lock" => "keeps a second instance out",
        "zoom-archiver.log" => "leads to the newest log: tail -F",
        "meeting.json" => return topic(disk::parent(path)),
        _ if name.ends_with(".mp4") => return size_and_rank(path, name),
        _ => "",
    };
    what.to_owned()
}

/// What the meeting in this folder is called.
fn topic(folder: &Path) -> String {
    Manifest::read(folder).ok().flatten().map(|manifest| manifest.topic).unwrap_or_default()
}

fn size_and_rank(path: &Path, name: &str) -> String {
    let size = fs::metadata(path).map_or(ByteCount(0), |meta| ByteCount(meta.len()));
    let manifest = Manifest::read(disk::parent(path)).ok().flatten();
    let is_best = manifest.is_some_and(|manifest| manifest.best_files().any(|file| file.name.as_str() == name));
    if is_best { format!("{size}, the best view of its part") } else { size.to_string() }
}

/// The tracker's rows as a table, the less important columns left out.
pub(super) fn table(tracker: &Path) -> Vec<String> {
    let Ok(mut reader) = csv::Reader::from_path(tracker) else { return Vec::new() };
    let places: Vec<Option<usize>> = match reader.headers() {
        Ok(headers) => COLUMNS.iter().map(|column| headers.iter().position(|header| header == *column)).collect(),
        Err(_) => return Vec::new(),
    };
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    rows.extend(reader.records().flatten().map(|record| {
        places.iter().map(|place| place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()).collect()
    }));
    aligned(&rows)
}

/// What is on the channel, as a table.
pub(super) fn channel(videos: &[TrueVideo]) -> Vec<String> {
    let mut rows = vec![["title", "who may see it", "bytes", "id"].map(str::to_owned).to_vec()];
    rows.extend(videos.iter().map(|video| {
        let bytes = video.size.map(|size| size.to_string()).unwrap_or_default();
        vec![video.title.clone(), video.privacy.clone(), bytes, video.id.clone()]
    }));
    aligned(&rows)
}

/// Rows of cells as lines, the cells of a column below each other.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row: &Vec<String>| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The last `count` lines of a log.
pub(super) fn tail(log: &Path, count: usize) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}
