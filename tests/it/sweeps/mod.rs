//! Sweeps: the same run again and again, each time with another of its state-changing system calls gone wrong.
//!
//! The run refreshes a token, claims a folder, downloads, resumes a part of an earlier run, records, and writes
//! `state.json`. Kills come before each of them; of errors and power cuts there are a share by default, and all with
//! `ZOOM_ARCHIVER_TESTS=whole`.

mod cleanups;
mod crashes;
mod errors;
mod power;
mod refetch;
mod soak;
mod uploads;

use std::path::Path;

use tokio::sync::OnceCell;
use zoom_archiver::simulator::{Matcher, Simulator, World};

use crate::support::meddling::{DENIED, Meddling, TRACER};
use crate::support::{Service, is_whole, meeting_at, now, skipped, zoom_of};

/// Bytes of the part that the run resumes.
const BEGUN: u64 = 100 << 10;

/// A Zoom with a meeting that is archived, one whose download was begun, and, unless `earlier`, a new one.
async fn zoom(earlier: bool) -> Simulator {
    let world = World::new(now()).user("me");
    let world = world.meeting(meeting_at("archived==", 9, 0).video("gallery_view", 20_000));
    let world = world.meeting(meeting_at("begun==", 7, 0).video("active_speaker", 300 << 10));
    let new = meeting_at("new==", 5, 0).video("gallery_view", 200 << 10).video("shared_screen", 30_000);
    zoom_of(if earlier { world } else { world.meeting(new) }).await
}

fn service_on(zoom: &Simulator, disk: &Path) -> Service {
    let service = Service::on_disk(zoom, disk).set("poll.lookback_days", 20).set("log.stderr", false);
    service.set("download.workers", 2)
}

/// The state folder as the earlier run has left it: one meeting archived, the download of another cut off by a kill.
async fn earlier_run() -> &'static Service {
    static EARLIER: OnceCell<Service> = OnceCell::const_new();
    let run = async || {
        let zoom = zoom(true).await;
        let service = service_on(&zoom, &std::env::temp_dir());
        let begun = zoom.file("begun==", "active_speaker").expect("the world has it");
        let hold = zoom.hold(Matcher::media().file(&begun), BEGUN);
        let running = service.start(&["once"]);
        hold.reached().await;
        service.until_recorded("archived==").await;
        running.stop().await.with(1);
        assert_eq!(service.part_len(), BEGUN);
        service
    };
    EARLIER.get_or_init(run).await
}

/// A service that has the earlier run behind it, and a token of its own.
async fn service_after_it(zoom: &Simulator, disk: &Path) -> Service {
    let service = service_on(zoom, disk);
    let earlier = earlier_run().await;
    for name in earlier.files() {
        let is_own = name.starts_with(".zoom_") || name == "config.toml" || name == "lock" || name.starts_with("logs");
        if let Some(folder) = name.strip_suffix('/').filter(|_| !is_own) {
            std::fs::create_dir(service.path(folder)).expect("it is new");
        } else if !is_own {
            copy(&earlier.path(&name), &service.path(&name));
        }
    }
    // The archive's path is known by its name.
    let state = service
        .text("state.json")
        .replace(&earlier.path("downloads").display().to_string(), &service.path("downloads").display().to_string());
    std::fs::write(service.path("state.json"), state).expect("it can be written");
    service
}

/// With its mode, its time, and what is noted of a part in its attributes.
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").args([from, to]).status().expect("cp is there");
    assert!(status.success());
}

/// Calls that every run makes, by one of these names, and what they are about: where they are not seen, the sweeps are of
/// less than they say.
const EVERY_RUNS: [(&[&str], &str); 7] = [
    (&["write"], "processed.csv"),
    (&["fdatasync"], "processed.csv"),
    (&["fsync"], ".mp4.part"),
    (&["rename", "renameat", "renameat2"], ".state.json."),
    (&["renameat", "renameat2"], ".mp4.part"),
    (&["ftruncate", "fsetxattr"], ".mp4.part"),
    (&["sendto", "sendmsg", "write", "writev"], "socket:"),
];

/// How many state-changing calls an undisturbed run makes; nothing, and a word on it, where calls can't be meddled with.
async fn calls_of_a_run() -> Option<usize> {
    if let Err(why) = TRACER.as_ref() {
        skipped(why);
        return None;
    }
    let zoom = zoom(false).await;
    let service = service_after_it(&zoom, &std::env::temp_dir()).await;
    let ended = service.start_meddled(Meddling::Nothing, &["once"]).ended().await;
    if ended.code == Some(DENIED) {
        skipped(ended.stderr.trim_end());
        return None;
    }
    ended.with(0);
    service.keeps_its_promises(&zoom).await;
    let calls = service.calls();
    for (names, object) in EVERY_RUNS {
        let is_it = |(name, path): (&str, &str)| names.contains(&name) && path.contains(object);
        let is_there = calls.iter().filter_map(|call| call.split_once(' ')).any(is_it);
        assert!(is_there, "none of {names:?} on {object} among the calls of a run: {calls:#?}");
    }
    Some(calls.len())
}

/// The calls to sweep: of this many all, or each `share`-th.
fn swept(calls: usize, share: usize) -> impl Iterator<Item = usize> {
    (1..=calls).step_by(if is_whole() { 1 } else { share })
}
