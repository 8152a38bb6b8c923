//! Uploads killed before each of their calls, or on disks that fail: in the end each video is there, once.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use futures::StreamExt;
use zoom_archiver::simulator::youtube::{Refused, World, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, Simulator};

use crate::support::meddling::{DENIED, Errno, Meddling, TRACER};
use crate::support::{Service, is_whole, meeting_at, now, skipped, tell, zoom_with};

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
    let share = if is_whole() { 1 } else { 4 };
    sweep("the sweep of killed uploads", calls.step_by(share).map(Meddling::KillBefore)).await;
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d5_uploads_on_a_disk_that_fails_say_so_and_send_nothing_twice() {
    let Some(calls) = calls_of_uploads().await else { return };
    let share = if is_whole() { 1 } else { 9 };
    let failing = calls.step_by(share).map(|call| match call % 2 {
        0 => Meddling::Fail(call, Errno::Eio),
        _ => Meddling::FailFrom(call, Errno::Enospc),
    });
    sweep("the sweep of uploads on failing disks", failing).await;
    // `keeps_its_promises` was checked after each run.
}

/// Opens the tracker and saves it sorted by topic, as a person would.
fn sort_by_hand(service: &Service) {
    let text = service.text("processed.csv");
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.split(',').nth(3).map(str::to_owned)));
    std::fs::write(service.path("processed.csv"), format!("{header}\n{}\n", rows.join("\n"))).expect("it is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_p6_y4_y8_c3_thirty_meetings_are_thirty_videos_however_often_they_are_cut_killed_and_limited() {
    const MEETINGS: u64 = 30;
    let meetings = (0..MEETINGS).map(|n| {
        let hours = 5 + i64::try_from(n).expect("it is small");
        meeting_at(&format!("m{n}=="), hours, 0)
            .topic(&format!("Class {}", n * 7 % 10))
            .video("gallery_view", (600 << 10) + n)
    });
    let zoom = zoom_with(meetings).await;
    let youtube = Youtube::start(World::new(now())).await.expect("loopback has free ports");
    let service = Service::on(&zoom).publishing_on(&youtube);
    let begun = || youtube.journal().to(Endpoint::UploadStart).count();
    let mut dice = 7_u64;
    for round in 0..8 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        youtube.inject(Matcher::upload(), Fault::BreakOff { after: (dice >> 33) % (600 << 10) });
        if round % 3 == 2 {
            youtube.inject(Matcher::upload_start(), Refused::UploadsOfTheDay);
            service.once().await.with(0).says("YouTube takes no more videos for now");
            sort_by_hand(&service);
            service.lets_the_waits_pass();
            continue;
        }
        let enough = begun() + 2 + usize::try_from(dice >> 62).expect("it is small");
        let running = service.run_daemon();
        youtube.until(|journal| journal.to(Endpoint::UploadStart).count() >= enough).await;
        running.kill().await;
        service.nothing_is_doubled(&youtube);
    }
    let before = youtube.videos().len();
    assert!((8..30).contains(&before), "{before} videos when the trouble ends");

    service.once().await.with(0);

    service.keeps_its_promises(&zoom).await;
    service.videos_are_byte_exact(&youtube);
    service.nothing_is_doubled(&youtube);
    let videos = youtube.videos();
    assert_eq!(videos.len() as u64, MEETINGS);
    assert!(videos.iter().all(|video| video.privacy == "private"));
    for n in 0..MEETINGS {
        let row = service.row(&format!("m{n}=="));
        assert!(videos.iter().any(|video| video.id == row["youtube_id"]), "{row:?}");
    }
    let uploaded = service.rows().into_iter().filter(|row| row["status"] == "uploaded").count();
    assert_eq!(uploaded as u64, MEETINGS, "one row for each");
}
