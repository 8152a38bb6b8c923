//! Starts, stops and neighbours of a process: whenever they come, and however often.

use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use serde_json::{Value, json};
use zoom_archiver::simulator::{Answer, Endpoint, Fault, Matcher, Simulator};

use crate::support::{MIB, Service, asked, file_of, meeting, now, tells_no_secret, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await
}

#[tokio::test]
async fn p5_a_row_of_which_a_kill_left_a_half_is_written_again_and_costs_no_download() {
    let zoom =
        zoom_with([meeting("a==", 9).video("gallery_view", MIB), meeting("b==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let whole = service.text("processed.csv");
    let second_row = whole.trim_end().rfind('\n').unwrap() + 1;
    for len in [second_row + 1, usize::midpoint(second_row, whole.len())] {
        let half = whole.get(..len).unwrap();
        std::fs::write(service.path("processed.csv"), half).unwrap();

        service.once().await.with(0);

        let now = service.text("processed.csv");
        assert!(now.starts_with(&format!("{half}\n")), "the half is ended, and nothing else changed:\n{now}");
        service.keeps_its_promises(&zoom).await;
    }
    assert_eq!(asked(&zoom)[2], 2);
}

#[tokio::test]
async fn p7_stopped_at_any_exchange_with_zoom_a_service_ends_well_and_goes_on_at_its_next_start() {
    let places = [
        ("the token", Matcher::token(), None),
        ("a listing", Matcher::list(), None),
        ("a later listing", Matcher::list().from_hit(5), None),
        ("the address", Matcher::download_entry(), None),
        ("the first byte", Matcher::media(), Some(1)),
        ("the second file", Matcher::media().from_hit(2), Some(100)),
        ("the last byte", Matcher::media().from_hit(2), Some(MIB - 1)),
    ];
    for (n, (place, matcher, bytes)) in places.into_iter().enumerate() {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB).video("active_speaker", MIB)]).await;
        let service = Service::on(&zoom).set("download.workers", 1);
        let hold = bytes.map_or_else(|| zoom.hold_answer(matcher.clone()), |bytes| zoom.hold(matcher.clone(), bytes));
        let running = service.run_daemon();
        hold.reached().await;
        running.signal(if n % 2 == 0 { "TERM" } else { "INT" });
        service.until_log_says("stopping; a second signal").await;
        if place == "the token" {
            // Its answer is waited for: the new token would be lost.
            hold.release();
        }

        let ended = running.ended().await;

        assert_eq!(ended.code, Some(0), "{place}: {ended:?}");
        assert!(!service.has_recorded("a=="), "{place}");
        hold.release();
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn p12_twenty_starts_with_a_refused_token_are_twenty_questions_and_nothing_more() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    zoom.revoke();

    for _ in 0..20 {
        service.once().await.with(3).says("authorize again");
    }

    assert_eq!(asked(&zoom), [0, 20, 0]);
    service.write_token(&zoom.authorize_again());
    service.keeps_its_promises(&zoom).await;
}

/// As if the time that Zoom asked to be left alone for had gone by.
fn lets_the_wait_pass(service: &Service) {
    let mut state: Value = serde_json::from_str(&service.text("state.json")).expect("JSON");
    assert!(state["zoom_wait_until"].is_string());
    state["zoom_wait_until"] = json!("2020-01-01T00:00:00Z");
    std::fs::write(service.path("state.json"), state.to_string()).expect("it is written");
}

#[tokio::test]
async fn p12_a_limit_of_zooms_outlives_every_restart() {
    for of_token in [false, true] {
        let zoom = zoom_with_a_video().await;
        let service = Service::on(&zoom);
        let limited = Answer::daily_limit(now() + TimeDelta::minutes(50));
        let endpoint = if of_token { Matcher::token() } else { Matcher::list() };
        zoom.inject(endpoint.always(), Fault::Answer(limited));

        service.once().await;
        for _ in 0..10 {
            service.once().await.with(0).says("Zoom asked not to be asked before");
        }
        let left_out = |service: &Service| service.log().matches("until then no poll takes place").count();
        let running = service.run_daemon();
        service.until("the service waits too", |service| left_out(service) == 11).await;
        running.kill().await;

        assert_eq!(asked(&zoom), [usize::from(!of_token), 1, 0]);
        lets_the_wait_pass(&service);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn p12_a_meeting_that_fails_is_not_tried_again_by_each_restart_of_the_service() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media().always(), Fault::Cut { after: 1000 });

    for start in 1..=5 {
        let running = service.run_daemon();
        service
            .until("it has polled", |service| {
                service.log().matches("polled Zoom").count() == start && service.pending("a==")["next_try"].is_string()
            })
            .await;
        running.kill().await;
    }

    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p15_beside_a_running_service_the_list_is_told_and_once_asks_for_nothing() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    assert_eq!(service.listed().await["a=="].0, "fetch");
    let (before, token) = (asked(&zoom), service.text(".zoom_refresh_token"));
    std::fs::remove_file(service.path(".zoom_access_token")).unwrap();

    service.once().await.with(4);

    assert_eq!(asked(&zoom), before);
    assert_eq!(service.text(".zoom_refresh_token"), token);
    hold.release();
    service.until_recorded("a==").await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l7_no_secret_is_in_the_process_list() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.run_daemon();
    hold.reached().await;

    let process = format!("/proc/{}", running.id());
    for name in ["cmdline", "environ", "comm"] {
        let told = match std::fs::read(format!("{process}/{name}")) {
            // Only the superuser may read what a program that can't be dumped has in its environment.
            Err(error) if name == "environ" && error.kind() == std::io::ErrorKind::PermissionDenied => continue,
            told => told.unwrap(),
        };
        assert!(name == "environ" || !told.is_empty());
        tells_no_secret(&zoom, name, &told);
    }

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l8_a_config_that_everyone_may_write_is_refused_before_anything_is_done() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom).set("log.stderr", false);
    service.run(&["list"]).await.with(0);
    let (open, before) = (copy_of_the_config(&service, 0o602), asked(&zoom));
    std::fs::remove_file(service.path(".zoom_access_token")).unwrap();

    for command in ["once", "run", "list"] {
        let words = format!("chmod o-w '{open}'");
        service.run(&[command, "--config", &open]).await.with(2).says(&words);
    }

    assert_eq!(asked(&zoom), before);
    assert!(!service.path("processed.csv").exists() && !service.path("downloads").exists());
    std::fs::remove_file(open).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l8_a_secret_that_everyone_may_read_is_warned_of_and_a_token_taken_from_all_but_its_owner() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    service.run(&["list"]).await.with(0);
    let open = copy_of_the_config(&service, 0o644);
    let token = service.path(".zoom_refresh_token");
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o644)).unwrap();

    let ended = service.run(&["once", "--config", &open]).await.with(0);

    assert!(ended.stderr.contains(&format!("chmod o-rwx '{open}'")), "{}", ended.stderr);
    assert!(ended.stderr.contains("others could read the token file; its mode is 600 now"), "{}", ended.stderr);
    assert_eq!(service.mode(".zoom_refresh_token"), 0o600);
    std::fs::remove_file(open).unwrap();
    service.keeps_its_promises(&zoom).await;
}

