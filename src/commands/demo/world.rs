//! What the demo's Zoom and YouTube have: a few days of a small school and its empty channel, with what tends to go wrong.

use chrono::{DateTime, TimeDelta, Utc};

use crate::simulator::youtube::{self, Youtube};
use crate::simulator::{Entry, Fault, FileSpec, Matcher, MeetingSpec, Simulator, Unknown, World};

const MIB: u64 = 1 << 20;
/// Bytes per second and connection: all in all some ten seconds, so that there is something to watch.
const THROTTLE: u64 = 2 * MIB;
/// The same for what is sent to YouTube.
const UPLOAD_THROTTLE: u64 = 5 * MIB;
/// Where the connection breaks, once.
const CUT_AT: u64 = 4 * MIB;
/// Where the first upload breaks off.
const UPLOAD_CUT_AT: u64 = 2 * MIB;
/// The meeting in whose download it breaks.
const CUT_MEETING: &str = "k3Jm8QxTRfC0wYb//7aPpg==";
/// The meeting that Zoom is still at work on.
const UNFINISHED_MEETING: &str = "Zq1vN4uHSEi6yX0tD2cMhw==";
/// The pattern by which the demo's config leaves out a meeting.
pub(super) const LEFT_OUT: &str = "(?i)microphone test";

/// The playlist that the videos are put into.
pub(super) const PLAYLIST: &str = "PLa-winter-at-school";

/// The Zoom of the demo, and its YouTube.
pub(super) struct School {
    pub(super) zoom: Simulator,
    pub(super) youtube: Youtube,
    /// The id of the file whose connection breaks, and the name by which people know it.
    pub(super) cut_file: String,
    pub(super) cut_topic: &'static str,
    /// The file that Zoom has yet to finish.
    unfinished_file: String,
}

impl School {
    pub(super) async fn open(now: DateTime<Utc>) -> std::io::Result<Self> {
        let zoom = Simulator::start(world(now)).await?;
        let file = |meeting, kind| zoom.file(meeting, kind).map_err(std::io::Error::other);
        let cut_file = file(CUT_MEETING, "gallery_view")?;
        let unfinished_file = file(UNFINISHED_MEETING, "gallery_view")?;
        zoom.inject(Matcher::media().file(&cut_file), Fault::Cut { after: CUT_AT });
        let youtube = Youtube::start(channel(now)).await?;
        youtube.inject(Matcher::upload(), Fault::BreakOff { after: UPLOAD_CUT_AT });
        Ok(Self { zoom, youtube, cut_file, cut_topic: "Weekly planning", unfinished_file })
    }

    /// An hour goes by: Zoom and YouTube finish their work, and the access tokens end.
    pub(super) fn an_hour_later(&self) -> Result<(), Unknown> {
        self.youtube.advance(TimeDelta::hours(1));
        self.zoom.expire_access_token();
        self.zoom.complete(&self.unfinished_file)
    }

    /// Waits until the connection has broken and the rest is asked for; gives the range of that request.
    pub(super) async fn resumed(&self) -> String {
        self.zoom.until(|journal| journal.ranges_of(&self.cut_file).len() > 1).await;
        let journal = self.zoom.journal();
        journal.ranges_of(&self.cut_file).get(1).copied().flatten().unwrap_or_default().to_owned()
    }

    /// Waits until the first upload has broken off and the rest is sent; gives its title, and the range of that request.
    pub(super) async fn upload_resumed(&self) -> (String, String) {
        let is_rest = |entry: &&Entry| entry.header("content-range").is_some();
        self.youtube.until(|journal| journal.uploads().iter().any(is_rest)).await;
        let journal = self.youtube.journal();
        let rest = journal.uploads().into_iter().find(is_rest);
        let title = rest.and_then(|entry| entry.title.clone()).unwrap_or_default();
        (title, rest.and_then(|entry| entry.header("content-range")).unwrap_or_default().to_owned())
    }
}

fn channel(now: DateTime<Utc>) -> youtube::World {
    let rules = |rules: &mut youtube::Rules| rules.upload_throttle = Some(UPLOAD_THROTTLE);
    youtube::World::new(now).rules(rules).playlist(PLAYLIST)
}

fn world(now: DateTime<Utc>) -> World {
    let ago = |hours: i64, minutes: i64| now - TimeDelta::hours(hours) - TimeDelta::minutes(minutes);
    let whole_meeting = MeetingSpec::new("DqClgwqMRYmwXuDfFFAkog==", ago(74, 20))
        .topic("Вместе на полянке")
        .video("shared_screen_with_gallery_view", 5 * MIB)
        .video("gallery_view", 4 * MIB)
        .video("active_speaker", 3 * MIB)
        .audio(MIB)
        .chat(4096);
    let sound_alone =
        MeetingSpec::new("p0OeV5LsTYyB1mGdW9rXkA==", ago(71, 5)).topic("Phone call").minutes(12).audio(MIB);
    let cut_meeting =
        MeetingSpec::new(CUT_MEETING, ago(50, 45)).topic("Weekly planning").video("gallery_view", 7 * MIB);
    let part = |size, starts: i64, lasts: i64| {
        FileSpec::video("gallery_view", size).starts_after(TimeDelta::minutes(starts)).lasts(TimeDelta::minutes(lasts))
    };
    let restarted = MeetingSpec::new("cW7nRb2fQ0+hJ5xKzU8sTA==", ago(27, 10))
        .topic("Piano lesson: Anna")
        .minutes(50)
        .file(part(3 * MIB, 1, 20))
        .file(part(4 * MIB, 30, 19));
    let left_out = MeetingSpec::new("uM9iHd6gR2SoE3yVbN1wLQ==", ago(5, 0))
        .topic("Microphone test")
        .minutes(2)
        .video("gallery_view", MIB);
    let unfinished = MeetingSpec::new(UNFINISHED_MEETING, ago(1, 30))
        .topic("Book club")
        .minutes(60)
        .file(FileSpec::video("gallery_view", 4 * MIB).processing());
    [whole_meeting, sound_alone, cut_meeting, restarted, left_out, unfinished]
        .into_iter()
        .fold(World::new(now).rules(|rules| rules.throttle = Some(THROTTLE)).user("me"), World::meeting)
}
