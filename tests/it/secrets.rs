//! No token, passcode, signed address or client secret is seen outside of the files made for them: whole runs at the
//! lowest log level, each ending with a look for every secret in all that was printed, logged and kept.

use std::time::Duration;

use zoom_archiver::simulator::youtube::{self, Youtube};
use zoom_archiver::simulator::{Answer, Fault, FileSpec, Matcher};

use crate::support::{MIB, Service, meeting, now, zoom_with};

#[tokio::test]
async fn l6_a_whole_run_at_the_lowest_log_level_tells_no_secret() {
    let zoom = zoom_with([
        meeting("a==", 5).video("gallery_view", 40_000).audio(500).transcript(400).file(FileSpec::captions(300)),
        meeting("b==", 50).file(FileSpec::video("gallery_view", 4096).processing()),
    ])
    .await;
    let service = Service::on(&zoom).set("select.files", vec!["video", "audio", "transcript", "captions"]);

    let ended = service.run(&["once", "--log-level", "trace"]).await.with(0);

    assert!(ended.stderr.contains("DEBUG"), "the log was that detailed");
    assert!(zoom.secrets().len() > 5, "there is something to look for");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l6_a_run_in_which_every_download_goes_wrong_in_its_own_way_tells_no_secret() {
    for format in ["text", "json"] {
        let zoom = zoom_with([]).await;
        let secret = zoom.refresh_token();
        let elsewhere = |origin: &str| Fault::Answer(Answer::redirect(&format!("{origin}/file?access_token={secret}")));
        let entry = Matcher::download_entry;
        let faults = [
            (Matcher::media(), Fault::Cut { after: 5000 }),
            (Matcher::media(), Fault::Reset { after: 5000 }),
            (Matcher::media(), Fault::Stall { after: 5000 }),
            (Matcher::media(), Fault::Longer { by: 100 }),
            (Matcher::media(), Fault::Gzip),
            (Matcher::media(), Fault::HalfHead),
            (Matcher::media(), Fault::HugeHeader { bytes: 1 << 20 }),
            (Matcher::media(), Fault::Answer(Answer::html(200, "Sign in"))),
            (Matcher::media(), Fault::Answer(Answer::new(403))),
            (Matcher::media(), Fault::RedirectToSelf),
            (entry(), Fault::LoseAnswer),
            (entry(), Fault::Answer(Answer::api_error(401, 124, "Invalid access token."))),
            (entry(), Fault::Answer(Answer::api_error(403, 200, "No permission."))),
            (entry(), Fault::Answer(Answer::too_many_requests())),
            (entry(), Fault::Answer(Answer::new(302))),
            (entry(), elsewhere("http://169.254.169.254")),
            (entry(), elsewhere("https://user:password@example.com")),
            (entry(), elsewhere("file://")),
            (entry(), elsewhere("https://nowhere.invalid")),
        ];
        for (hours, (matcher, fault)) in (1..).zip(faults) {
            let uuid = format!("{hours}==");
            zoom.add_meeting("me", meeting(&uuid, hours).video("gallery_view", 40_000));
            zoom.inject(matcher.meeting(&uuid).always(), fault);
        }
        zoom.inject(Matcher::list().from_hit(2), Fault::Answer(Answer::api_error(401, 124, "Invalid access token.")));
        let service = Service::on(&zoom)
            .set("download.attempts", 1)
            .set("download.workers", 16)
            .set("download.stall_timeout", "1s")
            .set("log.format", format);

        let ended = service.run(&["once", "--log-level", "trace"]).await.with(1);

        let failed = ended.stderr.matches("the download failed").count();
        assert!(failed > 14, "{failed} failed");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn l6_a_run_that_is_refused_tells_no_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.revoke();

    service.run(&["once", "--log-level", "trace"]).await.with(3);

    service.write_token(&zoom.authorize_again());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l6_a_token_endpoint_that_fails_is_told_without_a_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let service = Service::on(&zoom);
    let answers = [
        Answer::html(502, "Bad gateway"),
        Answer::new(200).body("{\"access_token\": "),
        Answer::redirect(&format!("https://example.com/?refresh_token={}", zoom.refresh_token())),
    ];
    for answer in answers {
        zoom.inject(Matcher::token(), Fault::Answer(answer));
    }

    service.run(&["once", "--log-level", "trace"]).await;

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l6_a_service_killed_and_stopped_under_way_tells_no_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await;
    let service = Service::on(&zoom).set("log.level", "trace");
    zoom.inject(Matcher::media(), Fault::Drip { bytes: 100_000, every: Duration::from_millis(1) });
    let hold = zoom.hold(Matcher::media(), 2 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    service.tells_no_lie(&zoom);
    running.kill().await;
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    running.stop().await.with(0);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l6_the_list_tells_no_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let service = Service::on(&zoom);

    service.run(&["list", "--json", "--log-level", "trace"]).await.with(0);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l6_a_service_that_knows_youtube_but_does_not_publish_tells_no_secret_and_asks_it_nothing() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let youtube = Youtube::start(youtube::World::new(now())).await.expect("loopback has free ports");
    let service = Service::on(&zoom).on_youtube(&youtube);
    service.write_youtube_token(&youtube.authorize());

    service.run(&["once", "--log-level", "trace"]).await.with(0);

    assert_eq!(youtube.journal().entries().count(), 0);
    service.keeps_its_promises(&zoom).await;
}
