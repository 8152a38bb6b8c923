use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::config::{self, Sources};
use crate::hostile;
use crate::meeting::{FileId, RecordingType};
use crate::state::Parked;

/// A clear month after the meeting.
const NOW: &str = "2026-02-15T12:00:00Z";
/// Both settings, as they can be had together.
const BOTH: [(&str, &str); 5] = [
    ("CLEANUP__DELETE_AFTER_UPLOAD", "true"),
    ("CLEANUP__KEEP_DAYS", "30"),
    ("YOUTUBE__ENABLED", "true"),
    ("YOUTUBE__CLIENT_ID", "id"),
    ("YOUTUBE__CLIENT_SECRET", "secret"),
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn settings<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Settings {
    let zoom = [("ZOOM__CLIENT_ID", "id"), ("ZOOM__CLIENT_SECRET", "secret")];
    let given = zoom.into_iter().chain(given);
    let environment = given.map(|(key, value)| (format!("ZOOM_ARCHIVER__{key}"), value.to_owned())).collect();
    config::load(&Sources { config: None, environment, working_dir: Path::new("/tmp").to_owned() }).unwrap().settings
}

fn by_upload() -> Settings {
    settings(BOTH.into_iter().filter(|(key, _)| *key != "CLEANUP__KEEP_DAYS"))
}

fn by_age() -> Settings {
    settings([("CLEANUP__KEEP_DAYS", "30")])
}

fn by_age_and_published() -> Settings {
    settings(BOTH.into_iter().filter(|(key, _)| *key != "CLEANUP__DELETE_AFTER_UPLOAD"))
}

/// A file of the meeting at 2026-01-10 12:00, which is of this part.
fn file(name: &str, part: u32, state: FileState) -> FileEntry {
    let minute = |minute: u32| Some(at("2026-01-10T12:00:00Z") + TimeDelta::minutes(minute.into()));
    FileEntry {
        id: id_of(name),
        recording_type: RecordingType::new("gallery_view"),
        name: name.parse().unwrap(),
        size: ByteCount(1000),
        recording_start: minute(part * 60),
        recording_end: minute(part * 60 + 30),
        part,
        best: false,
        state,
    }
}

fn best(name: &str, part: u32) -> FileEntry {
    FileEntry { best: true, ..file(name, part, FileState::Whole) }
}

fn id_of(name: &str) -> FileId {
    name.split('.').next().unwrap().parse().unwrap()
}

/// A meeting of these files, all on record and on YouTube, long ago.
#[derive(Clone, Debug)]
struct Case {
    manifest: Manifest,
    folder: MeetingFolder,
    account: Option<Account>,
    archived_at: Option<DateTime<Utc>>,
    is_pending: bool,
    is_under_way: bool,
    uploads: Uploads,
    now: DateTime<Utc>,
}

impl Case {
    fn of(files: Vec<FileEntry>) -> Self {
        let sent = files.iter().filter(|file| file.best).map(|file| Published {
            part: file.part,
            file_id: file.id.clone(),
            video_id: format!("video-of-{}", file.id),
            uploaded_at: at("2026-01-10T16:00:00Z"),
            processed: true,
        });
        let manifest = Manifest {
            uuid: "a==".parse().unwrap(),
            meeting_id: None,
            topic: "Class".to_owned(),
            start_time: at("2026-01-10T12:00:00Z"),
            timezone: None,
            duration_min: 45,
            host_id: None,
            host_email: None,
            user: "me".parse().unwrap(),
            share_url: None,
            youtube: sent.collect(),
            files,
        };
        let account = Account {
            status: Some(Status::Uploaded),
            recorded_at: Some(at("2026-01-10T16:00:00Z")),
            directory: "2026-01-10/1200".to_owned(),
            file_ids: manifest.files.iter().map(|file| file.id.clone()).collect(),
            ..Account::new(manifest.uuid.clone())
        };
        Self {
            manifest,
            folder: "2026-01-10/1200".parse().unwrap(),
            account: Some(account),
            archived_at: Some(at("2026-01-10T14:00:00Z")),
            is_pending: false,
            is_under_way: false,
            uploads: Uploads::default(),
            now: at(NOW),
        }
    }

    fn one() -> Self {
        Self::of(vec![best("gallery.mp4", 1)])
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn row(self, change: impl FnOnce(&mut Account)) -> Self {
        self.with(|case| change(case.account.as_mut().unwrap()))
    }

    fn choose(&self, settings: &Settings) -> Choice {
        let known = Known {
            manifest: &self.manifest,
            folder: &self.folder,
            account: self.account.as_ref(),
            archived_at: self.archived_at,
            is_pending: self.is_pending,
            is_under_way: self.is_under_way,
            uploads: &self.uploads,
        };
        choose(known, settings, self.now)
    }

    /// The files that go, by name; or why they stay.
    fn words(&self, settings: &Settings) -> String {
        match self.choose(settings) {
            Choice::Nothing => "nothing".to_owned(),
            Choice::Stay(stay) => format!("{stay:?}"),
            Choice::Go(going) => {
                let names: Vec<_> = going.files.iter().map(|entry| entry.name.as_str()).collect();
                format!("{:?} {}", going.why, names.join(" "))
            }
        }
    }
}

#[test]
fn all_recordings_of_a_meeting_go_that_is_on_youtube_as_a_whole_and_its_texts_stay() {
    let case = Case::of(vec![
        best("gallery.mp4", 1),
        file("speaker.mp4", 1, FileState::Whole),
        file("sound.m4a", 1, FileState::Whole),
        file("chat.txt", 1, FileState::Whole),
        best("later.mp4", 2),
    ]);
    assert_eq!(case.words(&by_upload()), "Uploaded gallery.mp4 speaker.mp4 sound.m4a later.mp4");
    let Choice::Go(going) = case.choose(&by_upload()) else { panic!() };
    let videos: Vec<_> = going.videos.iter().map(|sent| (sent.video.as_str(), sent.size.0)).collect();
    assert_eq!(videos, [("video-of-gallery", 1000), ("video-of-later", 1000)]);
}

#[test]
fn y14_nothing_goes_after_an_upload_as_long_as_a_part_is_not_there_and_processed() {
    let two = || Case::of(vec![best("gallery.mp4", 1), best("later.mp4", 2)]);
    for (case, stay) in [
        (two().with(|case| case.manifest.youtube[1].processed = false), "Processing(\"video-of-later\")"),
        (two().with(|case| drop(case.manifest.youtube.pop())), "NotUploaded"),
        (two().with(|case| case.manifest.youtube.clear()), "NotUploaded"),
        (two().with(|case| case.manifest.files[1].best = false), "NoVideo(2)"),
        (two().row(|row| row.status = Some(Status::Downloaded)), "NotUploaded"),
        (
            two().with(|case| drop(case.uploads.lost.insert("video-of-later".to_owned(), "duplicate".to_owned()))),
            "Lost(\"video-of-later\")",
        ),
    ] {
        assert_eq!(case.words(&by_upload()), stay);
    }
}

#[test]
fn a_part_without_a_video_keeps_the_meeting_here_after_an_upload() {
    let case = Case::of(vec![best("gallery.mp4", 1), file("sound.m4a", 2, FileState::Whole)]);
    assert_eq!(case.words(&by_upload()), "NoVideo(2)");
}

#[test]
fn a_better_view_than_the_one_on_youtube_stays() {
    let mut case = Case::of(vec![best("speaker.mp4", 1), file("gallery.mp4", 1, FileState::Whole)]);
    (case.manifest.files[0].best, case.manifest.files[1].best) = (false, true);
    assert_eq!(case.words(&by_upload()), "OtherView(1)");
    assert_eq!(case.words(&by_age_and_published()), "Old(30) speaker.mp4 gallery.mp4", "until it is old");
}

#[test]
fn a_suspect_file_stays_until_it_is_old() {
    let case = Case::of(vec![best("gallery.mp4", 1), file("speaker.suspect.mp4", 1, FileState::Suspect)]);
    assert_eq!(case.words(&by_upload()), "Uploaded gallery.mp4");
    assert_eq!(case.words(&by_age()), "Old(30) gallery.mp4 speaker.suspect.mp4");
    assert_eq!(case.words(&settings(BOTH)), "Old(30) gallery.mp4 speaker.suspect.mp4");
}

#[test]
fn a_meeting_that_may_still_change_stays_after_its_upload() {
    let case = Case::one().with(|case| case.now = at("2026-01-10T17:00:00Z"));
    assert_eq!(case.words(&by_upload()), "Settling(2026-01-10T18:00:00Z)", "youtube.settle after its last row");
    let later = |time: &str| case.clone().with(|case| case.now = at(time));
    assert_eq!(later("2026-01-10T18:00:00Z").words(&by_upload()), "Uploaded gallery.mp4");
    let undated = case.clone().row(|row| row.recorded_at = None);
    assert_eq!(undated.words(&by_upload()), "Settling(2026-01-11T13:30:00Z)", "a day after it ended");
}

#[test]
fn files_go_so_many_days_after_they_were_archived_and_not_a_moment_sooner() {
    let at_time = |time: &str| Case::one().with(|case| case.now = at(time)).words(&by_age());
    assert_eq!(at_time("2026-02-09T13:59:59Z"), "Young(2026-02-09T14:00:00Z)");
    assert_eq!(at_time("2026-02-09T14:00:00Z"), "Old(30) gallery.mp4");
}

#[test]
fn t2_what_was_recorded_by_a_clock_that_was_behind_is_no_older_than_its_meeting() {
    let case = Case::one().with(|case| case.archived_at = Some(at("2024-05-01T00:00:00Z")));
    let early = case.clone().with(|case| case.now = at("2026-02-01T00:00:00Z"));
    assert_eq!(early.words(&by_age()), "Young(2026-02-09T13:30:00Z)", "30 days after it ended");
    assert_eq!(case.words(&by_age()), "Old(30) gallery.mp4");
}

#[test]
fn c4_a_row_whose_date_or_ids_or_folder_a_spreadsheet_mangled_removes_nothing() {
    let undated = Case::one().with(|case| case.archived_at = None);
    assert_eq!(undated.words(&by_age()), "Undated");
    for settings in [by_upload(), by_age()] {
        assert_eq!(Case::one().row(|row| row.file_ids.clear()).words(&settings), "nothing");
        assert_eq!(Case::one().row(|row| row.file_ids = [id_of("1E+10")].into()).words(&settings), "nothing");
        assert_eq!(Case::one().row(|row| row.directory.clear()).words(&settings), "Elsewhere");
        assert_eq!(Case::one().row(|row| row.directory = "2026-01-10/1300".to_owned()).words(&settings), "Elsewhere");
        assert_eq!(Case::one().row(|row| row.status = None).words(&settings), "NotRecorded");
    }
}

#[test]
fn what_is_published_goes_by_age_only_once_it_is_on_youtube_and_processed() {
    let published = by_age_and_published();
    assert_eq!(Case::one().words(&published), "Old(30) gallery.mp4");
    let Choice::Go(going) = Case::one().choose(&published) else { panic!() };
    assert_eq!(going.videos.len(), 1, "which is asked for once more");
    let going = Case::one().with(|case| case.manifest.youtube[0].processed = false);
    assert_eq!(going.words(&published), "Processing(\"video-of-gallery\")");
    let unsent = Case::one().row(|row| row.status = Some(Status::Downloaded));
    assert_eq!(unsent.words(&published), "NotUploaded");
    let forgotten = Case::one().with(|case| case.manifest.youtube.clear());
    assert_eq!(forgotten.words(&published), "NotUploaded", "the tracker alone does not say whether it is processed");
    assert_eq!(unsent.words(&by_age()), "Old(30) gallery.mp4", "where nothing is published, age alone counts");
}

#[test]
fn what_began_before_the_day_that_is_set_goes_by_age_alone() {
    let since = settings(
        BOTH.into_iter()
            .filter(|(key, _)| key != &"CLEANUP__DELETE_AFTER_UPLOAD")
            .chain([("YOUTUBE__SINCE", "2026-01-11")]),
    );
    let unsent =
        Case::one().row(|row| row.status = Some(Status::Downloaded)).with(|case| case.manifest.youtube.clear());
    assert_eq!(unsent.words(&since), "Old(30) gallery.mp4");
}

#[test]
fn y10_a_meeting_with_a_part_that_waits_for_a_person_stays() {
    let parked = |case: &mut Case| {
        let parked = Parked {
            uuid: "a==".parse().unwrap(),
            part: 1,
            file_id: id_of("gallery"),
            reason: "bad title".to_owned(),
            is_unclear: false,
            at: at(NOW),
        };
        case.uploads.parked.insert(parked.file_id.clone(), parked);
    };
    for settings in [by_upload(), by_age(), by_age_and_published(), settings(BOTH)] {
        assert_eq!(Case::one().with(parked).words(&settings), "Parked");
    }
}

#[test]
fn of_the_longest_part_alone_the_video_of_that_one_is_enough_for_its_age() {
    let longest = settings(
        BOTH.into_iter()
            .filter(|(key, _)| key != &"CLEANUP__DELETE_AFTER_UPLOAD")
            .chain([("YOUTUBE__PARTS", "longest")]),
    );
    let case =
        Case::of(vec![best("short.mp4", 1), best("long.mp4", 2)]).with(|case| drop(case.manifest.youtube.remove(0)));
    assert_eq!(case.words(&longest), "Old(30) short.mp4 long.mp4");
    assert_eq!(case.words(&by_age_and_published()), "NotUploaded");
    assert_eq!(case.with(|case| case.manifest.youtube.clear()).words(&longest), "NotUploaded");
}

#[test]
fn what_is_not_done_is_left_alone() {
    let with = |state| Case::of(vec![best("gallery.mp4", 1), file("speaker.mp4", 1, state)]);
    for settings in [by_upload(), by_age(), settings(BOTH)] {
        assert_eq!(Case::one().with(|case| case.is_pending = true).words(&settings), "NotDone");
        assert_eq!(Case::one().with(|case| case.is_under_way = true).words(&settings), "UnderWay");
        assert_eq!(with(FileState::Pending).words(&settings), "NotDone", "it is to be fetched again");
        assert_eq!(Case::one().with(|case| case.account = None).words(&settings), "nothing");
    }
    assert_eq!(Case::one().words(&settings([])), "Unasked");
}

#[test]
fn a_file_that_no_row_names_stays_beside_those_that_go() {
    let case = Case::of(vec![best("gallery.mp4", 1), file("speaker.mp4", 1, FileState::Whole)]);
    let case = case.row(|row| row.file_ids = [id_of("gallery")].into());
    assert_eq!(case.words(&by_age()), "Old(30) gallery.mp4");
}

#[test]
fn p1_a_removal_that_was_begun_is_brought_to_its_end_unless_everything_is_to_be_kept() {
    let begun = Case::of(vec![FileEntry { best: true, ..file("gallery.mp4", 1, FileState::Removing) }]);
    let young = begun.with(|case| case.archived_at = Some(at(NOW)));
    assert_eq!(young.words(&by_age()), "Begun gallery.mp4");
    let Choice::Go(going) = young.choose(&by_age_and_published()) else { panic!() };
    assert_eq!(going.videos.len(), 1, "only if YouTube shows its video");
    assert_eq!(young.words(&settings([])), "Unasked");
    assert_eq!(young.with(|case| case.is_pending = true).words(&by_age()), "NotDone");
}

#[test]
fn a_row_is_lacking_once_no_recording_that_was_recorded_is_left_but_suspect_ones() {
    use FileState::{Pending, Removed, Removing, Suspect, Whole};
    for (states, status, is_lacking) in [
        (&[Removed, Removed][..], Status::Uploaded, true),
        (&[Removed], Status::Downloaded, true),
        (&[Removed, Suspect], Status::Uploaded, true),
        (&[Removed], Status::Cleaned, false),
        (&[Removed], Status::Empty, false),
        (&[Removed, Whole], Status::Uploaded, false),
        (&[Removed, Removing], Status::Uploaded, false),
        (&[Removed, Pending], Status::Uploaded, false),
        (&[Suspect], Status::Downloaded, false),
        (&[Whole], Status::Downloaded, false),
        (&[], Status::Downloaded, false),
    ] {
        let files = states.iter().enumerate().map(|(n, state)| file(&format!("f{n}.mp4"), 1, *state)).collect();
        let case = Case::of(files).row(|row| row.status = Some(status));
        assert_eq!(lacks_row(&case.manifest, case.account.as_ref().unwrap()), is_lacking, "{states:?} {status}");
    }
    let growing = Case::of(vec![file("old.mp4", 1, Removed), file("new.mp4", 2, Whole)]);
    let growing = growing.row(|row| row.file_ids = [id_of("old")].into());
    assert!(lacks_row(&growing.manifest, growing.account.as_ref().unwrap()), "what no row names doesn't count yet");
    let text = Case::of(vec![file("old.mp4", 1, Removed), file("chat.txt", 1, Whole)]);
    assert!(lacks_row(&text.manifest, text.account.as_ref().unwrap()), "texts stay");
}

fn any_state() -> impl Strategy<Value = FileState> {
    use FileState::{Pending, Removed, Removing, Suspect, Whole};
    select(&[Pending, Whole, Suspect, Removing, Removed][..])
}

prop_compose! {
    fn any_case()(
        files in prop::collection::vec(
            (select(&["mp4", "m4a", "txt", "json"][..]), 1..4u32, any_state(), any::<bool>(), any::<bool>()), 0..6),
        sent in prop::collection::vec((0..6usize, any::<bool>(), any::<bool>()), 0..4),
        status in prop::option::of(select(&[Status::Downloaded, Status::Uploaded, Status::Cleaned, Status::Empty][..])),
        (is_recorded, is_elsewhere) in (prop::bool::weighted(0.9), prop::bool::weighted(0.1)),
        (is_pending, is_under_way) in (prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
        age in prop::option::of(-10..60i64),
    ) -> Case {
        let named: Vec<bool> = files.iter().map(|(.., is_named)| *is_named).collect();
        let files = files.into_iter().enumerate().map(|(n, (extension, part, state, is_best, _))| {
            FileEntry { best: is_best, ..file(&format!("f{n}.{extension}"), part, state) }
        });
        let mut case = Case::of(files.collect());
        case.manifest.youtube.clear();
        for (n, is_processed, is_lost) in sent {
            let Some(file) = case.manifest.files.get(n) else { continue };
            let video_id = format!("v{n}");
            if is_lost {
                case.uploads.lost.insert(video_id.clone(), String::new());
            }
            case.manifest.youtube.push(Published {
                part: file.part, file_id: file.id.clone(), video_id, uploaded_at: case.now, processed: is_processed,
            });
        }
        let ids = case.manifest.files.iter().zip(named).filter(|(_, is_named)| *is_named);
        let ids = ids.map(|(file, _)| file.id.clone()).collect();
        let mut case = case.row(|row| (row.status, row.file_ids) = (status, ids));
        if is_elsewhere {
            case.folder = "2026-01-10/1200_2".parse().unwrap();
        }
        case.account = case.account.filter(|_| is_recorded);
        case.archived_at = age.map(|days| case.now - TimeDelta::days(days));
        (case.is_pending, case.is_under_way) = (is_pending, is_under_way);
        case
    }
}

proptest! {
    #![proptest_config(hostile::config())]

    #[test]
    fn whatever_is_known_only_recordings_go_that_are_recorded_as_archived_and_nothing_speaks_for(
        case in any_case(),
        settings in select(vec![by_upload(), by_age(), by_age_and_published(), settings(BOTH), settings([])]),
    ) {
        let Choice::Go(going) = case.choose(&settings) else { return Ok(()) };
        let account = case.account.as_ref().expect("there is a row");
        prop_assert!(settings.cleanup.is_on() && !case.is_pending && !case.is_under_way);
        prop_assert!(!going.files.is_empty());
        prop_assert_eq!(account.directory.as_str(), case.folder.as_str());
        prop_assert!(!matches!(account.status, None | Some(Status::Empty)));
        for entry in &going.files {
            prop_assert!(account.file_ids.contains(&entry.id));
            prop_assert_eq!(case.manifest.file(&entry.id), Some(entry));
            prop_assert!(entry.name.is_media());
            prop_assert!(!matches!(entry.state, FileState::Pending | FileState::Removed));
        }
        let is_shown = |part: u32, video: &Published| {
            case.manifest.file(&video.file_id).is_some_and(|file| file.part == part)
                && video.processed && !case.uploads.lost.contains_key(&video.video_id)
        };
        match going.why {
            Why::Begun => prop_assert!(going.files.iter().all(|entry| entry.state == FileState::Removing)),
            Why::Old(days) => {
                prop_assert!(case.now - case.archived_at.unwrap() >= TimeDelta::days(days.into()));
                prop_assert!(!settings.youtube.enabled || !going.videos.is_empty());
            }
            Why::Uploaded => {
                prop_assert!(settings.cleanup.delete_after_upload && settings.youtube.enabled);
                prop_assert!(!matches!(account.status, Some(Status::Downloaded)));
                for entry in &going.files {
                    prop_assert!(entry.state != FileState::Suspect);
                    prop_assert!(case.manifest.youtube.iter().any(|video| is_shown(entry.part, video)));
                }
            }
        }
        for sent in &going.videos {
            prop_assert!(case.manifest.youtube.iter().any(|video| video.video_id == sent.video));
        }
    }
}
