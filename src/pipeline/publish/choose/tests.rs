use std::path::Path;

use super::*;
use crate::archive::manifest::Published;
use crate::config::{self, Settings, Sources};
use crate::meeting::{ByteCount, RecordingType};

/// A clear day after the meeting.
const NOW: &str = "2026-01-15T12:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The settings with these of `[youtube]`.
fn settings(youtube: &[(&str, &str)]) -> Settings {
    let given =
        [("ZOOM__CLIENT_ID", "id"), ("ZOOM__CLIENT_SECRET", "secret")].map(|(key, value)| (key.to_owned(), value));
    let youtube = youtube.iter().map(|(key, value)| (format!("YOUTUBE__{key}"), *value));
    let environment =
        given.into_iter().chain(youtube).map(|(key, value)| (format!("ZOOM_ARCHIVER__{key}"), value.to_owned()));
    let sources =
        Sources { config: None, environment: environment.collect(), working_dir: Path::new("/tmp").to_owned() };
    config::load(&sources).unwrap().settings
}

/// A file of the meeting at 2026-01-10 12:00, from one minute to another.
fn file(id: &str, part: u32, minutes: (i64, i64), state: FileState) -> FileEntry {
    let minute = |minute| Some(at("2026-01-10T12:00:00Z") + TimeDelta::minutes(minute));
    FileEntry {
        id: id.parse().unwrap(),
        recording_type: RecordingType::new("gallery_view"),
        name: format!("{id}.mp4").parse().unwrap(),
        size: ByteCount(1000),
        recording_start: minute(minutes.0),
        recording_end: minute(minutes.1),
        part,
        best: true,
        state,
    }
}

fn whole(id: &str, part: u32, minutes: (i64, i64)) -> FileEntry {
    file(id, part, minutes, FileState::Whole)
}

/// A meeting of these files, recorded four days ago; nothing of it was sent.
struct Case {
    manifest: Manifest,
    account: Option<Account>,
    is_pending: bool,
    uploads: Uploads,
    begun: Vec<Begun>,
    settings: Settings,
    now: DateTime<Utc>,
}

impl Case {
    fn of(files: Vec<FileEntry>) -> Self {
        let manifest = Manifest {
            uuid: "a==".parse().unwrap(),
            meeting_id: None,
            topic: "Class".to_owned(),
            start_time: at("2026-01-10T12:00:00Z"),
            timezone: Some("Pacific/Auckland".to_owned()),
            duration_min: 45,
            host_id: None,
            host_email: None,
            user: "me".parse().unwrap(),
            share_url: None,
            files,
            youtube: Vec::new(),
        };
        let account = Account {
            status: Some(Status::Downloaded),
            recorded_at: Some(at("2026-01-10T14:00:00Z")),
            ..Account::new(manifest.uuid.clone())
        };
        Self {
            manifest,
            account: Some(account),
            is_pending: false,
            uploads: Uploads::default(),
            begun: Vec::new(),
            settings: settings(&[]),
            now: at(NOW),
        }
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.settings = settings(&[(key, value)]);
        self
    }

