//! Meetings of several parts on YouTube, which come and grow while others of them are sent.

use chrono::TimeDelta;
use serde_json::json;
use zoom_archiver::simulator::youtube::Youtube;
use zoom_archiver::simulator::{FileSpec, Matcher, Simulator};

use crate::publish::{keeps_its_promises_with_videos, scene, was_begun_two_hours_ago};
use crate::support::{MIB, Service, folder, meeting_at, minute};

/// A video that began so many minutes after its meeting, of so many bytes, and lasted for so long.
fn part(minutes: i64, size: u64, lasts: i64) -> FileSpec {
    FileSpec::video("gallery_view", size).starts_after(TimeDelta::minutes(minutes)).lasts(TimeDelta::minutes(lasts))
}

/// A meeting with a part of 2 MiB, half an hour long.
async fn one_part() -> (Simulator, Youtube, Service) {
    scene([meeting_at("a==", 5, 0).topic("Class").file(part(0, 2 * MIB, 30))]).await
}

/// Another part before it, of 3 MiB.
fn comes_before(zoom: &Simulator) {
    zoom.change_meeting("a==", |meeting| meeting.file(part(-60, 3 * MIB, 20))).expect("the meeting is there");
}

/// Fetches and records what is new, before anything is sent.
async fn archives(service: Service) -> Service {
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    service.set("youtube.enabled", true)
}

/// The video of so many bytes.
fn id_of(youtube: &Youtube, size: u64) -> String {
    let videos = youtube.videos();
    let video = videos.iter().find(|video| video.size == Some(size)).unwrap_or_else(|| panic!("{videos:?}"));
    video.id.clone()
}

/// The numbers of the parts that are on YouTube, with their videos, as `meeting.json` has them.
fn described(service: &Service) -> Vec<(u64, String)> {
    let description = service.description(&folder(minute(5)));
    let videos = description["youtube"].as_array().cloned().unwrap_or_default();
    let mut parts: Vec<_> = videos
        .iter()
        .map(|video| (video["part"].as_u64().expect("a number"), video["video_id"].as_str().expect("an id").to_owned()))
        .collect();
    parts.sort();
    parts
}

fn row(service: &Service) -> [String; 3] {
    let row = service.row("a==");
    ["status", "best_file", "youtube_id"].map(|column| row[column].clone())
}

/// Takes from `meeting.json` what it knows of YouTube, as where it was restored from an older copy.
fn forgets_its_videos(service: &Service) {
    let (path, mut description) =
        (format!("{}/meeting.json", folder(minute(5))), service.description(&folder(minute(5))));
    description["youtube"] = json!([]);
    std::fs::write(service.archived(&path), description.to_string()).expect("it can be written");
}

#[tokio::test]
async fn what_only_the_tracker_knows_is_not_sent_again_where_a_part_comes_before_it() {
    let (zoom, youtube, service) = one_part().await;
    zoom.change_meeting("a==", |meeting| meeting.file(part(60, MIB, 20))).unwrap();
    service.once().await.with(0);
    assert_eq!(youtube.uploads().len(), 2);
    forgets_its_videos(&service);
    comes_before(&zoom);

    service.once().await.with(0);

    let ids = [3, 2, 1].map(|size| id_of(&youtube, size * MIB));
    assert_eq!(described(&service), [(1, ids[0].clone()), (2, ids[1].clone()), (3, ids[2].clone())]);
    assert_eq!(row(&service)[2], ids.join(" "));
    assert_eq!(youtube.uploads().len(), 3, "each once");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 3).await;
}

