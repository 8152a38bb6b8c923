//! Disks that are full, read-only, not there, or out of file descriptors: what that costs, and that it passes.

use zoom_archiver::simulator::{Endpoint, Matcher, Simulator};

use crate::support::{MIB, Mount, Service, asked, file_of, folder, meeting, meeting_at, minute, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).topic("Weekly class").video("gallery_view", 8 * MIB)]).await
}

/// A service that polls every second.
fn busy_service(zoom: &Simulator) -> Service {
    Service::on(zoom).set("poll.schedule", "* * * * * *")
}

/// A disk of this size for all that a service writes.
fn disk_of_all(service: &Service, zoom: &Simulator, size: &str) -> Option<Mount> {
    let disk = Mount::of_size(size, &service.path(""))?;
    service.write_token(&zoom.refresh_token());
    Some(disk)
}

/// A disk of this size for one folder of a service.
fn disk_of(service: &Service, folder: &str, size: &str) -> Option<Mount> {
    std::fs::create_dir(service.path(folder)).expect("it is not there yet");
    Mount::of_size(size, &service.path(folder))
}

async fn further_polls(zoom: &Simulator) {
    let before = zoom.journal().listings().len();
    zoom.until(|journal| journal.listings().len() >= before + 2).await;
}

#[tokio::test]
async fn d1_a_disk_that_fills_up_under_a_download_costs_no_try_and_no_request_until_there_is_room() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let Some(disk) = disk_of(&service, "downloads", "16m") else { return };
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    service.until_part_has(2 * MIB).await;
    disk.fill_but_for(0);
    hold.release();
    service.until_log_says("the meeting is not archived").await;
    further_polls(&zoom).await;

    service.until_log_says("doesn't fit on the disk").await;
    assert_eq!(asked(&zoom)[2], 1, "nothing is asked for that has no room");
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    service.tells_no_lie(&zoom);
    disk.make_room();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d1_d2_a_service_without_any_room_ends_before_it_asks_for_anything() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let Some(disk) = disk_of_all(&service, &zoom, "32m") else { return };
    service.run(&["list"]).await.with(0);
    zoom.expire_access_token();
    let before = asked(&zoom);
    disk.fill_but_for(0);

    for command in ["once", "run"] {
        service.run(&[command]).await.with(1).says("make room there");
    }

    assert_eq!(asked(&zoom), before);
    disk.make_room();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d2_without_room_for_a_new_token_none_is_asked_for() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let Some(disk) = disk_of_all(&service, &zoom, "32m") else { return };
    service.run(&["list"]).await.with(0);
    std::fs::remove_file(service.path(".zoom_access_token")).unwrap();
    let before = asked(&zoom);
    disk.fill_but_for(128 << 10);

    service.once().await.with(1).says("No space left");

    assert_eq!(asked(&zoom), before);
    disk.make_room();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d2_a_new_token_that_the_disk_does_not_take_is_used_and_saved_once_there_is_room() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let Some(disk) = disk_of_all(&service, &zoom, "32m") else { return };
    let old = service.text(".zoom_refresh_token");
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.run_daemon();
    hold.reached().await;
    disk.fill_but_for(0);
    hold.release();
    further_polls(&zoom).await;

    assert_eq!(service.text(".zoom_refresh_token"), old, "it is there as it was, and never cut");
    disk.make_room();
    service.until("the new token is saved", |it| it.text(".zoom_refresh_token").trim() != old.trim()).await;
    service.until_recorded("a==").await;

    assert_eq!(zoom.journal().token_requests().len(), 1);
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d3_a_row_that_the_disk_takes_a_piece_of_is_taken_back_and_written_once_there_is_room() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    // A page of the disk that is full but for a few bytes, and no other page.
    let mut rows = service.text("processed.csv");
    let row = rows.lines().last().expect("a row").to_owned() + "\n";
    let topic = "x".repeat(4096 - 40 - rows.len() - row.len() + "Weekly class".len());
    rows.push_str(&row.replace("Weekly class", &topic));
    let Some(disk) = disk_of(&service, "disk", "8k") else { return };
    let on_disk = service.path("disk/processed.csv");
    std::fs::write(&on_disk, &rows).unwrap();
    disk.fill_but_for(0);
    let Some(_tracker) = Mount::bound(&on_disk, &service.path("processed.csv")) else { return };
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));

    service.once().await.with(1).says("cannot append to the tracker");

    assert!(service.text("processed.csv") == rows, "the piece is taken back");
    assert_eq!(service.finished().len(), 2, "the file stays");
    disk.make_room();
    service.keeps_its_promises(&zoom).await;
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "b==", "gallery_view")).len(), 1);
}

