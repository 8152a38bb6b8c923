//! `cleanup` killed before each of its calls, or on disks that fail: in the end what was to go is gone, and nothing else is.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use futures::StreamExt;
use zoom_archiver::simulator::Simulator;

use crate::support::meddling::{DENIED, Errno, Meddling, TRACER};
use crate::support::{Service, folder, is_whole, meeting_at, minute, skipped, tell, zoom_with};

/// Runs at a time.
const AT_ONCE: usize = 3;
/// The most runs that it takes until all is done, after the one that was meddled with.
const MOST_RUNS: usize = 3;

/// Calls that every such command makes, by one of these names, and what they are about.
const EVERY_TIME: [(&[&str], &str); 4] = [
    (&["rename", "renameat", "renameat2"], ".meeting.json."),
    (&["unlinkat"], "gallery_view.mp4"),
    (&["fsync"], "downloads/"),
    (&["write"], "processed.csv"),
];

/// An archive with two meetings that are old enough, one of two files, and one that isn't.
async fn archived() -> (Simulator, Service) {
    let zoom = zoom_with([
        meeting_at("a==", 100, 0).video("gallery_view", 8192).video("active_speaker", 4096),
        meeting_at("b==", 101, 0).video("gallery_view", 4096),
        meeting_at("new==", 5, 0).video("gallery_view", 4096),
    ])
    .await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20).set("log.stderr", false);
    service.once().await.with(0);
    service.dates_all_rows_back(TimeDelta::days(2));
    std::fs::write(service.archived(&format!("{}/notes.txt", folder(minute(100)))), "mine").expect("it is written");
    (zoom, service.set("cleanup.keep_days", 1))
}

/// Cleans up with one of the calls meddled with, then again until it is done; whether the meddling ended or failed it.
async fn meddle(meddling: Meddling) -> bool {
    let (zoom, service) = archived().await;

    let ended = service.start_meddled(meddling, &["cleanup"]).ended().await;

    let calls = service.calls();
    let context = format!("{meddling:?}, before {:?}: {ended:?}", calls.last());
    if !service.holds_the_token(&zoom) {
        service.write_token(&zoom.authorize_again());
    }
    service.run(&["verify"]).await.with(0);
    service.tells_no_lie(&zoom);
    let mut runs = 1;
    while service.run(&["cleanup"]).await.code != Some(0) {
        runs += 1;
        assert!(runs <= MOST_RUNS, "{context}: {}", service.log());
    }
    let [noted, kept] =
        [format!("{}/notes.txt", folder(minute(100))), format!("{}/gallery_view.mp4", folder(minute(5)))];
    let mut left = vec![noted, kept];
    left.sort();
    assert_eq!(service.media(), left, "{context}: {}", service.log());
    for (uuid, status) in [("a==", "cleaned"), ("b==", "cleaned"), ("new==", "downloaded")] {
        assert_eq!(service.row(uuid)["status"], status, "{context}");
    }
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
    ended.code != Some(0)
}

/// Its state-changing calls, by number, from a few before the first that touches the archive on. Nothing, and a word on it,
/// where calls can't be meddled with.
async fn calls_of_the_command() -> Option<RangeInclusive<usize>> {
    if let Err(why) = TRACER.as_ref() {
        skipped(why);
        return None;
    }
    let (_zoom, service) = archived().await;
    let ended = service.start_meddled(Meddling::Nothing, &["cleanup"]).ended().await;
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
    let first = calls.iter().position(|call| call.contains(".meeting.json.")).expect("it was looked for");
    Some(first.saturating_sub(3).max(1)..=calls.len())
}

async fn sweep(test: &str, meddlings: impl Iterator<Item = Meddling>) {
    let runs = futures::stream::iter(meddlings.map(meddle)).buffer_unordered(AT_ONCE);
    let hit: Vec<bool> = runs.collect().await;
    let count = hit.iter().filter(|hit| **hit).count();
    tell(&format!("{test}: {} runs, of which {count} did not come to their end", hit.len()));
    assert!(count > 0, "the calls were met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_killed_before_any_call_of_a_cleanup_what_was_to_go_is_gone_in_the_end_and_nothing_else() {
    let Some(calls) = calls_of_the_command().await else { return };
    sweep("the sweep of killed cleanups", calls.map(Meddling::KillBefore)).await;
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d5_a_cleanup_on_a_disk_that_fails_says_so_and_is_made_up_for() {
    let Some(calls) = calls_of_the_command().await else { return };
    let share = if is_whole() { 1 } else { 3 };
    let failing = calls.step_by(share).map(|call| match call % 2 {
        0 => Meddling::Fail(call, Errno::Eio),
        _ => Meddling::FailFrom(call, Errno::Eio),
    });
    sweep("the sweep of cleanups on failing disks", failing).await;
    // `keeps_its_promises` was checked after each run.
}
