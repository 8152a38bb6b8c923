//! Which meetings `[select]` leaves out, and that `list` says why.

use chrono::TimeDelta;
use zoom_archiver::simulator::{FileSpec, MeetingSpec, Simulator};

use crate::support::{Service, asked, meeting, zoom_with};

/// A Zoom with a long class, a short one, and a test.
async fn three_meetings() -> Simulator {
    let named =
        |uuid: &str, topic: &str, minutes| meeting(uuid, 5).topic(topic).minutes(minutes).video("gallery_view", 4096);
    zoom_with([
        named("class==", "Weekly class", 45),
        named("short==", "Weekly class", 4),
        named("test==", "Test of the microphone", 30),
    ])
    .await
}

async fn plan_and_reason(service: &Service, uuid: &str) -> (String, String) {
    service.listed().await.remove(uuid).unwrap_or_else(|| panic!("{uuid} is not listed"))
}

fn left_out(reason: &str) -> (String, String) {
    ("left out".to_owned(), reason.to_owned())
}

#[tokio::test]
async fn without_any_wish_everything_is_to_be_fetched() {
    let zoom = three_meetings().await;

    let listed = Service::on(&zoom).listed().await;

    assert_eq!(listed.len(), 3);
    assert!(listed.values().all(|(plan, reason)| plan == "fetch" && reason == "1 new file"), "{listed:?}");
}

#[tokio::test]
async fn a_meeting_shorter_than_wanted_is_left_out() {
    let zoom = three_meetings().await;
    let service = Service::on(&zoom).set("select.min_minutes", 5);

    service.once().await.with(0);

    assert_eq!(plan_and_reason(&service, "short==").await, left_out("4 min is shorter than select.min_minutes = 5"));
    let mut recorded = service.recorded_uuids();
    recorded.sort();
    assert_eq!(recorded, ["class==", "test=="], "what is left out gets no row");
}

#[tokio::test]
async fn a_meeting_without_a_duration_is_as_long_as_its_recordings() {
    let lasting = |uuid: &str, minutes| -> MeetingSpec {
        meeting(uuid, 5).minutes(0).file(FileSpec::video("gallery_view", 4096).lasts(TimeDelta::minutes(minutes)))
    };
    let zoom = zoom_with([lasting("long==", 6), lasting("short==", 4)]).await;
    let service = Service::on(&zoom).set("select.min_minutes", 5);

    let listed = service.listed().await;

    assert_eq!(listed["long=="].0, "fetch");
    assert_eq!(listed["short=="], left_out("4 min is shorter than select.min_minutes = 5"));
}

#[tokio::test]
async fn a_topic_that_no_expression_fits_is_left_out() {
    let zoom = three_meetings().await;
    let service = Service::on(&zoom).set("select.topics", vec!["^Weekly", "lecture"]);

    service.once().await.with(0);

    assert_eq!(plan_and_reason(&service, "test==").await, left_out("no expression of select.topics fits its topic"));
    assert_eq!(service.rows().len(), 2);
}

#[tokio::test]
async fn an_excluded_topic_is_left_out_even_where_it_is_wanted_too() {
    let zoom = three_meetings().await;
    let service =
        Service::on(&zoom).set("select.topics", vec!["."]).set("select.exclude_topics", vec!["nothing", "(?i)^test"]);

    service.once().await.with(0);

    assert_eq!(
        plan_and_reason(&service, "test==").await,
        left_out("`(?i)^test` of select.exclude_topics fits its topic")
    );
    assert_eq!(service.rows().len(), 2);
}

#[tokio::test]
async fn an_archived_meeting_stays_archived_when_it_is_left_out_later() {
    let zoom = three_meetings().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);

    let service = service.set("select.min_minutes", 5);

    assert_eq!(plan_and_reason(&service, "short==").await.0, "archived");
}

#[tokio::test]
async fn a_change_of_what_is_wanted_looks_through_the_whole_year_again() {
    let zoom = zoom_with([meeting("old==", 24 * 100).topic("Test").video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom).set("select.exclude_topics", vec!["Test"]);
    service.once().await.with(0);
    let service = service.set("select.exclude_topics", Vec::<String>::new());

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["old=="]);
}

#[tokio::test]
async fn looking_at_the_list_changes_nothing_on_the_disk_but_the_token() {
    let zoom = three_meetings().await;
    let service = Service::on(&zoom);

    service.listed().await;

    assert_eq!(service.content().keys().collect::<Vec<_>>(), [".zoom_access_token", ".zoom_refresh_token"]);
    assert!(!service.path("downloads").exists() && !service.path("logs").exists());
    assert_eq!(asked(&zoom)[2], 0, "no byte of a file was asked for");
}

#[tokio::test]
async fn the_list_for_people_marks_the_best_file_and_ends_with_a_sum() {
    let zoom = zoom_with([meeting("a==", 5)
        .topic("Weekly\u{1b}[31m class")
        .video("active_speaker", 8192)
        .video("gallery_view", 4096)])
    .await;

    let listed = Service::on(&zoom).run(&["list"]).await.with(0).stdout;

    let best: Vec<_> = listed.lines().filter(|line| line.trim_start().starts_with('*')).collect();
    assert!(best.len() == 1 && best[0].contains("gallery_view.mp4"), "{listed}");
    assert!(listed.contains("1 meetings, 1 fetch; 12 KiB to fetch"), "{listed}");
    assert!(!listed.contains('\u{1b}'), "nothing from Zoom moves the cursor: {listed:?}");
}