    fn at(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    /// With this file on YouTube, as `meeting.json` says.
    fn sent(mut self, file: &str, part: u32) -> Self {
        self.manifest.youtube.push(Published {
            part,
            file_id: file.parse().unwrap(),
            video_id: format!("video-of-{file}"),
            uploaded_at: DateTime::default(),
            processed: false,
        });
        self
    }

    /// With this in the tracker.
    fn tracked(mut self, ids: &[&str]) -> Self {
        let ids = ids.iter().map(|id| Some((*id).to_owned()).filter(|id| id != "-"));
        self.account.as_mut().unwrap().youtube_ids = ids.collect();
        self
    }

    /// With rows of these best files and videos.
    fn tracked_in(mut self, rows: &[(&str, &str)]) -> Self {
        let account = self.account.as_mut().unwrap();
        for (files, videos) in rows {
            let videos = videos.split_whitespace().map(|id| Some(id.to_owned()).filter(|id| id != "-"));
            let best_files = files.split_whitespace().map(str::to_owned).collect();
            account.absorb(Account { best_files, youtube_ids: videos.collect(), ..Account::new(account.uuid.clone()) });
        }
        self
    }

    /// With an upload of this file that was begun as this part.
    fn begun(mut self, file: &str, part: u32) -> Self {
        self.begun.push(Begun { uuid: self.manifest.uuid.clone(), part, file_id: file.parse().unwrap() });
        self
    }

    fn failed(mut self, file: &str, next_try: &str) -> Self {
        let failed = Failed {
            uuid: self.manifest.uuid.clone(),
            file_id: file.parse().unwrap(),
            tries: 1,
            stored: 0,
            is_unclear: false,
            unclear_since: None,
            next_try: at(next_try),
            problem: "cut short".to_owned(),
        };
        self.uploads.failed.insert(failed.file_id.clone(), failed);
        self
    }

    fn parked(mut self, file: &str) -> Self {
        let parked = Parked {
            uuid: self.manifest.uuid.clone(),
            part: 1,
            file_id: file.parse().unwrap(),
            reason: "bad title".to_owned(),
            is_unclear: false,
            at: DateTime::default(),
        };
        self.uploads.parked.insert(parked.file_id.clone(), parked);
        self
    }

    fn known(&self) -> Known<'_> {
        Known {
            manifest: &self.manifest,
            account: self.account.as_ref(),
            is_pending: self.is_pending,
            uploads: &self.uploads,
            begun: &self.begun,
        }
    }

    fn choice(&self) -> Choice<'_> {
        choose(self.known(), &self.settings.youtube, self.settings.archive.timezone, self.now, Patience::Usual)
    }

    /// In words: the choice, or for each part its file and how it stands.
    fn words(&self) -> String {
        match self.choice() {
            Choice::Parts(parts) => {
                let word = |part: &Part<'_>| {
                    let stand = format!("{:?}", part.stand);
                    format!("{} {}", part.best.id, stand.split('(').next().unwrap())
                };
                parts.iter().map(word).collect::<Vec<_>>().join(", ")
            }
            Choice::Settling(at) => format!("Settling {}", at.format("%H:%M")),
            other => format!("{other:?}"),
        }
    }
}

#[test]
fn each_part_is_sent_in_its_order_and_only_whole_files() {
    for (files, words) in [
        (vec![], "Nothing"),
        (vec![FileEntry { best: false, ..whole("f", 1, (0, 45)) }], "Nothing"),
        (vec![whole("f", 1, (0, 45))], "f Due"),
        (vec![whole("g", 2, (60, 90)), whole("f", 1, (0, 45))], "f Due, g Due"),
        (vec![file("f", 1, (0, 45), FileState::Removed), whole("g", 2, (60, 90))], "f Absent, g Due"),
        (vec![file("f", 1, (0, 45), FileState::Suspect)], "f Absent"),
        (vec![file("f", 1, (0, 45), FileState::Removing)], "f Absent"),
    ] {
        assert_eq!(Case::of(files).words(), words);
    }
}

#[test]
fn a_part_that_was_sent_is_not_sent_again_whatever_number_or_better_view_it_gets() {
    let one = || Case::of(vec![whole("f", 1, (0, 45))]);
    assert_eq!(one().sent("f", 1).words(), "Done");
    // A part before it came later, so that its number is another now.
    let two = || Case::of(vec![whole("early", 1, (-60, -30)), whole("f", 2, (0, 45))]);
    assert_eq!(two().sent("f", 1).words(), "early Due, f Sent");
    // A better view of the same part came later.
    let lesser = FileEntry { best: false, ..whole("lesser", 1, (0, 45)) };
    let better = Case::of(vec![lesser, whole("better", 1, (0, 45))]).sent("lesser", 1);
    assert_eq!(better.words(), "Done");
    assert_eq!(passed_over(&better.manifest).map(|file| file.id.as_str()).collect::<Vec<_>>(), ["better"]);
    assert_eq!(passed_over(&one().sent("f", 1).manifest).count(), 0);
}