#[tokio::test]
async fn the_row_of_a_meeting_that_has_grown_names_each_video_in_its_parts_place() {
    let (zoom, youtube, service) = one_part().await;
    service.once().await.with(0);
    comes_before(&zoom);

    let service = archives(service).await;

    let [status, best_files, videos] = row(&service);
    let first = id_of(&youtube, 2 * MIB);
    assert_eq!((status.as_str(), best_files.as_str()), ("downloaded", "gallery_view_2.mp4 gallery_view.mp4"));
    assert_eq!(videos, format!("- {first}"));
    service.once().await.with(0);
    assert_eq!(row(&service)[2], format!("{} {first}", id_of(&youtube, 3 * MIB)));
    assert_eq!(described(&service), [(1, id_of(&youtube, 3 * MIB)), (2, first)]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn parts_that_are_wanted_only_later_come_into_the_tracker_too() {
    let (zoom, youtube, service) = one_part().await;
    zoom.change_meeting("a==", |meeting| meeting.file(part(60, MIB, 10))).unwrap();
    let service = service.set("youtube.parts", "longest");
    service.once().await.with(0);
    let first = id_of(&youtube, 2 * MIB);
    assert_eq!(row(&service)[2], format!("{first} -"));
    let service = service.set("youtube.parts", "all");

    service.once().await.with(0).says("it is recorded as uploaded");

    let row = row(&service);
    assert_eq!((row[0].as_str(), row[2].as_str()), ("uploaded", format!("{first} {}", id_of(&youtube, MIB)).as_str()));
    assert_eq!(service.rows().len(), 3);
    service.asks_again_for(&["a=="]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

/// Begins an upload, which breaks off after a MiB.
async fn begins(youtube: &Youtube, service: &Service) {
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.run_daemon();
    hold.reached().await;
    running.stop().await.with(0);
    hold.cut();
    assert_eq!(service.unfinished_uploads().len(), 1);
}

#[tokio::test]
async fn p7_an_upload_goes_on_though_a_part_has_come_before_its_own_and_both_get_their_numbers() {
    let (zoom, youtube, service) = one_part().await;
    begins(&youtube, &service).await;
    comes_before(&zoom);
    let service = archives(service).await;

    service.once().await.with(0).says("the upload goes on");

    assert_eq!(described(&service), [(1, id_of(&youtube, 3 * MIB)), (2, id_of(&youtube, 2 * MIB))]);
    assert_eq!(row(&service)[2], format!("{} {}", id_of(&youtube, 3 * MIB), id_of(&youtube, 2 * MIB)));
    assert_eq!(youtube.uploads().len(), 2);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn a_part_that_comes_before_the_one_that_is_being_sent_is_sent_after_it_and_each_keeps_its_file() {
    let (zoom, youtube, service) = one_part().await;
    let service = service.set("poll.schedule", "* * * * * *");
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.run_daemon();
    hold.reached().await;
    comes_before(&zoom);
    service.until("the other part", |service| row(service)[1].contains(' ')).await;

    hold.release();

    service.until("both videos", |service| row(service)[0] == "uploaded").await;
    running.stop().await.with(0);
    assert_eq!(described(&service), [(1, id_of(&youtube, 3 * MIB)), (2, id_of(&youtube, 2 * MIB))]);
    assert_eq!(row(&service)[2], format!("{} {}", id_of(&youtube, 3 * MIB), id_of(&youtube, 2 * MIB)));
    assert_eq!(youtube.uploads().len(), 2);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn an_upload_that_is_begun_anew_is_titled_and_dated_by_its_own_file() {
    let (zoom, youtube, service) = one_part().await;
    begins(&youtube, &service).await;
    comes_before(&zoom);
    let service = archives(service).await;
    youtube.expire_uploads();
    service.once().await;
    was_begun_two_hours_ago(&service);

    service.once().await.with(0);

    let videos = youtube.videos();
    let titles = [3, 2].map(|size| videos.iter().find(|it| it.size == Some(size * MIB)).unwrap().title.clone());
    assert!(!titles[0].contains("(part") && titles[1].ends_with("(part 2)"), "{titles:?}");
    assert_eq!(described(&service), [(1, id_of(&youtube, 3 * MIB)), (2, id_of(&youtube, 2 * MIB))]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

/// Notes in `state.json` that the one file that was begun is not sent again by itself.
fn is_parked(service: &Service) {
    let mut state = service.state();
    let file = service.description(&folder(minute(5)))["files"][0]["id"].clone();
    state["uploads"]["parked"] = json!([{"uuid": "a==", "part": 1, "file_id": file, "reason": "look for the video",
        "at": minute(1)}]);
    state["uploads"]["failed"] = json!([]);
    std::fs::write(service.path("state.json"), state.to_string()).expect("it can be written");
}

#[tokio::test]
async fn a_better_view_of_a_part_whose_upload_is_parked_waits_for_a_person_as_it_does() {
    let (zoom, youtube, service) = scene([meeting_at("a==", 5, 0).video("active_speaker", 2 * MIB)]).await;
    begins(&youtube, &service).await;
    is_parked(&service);
    zoom.change_meeting("a==", |meeting| meeting.video("gallery_view", MIB)).unwrap();
    let service = archives(service).await;

    service.once().await.with(0).says("parked=1");

    let (_, reason) = service.listed().await["a=="].clone();
    assert!(reason.contains("until you ask for it, by `publish`: look for the video"), "{reason}");
    assert_eq!(youtube.videos(), []);
    service.start(&["publish", "a=="]).ended().await.with(0);
    assert_eq!(described(&service), [(1, id_of(&youtube, 2 * MIB))], "what was begun, and no other");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn an_upload_is_not_gone_on_with_where_a_longer_part_is_the_one_that_is_wanted() {
    let (zoom, youtube, service) = one_part().await;
    let service = service.set("youtube.parts", "longest");
    begins(&youtube, &service).await;
    zoom.change_meeting("a==", |meeting| meeting.file(part(60, 3 * MIB, 60))).unwrap();
    let service = archives(service).await;

    service.once().await.with(0);
    service.once().await.with(0);

    assert_eq!(youtube.videos().iter().map(|video| video.size).collect::<Vec<_>>(), [Some(3 * MIB)]);
    assert_eq!(row(&service)[2], format!("- {}", id_of(&youtube, 3 * MIB)));
    let service = service.set("youtube.parts", "all");
    service.once().await.with(0).says("the upload goes on");
    assert_eq!(youtube.uploads().len(), 2);
    service.asks_again_for(&["a=="]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}
