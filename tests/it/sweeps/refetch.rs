//! `verify --refetch` killed before each of its calls: what was wrong is fetched again in the end, once, and nothing else is.

use std::ops::RangeInclusive;

use futures::StreamExt;
use zoom_archiver::simulator::Simulator;

use crate::support::meddling::{DENIED, Errno, Meddling, TRACER};
use crate::support::{Service, fetched, file_of, folder, meeting_at, minute, skipped, tell, zoom_with};

/// Runs at a time.
const AT_ONCE: usize = 3;

/// Calls that every such command makes, by one of these names, and what they are about.
const EVERY_TIME: [(&[&str], &str); 4] = [
    (&["renameat2"], "gallery_view.mp4"),
    (&["fsync"], "downloads/"),
    (&["rename", "renameat", "renameat2"], ".meeting.json."),
    (&["rename", "renameat", "renameat2"], ".state.json."),
];

/// An archive of which one video is broken, another gone, and a third as it was; and a meeting whose folder is gone.
async fn harmed() -> (Simulator, Service) {
    let zoom = zoom_with([
        meeting_at("a==", 5, 0).video("gallery_view", 8192).video("active_speaker", 4096).video("shared_screen", 4096),
        meeting_at("gone==", 7, 0).video("gallery_view", 4096),
    ])
    .await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20).set("log.stderr", false);
    service.once().await.with(0);
    let archived = |name: &str| service.archived(&format!("{}/{name}", folder(minute(5))));
    std::fs::write(archived("gallery_view.mp4"), vec![b'x'; 8192]).expect("it is written");
    std::fs::remove_file(archived("active_speaker.mp4")).expect("it is there");
    std::fs::remove_dir_all(service.archived(&folder(minute(7)))).expect("it is there");
    service.asks_again_for(&["a==", "gone=="]);
    (zoom, service)
}

/// Runs the command with one of its calls meddled with, then polls, then runs it and polls again; whether the meddling ended
/// or failed the command.
async fn meddle(meddling: Meddling) -> bool {
    let (zoom, service) = harmed().await;

    let ended = service.start_meddled(meddling, &["verify", "--refetch"]).ended().await;

    let is_hit = ended.code != Some(0);
    assert!(is_hit || !matches!(meddling, Meddling::FailFrom(..)), "what it can't remember is no success: {ended:?}");
    // Whatever it has come to, a poll makes nothing worse of it.
    service.once().await.with(0);
    if !matches!(meddling, Meddling::KillBefore(_)) {
        // One file may have been asked for in spite of the other, which comes with a row of its own then.
        service.asks_again_for(&["a=="]);
    }
    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(0);
    let calls = service.calls();
    let ids = ["gallery_view", "active_speaker", "shared_screen"].map(|kind| file_of(&zoom, "a==", kind));
    let times = ids.map(|id| fetched(&zoom)[&id]);
    assert_eq!(times, [2, 2, 1], "what was wrong is fetched again, once: {meddling:?}, before {:?}", calls.last());
    assert_eq!(fetched(&zoom)[&file_of(&zoom, "gone==", "gallery_view")], 2, "{meddling:?}");
    let aside: Vec<_> = service.media().into_iter().filter(|name| name.contains(".bad")).collect();
    assert_eq!(aside, [format!("{}/gallery_view.mp4.bad", folder(minute(5)))], "{meddling:?}");
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
    is_hit
}

/// Its state-changing calls, by number, from the first that touches the archive on: those before it are made by every command
/// that writes. Nothing, and a word on it, where calls can't be meddled with.
async fn calls_of_the_command() -> Option<RangeInclusive<usize>> {
    if let Err(why) = TRACER.as_ref() {
        skipped(why);
        return None;
    }
    let (_zoom, service) = harmed().await;
    let ended = service.start_meddled(Meddling::Nothing, &["verify", "--refetch"]).ended().await;
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
    let first = calls.iter().position(|call| call.starts_with("renameat2 ")).expect("it was looked for");
    Some(first + 1..=calls.len())
}

async fn sweep(test: &str, meddlings: impl Iterator<Item = Meddling>) {
    let runs = futures::stream::iter(meddlings.map(meddle)).buffer_unordered(AT_ONCE);
    let hit: Vec<bool> = runs.collect().await;
    let count = hit.iter().filter(|hit| **hit).count();
    tell(&format!("{test}: {} runs, of which {count} did not come to their end", hit.len()));
    assert!(count > 0, "the calls were met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_killed_before_any_call_of_a_refetch_what_was_wrong_is_fetched_again_once() {
    let Some(calls) = calls_of_the_command().await else { return };
    sweep("the sweep of killed refetches", calls.map(Meddling::KillBefore)).await;
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d5_a_refetch_on_a_disk_that_fails_says_so_and_can_be_asked_for_again() {
    let Some(calls) = calls_of_the_command().await else { return };
    let failing = calls.step_by(3).map(|call| match call % 2 {
        0 => Meddling::Fail(call, Errno::Eio),
        _ => Meddling::FailFrom(call, Errno::Enospc),
    });
    sweep("the sweep of refetches on failing disks", failing).await;
    // `keeps_its_promises` was checked after each run.
}
