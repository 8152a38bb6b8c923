//! Which meetings the publisher has to look at. Most of an archive is done, and stays so until something of it changes.

use std::collections::BTreeSet;

use crate::archive::Archive;
use crate::archive::tracker::Tracker;
use crate::meeting::{FileId, MeetingUuid};
use crate::youtube::unfinished::Unfinished;

/// What there is to look at.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Agenda {
    /// Meetings of which something may be left to do; all that are held, where that isn't known.
    open: Option<BTreeSet<MeetingUuid>>,
    /// Which reading of the tracker it is from.
    tracker_reading: u64,
    /// The uploads that were begun, and of which it isn't recorded that they have ended.
    begun: Vec<Begun>,
}

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// The meeting.
    pub(super) uuid: MeetingUuid,
    /// The part, as it was numbered then.
    pub(super) part: u32,
    /// The file that is sent.
    pub(super) file_id: FileId,
}

impl Agenda {
    /// Takes up what has changed since: all of it, where that isn't known meeting by meeting.
    pub(super) fn catch_up(&mut self, archive: &mut Archive, tracker: &Tracker) {
        let reading = std::mem::replace(&mut self.tracker_reading, tracker.reading());
        let changed = archive.take_changed();
        match &mut self.open {
            Some(open) if reading == tracker.reading() => open.extend(changed),
            open => *open = Some(archive.iter().map(|held| held.manifest.uuid.clone()).collect()),
        }
    }

