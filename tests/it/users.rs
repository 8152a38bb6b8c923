//! Users who may not do everything: root, as whom the tests may run, meets no permission that is lacking.

use std::os::unix::fs::PermissionsExt;

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{MIB, Service, asked, meeting, zoom_with};

/// Some user of no importance.
const SOMEBODY: u32 = 54_321;
const ROOT: u32 = 0;
/// A user and a group of the same name on every Linux.
const DAEMON: u32 = 1;

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await
}

fn set_mode(service: &Service, name: &str, mode: u32) {
    std::fs::set_permissions(service.path(name), PermissionsExt::from_mode(mode)).expect("its mode is set");
}

#[tokio::test]
async fn p15_a_command_by_hand_as_another_user_than_the_services_is_refused_with_the_line_that_works() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    if !service.belongs_to(ROOT) {
        return;
    }
    set_mode(&service, "", 0o777);
    let before = service.files();
    for command in ["once", "run", "list", "check"] {
        let ended = service.start_as(SOMEBODY, &[command]).ended().await.with(2);
        assert!(ended.stderr.contains("belongs to root: run\n  sudo -u root"), "{}", ended.stderr);
    }

    assert_eq!(asked(&zoom), [0; 3]);
    let left: Vec<_> = service.files().into_iter().filter(|name| name != "config.toml").collect();
    assert_eq!(left, before, "nothing is left that the service could not use");
    service.belongs_to(ROOT);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_config_that_this_user_may_not_read_is_told_with_the_line_that_works() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    if !service.belongs_to(ROOT) {
        return;
    }
    service.once().await.with(0);
    set_mode(&service, "", 0o777);
    std::fs::create_dir(service.path("etc")).unwrap();
    let config = service.path("etc/config.toml");
    std::fs::copy(service.path("config.toml"), &config).unwrap();
    let path = config.display().to_string();
    let arguments = ["list", "--json", "--config", &path];
    let sudo = |user: &str| format!("run\n  sudo {user}{} ", env!("CARGO_BIN_EXE_zoom-archiver"));
    // A group that is named after a user, as a service's is; every Linux has this one.
    for (group, folder, mode, user) in [
        (DAEMON, 0o755, 0o640, "-u daemon "),
        (DAEMON, 0o750, 0o640, "-u daemon "),
        (ROOT, 0o755, 0o600, ""),
        (DAEMON, 0o755, 0o600, ""),
    ] {
        for path in ["etc", "etc/config.toml"] {
            std::os::unix::fs::chown(service.path(path), Some(ROOT), Some(group)).unwrap();
        }
        set_mode(&service, "etc/config.toml", mode);
        set_mode(&service, "etc", folder);
        let ended = service.start_as(SOMEBODY, &arguments).ended().await.with(2);
        assert!(ended.stderr.contains(&sudo(user)), "{user:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("list --json --config {path}\n")), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_state_folder_that_this_user_may_not_enter_is_told_with_the_line_that_works() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    if !service.belongs_to(ROOT) {
        return;
    }
    service.once().await.with(0);
    set_mode(&service, "", 0o755);
    std::fs::create_dir_all(service.path("srv/state")).unwrap();
    let text = service.text("config.toml").replacen(
        &format!("{}'", service.path("").display().to_string().trim_end_matches('/')),
        &format!("{}'", service.path("srv/state").display()),
        1,
    );
    std::fs::write(service.path("other.toml"), text).unwrap();
    set_mode(&service, "other.toml", 0o644);
    let config = service.path("other.toml").display().to_string();
    for (closed, words) in [("srv/state", "belongs to root: run\n  sudo -u root "), ("srv", "run\n  sudo '")] {
        set_mode(&service, closed, 0o700);
        for command in ["once", "run", "list"] {
            let ended = service.start_as(SOMEBODY, &[command, "--config", &config]).ended().await.with(2);
            assert!(
                ended.stderr.contains(words) && ended.stderr.contains(&format!(" {command} --config ")),
                "{}",
                ended.stderr
            );
        }
        set_mode(&service, closed, 0o755);
    }
}

#[tokio::test]
async fn d6_folders_that_the_user_may_not_write_to_are_found_before_anything_is_asked() {
    for folder in ["downloads", "logs"] {
        let zoom = zoom_with_a_video().await;
        let service = Service::on(&zoom);
        std::fs::create_dir(service.path(folder)).unwrap();
        if !service.belongs_to(SOMEBODY) {
            return;
        }
        set_mode(&service, folder, 0o555);

        for command in ["once", "run"] {
            let running = service.start_as(SOMEBODY, &[command]);
            running.ended().await.with(2).says("Permission denied").says(folder);
        }

        assert_eq!(asked(&zoom), [0; 3], "{folder}");
        set_mode(&service, folder, 0o750);
        service.belongs_to(ROOT);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn d6_a_folder_whose_permission_is_lost_under_a_download_is_tried_again_at_each_poll() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    if !service.belongs_to(SOMEBODY) {
        return;
    }
    let running = service.start_as(SOMEBODY, &["run"]);
    hold.reached().await;
    service.until_part_has(2 * MIB).await;
    let part = format!("downloads/{}", service.media()[0]);
    let (folder, _) = part.rsplit_once('/').unwrap();
    set_mode(&service, folder, 0o555);
    hold.release();
    service.until_log_says("the meeting is not archived").await;
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    service.tells_no_lie(&zoom);
    set_mode(&service, folder, 0o750);

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    assert!(service.log().contains("Permission denied"));
    service.belongs_to(ROOT);
    service.keeps_its_promises(&zoom).await;
}