#[test]
fn the_tracker_tells_what_was_sent_where_meeting_json_knows_nothing_of_youtube() {
    let two = || Case::of(vec![whole("f", 1, (0, 45)), whole("g", 2, (60, 90))]);
    assert_eq!(two().tracked(&["v1", "v2"]).words(), "Done");
    assert_eq!(two().tracked(&["-", "v2"]).words(), "f Due, g Sent");
    assert_eq!(two().tracked(&["v1"]).words(), "f Sent, g Due");
    assert_eq!(two().tracked(&["v1", "v2"]).sent("g", 2).words(), "Done", "it knows only the one");
    assert_eq!(two().tracked(&["v1"]).sent("g", 2).words(), "Done");
    assert_eq!(two().tracked(&["video-of-g"]).sent("g", 2).words(), "f Due, g Sent", "meeting.json outranks it");
}

#[test]
fn what_only_the_tracker_knows_goes_by_the_files_that_it_names() {
    let early = || vec![whole("early", 1, (-60, -30)), whole("f", 2, (0, 45)), whole("g", 3, (60, 90))];
    let rows = [("f.mp4", "v1"), ("f.mp4 g.mp4", "v1 v2"), ("early.mp4 f.mp4 g.mp4", "")];
    // A part before them came after both were sent, and again once it was sent and meeting.json knows it alone.
    assert_eq!(Case::of(early()).tracked_in(&rows).words(), "early Due, f Sent, g Sent");
    assert_eq!(Case::of(early()).tracked_in(&rows).sent("early", 1).words(), "Done");
    let lesser = FileEntry { best: false, ..whole("lesser", 1, (0, 45)) };
    let better = Case::of(vec![lesser, whole("better", 1, (0, 45))]).tracked_in(&[("lesser.mp4", "v1")]);
    assert_eq!(better.words(), "Done", "a better view is no other part");
    let renamed = Case::of(vec![whole("f", 1, (0, 45))]).tracked_in(&[("gone.mp4", "v1")]);
    assert_eq!(renamed.words(), "Done", "by its place, where the file has no such name any more");
}

#[test]
fn what_only_the_tracker_knows_is_taken_over_under_the_file_that_was_sent() {
    let lesser = FileEntry { best: false, ..whole("lesser", 2, (0, 45)) };
    let files = vec![whole("early", 1, (-60, -30)), lesser, whole("better", 2, (0, 45)), whole("g", 3, (60, 90))];
    let case = Case::of(files).tracked_in(&[("lesser.mp4 g.mp4", "v1 v2")]).sent("g", 3);
    let taken_over = only_tracked(&case.manifest, case.account.as_ref().unwrap(), case.now);
    let words: Vec<_> = taken_over.iter().map(|it| format!("{} {} {}", it.part, it.file_id, it.video_id)).collect();
    assert_eq!(words, ["2 lesser v1"]);
    assert_eq!(
        videos_of(&case.manifest, case.account.as_ref()),
        [None, Some("v1"), Some("video-of-g")].map(|id| id.map(str::to_owned))
    );
}

#[test]
fn what_is_not_recorded_or_not_complete_waits() {
    let mut case = Case::of(vec![whole("f", 1, (0, 45))]);
    case.is_pending = true;
    assert_eq!(case.words(), "Incomplete");
    case.account.as_mut().unwrap().status = Some(Status::Empty);
    assert_eq!(case.words(), "NotRecorded");
    case.account = None;
    assert_eq!(case.words(), "NotRecorded");
    let case = Case { is_pending: true, account: None, ..Case::of(vec![whole("f", 1, (0, 45))]).sent("f", 1) };
    assert_eq!(case.words(), "Done", "what is there needs nothing");
}

