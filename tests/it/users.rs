//! Users who may not do everything: root, as whom the tests may run, meets no permission that is lacking.

use std::os::unix::fs::PermissionsExt;

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{MIB, Service, asked, meeting, zoom_with};

/// Some user of no importance.
const SOMEBODY: u32 = 54_321;
const ROOT: u32 = 0;

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
