//! Signals, kill -9 and second instances: how a service ends, and what it leaves.

use zoom_archiver::simulator::{Answer, Fault, Matcher, Simulator};

use crate::support::{Ended, MIB, Running, Service, file_of, meeting, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await
}

/// It ended as it was asked to, and whatever it had is enough for the next start to come to the end.
async fn leaves_all_in_order(ended: Ended, service: &Service, zoom: &Simulator) {
    ended.with(0);
    assert_eq!(service.status()["state"], "stopping");
    assert!(service.log().trim_end().ends_with("stopped"), "{}", service.log());
    zoom.clear_faults();
    service.once().await.with(0);
    service.has_whole(zoom, "a==", "gallery_view");
    assert_eq!(service.rows().len(), 1);
}

async fn stopped_while(running: Running, service: &Service, zoom: &Simulator) {
    leaves_all_in_order(running.stop().await, service, zoom).await;
}

#[tokio::test]
async fn p7_an_idle_service_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    service.until_state_is("idle").await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_service_that_waits_for_a_listing_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::list());
    let running = service.run_daemon();
    hold.reached().await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_service_in_the_middle_of_a_download_ends_when_asked_to_and_keeps_what_came() {
    for signal in ["TERM", "INT"] {
        let zoom = zoom_with_a_video().await;
        let service = Service::on(&zoom);
        let hold = zoom.hold(Matcher::media(), 3 * MIB);
        let running = service.run_daemon();
        hold.reached().await;
        service.until_part_has(2 * MIB).await;

        running.signal(signal);
        let ended = running.ended().await;

        // The last of what was sent may still have been on its way.
        let part = service.part_len();
        assert!(part >= 2 * MIB, "{part}");
        leaves_all_in_order(ended, &service, &zoom).await;
        let file = file_of(&zoom, "a==", "gallery_view");
        assert_eq!(zoom.journal().ranges_of(&file), [None, Some(format!("bytes={part}-").as_str())]);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn p7_a_service_whose_download_stalls_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::media(), Fault::Stall { after: 2 * MIB });
    let running = service.run_daemon();
    service.until_part_has(MIB).await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_service_that_waits_for_an_answer_to_a_download_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::download_entry());
    let running = service.run_daemon();
    hold.reached().await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_service_that_waits_for_its_next_try_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::media().always(), Fault::Answer(Answer::new(429).header("retry-after", "50")));
    let running = service.run_daemon();
    service.until_log_says("goes on after a pause").await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_service_that_waits_to_ask_the_api_again_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::list().always(), Fault::Answer(Answer::new(429).header("retry-after", "50")));
    let running = service.run_daemon();
    service.until_log_says("is asked again").await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_service_that_waits_for_authorization_ends_when_asked_to() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    zoom.revoke();
    let running = service.run_daemon();
    service.until_state_is("authorization").await;

    running.stop().await.with(0);
}

#[tokio::test]
async fn p7_a_token_that_was_asked_for_is_saved_before_the_end() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.run_daemon();
    hold.reached().await;
    running.signal("TERM");
    service.until_log_says("SIGTERM: stopping").await;
    hold.release();

    running.ended().await.with(0);

    assert_eq!(service.text(".zoom_refresh_token").trim(), zoom.refresh_token());
    service.once().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_second_signal_ends_it_at_once() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    // The answer to this is waited for even when stopping: the token would be lost.
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.run_daemon();
    hold.reached().await;
    running.signal("TERM");
    service.until_log_says("SIGTERM: stopping").await;

    let ended = running.stop().await.with(1);

    assert!(ended.stderr.contains("ended at once"), "{}", ended.stderr);
    hold.release();
    // Zoom has given a new token that nobody was there to take.
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p8_a_hangup_says_whether_the_config_is_valid_and_ends_nothing() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    running.signal("HUP");
    service.until_log_says("the config is valid; restart to apply it").await;
    std::fs::write(service.path("config.toml"), "[poll]\nlookback_dayz = 3\n").unwrap();
    running.signal("HUP");
    service.until_log_says("lookback_dayz").await;
    service.until_log_says("goes on with the settings that it was started with").await;
    assert!(
        !service.log().contains(" | "),
        "a problem is a line of the log, without the config's own:\n{}",
        service.log()
    );

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p14_a_killed_service_leaves_no_lock_behind() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    hold.release();

    let running = service.run_daemon();
    service.until_recorded("a==").await;

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p14_a_second_instance_is_refused_and_told_what_to_do() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;

    for command in ["once", "run"] {
        let ended = service.run(&[command]).await.with(4);
        assert!(ended.stderr.contains("systemctl stop zoom-archiver"), "{}", ended.stderr);
    }

    stopped_while(running, &service, &zoom).await;
    service.keeps_its_promises(&zoom).await;
}