#[test]
fn a_meeting_settles_once_its_files_stayed_the_same_or_it_ended_a_day_ago() {
    let case = || Case::of(vec![whole("f", 1, (0, 45))]);
    for (now, settle, words) in [
        ("2026-01-10T15:59:59Z", "2h", "Settling 16:00"),
        ("2026-01-10T16:00:00Z", "2h", "f Due"),
        ("2026-01-10T14:00:00Z", "0s", "f Due"),
        ("2026-01-10T13:59:58Z", "0s", "f Due"),
        ("2026-01-11T12:44:59Z", "7 days", "Settling 12:45"),
        ("2026-01-11T12:45:00Z", "7 days", "f Due"),
    ] {
        assert_eq!(case().set("SETTLE", settle).at(now).words(), words, "{now} {settle}");
    }
    let mut unreadable = case().at("2026-01-10T14:00:00Z");
    unreadable.account.as_mut().unwrap().recorded_at = None;
    assert_eq!(unreadable.words(), "f Due");
}

#[test]
fn what_began_before_the_day_that_is_set_is_left_out_by_the_archives_zone() {
    // At noon of the tenth in UTC it is the eleventh in Auckland.
    for (zone, since, words) in [
        ("UTC", "2026-01-10", "f Due"),
        ("UTC", "2026-01-11", "TooOld"),
        ("meeting", "2026-01-11", "f Due"),
        ("meeting", "2026-01-12", "TooOld"),
        ("Pacific/Auckland", "2026-01-11", "f Due"),
    ] {
        let mut case = Case::of(vec![whole("f", 1, (0, 45))]).set("SINCE", since);
        case.settings.archive.timezone = match zone {
            "meeting" => ArchiveZone::Meeting,
            zone => ArchiveZone::Fixed(zone.parse().unwrap()),
        };
        assert_eq!(case.words(), words, "{zone} {since}");
    }
}

#[test]
fn what_failed_waits_for_its_time_and_what_is_parked_for_a_person() {
    let case = || Case::of(vec![whole("f", 1, (0, 45)), whole("g", 2, (60, 90))]);
    assert_eq!(case().failed("f", "2026-01-15T12:01:00Z").words(), "f Later, g Due");
    assert_eq!(case().failed("f", "2026-01-15T12:00:00Z").words(), "f Due, g Due");
    assert_eq!(case().failed("f", "2027-01-01T00:00:00Z").words(), "f Due, g Due", "noted by a clock that was ahead");
    let parked = case().parked("g");
    assert_eq!(parked.words(), "f Due, g Parked");
    assert_eq!(
        parked.choice().to_string(),
        "part 1: for YouTube next; part 2: not sent to YouTube until you ask for it, by `publish`: bad title"
    );
    let failed = case().failed("f", "2026-01-15T12:01:00Z");
    let eager = choose(failed.known(), &failed.settings.youtube, ArchiveZone::Meeting, failed.now, Patience::Eager);
    let Choice::Parts(parts) = eager else { panic!("{eager:?}") };
    assert_eq!(parts[0].stand, Stand::Due);
}

#[test]
fn what_comes_in_the_place_of_an_upload_that_was_begun_waits_for_it() {
    let lesser = || FileEntry { best: false, ..whole("lesser", 1, (0, 45)) };
    let better = || Case::of(vec![lesser(), whole("better", 1, (0, 45)), whole("g", 2, (60, 90))]);
    assert_eq!(better().parked("lesser").words(), "better Due, g Due", "nothing of it was begun");
    assert_eq!(better().begun("lesser", 1).words(), "better Due, g Due");
    assert_eq!(better().begun("lesser", 1).parked("lesser").words(), "better Parked, g Due");
    assert_eq!(better().begun("lesser", 1).failed("lesser", "2026-01-15T12:01:00Z").words(), "better Later, g Due");
    let mut unclear = better().parked("lesser");
    unclear.uploads.parked.values_mut().for_each(|parked| parked.is_unclear = true);
    assert_eq!(unclear.words(), "better Parked, g Due", "it may be there under an id that nobody knows");
    // A part before it came later, and has the number under which it was begun.
    let early = || Case::of(vec![whole("early", 1, (-60, -30)), whole("f", 2, (0, 45))]).begun("f", 1);
    assert_eq!(early().parked("f").words(), "early Parked, f Parked");
    let mut elsewhere = early().parked("f");
    elsewhere.begun[0].uuid = "b==".parse().unwrap();
    assert_eq!(elsewhere.words(), "early Due, f Parked");
}

