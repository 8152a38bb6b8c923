//! Which folder and names a meeting's files get, and keep.

use chrono::TimeDelta;
use zoom_archiver::simulator::{FileSpec, Simulator};

use crate::support::{Service, asked, fetched, folder, meeting, meeting_at, minute, zoom_with};

/// A Zoom with one meeting of one video, five hours ago.
async fn one_meeting() -> Simulator {
    zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await
}

#[tokio::test]
async fn a9_meetings_of_the_same_minute_get_folders_in_the_order_of_their_start_then_uuid() {
    let zoom = zoom_with([
        meeting_at("a-late==", 5, 30).video("gallery_view", 4096),
        meeting_at("c-early==", 5, 10).video("gallery_view", 4096),
        meeting_at("b-early==", 5, 10).video("gallery_view", 4096),
    ])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let plain = folder(minute(5));
    assert_eq!(service.row("b-early==")["directory"], plain);
    assert_eq!(service.row("c-early==")["directory"], format!("{plain}_2"));
    assert_eq!(service.row("a-late==")["directory"], format!("{plain}_3"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a9_a_folder_once_given_stays_even_if_an_earlier_meeting_of_that_minute_appears() {
    let zoom = zoom_with([meeting_at("late==", 5, 30).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.add_meeting("me", meeting_at("early==", 5, 10).video("gallery_view", 4096));

    service.once().await.with(0);

    assert_eq!(service.row("late==")["directory"], folder(minute(5)));
    assert_eq!(service.row("early==")["directory"], format!("{}_2", folder(minute(5))));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_recording_stopped_and_started_again_has_numbered_names_and_a_best_file_for_each_part() {
    let stretch = |kind: &str, from: i64| {
        FileSpec::video(kind, 4096).starts_after(TimeDelta::minutes(from)).lasts(TimeDelta::minutes(10))
    };
    let zoom = zoom_with([meeting_at("a==", 5, 0)
        .file(stretch("gallery_view", 20))
        .file(stretch("active_speaker", 20))
        .file(stretch("active_speaker", 0))
        .file(stretch("gallery_view", 0))])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let described = service.description(&folder(minute(5)));
    let mut files: Vec<_> = described["files"].as_array().unwrap().iter().collect();
    files.sort_by_key(|file| file["name"].as_str());
    let told: Vec<_> = files.iter().map(|f| (f["name"].as_str().unwrap(), &f["part"], &f["best"])).collect();
    assert_eq!(
        format!("{told:?}"),
        r#"[("active_speaker.mp4", Number(1), Bool(false)), ("active_speaker_2.mp4", Number(2), Bool(false)), ("gallery_view.mp4", Number(1), Bool(true)), ("gallery_view_2.mp4", Number(2), Bool(true))]"#
    );
    let first = zoom.files("a==").unwrap().remove(3);
    assert!(zoom.has_bytes_of(&first, &service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))))).unwrap());
    assert_eq!(service.row("a==")["best_file"], "gallery_view.mp4 gallery_view_2.mp4");
}

#[tokio::test]
async fn a_folder_of_the_prototype_is_adopted_without_a_download() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let file = zoom.file("a==", "gallery_view").unwrap();
    std::fs::create_dir_all(service.archived(&folder(minute(5)))).unwrap();
    let there = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    zoom.write_start_of(&file, 4096, &there).unwrap();

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], folder(minute(5)));
    assert_eq!(asked(&zoom)[2], 0);
    assert_eq!(service.description(&folder(minute(5)))["files"][0]["state"], "whole");
    let log = service.log();
    assert!(log.contains("the file is there already, whole, and is taken as it is file="), "{log}");
    let told = ["downloading", "resuming", "the file is complete"].iter().find(|words| log.contains(**words));
    assert_eq!(told, None, "nothing was fetched: {log}");
    assert!(log.contains("done recorded=1 files=0 "), "{log}");
}

#[tokio::test]
async fn the_files_that_a_prototypes_folder_lacks_are_fetched_into_it() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096).video("active_speaker", 8192)]).await;
    let service = Service::on(&zoom);
    let file = zoom.file("a==", "gallery_view").unwrap();
    std::fs::create_dir_all(service.archived(&folder(minute(5)))).unwrap();
    zoom.write_start_of(&file, 4096, &service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))))).unwrap();

    service.once().await.with(0);

    assert_eq!(fetched(&zoom).into_keys().collect::<Vec<_>>(), [zoom.file("a==", "active_speaker").unwrap()]);
    assert_eq!(service.row("a==")["files"], "2");
}

#[tokio::test]
async fn a_file_of_another_size_is_not_taken_for_the_meetings_and_stays_as_it_is() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let file = zoom.file("a==", "gallery_view").unwrap();
    std::fs::create_dir_all(service.archived(&folder(minute(5)))).unwrap();
    let there = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    zoom.write_start_of(&file, 4000, &there).unwrap();

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], format!("{}_2", folder(minute(5))));
    assert_eq!(std::fs::metadata(&there).unwrap().len(), 4000);
}

#[tokio::test]
async fn a_file_of_the_same_size_but_without_the_structure_is_not_taken_for_the_meetings() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    std::fs::create_dir_all(service.archived(&folder(minute(5)))).unwrap();
    let there = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    std::fs::write(&there, [7; 4096]).unwrap();

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], format!("{}_2", folder(minute(5))));
    assert_eq!(std::fs::read(&there).unwrap(), [7; 4096]);
}

#[tokio::test]
async fn an_empty_folder_is_free() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    std::fs::create_dir_all(service.archived(&folder(minute(5)))).unwrap();

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], folder(minute(5)));
}

#[tokio::test]
async fn a_change_of_topic_layout_or_timezone_touches_new_meetings_only() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.change_meeting("a==", |meeting| meeting.topic("Renamed").timezone("Asia/Tokyo").audio(512)).unwrap();
    let service = service
        .set("archive.layout", "{topic}/{date}")
        .set("archive.timezone", "meeting")
        .set("select.files", vec!["video", "audio"]);

    service.once().await.with(0);

    let row = service.row("a==");
    assert_eq!(row["directory"], folder(minute(5)));
    assert_eq!(row["files"], "2");
    assert_eq!(service.media().len(), 2, "{:?}", service.media());
}

#[tokio::test]
async fn a_folder_is_dated_in_the_zone_of_the_settings() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("archive.timezone", "Asia/Kolkata");

    service.once().await.with(0);

    assert_eq!(service.row("a==")["directory"], folder(minute(5) + TimeDelta::minutes(330)));
}

#[tokio::test]
async fn s1_topics_that_would_lead_out_of_the_archive_stay_in_it() {
    let topics =
        ["../../../outside", "/etc/outside", "..", "a/../../outside", "x\\..\\outside", "\0", ".zoom-archiver"];
    let named = |(n, topic): (usize, &str)| meeting(&format!("{n}=="), 5).topic(topic).video("gallery_view", 4096);
    let zoom = zoom_with(topics.into_iter().enumerate().map(named)).await;
    let service = Service::on(&zoom).set("archive.layout", "{date}/{topic}");

    service.once().await.with(0);

    assert_eq!(service.rows().len(), topics.len());
    let videos: Vec<_> = service.files().into_iter().filter(|name| name.ends_with(".mp4")).collect();
    assert_eq!(videos.len(), topics.len());
    for video in videos {
        assert_eq!(video.split('/').count(), 4, "downloads/date/topic/file: {video}");
        assert!(video.starts_with("downloads/20"), "{video}");
    }
    service.keeps_its_promises(&zoom).await;
}
