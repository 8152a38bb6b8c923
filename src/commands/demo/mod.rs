//! `demo`: the real thing against a simulated Zoom and YouTube, in a folder of its own: the newcomer's first run.
//!
//! `world` is these two, `folder` makes what an installation has, `show` tells what is there in the end. What lies
//! between, polls, downloads and uploads, is what `once` does.

mod folder;
mod show;
mod world;

use std::collections::BTreeMap;
use std::future::pending;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use indicatif::MultiProgress;
use tokio_util::sync::CancellationToken;

use super::once::{judge, poll_and_fetch};
use super::setup;
use super::signals::{Hangup, attend};
use crate::chain::chain;
use crate::clock;
use crate::config::Sources;
use crate::logging::Console;
use crate::pipeline::Outcome;
use crate::report::Failure;
use crate::simulator::youtube::TrueVideo;
use world::School;

/// Lines of the log that are shown at the end.
const TAIL: usize = 6;

/// Shows the program at work; `dir` is the folder to create for it.
pub(super) fn demo(dir: Option<&Path>, log_level: Option<&str>) -> Result<(), Failure> {
    let folder = folder::create(dir)?;
    let voice = Voice(io::stderr().is_terminal().then(MultiProgress::new));
    let work = async |stop: &CancellationToken| work(&folder, log_level, &voice, stop).await;
    let videos = attend(Hangup::Stops, work).map_err(|failure| match failure {
        Failure::Insisted => Failure::DemoStopped(folder.clone()),
        other => other,
    })?;
    voice.tell_what_is_there(&folder, &videos);
    Ok(())
}

/// Does all of it; gives what is on the channel in the end.
async fn work(
    folder: &Path,
    log_level: Option<&str>,
    voice: &Voice,
    stop: &CancellationToken,
) -> Result<Vec<TrueVideo>, Failure> {
    let school = School::open(clock::now()).await.map_err(Failure::Runtime)?;
    folder::furnish(folder, &school)?;
    // Nothing from this process's surroundings: a setting of the real installation in the environment would win.
    let sources = Sources {
        config: Some(folder.join(folder::CONFIG)),
        environment: BTreeMap::new(),
        working_dir: folder.to_owned(),
    };
    let session = setup::session_on(sources, log_level, Console::Silent, "demo")?;
    let zoom = setup::zoom(&session.settings)?;
    let publishing = setup::publishing(&session.settings)?;
    voice.introduce(folder);
    let poll = async || {
        let ledger = setup::ledger(&session.settings)?;
        let publishing = publishing.clone();
        let outcome = poll_and_fetch(&session.settings, &zoom, publishing, None, ledger, voice.0.clone(), stop).await;
        if stop.is_cancelled() {
            return Err(Failure::DemoStopped(folder.to_owned()));
        }
        voice.tell_outcome(&outcome);
        judge(outcome)
    };
    let result = two_polls(poll, &school, voice).await;
    setup::close(zoom.tokens()).await;
    if let Some((youtube, _)) = &publishing {
        setup::close(youtube.tokens()).await;
    }
    result.map(|()| school.youtube.videos())
}

async fn two_polls(poll: impl AsyncFn() -> Result<(), Failure>, school: &School, voice: &Voice) -> Result<(), Failure> {
    voice.say(FIRST_POLL);
    let tell_of_the_download = async {
        let range = school.resumed().await;
        voice.say(&format!("   The connection broke in the middle of \"{}\".", school.cut_topic));
        voice.say(&format!("   What had come was kept, and the rest is asked for: Range: {range}"));
        pending::<()>().await;
    };
    let tell_of_the_upload = async {
        let (title, range) = school.upload_resumed().await;
        voice.say(&format!("   The upload of \"{title}\" broke off."));
        voice.say(&format!("   YouTube was asked how much it has, and the rest is sent: Content-Range: {range}"));
        pending::<()>().await;
    };
    tokio::select! {
        result = poll() => result?,
        () = tell_of_the_download => {}
        () = tell_of_the_upload => {}
    }
    voice.say(NOT_FETCHED);
    school.an_hour_later().map_err(|error| Failure::Runtime(io::Error::other(chain(&error))))?;
    voice.say(SECOND_POLL);
    poll().await
}