    /// Looks at all meetings again: they are other ones, or were read anew.
    pub(in crate::pipeline) fn look_at_all(&mut self) {
        self.open = None;
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &MeetingUuid> {
        self.open.iter().flatten()
    }

    /// Nothing is left to do about these, as long as they stay as they are.
    pub(super) fn close(&mut self, done: &[MeetingUuid]) {
        let Some(open) = &mut self.open else { return };
        for uuid in done {
            open.remove(uuid);
        }
    }

    pub(super) fn note_begun(&mut self, uploads: &[Unfinished]) {
        let begun = uploads.iter().map(|upload| Begun {
            uuid: upload.meeting_uuid.clone(),
            part: upload.part,
            file_id: upload.file_id.clone(),
        });
        self.begun = begun.collect();
    }

    pub(super) fn begun(&self) -> &[Begun] {
        &self.begun
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{DateTime, Utc};
    use tempfile::TempDir;
    use tokio_util::sync::CancellationToken;

    use super::super::choose::{CHOICES, Patience};
    use super::super::prospect::{Prospect, Wish};
    use crate::archive::Archive;
    use crate::archive::entry::{FileEntry, FileState};
    use crate::archive::manifest::{Manifest, Published};
    use crate::config::{self, Sources};
    use crate::meeting::{ByteCount, MeetingUuid, RecordingType};
    use crate::pipeline::record::Ledger;
    use crate::youtube::unfinished::UploadsFolder;

    fn now() -> DateTime<Utc> {
        "2026-01-15T12:00:00Z".parse().unwrap()
    }

    fn uuid(n: usize) -> MeetingUuid {
        format!("m{n}==").parse().unwrap()
    }

    /// A meeting of one file, which is on YouTube.
    fn manifest(n: usize) -> Manifest {
        let start = "2026-01-10T12:00:00Z".parse().unwrap();
        let file = FileEntry {
            id: format!("f{n}").parse().unwrap(),
            recording_type: RecordingType::new("gallery_view"),
            name: "gallery_view.mp4".parse().unwrap(),
            size: ByteCount(1000),
            recording_start: Some(start),
            recording_end: None,
            part: 1,
            best: true,
            state: FileState::Whole,
        };
        let video = Published {
            part: 1,
            file_id: file.id.clone(),
            video_id: format!("v{n}"),
            uploaded_at: start,
            processed: true,
        };
        Manifest {
            uuid: uuid(n),
            meeting_id: None,
            topic: "Class".to_owned(),
            start_time: start,
            timezone: None,
            duration_min: 45,
            host_id: None,
            host_email: None,
            user: "me".parse().unwrap(),
            share_url: None,
            files: vec![file],
            youtube: vec![video],
        }
    }

    /// An archive of so many meetings, all of them on YouTube and recorded so.
    struct Finished {
        stop: CancellationToken,
        disk: TempDir,
        ledger: Ledger,
    }

    impl Finished {
        fn of(meetings: usize) -> Self {
            let disk = tempfile::tempdir().unwrap();
            let given = [("CLIENT_ID", "id"), ("CLIENT_SECRET", "secret")];
            let given = given.map(|(key, value)| (format!("ZOOM_ARCHIVER__ZOOM__{key}"), value.to_owned()));
            let environment = given.into_iter().collect();
            let sources = Sources { config: None, environment, working_dir: disk.path().to_owned() };
            let settings = config::load(&sources).unwrap().settings;
            let row = |n| format!("2026-01-10T14:00:00Z,m{n}==,uploaded,day/m{n},gallery_view.mp4,v{n},f{n}\n");
            let header = "recorded_at,meeting_uuid,status,directory,best_file,youtube_id,file_ids\n";
            let rows: String = (0..meetings).map(row).collect();
            std::fs::write(&settings.tracker.file, format!("{header}{rows}")).unwrap();
            let (mut archive, _) = Archive::open(&settings.archive.directory, false).unwrap();
            for n in 0..meetings {
                archive.reserve(format!("day/m{n}").parse().unwrap(), manifest(n));
            }
            let mut ledger = Ledger::open(&settings).unwrap();
            ledger.archive = Some(archive);
            Self { stop: CancellationToken::new(), disk, ledger }
        }

        /// How many choices one look makes, and what it finds.
        fn look(&mut self) -> (usize, Prospect) {
            CHOICES.set(0);
            let wish = Wish {
                now: now(),
                patience: Patience::Usual,
                only: None,
                put_off: HashSet::new(),
                is_barred: false,
                leaves_playlist: false,
                stop: self.stop.clone(),
            };
            let prospect = self.ledger.prospect(&UploadsFolder::below(self.disk.path()), &wish).unwrap();
            (CHOICES.get(), prospect)
        }
    }

    #[test]
    fn what_is_done_is_looked_at_once() {
        let mut finished = Finished::of(1000);
        assert_eq!(finished.look().0, 1000);
        assert_eq!(finished.look().0, 0);
    }

    #[test]
    fn a_meeting_that_changes_is_looked_at_again() {
        let mut finished = Finished::of(3);
        finished.look();
        let new = FileEntry {
            id: "new".parse().unwrap(),
            name: "gallery_view_2.mp4".parse().unwrap(),
            part: 2,
            ..manifest(1).files[0].clone()
        };
        finished.ledger.opened().unwrap().change(&uuid(1), |manifest| manifest.files.push(new));

        let (choices, prospect) = finished.look();

        assert_eq!((choices, prospect.tally.due), (1, 1));
        assert_eq!(prospect.job.map(|job| job.file.id.to_string()).as_deref(), Some("new"));
        assert_eq!(finished.look().1.tally.due, 1, "for as long as something is left to do");
    }

    #[test]
    fn rows_that_are_missing_are_left_to_the_next_start_once_it_was_asked_to_stop() {
        let mut finished = Finished::of(3);
        let tracker = finished.disk.path().join("processed.csv");
        let text = std::fs::read_to_string(&tracker).unwrap().replace(",uploaded,", ",downloaded,");
        std::fs::write(&tracker, text).unwrap();
        finished.stop.cancel();
        assert_eq!(finished.look().1.recorded, []);

        finished.stop = CancellationToken::new();

        assert_eq!(finished.look().1.recorded.len(), 3);
    }

    #[test]
    fn all_are_looked_at_again_where_somebody_has_changed_the_tracker() {
        let mut finished = Finished::of(3);
        finished.look();
        let tracker = finished.disk.path().join("processed.csv");
        let text = std::fs::read_to_string(&tracker).unwrap().replace("m1==,uploaded", "m1==,downloaded");
        std::fs::write(&tracker, text).unwrap();

        let (_, prospect) = finished.look();

        assert_eq!(prospect.recorded, [uuid(1)]);
        assert_eq!(finished.look().0, 0);
    }
}
