//! Pure: which files belong together, and which of them is the best.
//!
//! A recording that was stopped and started again has several files of one type. A part is what was recorded in one
//! stretch: files whose times overlap. The best file of a part is the one for YouTube.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::entry::{FileEntry, FileState};

/// Puts files into the order of their start, gives each its part, and marks the best of each part among those that could be.
pub(super) fn assign(files: &mut [FileEntry], could_be_best: impl Fn(&FileEntry) -> bool) {
    files.sort_by(|a, b| (a.recording_start, &a.id).cmp(&(b.recording_start, &b.id)));
    let mut part = 1;
    let mut until: Option<DateTime<Utc>> = None;
    for file in files.iter_mut() {
        if let (Some(start), Some(end)) = (file.recording_start, until)
            && start > end
        {
            part += 1;
        }
        file.part = part;
        until = until.max(file.recording_end.max(file.recording_start));
    }
    for n in 1..=part {
        let best = best_of(files, n, &could_be_best);
        for (index, file) in files.iter_mut().enumerate().filter(|(_, file)| file.part == n) {
            file.best = Some(index) == best;
        }
    }
}

/// The index of the best video of a part: by Zoom's view, then the largest, then the first. A suspect one is none.
fn best_of(files: &[FileEntry], part: u32, could_be: impl Fn(&FileEntry) -> bool) -> Option<usize> {
    let is_candidate = |file: &FileEntry| {
        file.part == part && file.name.is_video() && file.state != FileState::Suspect && could_be(file)
    };
    let videos = files.iter().enumerate().filter(|(_, file)| is_candidate(file));
    let rank = |file: &FileEntry| file.recording_type.rank().unwrap_or(u8::MAX);
    videos.min_by_key(|&(index, file)| (rank(file), Reverse(file.size), index)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::{ByteCount, RecordingType};

    /// A file named after its type, recorded from one minute to another.
    fn file(id: &str, recording_type: &str, minutes: (i64, i64), size: u64) -> FileEntry {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0);
        let extension = if recording_type == "audio_only" { "m4a" } else { "mp4" };
        FileEntry {
            id: id.parse().unwrap(),
            recording_type: RecordingType::new(recording_type),
            name: format!("{id}.{extension}").parse().unwrap(),
            size: ByteCount(size),
            recording_start: at(minutes.0),
            recording_end: at(minutes.1),
            part: 0,
            best: false,
            state: FileState::Pending,
        }
    }

    fn best_of_each_part(mut files: Vec<FileEntry>) -> Vec<(u32, String)> {
        assign(&mut files, |_| true);
        files.iter().filter(|file| file.best).map(|file| (file.part, file.id.to_string())).collect()
    }

    #[test]
    fn a_recording_stopped_and_started_again_has_a_best_file_per_part() {
        let best = best_of_each_part(vec![
            file("second", "gallery_view", (60, 90), 9),
            file("speaker", "active_speaker", (0, 45), 99),
            file("first", "gallery_view", (0, 45), 5),
            file("second-speaker", "active_speaker", (60, 90), 9),
        ]);
        assert_eq!(best, [(1, "first".to_owned()), (2, "second".to_owned())]);
    }

    #[test]
    fn the_order_of_preference_is_zooms_views_then_the_largest_video() {
        let one = |files: Vec<FileEntry>| best_of_each_part(files)[0].1.clone();
        let at = (0, 10);
        let views = [
            "shared_screen_with_speaker_view(CC)",
            "active_speaker",
            "gallery_view",
            "shared_screen_with_gallery_view",
        ];
        for (n, view) in views.iter().enumerate().skip(1) {
            let lesser = file("lesser", views[n - 1], at, 1000);
            assert_eq!(one(vec![lesser, file("better", view, at, 1)]), "better", "{view}");
        }
        assert_eq!(
            one(vec![file("small", "shared_screen", at, 1), file("large", "production_studio", at, 2)]),
            "large"
        );
        assert_eq!(one(vec![file("sound", "audio_only", at, 9), file("screen", "shared_screen", at, 1)]), "screen");
    }

    #[test]
    fn sound_alone_has_no_best_file() {
        assert!(best_of_each_part(vec![file("sound", "audio_only", (0, 10), 9)]).is_empty());
    }

    #[test]
    fn a_file_within_another_does_not_end_the_part() {
        let mut files = vec![
            file("long", "gallery_view", (0, 90), 1),
            file("short", "poll", (10, 20), 1),
            file("late", "active_speaker", (80, 90), 1),
        ];
        assign(&mut files, |_| true);
        assert!(files.iter().all(|file| file.part == 1));
    }
}