const INTRODUCTION: &str =
    "   It gets a config and two refresh tokens, as after an authorization. Zoom has six meetings of the last days, the
   channel on YouTube is empty, and both are slow, so that there is something to see. The videos are noise: no player
   shows a picture.";

const FIRST_POLL: &str = "
2. The first poll. The refresh token is traded for an access token, and for the next refresh token, which is saved
   before anything else is done. Then Zoom is asked for the meetings of a year, month by month. The best view of each
   part goes to YouTube as soon as its meeting is archived.";

const NOT_FETCHED: &str =
    "   \"Phone call\" has no video: its row says `empty`. \"Microphone test\" is left out by select.exclude_topics.";

const SECOND_POLL: &str = "
3. A poll an hour later (here: at once). The access token has expired, so it is renewed, and the refresh token with it.
   Zoom has finished the meeting that it was still at work on. YouTube has processed the videos.";

const NEXT: &str = "
6. With your own account: Authorize in README.md says how to make the app. Then:

   cp config/zoom-archiver.example.toml config/zoom-archiver.toml    # and fill in client_id and client_secret
   zoom-archiver auth zoom                                           # open the address that it prints
   zoom-archiver auth youtube                                        # the same, where videos are to be published
   zoom-archiver check                                               # is everything in order?
   zoom-archiver once                                                # fetch it; `run` does so for good
";

/// Says things on stdout, beside progress bars where there are some.
struct Voice(Option<MultiProgress>);

impl Voice {
    fn say(&self, text: &str) {
        // A reader that has seen enough (`| head`) does not end the demo.
        let write = || writeln!(io::stdout().lock(), "{text}").ok();
        match &self.0 {
            Some(bars) => bars.suspend(write),
            None => write(),
        };
    }

    fn introduce(&self, folder: &Path) {
        self.say("zoom-archiver at work: the real program, and a simulated Zoom and YouTube on this machine.\n");
        self.say(&format!("1. A folder for it: {}", folder.display()));
        self.say(INTRODUCTION);
    }

    fn tell_outcome(&self, outcome: &Outcome) {
        let files = count(outcome.files, "file");
        let meetings = count(outcome.recorded, "meeting");
        let videos = count(outcome.videos, "video");
        self.say(&format!("   {files} fetched, {}; {meetings} recorded; {videos} sent.", outcome.bytes));
        if outcome.waiting > 0 {
            self.say(&format!(
                "   {} for Zoom, which is still processing: the next poll looks again.",
                waits(outcome.waiting)
            ));
        }
    }

    fn tell_what_is_there(&self, folder: &Path, videos: &[TrueVideo]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        self.say(&format!("\n4. What is there now:\n\n   {name}/"));
        self.say_all(&show::tree(folder));
        self.say("\n   The tracker, processed.csv (some of its columns):\n");
        self.say_all(&show::table(&folder.join("processed.csv")));
        self.say("\n   The end of the log, logs/zoom-archiver.log:\n");
        self.say_all(&show::tail(&folder.join("logs/zoom-archiver.log"), TAIL));
        let is_listed = videos.iter().all(|video| video.playlists.len() == 1);
        let listed = if is_listed { ", each in the playlist" } else { "" };
        self.say(&format!("\n5. What is on YouTube now{listed}:\n"));
        self.say_all(&show::channel(videos));
        self.say(NEXT);
    }

    fn say_all(&self, lines: &[String]) {
        for line in lines {
            self.say(&format!("   {line}"));
        }
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn waits(number: u64) -> String {
    format!("{} {}", count(number, "meeting"), if number == 1 { "waits" } else { "wait" })
}
