//! ENOSPC and EIO from each call: the process lives, says so, and the next run makes up for it. And a disk that is slow.

use futures::StreamExt;

use zoom_archiver::simulator::Matcher;

use super::{calls_of_a_run, service_after_it, swept, zoom};
use crate::support::meddling::{Errno, Meddling};
use crate::support::{MIB, Service, file_of, is_whole, meeting, tell, zoom_with};

/// Runs at a time.
const AT_ONCE: usize = 3;

/// The exit code of a run in which a call failed; all else that must be so of it is asserted.
async fn fail(meddling: Meddling) -> i32 {
    let zoom = zoom(false).await;
    let service = service_after_it(&zoom, &std::env::temp_dir()).await;

    let ended = service.start_meddled(meddling, &["once"]).ended().await;

    let call = service.calls().pop();
    let about = format!("{meddling:?}, before {call:?}: {ended:?}; the log:\n{}", service.log());
    assert!(matches!(ended.code, Some(0..=3)), "it lives: {about}");
    let has_all = ["archived==", "begun==", "new=="].iter().all(|uuid| service.has_recorded(uuid));
    assert!(has_all || ended.code != Some(0), "what is not done is no success: {about}");
    assert!(has_all || !ended.stderr.is_empty(), "and it is said: {about}");
    service.tells_no_lie(&zoom);
    // A token that could not be saved is lost with the process, which said so.
    if !service.holds_the_token(&zoom) {
        assert!(service.log().contains("the new Zoom tokens cannot be saved"), "{about}");
        service.write_token(&zoom.authorize_again());
    }
    service.keeps_its_promises(&zoom).await;
    ended.code.unwrap_or_default()
}

async fn sweep(test: &str, calls: usize, meddlings: impl Fn(usize) -> Vec<Meddling>) {
    let all: Vec<_> = swept(calls, 6).flat_map(meddlings).collect();
    tell(&format!("{test}: {} runs over {calls} calls", all.len()));
    let codes: Vec<i32> = futures::stream::iter(all.into_iter().map(fail)).buffer_unordered(AT_ONCE).collect().await;
    for code in 0..=3 {
        tell(&format!("{test}: exit code {code}: {} times", codes.iter().filter(|each| **each == code).count()));
    }
    assert!(codes.iter().any(|code| *code != 0), "the calls did fail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_d3_d5_a_single_call_that_fails_is_survived_and_made_up_for() {
    let test = "the sweep of single errors";
    let Some(calls) = calls_of_a_run().await else { return };
    let also = [Errno::Edquot, Errno::Erofs, Errno::Emfile, Errno::Eintr];
    sweep(test, calls, |call| {
        let usual = [Meddling::Fail(call, Errno::Enospc), Meddling::Fail(call + 3, Errno::Eio)];
        let further = also.iter().filter(|_| is_whole()).map(|errno| Meddling::Fail(call, *errno));
        usual.into_iter().chain(further).collect()
    })
    .await;
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d5_a_disk_that_fails_from_some_moment_on_is_survived_and_made_up_for() {
    let test = "the sweep of failing disks";
    let Some(calls) = calls_of_a_run().await else { return };
    sweep(test, calls, |call| vec![Meddling::FailFrom(call, Errno::Enospc), Meddling::FailFrom(call + 3, Errno::Eio)])
        .await;
    // `keeps_its_promises` was checked after each run.
}

/// A service whose disk fails from this call on; whether it came so far as to poll.
async fn serve_on_a_failing_disk(meddling: Meddling) -> bool {
    let zoom = zoom(false).await;
    let service = service_after_it(&zoom, &std::env::temp_dir()).await.set("poll.schedule", "* * * * * *");
    let mut running = service.start_meddled(meddling, &["run"]);
    // The log is not meddled with; without a token there is nothing to ask Zoom for.
    let polls =
        |times: usize| service.until("it polls", move |service| service.log().matches("polled Zoom").count() >= times);

    let has_polled = running.lives_until(polls(1)).await;
    let lives_on = has_polled && running.lives_until(polls(3)).await;

    let ended = if lives_on { running.stop().await } else { running.ended().await };
    let about = format!("{meddling:?}: {ended:?}; the log:\n{}", service.log());
    let may_end_with: &[i32] = if has_polled { &[0] } else { &[1, 2] };
    assert!(ended.code.is_some_and(|code| may_end_with.contains(&code)), "{about}");
    assert_eq!(lives_on, has_polled, "once it is at work it goes on, whatever the disk does: {about}");
    service.tells_no_lie(&zoom);
    if !service.holds_the_token(&zoom) {
        service.write_token(&zoom.authorize_again());
    }
    service.keeps_its_promises(&zoom).await;
    has_polled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_d5_a_service_whose_disk_fails_goes_on_polling() {
    let test = "the sweep of services on failing disks";
    let Some(calls) = calls_of_a_run().await else { return };
    let meddlings =
        swept(calls, 15).map(|call| Meddling::FailFrom(call, if call % 2 == 0 { Errno::Eio } else { Errno::Enospc }));
    let runs = futures::stream::iter(meddlings.map(serve_on_a_failing_disk)).buffer_unordered(AT_ONCE);
    let polled: Vec<bool> = runs.collect().await;
    let count = polled.iter().filter(|polled| **polled).count();
    tell(&format!("{test}: {} runs, of which {count} came so far as to poll, and went on", polled.len()));
    assert!(count > 0);
    // `keeps_its_promises` was checked after each run.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d14_a_disk_that_takes_its_time_to_sync_holds_up_no_other_download() {
    if calls_of_a_run().await.is_none() {
        return;
    }
    let zoom = zoom_with([
        meeting("small==", 5).video("gallery_view", 200 << 10),
        meeting("large==", 6).video("active_speaker", 6 * MIB),
    ])
    .await;
    // All downloads share one thread: where it waits for the disk, none of them goes on.
    let service = Service::on(&zoom).set("download.workers", 2).with_variable("TOKIO_WORKER_THREADS", "1");
    let large = zoom.hold(Matcher::media().file(&file_of(&zoom, "large==", "active_speaker")), MIB);
    let running = service.start_meddled(Meddling::HeldSyncs, &["once"]);
    large.reached().await;
    let is_of_small = |call: &String| call.starts_with("fdatasync ") && call.ends_with("/gallery_view.mp4.part");
    service.until("the small one is synced", |service| service.calls().iter().any(is_of_small)).await;

    large.release();

    let large_part = |service: &Service| {
        let name = service.media().into_iter().find(|name| name.ends_with("/active_speaker.mp4.part"));
        name.and_then(|name| service.archived(&name).metadata().ok()).map_or(0, |meta| meta.len())
    };
    service.until("the large one goes on", |service| large_part(service) >= 4 * MIB).await;
    assert_eq!(service.finished(), Vec::<String>::new(), "the small one waits for the disk meanwhile");
    service.lets_syncs_end();
    running.ended().await.with(0);
    service.keeps_its_promises(&zoom).await;
}
