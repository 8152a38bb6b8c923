//! Meetings that Zoom is about to delete: that they are not archived is said in time, and once a day.

use chrono::{Days, NaiveDate};
use zoom_archiver::simulator::{Answer, Endpoint, Fault, FileSpec, Matcher, MeetingSpec, Simulator};

use crate::support::{MIB, Service, meeting, now, zoom_with};

fn in_days(days: u64) -> NaiveDate {
    now().date_naive() + Days::new(days)
}

/// A meeting that Zoom deletes in three days.
fn endangered(uuid: &str) -> MeetingSpec {
    meeting(uuid, 5).topic("Last lesson").auto_delete(in_days(3))
}

fn processing() -> FileSpec {
    FileSpec::video("gallery_view", MIB).processing()
}

/// The lines of the log that speak of a deletion, or of this meeting's.
fn warnings(service: &Service, uuid: &str) -> Vec<String> {
    let is_it =
        |line: &&str| line.contains("Zoom deletes this meeting") && line.contains(&format!("meeting=\"{uuid}\""));
    service.log().lines().filter(is_it).map(str::to_owned).collect()
}

/// The one line of it, at the level of a warning.
#[track_caller]
fn warning(service: &Service, uuid: &str) -> String {
    let mut lines = warnings(service, uuid);
    assert_eq!(lines.len(), 1, "{lines:?} in\n{}", service.log());
    let line = lines.remove(0);
    let day = in_days(3);
    assert!(line.contains(" WARN ") && line.contains("topic=\"Last lesson\""), "{line}");
    assert!(line.contains(&format!("on {day}, and it is not archived yet: ")), "{line}");
    line
}

async fn run_once_on(zoom: &Simulator) -> Service {
    let service = Service::on(zoom).set("download.attempts", 1);
    service.once().await;
    service
}

#[tokio::test]
async fn a_meeting_that_zoom_deletes_within_a_week_unarchived_is_said_with_the_reason() {
    let zoom = zoom_with([
        endangered("processing==").file(processing()),
        endangered("failed==").video("gallery_view", MIB),
        endangered("later==").video("gallery_view", MIB),
    ])
    .await;
    zoom.inject(Matcher::media().meeting("failed==").always(), Fault::Cut { after: 1000 });
    let put_off = Answer::new(429).header("retry-after", "3600");
    zoom.inject(Matcher::media().meeting("later==").always(), Fault::Answer(put_off));

    let service = run_once_on(&zoom).await;

    assert!(warning(&service, "processing==").contains("Zoom is not done with its files; the next run tries it again"));
    let failed = warning(&service, "failed==");
    assert!(failed.contains("gallery_view.mp4: ") && failed.contains("; next try at "), "{failed}");
    let later = warning(&service, "later==");
    assert!(later.contains("Zoom asks to wait until ") && later.contains("; next try at "), "{later}");
}

#[tokio::test]
async fn a_meeting_that_waits_for_room_on_the_disk_is_said_to_be_about_to_be_deleted() {
    let zoom = zoom_with([endangered("a==").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("download.min_free_space", "900 TiB");

    service.once().await.with(1);

    assert!(warning(&service, "a==").contains("1 file doesn't fit on the disk of "));
}

#[tokio::test]
async fn a_meeting_first_seen_while_the_archive_is_not_mounted_is_said_to_be_about_to_be_deleted() {
    let zoom = zoom_with([meeting("old==", 50).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    std::fs::remove_file(service.archived(".zoom-archiver")).unwrap();
    zoom.add_meeting("me", endangered("new==").video("gallery_view", MIB));
    zoom.add_meeting("me", endangered("growing==").file(processing()));
    zoom.change_meeting("old==", |meeting| meeting.auto_delete(in_days(3))).unwrap();
    let running = service.run_daemon();

    service.until_log_says("Zoom deletes this meeting").await;

    running.stop().await.with(0);
    assert!(warning(&service, "new==").contains("is not mounted"));
    assert!(warning(&service, "growing==").contains("is not mounted"));
    assert_eq!(warnings(&service, "old=="), [] as [&str; 0], "it is archived");
}

#[tokio::test]
async fn what_is_archived_or_left_out_or_has_more_than_a_week_is_not_said_to_be_about_to_be_deleted() {
    let zoom = zoom_with([
        endangered("archived==").video("gallery_view", MIB),
        endangered("short==").minutes(1).file(processing()),
        endangered("next-week==").auto_delete(in_days(9)).file(processing()),
        meeting("for-ever==", 5).file(processing()),
    ])
    .await;
    let service = Service::on(&zoom).set("select.min_minutes", 2);

    service.once().await.with(0);

    assert!(!service.log().contains("Zoom deletes this meeting"), "{}", service.log());
}

#[tokio::test]
async fn it_is_said_once_a_day_over_restarts() {
    let zoom = zoom_with([endangered("a==").file(processing())]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    service.once().await.with(0);
    warning(&service, "a==");
    let today = now().date_naive().to_string();
    assert_eq!(service.pending("a==")["deletion_told"], today);
    let yesterday = (now().date_naive() - Days::new(1)).to_string();
    let state = service.text("state.json").replace(&format!("told\": \"{today}"), &format!("told\": \"{yesterday}"));
    std::fs::write(service.path("state.json"), state).unwrap();

    service.once().await.with(0);

    assert_eq!(warnings(&service, "a==").len(), 2);
}

#[tokio::test]
async fn a_meeting_that_failed_waits_for_its_next_try_over_a_restart() {
    let zoom = zoom_with([endangered("a==").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("download.attempts", 1).set("poll.schedule", "* * * * * *");
    zoom.inject(Matcher::media().always(), Fault::Cut { after: 1000 });
    let running = service.run_daemon();
    service.until("it failed", |service| service.pending("a==")["failed_tries"] == 1).await;
    running.stop().await.with(0);
    let next_try = service.pending("a==")["next_try"].clone();
    assert!(next_try.is_string(), "{next_try}");

    let polled = service.log().matches("polled Zoom").count();
    let running = service.run_daemon();
    service.until("two more polls", |service| service.log().matches("polled Zoom").count() >= polled + 2).await;

    running.stop().await.with(0);
    assert_eq!(service.pending("a==")["next_try"], next_try);
    assert_eq!(zoom.journal().to(Endpoint::Media).count(), 1);
}

#[tokio::test]
async fn a_meeting_that_zoom_will_not_list_is_said_to_be_about_to_be_deleted_for_that_reason() {
    let zoom = zoom_with([endangered("a==").file(processing())]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let state = service.text("state.json").replace("deletion_told", "of_an_earlier_version");
    std::fs::write(service.path("state.json"), state).unwrap();
    let refusal = serde_json::json!({"code": 300, "message": "Not today."});
    zoom.inject(Matcher::list().always(), Fault::json(400, &refusal));

    service.once().await.with(1);

    let told = warnings(&service, "a==");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("cannot list the recordings of me: ") && told[1].contains("Not today."), "{told:?}");
}

#[tokio::test]
async fn the_service_says_it_between_its_polls_too() {
    let zoom = zoom_with([endangered("a==").file(processing())]).await;
    let service = Service::on(&zoom).set("poll.schedule", "0 0 0 1 1 *");
    let running = service.run_daemon();

    service.until_log_says("Zoom deletes this meeting").await;

    running.stop().await.with(0);
    let line = warning(&service, "a==");
    assert!(line.contains("tried again at the next poll at ") && line.contains("-01-01 00:00 UTC"), "{line}");
}