#[tokio::test]
async fn d4_a_full_disk_of_the_log_costs_lines_that_are_counted_and_nothing_else() {
    let zoom = zoom_with((1..20).map(|n| meeting(&format!("{n}=="), n).video("gallery_view", 4096))).await;
    let service = busy_service(&zoom).set("log.level", "debug");
    let Some(disk) = disk_of(&service, "logs", "64k") else { return };
    let hold = zoom.hold_answer(Matcher::list());
    let running = service.run_daemon();
    hold.reached().await;
    disk.fill_but_for(0);
    hold.release();
    service.until("all are recorded", |service| service.rows_if_any().len() == 19).await;
    disk.make_room();

    service.until_log_says("could not be written here").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d4_p9_outputs_that_take_nothing_end_nothing() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let running = service.start_after("exec >/dev/full 2>/dev/full", &["run"]);

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d6_an_archive_that_may_not_be_written_to_is_a_matter_of_the_settings_at_the_start() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    std::fs::create_dir(service.path("downloads")).unwrap();
    let Some(disk) = Mount::read_only(&service.path("downloads")) else { return };

    for command in ["once", "run"] {
        service.run(&[command]).await.with(2).says("Read-only file system");
    }

    assert_eq!(asked(&zoom), [0; 3]);
    drop(disk);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d6_an_archive_that_turns_read_only_under_a_download_is_tried_again_at_each_poll() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    service.until_part_has(2 * MIB).await;
    let Some(disk) = Mount::read_only(&service.path("downloads")) else { return };
    hold.release();
    service.until_log_says("the meeting is not archived").await;
    further_polls(&zoom).await;
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    service.tells_no_lie(&zoom);
    drop(disk);

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    assert!(service.log().contains("Read-only file system"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d6_an_archive_that_turns_read_only_is_said_once_a_poll_however_many_meetings_wait() {
    let zoom = zoom_with([meeting("archived==", 50).video("gallery_view", 4096)]).await;
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_recorded("archived==").await;
    let Some(disk) = Mount::read_only(&service.path("downloads")) else { return };
    (1..40).for_each(|n| zoom.add_meeting("me", meeting(&format!("new-{n}=="), n).video("gallery_view", 4096)));

    service.until_log_says("Read-only file system").await;
    further_polls(&zoom).await;

    let ended = running.stop().await.with(0);
    let said = ended.stderr.matches("Read-only file system").count();
    assert!(said <= ended.stderr.matches("polled Zoom").count(), "{}", ended.stderr);
    drop(disk);
    service.keeps_its_promises(&zoom).await;
}

/// The archive on a disk of its own, which can be mounted and unmounted.
fn disk_of_the_archive(service: &Service) -> Option<Mount> {
    for folder in ["disk", "downloads"] {
        std::fs::create_dir_all(service.path(folder)).expect("a folder");
    }
    Mount::bound(&service.path("disk"), &service.path("downloads"))
}

fn is_empty(service: &Service) -> bool {
    std::fs::read_dir(service.path("downloads")).expect("a folder").next().is_none()
}

#[tokio::test]
async fn d7_into_the_folder_of_a_disk_that_is_not_mounted_nothing_is_written() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let Some(disk) = disk_of_the_archive(&service) else { return };
    service.once().await.with(0);
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));
    drop(disk);

    service.once().await.with(1).says("is not mounted");

    assert!(is_empty(&service));
    assert_eq!(asked(&zoom)[2], 1);
    let _disk = disk_of_the_archive(&service);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d7_a_disk_unmounted_under_a_download_is_said_and_waited_for() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let Some(disk) = disk_of_the_archive(&service) else { return };
    let hold = zoom.hold(Matcher::media(), 3 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    service.until_part_has(2 * MIB).await;
    drop(disk);
    hold.release();
    service.until_log_says("is not mounted").await;
    further_polls(&zoom).await;
    assert!(is_empty(&service));
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    let _disk = disk_of_the_archive(&service);

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d8_a_folder_of_the_archive_may_be_a_disk_of_its_own() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 2 * MIB)]).await;
    let service = Service::on(&zoom);
    let folder = service.archived(&folder(minute(5)));
    let day = folder.parent().expect("the day's folder");
    std::fs::create_dir_all(day).unwrap();
    let Some(_disk) = Mount::of_size("8m", day) else { return };

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d9_too_few_file_descriptors_cost_time_and_no_recording() {
    let zoom = zoom_with(
        (1..13).map(|n| meeting(&format!("{n}=="), n).video("gallery_view", MIB).video("active_speaker", MIB)),
    )
    .await;
    let service = Service::on(&zoom).set("download.workers", 16).set("download.attempts", 2);

    let ended = service.start_after("ulimit -n 24", &["once"]).ended().await;

    assert!(ended.stderr.contains("Too many open files"), "{}", ended.stderr);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d9_with_fewer_file_descriptors_than_one_download_takes_nothing_is_begun() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let before = service.files();
    for (few, command) in [(4, "once"), (11, "run"), (12, "list"), (23, "once")] {
        let ended = service.start_after(&format!("ulimit -n {few}"), &[command]).ended().await.with(2);
        assert!(ended.stderr.contains(&format!("only {few} files may be open at once")), "{}", ended.stderr);
        assert!(ended.stderr.contains("`ulimit -n 1024`") && ended.stderr.contains("LimitNOFILE="), "{}", ended.stderr);
    }
    let left: Vec<_> = service.files().into_iter().filter(|name| name != "config.toml").collect();
    assert_eq!((asked(&zoom), left), ([0; 3], before));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d9_a_low_limit_of_file_descriptors_is_raised_as_far_as_it_may_be() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB / 2);
    let running = service.start_after("ulimit -Sn 8; ulimit -Hn 600", &["run"]);
    hold.reached().await;
    let limits = std::fs::read_to_string(running.in_proc("limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("600"), "{files}");
    hold.release();
    service.until_recorded("a==").await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d9_a_service_without_a_file_descriptor_left_goes_on_once_it_has_some() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    running.limit_open_files(3);
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));
    service.until_log_says("Too many open files").await;
    running.limit_open_files(1024);

    service.until_recorded("b==").await;

    assert!(zoom.journal().to(Endpoint::Media).count() <= 4, "no loop without a pause");
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}
