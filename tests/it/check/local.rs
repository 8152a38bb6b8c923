//! What `check` says of the config, the folders, the tracker, the disk and the token file.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Checked, one_meeting};
use crate::support::{Service, asked};

#[tokio::test]
async fn check_says_all_that_is_wrong_with_a_config_and_looks_at_nothing_else() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("poll.lookback_days", 0).set("download.worker", 3);

    let checked = service.check().await.with(2);

    assert_eq!(checked.of("config").len(), 2, "{}", checked.ended.stdout);
    checked.finds_only(&["config", "config"]).says("failure", "config", &["poll.lookback_days"]).says(
        "failure",
        "config",
        &["download.worker", "workers"],
    );
    let told: Value = serde_json::from_str(&service.run(&["check", "--json"]).await.with(2).stdout).unwrap();
    assert_eq!((&told["exit_code"], told["items"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(asked(&zoom), [0; 3]);
}

#[tokio::test]
async fn check_warns_of_a_config_with_a_secret_that_everyone_may_read() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.check().await.with(0);
    fs::set_permissions(service.path("config.toml"), Permissions::from_mode(0o644)).unwrap();

    service.check().await.with(0).finds_only(&["config"]).says("warning", "config", &["the secret", "chmod o-rwx"]);
}

#[tokio::test]
async fn check_finds_a_folder_that_is_none() {
    let zoom = one_meeting().await;
    for (setting, name) in [("log.directory", "log folder"), ("archive.directory", "archive folder")] {
        let service = Service::on(&zoom).set(setting, "taken");
        service.write_token(&zoom.authorize_again());
        fs::write(service.path("taken"), "").unwrap();

        let checked = service.check().await.with(2);

        checked.says("failure", name, &["cannot write in", "taken", "check that it is there"]);
    }
}

#[tokio::test]
async fn d6_check_finds_a_state_folder_that_its_user_may_not_write_to() {
    const SOMEBODY: u32 = 54_321;
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    if !service.belongs_to(SOMEBODY) {
        return;
    }
    fs::set_permissions(service.path(""), Permissions::from_mode(0o555)).unwrap();

    let checked = Checked { ended: service.start_as(SOMEBODY, &["check"]).ended().await }.with(2);

    checked
        .says("failure", "state folder", &["Permission denied", "may be written by this user"])
        .says("failure", "token file", &["Permission denied"])
        .says("failure", "access token", &["Permission denied"])
        .says("skipped", "recordings", &["needs an access token"]);
    assert_eq!(asked(&zoom), [0; 3]);
    fs::set_permissions(service.path(""), Permissions::from_mode(0o750)).unwrap();
    service.belongs_to(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_finds_a_state_folder_in_which_everyone_may_write() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    fs::set_permissions(service.path(""), Permissions::from_mode(0o777)).unwrap();

    let checked = service.check().await.with(0);

    let lines = checked.of("state folder");
    let is_of_machine = |text: &str| [", tmpfs:", ", overlay:"].iter().any(|kind| text.contains(kind));
    assert!(
        lines.iter().all(|(state, text)| *state == "warning" && (text.contains("chmod o-w") || is_of_machine(text)))
    );
}

#[tokio::test]
async fn check_finds_a_tracker_that_is_none_and_lines_that_cannot_be_read() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    fs::write(service.path("processed.csv"), "Dear diary,\n").unwrap();

    let checked = service.check().await.with(2);

    checked
        .finds_only(&["tracker"])
        .says("failure", "tracker", &["processed.csv"])
        .says("skipped", "recordings", &["needs the tracker"])
        .says("skipped", "download", &["needs the recordings"]);

    fs::remove_file(service.path("processed.csv")).unwrap();
    service.once().await.with(0);
    let damaged = format!("{}2025-12-02T17:00:00Z,,1,\n", service.text("processed.csv"));
    fs::write(service.path("processed.csv"), damaged).unwrap();
    service.check().await.with(0).finds_only(&["tracker"]).says("warning", "tracker", &["1 meeting", "line 3"]);
}

#[tokio::test]
async fn d7_check_finds_an_archive_whose_disk_is_not_mounted() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    fs::rename(service.archived(".zoom-archiver"), service.path("mark")).unwrap();

    let checked = service.check().await.with(1);

    checked
        .finds_only(&["archive folder"])
        .says("failure", "archive folder", &["not mounted", "mount its disk"])
        .says("skipped", "free space", &["needs the archive folder"])
        .says("ok", "download", &[]);
    fs::rename(service.path("mark"), service.archived(".zoom-archiver")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_finds_a_disk_on_which_what_zoom_holds_does_not_fit() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("download.min_free_space", "1000 TiB");

    let checked = service.check().await.with(1);

    checked.finds_only(&["free space"]).says(
        "failure",
        "free space",
        &["none of the 1 MiB to fetch fits", "make room"],
    );
}

#[tokio::test]
async fn a18_check_finds_a_token_file_that_is_missing_or_no_token() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let token = service.text(".zoom_refresh_token");
    for (content, words) in
        [(None, "there is no Zoom authorization"), (Some("{\"a\": 1}"), "does not hold a bare refresh token")]
    {
        fs::remove_file(service.path(".zoom_refresh_token")).unwrap();
        if let Some(content) = content {
            service.write_token(content);
        }

        let checked = service.check().await.with(3);

        checked
            .finds_only(&["token file"])
            .says("failure", "token file", &[words, "uthorize"])
            .says("ok", "zoom", &["answers"])
            .says("skipped", "access token", &["needs the token"])
            .says("skipped", "user", &["needs the token"]);
        service.write_token(&token);
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a18_check_warns_of_a_token_file_that_others_may_read_and_leaves_its_mode() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.check().await.with(0);
    let path = service.path(".zoom_refresh_token");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();

    service.check().await.with(0).finds_only(&["token file"]).says(
        "warning",
        "token file",
        &["others may read it (mode 644)", "chmod 600"],
    );

    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_warns_of_a_token_that_was_not_renewed_for_two_months() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.check().await.with(0);
    let long_ago = SystemTime::now() - Duration::from_secs(61 * 24 * 3600);
    fs::File::options().append(true).open(service.path(".zoom_refresh_token")).unwrap().set_modified(long_ago).unwrap();

    service.check().await.with(0).finds_only(&["token file"]).says(
        "warning",
        "token file",
        &["61 days old", "90 days"],
    );
}

#[tokio::test]
async fn check_notices_a_tracker_that_was_lost() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    std::fs::remove_file(service.path("processed.csv")).unwrap();

    service.check().await.with(0).finds_only(&["tracker"]).says(
        "warning",
        "tracker",
        &["it has no rows", "put it back"],
    );
}