#[test]
fn an_upload_that_was_begun_is_gone_on_with_as_long_as_its_part_is_wanted() {
    let is_superseded = |case: &Case, file: &str| {
        let (file, policy) = (case.manifest.file(&file.parse().unwrap()).unwrap(), case.settings.youtube.parts);
        super::is_superseded(case.known(), policy, case.now, Patience::Usual, file)
    };
    let two = || Case::of(vec![whole("f", 1, (0, 30)), whole("g", 2, (60, 120))]);
    assert!(!is_superseded(&two(), "f"));
    assert!(is_superseded(&two().set("PARTS", "longest"), "f"), "a longer part came");
    assert!(!is_superseded(&two().set("PARTS", "longest"), "g"));
    assert!(is_superseded(&two().tracked(&["v1"]), "f"), "it is there");
    let gone = Case::of(vec![file("f", 1, (0, 30), FileState::Removed)]).set("PARTS", "longest");
    assert!(!is_superseded(&gone, "f"), "what has become of it is still to be asked");
}

#[test]
fn the_longest_part_alone_is_sent_where_that_is_wished() {
    let longest = |files: Vec<FileEntry>| Case::of(files).set("PARTS", "longest");
    let two = || vec![whole("f", 1, (0, 30)), whole("g", 2, (60, 120))];
    assert_eq!(longest(two()).words(), "g Due");
    assert_eq!(longest(vec![whole("f", 1, (0, 30)), whole("g", 2, (60, 90))]).words(), "f Due");
    assert_eq!(longest(two()).sent("f", 1).words(), "Done", "one is enough");
    assert_eq!(longest(two()).parked("g").words(), "g Parked");
    assert_eq!(longest(vec![whole("f", 1, (0, 30)), file("g", 2, (60, 120), FileState::Removed)]).words(), "f Due");
}

#[test]
fn nothing_but_what_is_impossible_keeps_a_meeting_from_being_sent_that_a_person_asks_for() {
    let asked = |case: &Case| {
        let zone = case.settings.archive.timezone;
        let choice = choose(case.known(), &case.settings.youtube, zone, case.now, Patience::Asked);
        match choice {
            Choice::Parts(parts) => {
                let word = |part: &Part<'_>| format!("{} {:?}", part.best.id, part.stand);
                parts.iter().map(word).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        }
    };
    let case = || Case::of(vec![whole("f", 1, (0, 45)), whole("g", 2, (60, 90))]);
    for hindered in [
        case().failed("f", "2026-01-15T12:01:00Z").parked("g"),
        case().set("SINCE", "2026-02-01"),
        case().set("SETTLE", "7 days").at("2026-01-10T14:00:00Z"),
        Case { is_pending: true, ..case() },
    ] {
        assert_ne!(hindered.words(), "f Due, g Due");
        assert_eq!(asked(&hindered), "f Due, g Due");
    }
    assert_eq!(asked(&case().sent("g", 2).parked("f")), r#"f Due, g Sent("video-of-g")"#);
    assert_eq!(asked(&case().sent("f", 1).sent("g", 2)), "Done");
    assert_eq!(asked(&Case { account: None, ..case() }), "NotRecorded");
    assert_eq!(asked(&Case::of(vec![file("f", 1, (0, 45), FileState::Removed)])), "f Absent");
    assert_eq!(asked(&Case::of(vec![])), "Nothing");
    assert_eq!(asked(&case().set("PARTS", "longest").parked("f")), "f Due");
    assert_eq!(asked(&case().set("PARTS", "longest").parked("f").sent("g", 2)), "Done");
}
