//! Settings, files and folders that can't be used: said in a line or two, and nothing is changed.

use std::path::Path;

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{Ended, MIB, Service, asked, meeting, zoom_with};

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await
}

/// A service that says on stderr only what the command itself has to say.
fn quiet(zoom: &Simulator) -> Service {
    Service::on(zoom).set("log.stderr", false)
}

/// Fails the test unless this was said in a line or two, that of the config in question not counted, and with these words.
#[track_caller]
fn assert_said(ended: &Ended, words: &[&str]) {
    let lines = ended.stderr.trim_end().lines().filter(|line| !line.starts_with("   ")).count();
    assert!((1..=2).contains(&lines), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "no `{word}` in: {}", ended.stderr);
    }
}

#[tokio::test]
async fn k2_k9_an_unknown_key_is_named_with_the_file_and_what_may_have_been_meant() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom).set("download.worker", 3);
    let before = service.content();

    let ended = service.once().await.with(2);

    assert_said(&ended, &["download.worker", "config.toml", "workers"]);
    assert_eq!(service.content(), before);
    assert_eq!(asked(&zoom), [0; 3]);
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom).set("zoom.client_secret", "");

    let ended = service.once().await.with(2);

    assert_said(&ended, &["zoom.client_secret"]);
}

#[tokio::test]
async fn k4_a_value_out_of_range_is_named_with_what_is_allowed() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom).set("download.workers", 17);

    let ended = service.once().await.with(2);

    assert_said(&ended, &["download.workers = 17", "16", " | workers = 17\n     |           ^^\n"]);
}

