//! Downloads on a disk that others use too, and that may refuse.

use zoom_archiver::simulator::{Answer, Fault, Matcher, Simulator};

use crate::support::{MIB, Service, file_of, meeting, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4 * MIB)]).await
}

#[tokio::test]
async fn a_meeting_with_one_file_missing_has_no_row_and_only_that_file_is_fetched_later() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB).video("active_speaker", MIB)]).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    let missing = file_of(&zoom, "a==", "active_speaker");
    zoom.inject(Matcher::media().file(&missing), Fault::Answer(Answer::new(500)));

    service.once().await.with(1);
    assert!(!service.has_recorded("a=="));
    assert_eq!(service.finished().len(), 1);
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.has_whole(&zoom, "a==", "active_speaker");
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1);
}

#[tokio::test]
async fn d12_a_file_of_somebody_elses_under_the_final_name_is_never_overwritten() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the part is there", |service| !service.media().is_empty()).await;
    let part = service.archived(&service.media()[0]);
    let foreign = part.with_extension("");
    std::fs::write(&foreign, "precious").unwrap();
    hold.release();

    let ended = running.ended().await.with(1);

    assert!(ended.stderr.contains("is another file: move it away"), "{}", ended.stderr);
    assert_eq!(std::fs::read(&foreign).unwrap(), b"precious");
    std::fs::remove_file(&foreign).unwrap();
    service.once().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d11_a_part_that_somebody_removes_under_way_is_fetched_again() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the part is there", |service| !service.media().is_empty()).await;
    std::fs::remove_file(service.archived(&service.media()[0])).unwrap();
    hold.release();

    running.ended().await.with(1);
    assert_eq!(service.finished(), Vec::<String>::new());
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d1_a_disk_that_refuses_to_take_more_costs_the_file_and_not_the_service() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    // No file may become longer than a mebibyte or two, depending on the unit that the shell counts in.
    let running = service.start_after("trap '' XFSZ; ulimit -f 2048", &["run"]);
    service.until_log_says("the meeting is not archived").await;
    service.until_state_is("idle").await;

    let ended = running.stop().await.with(0);

    assert!(ended.stderr.contains("cannot write"), "{}", ended.stderr);
    assert_eq!(service.finished(), Vec::<String>::new());
    service.once().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d12_a_file_in_the_place_of_a_days_folder_costs_the_meetings_of_that_day_alone() {
    let zoom = zoom_with([
        meeting("blocked==", 30).video("gallery_view", MIB),
        meeting("other==", 80).video("gallery_view", MIB),
    ])
    .await;
    let service = Service::on(&zoom);
    let listed = service.run(&["list", "--json"]).await.with(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let blocked = listed["meetings"].as_array().unwrap().iter().find(|one| one["uuid"] == "blocked==").unwrap();
    let (day, _) = blocked["directory"].as_str().unwrap().split_once('/').unwrap();
    std::fs::create_dir(service.archived("")).unwrap();
    std::fs::write(service.archived(day), "precious").unwrap();

    service.once().await.with(1).says("the meeting is not archived");
    let listed = service.run(&["list", "--json"]).await.with(1);

    assert!(listed.stdout.contains("other==") && listed.words().contains("Not a directory"), "{listed:?}");
    service.has_whole(&zoom, "other==", "gallery_view");
    assert!(!service.has_recorded("blocked=="));
    assert_eq!(std::fs::read(service.archived(day)).unwrap(), b"precious");
    std::fs::remove_file(service.archived(day)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_state_that_can_not_be_saved_is_said_once_and_keeps_no_meeting_from_being_archived() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    std::fs::remove_file(service.path("state.json")).unwrap();
    std::fs::create_dir(service.path("state.json")).unwrap();
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));

    service.until_recorded("b==").await;
    service.until_log_says("state.json is out of date").await;
    zoom.add_meeting("me", meeting("c==", 3).video("gallery_view", MIB));
    service.until_recorded("c==").await;

    let ended = running.stop().await.with(0);
    assert_eq!(ended.stderr.matches("state.json is out of date").count(), 1, "{}", ended.stderr);
    std::fs::remove_dir(service.path("state.json")).unwrap();
    service.keeps_its_promises(&zoom).await;
}
