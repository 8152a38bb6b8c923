//! Uploads killed before each of their calls, or on disks that fail: in the end each video is there, once.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use futures::StreamExt;
use zoom_archiver::simulator::youtube::{World, Youtube};
use zoom_archiver::simulator::{FileSpec, Simulator};

use crate::support::meddling::{DENIED, Errno, Meddling, TRACER};
use crate::support::{Service, meeting_at, now, skipped, tell, zoom_with};

/// Runs at a time.
const AT_ONCE: usize = 3;
/// Videos that are to be there in the end.
const VIDEOS: usize = 3;
/// The most runs that it takes until all is done, after the one that was meddled with.
const MOST_RUNS: usize = 3;

/// Calls that every such run makes, by one of these names, and what they are about.
const EVERY_TIME: [(&[&str], &str); 5] = [
    (&["rename", "renameat", "renameat2"], ".state.json."),
    (&["rename", "renameat", "renameat2"], "uploads/"),
    (&["rename", "renameat", "renameat2"], ".meeting.json."),
    (&["write"], "processed.csv"),
    (&["unlink", "unlinkat"], "uploads/"),
];

/// An archive with a meeting of two parts and another one, nothing of it on YouTube.
async fn archived() -> (Simulator, Youtube, Service) {
    let later = FileSpec::video("gallery_view", 9000).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let zoom = zoom_with([
        meeting_at("a==", 5, 0).video("gallery_view", 8192).file(later),
        meeting_at("b==", 7, 0).video("gallery_view", 700 << 10),
    ])
    .await;
    let youtube = Youtube::start(World::new(now()).playlist("PLclass")).await.expect("loopback has free ports");
    let service = Service::on(&zoom).publishing_on(&youtube).set("youtube.playlist", "PLclass");
    let service = service.set("poll.lookback_days", 20).set("log.stderr", false).set("youtube.enabled", false);
    service.once().await.with(0);
    (zoom, youtube, service.set("youtube.enabled", true))
}

/// Sends the videos with one of the calls meddled with, then again until it is done; whether the meddling ended or failed it.
async fn meddle(meddling: Meddling) -> bool {
    let (zoom, youtube, service) = archived().await;

    let ended = service.start_meddled(meddling, &["once"]).ended().await;

    let calls = service.calls();
    let context = format!("{meddling:?}, before {:?}", calls.last());
    service.nothing_is_doubled(&youtube);
    let mut runs = 1;
    while service.once().await.code != Some(0) {
        runs += 1;
        assert!(runs <= MOST_RUNS, "{context}: {}", service.log());
    }
    service.videos_are_byte_exact(&youtube);
    service.nothing_is_doubled(&youtube);
    assert_eq!(youtube.videos().len(), VIDEOS, "{context}: {}", service.log());
    assert!(youtube.videos().iter().all(|video| video.privacy == "private"), "{context}");
    assert_eq!(youtube.in_playlist("PLclass").len(), VIDEOS, "{context}: {}", service.log());
    assert_eq!(service.unfinished_uploads(), Vec::<String>::new(), "{context}");
    for uuid in ["a==", "b=="] {
        assert_eq!(service.row(uuid)["status"], "uploaded", "{context}");
    }
    service.keeps_its_promises(&zoom).await;
    ended.code != Some(0)
}

/// Its state-changing calls, by number, from the first upload's count on. Nothing, and a word on it, where calls can't be
/// meddled with.
async fn calls_of_uploads() -> Option<RangeInclusive<usize>> {
    if let Err(why) = TRACER.as_ref() {
        skipped(why);
        return None;
    }
    let (_zoom, _youtube, service) = archived().await;
    let ended = service.start_meddled(Meddling::Nothing, &["once"]).ended().await;
    if ended.code == Some(DENIED) {
        skipped(ended.stderr.trim_end());
        return None;
    }
    ended.with(0);
    let calls = service.calls();
    for (names, object) in EVERY_TIME {
        let is_it = |(name, path): (&str, &str)| names.contains(&name) && path.contains(object);
        let is_there = calls.iter().filter_map(|call| call.split_once(' ')).any(is_it);
        assert!(is_there, "none of {names:?} on {object} among its calls: {calls:#?}");
    }
    let first = calls.iter().position(|call| call.contains("uploads")).expect("it was looked for");
    let count = calls.iter().take(first).rposition(|call| call.contains("state.json")).expect("it is counted before");
    Some(count.saturating_sub(5)..=calls.len())
}

async fn sweep(test: &str, meddlings: impl Iterator<Item = Meddling>) {
    let runs = futures::stream::iter(meddlings.map(meddle)).buffer_unordered(AT_ONCE);
    let hit: Vec<bool> = runs.collect().await;
    let count = hit.iter().filter(|hit| **hit).count();
    tell(&format!("{test}: {} runs, of which {count} did not come to their end", hit.len()));
    assert!(count > 0, "the calls were met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_killed_before_any_call_of_an_upload_each_video_is_there_once() {
    let Some(calls) = calls_of_uploads().await else { return };
    let share = if crate::support::is_whole() { 1 } else { 3 };
    sweep("the sweep of killed uploads", calls.step_by(share).map(Meddling::KillBefore)).await;
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d5_uploads_on_a_disk_that_fails_say_so_and_send_nothing_twice() {
    let Some(calls) = calls_of_uploads().await else { return };
    let share = if crate::support::is_whole() { 1 } else { 7 };
    let failing = calls.step_by(share).map(|call| match call % 2 {
        0 => Meddling::Fail(call, Errno::Eio),
        _ => Meddling::FailFrom(call, Errno::Enospc),
    });
    sweep("the sweep of uploads on failing disks", failing).await;
    // `keeps_its_promises` was checked after each run.
}