#[tokio::test]
async fn k2_k9_each_line_that_is_wrong_is_shown_but_nothing_that_may_be_a_secret() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    let config = service.path("other.toml");
    let arguments = ["once", "--config", &config.display().to_string()];
    for (text, lines) in [
        (
            "[zoom]\nclient_secrt = \"hidden\"\n[log]\nlevel = \"loud\"\n",
            ["2 | client_secrt = ...", "4 | level = \"loud\""],
        ),
        ("[zoom]\nclient_secret = \"hidden\n[log]\nlevel = loud\n", ["2 | client_secret = ...", "4 | level = loud"]),
        ("zoom = { client_secret = \"hidden\", user = 1 }\n[lok]\n", ["1 | user = ...", "2 | [lok]"]),
    ] {
        std::fs::write(&config, text).unwrap();
        let ended = service.run(&arguments).await.with(2);
        assert!(lines.iter().all(|line| ended.stderr.contains(line)), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn k1_a_config_that_is_not_there_is_named() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    let nowhere = service.path("nowhere.toml");

    let ended = service.run(&["once", "--config", &nowhere.display().to_string()]).await.with(2);

    assert_said(&ended, &["nowhere.toml"]);
}

#[tokio::test]
async fn a_config_that_is_no_toml_is_named_with_its_line() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    std::fs::write(service.path("other.toml"), "[zoom]\nclient_id = \n").unwrap();

    let ended = service.run(&["once", "--config", &service.path("other.toml").display().to_string()]).await.with(2);

    assert!(ended.stderr.contains("other.toml") && ended.stderr.contains("line 2"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_unknown_command_or_option_is_a_matter_of_usage() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    service.run(&["archive"]).await.with(2).says("archive");
    service.run(&["once", "--eagerly"]).await.with(2).says("--eagerly");
}

#[tokio::test]
async fn a_folder_that_can_never_be_is_found_before_anything_is_done() {
    let zoom = one_meeting().await;
    for (setting, path) in
        [("archive.directory", "a-file/archive"), ("log.directory", "a-file/logs"), ("tracker.file", "a-file/x.csv")]
    {
        let service = quiet(&zoom).set(setting, path);
        std::fs::write(service.path("a-file"), "a file").unwrap();
        let before = service.content();

        let ended = service.once().await.with(2);

        assert_said(&ended, &["a-file"]);
        assert_eq!(service.content(), before, "{setting}");
    }
    assert_eq!(asked(&zoom), [0; 3], "no token was spent");
}

/// A service that has archived one meeting, and the next one at Zoom.
async fn with_a_second_meeting() -> (Simulator, Service) {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    service.once().await.with(0);
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", 4096));
    (zoom, service)
}

#[tokio::test]
async fn d7_an_archive_that_lost_its_marker_is_taken_for_unmounted_and_left_alone() {
    let (zoom, service) = with_a_second_meeting().await;
    std::fs::remove_file(service.archived(".zoom-archiver")).unwrap();
    let (before, asked_before) = (service.content(), asked(&zoom));

    let ended = service.once().await.with(1);

    assert_said(&ended, &["is not mounted", "downloads"]);
    assert_eq!(service.content(), before);
    assert_eq!(asked(&zoom)[2], asked_before[2]);
    std::fs::write(service.archived(".zoom-archiver"), "").unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d7_an_archive_that_is_gone_is_not_made_anew() {
    let (zoom, service) = with_a_second_meeting().await;
    std::fs::rename(service.path("downloads"), service.path("elsewhere")).unwrap();

    let ended = service.once().await.with(1);

    assert_said(&ended, &["is not mounted"]);
    assert!(!service.path("downloads").exists());
    std::fs::rename(service.path("elsewhere"), service.path("downloads")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d7_an_archive_that_is_gone_is_not_made_anew_even_where_the_state_is_lost_too() {
    let (zoom, service) = with_a_second_meeting().await;
    std::fs::rename(service.path("downloads"), service.path("elsewhere")).unwrap();
    std::fs::remove_file(service.path("state.json")).unwrap();

    let ended = service.once().await.with(1);

    assert_said(&ended, &["is not mounted"]);
    assert!(!service.path("downloads").exists());
    std::fs::rename(service.path("elsewhere"), service.path("downloads")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c3_a_table_that_is_no_tracker_is_never_written_to() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    std::fs::write(service.path("processed.csv"), "name,price\nApple,3\n").unwrap();
    let before = service.content();

    let ended = service.once().await.with(2);

    assert_said(&ended, &["processed.csv", "no tracker"]);
    assert_eq!(service.content(), before);
    std::fs::remove_file(service.path("processed.csv")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p14_p15_beside_another_instance_nothing_is_done_and_it_is_said_how_to_stop_that() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await;
    let service = quiet(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let first = service.start(&["once"]);
    hold.reached().await;
    let before = asked(&zoom);

    let second = service.once().await.with(4);

    assert_said(&second, &["another instance", "systemctl stop zoom-archiver"]);
    assert_eq!(asked(&zoom), before);
    hold.release();
    first.ended().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_damaged_description_costs_only_its_own_meeting() {
    let (_zoom, service) = with_a_second_meeting().await;
    let folder = service.row("a==")["directory"].clone();
    let described = service.archived(&format!("{folder}/meeting.json"));
    std::fs::write(&described, "{\"uuid\": ").unwrap();

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a==", "b=="]);
    assert_eq!(std::fs::read_to_string(&described).unwrap(), "{\"uuid\": ", "it is left alone");
}

#[tokio::test]
async fn a_damaged_state_costs_one_full_scan() {
    let (zoom, service) = with_a_second_meeting().await;
    let first_scan = asked(&zoom)[0];
    std::fs::write(service.path("state.json"), "\0\0\0").unwrap();

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[0], 2 * first_scan);
    assert_eq!(service.recorded_uuids(), ["a==", "b=="]);
}

#[tokio::test]
async fn s1_l3_a_link_in_the_place_of_a_meetings_folder_is_not_followed() {
    let zoom = one_meeting().await;
    let service = quiet(&zoom);
    let listed = service.run(&["list", "--json"]).await.with(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let folder = listed["meetings"][0]["directory"].as_str().unwrap().to_owned();
    let elsewhere = service.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::create_dir_all(service.archived(&folder).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, service.archived(&folder)).unwrap();

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], format!("{folder}_2"));
    assert!(is_empty(&elsewhere));
    service.keeps_its_promises(&zoom).await;
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").next().is_none()
}
