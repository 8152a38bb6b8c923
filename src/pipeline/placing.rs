//! Where a meeting goes: the folder that the layout gives it, and what an earlier program has left there.

use std::collections::HashSet;
use std::path::Path;

use super::download::verify;
use crate::archive::manifest::Manifest;
use crate::archive::names::MeetingFolder;
use crate::config::{ArchiveSettings, ArchiveZone};
use crate::meeting::{FileId, Meeting, RecordingFile};

/// The folder that the layout gives a meeting.
pub(super) fn layout_of(settings: &ArchiveSettings, meeting: &Meeting) -> MeetingFolder {
    let zone = match settings.timezone {
        ArchiveZone::Fixed(zone) => zone,
        ArchiveZone::Meeting => {
            meeting.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC)
        }
    };
    let local = meeting.start_time.with_timezone(&zone);
    let value = |name: &str| match name {
        "date" => local.format("%Y-%m-%d").to_string(),
        "time" => local.format("%H%M").to_string(),
        "topic" => meeting.topic.clone(),
        "meeting_id" => meeting.meeting_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
        "user" => meeting.user.to_string(),
        other => format!("{{{other}}}"),
    };
    let components: Vec<String> =
        settings.layout.components().iter().map(|component| component.render(value)).collect();
    MeetingFolder::of_layout(&components)
}

/// The files in a folder without a `meeting.json` that are this meeting's by name, size and structure.
pub(super) fn adoptable(folder: &Path, manifest: &Manifest, meeting: &Meeting) -> HashSet<FileId> {
    let is_there = |file: &&RecordingFile| {
        let (Some(entry), Some(size)) = (manifest.file(&file.id), file.size) else { return false };
        verify::is_whole(&folder.join(entry.name.as_str()), file.extension, size)
    };
    meeting.files.iter().filter(is_there).map(|file| file.id.clone()).collect()
}