/// The path of a config with the same content and this mode.
fn copy_of_the_config(service: &Service, mode: u32) -> String {
    let path = service.path("open.toml");
    std::fs::copy(service.path("config.toml"), &path).expect("a command was run before");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode is set");
    path.display().to_string()
}

#[tokio::test]
async fn k1_k2_k3_k4_k5_k6_k7_k9_with_a_config_that_is_wrong_nothing_is_written_and_nothing_asked() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    service.run(&["list"]).await.with(0);
    let (good, before) = (service.text("config.toml"), asked(&zoom));
    let files = service.content();
    let all_at_once = format!(
        "{good}\n[poll]\nlookback_dayz = 3\nrecent_days = \"seven\"\nlookback_days = -1\n[archive]\ndirectory = \"~/x\"\n\
         [tracker]\nfile = \"state.json\"\n"
    );
    let latin = [good.as_bytes(), b"# caf\xe9\n"].concat();
    for (config, problems) in [
        (
            Some(all_at_once.into_bytes()),
            &["lookback_dayz", "recent_days", "lookback_days = -1", "~", "state.json"][..],
        ),
        (Some(latin), &["not UTF-8 text"]),
        (None, &["cannot read the config file"]),
    ] {
        let path = service.path("wrong.toml");
        if let Some(bytes) = &config {
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        for command in ["once", "run", "list"] {
            let ended = service.run(&[command, "--config", &path.display().to_string()]).await.with(2);
            for problem in problems {
                assert!(ended.stderr.contains(problem), "{command}: no {problem} in {}", ended.stderr);
            }
        }
        if config.is_some() {
            std::fs::remove_file(&path).unwrap();
        }
    }

    assert_eq!(service.content(), files);
    assert_eq!(asked(&zoom), before);
    assert_eq!(zoom.journal().to(Endpoint::Token).count(), 1, "the one of the first list");
}
