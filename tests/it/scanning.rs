//! That every meeting is found and each file fetched once, and what a broken record or user costs.

use serde_json::json;
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, World};

use crate::support::{Service, asked, fetched, meeting, now, zoom_of, zoom_with};

#[tokio::test]
async fn a6_all_meetings_of_a_year_are_found_and_each_video_is_fetched_exactly_once() {
    let zoom = zoom_of(World::year_of_meetings(now(), 350)).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let mut recorded = service.recorded_uuids();
    recorded.sort();
    recorded.dedup();
    assert_eq!(recorded.len(), 350);
    let fetched = fetched(&zoom);
    assert_eq!(fetched.len(), 700);
    assert!(fetched.values().all(|times| *times == 1), "{fetched:?}");
    let begun = service.log();
    // Without the lines about progress.
    let begun = begun.lines().filter(|line| !line.contains(" percent="));
    let begun: Vec<_> = begun.filter_map(|line| line.split_once(" downloading file=")).collect();
    let folders: Vec<_> =
        begun.iter().filter_map(|(_, label)| label.rsplit_once('/').map(|(folder, _)| folder)).collect();
    assert_eq!(folders.len(), 700);
    let unsorted = folders.windows(2).find(|pair| pair[0] > pair[1]);
    assert_eq!(unsorted, None, "the oldest first");
    assert!(zoom.journal().peak(Endpoint::Media) <= 3, "download.workers");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_second_run_asks_for_the_recent_days_alone_and_downloads_nothing() {
    let zoom = zoom_of(World::year_of_meetings(now(), 25)).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let [listings, tokens, downloads] = asked(&zoom);

    service.once().await.with(0);

    assert_eq!(asked(&zoom), [listings + 1, tokens, downloads]);
    assert_eq!(service.rows().len(), 25);
}

#[tokio::test]
async fn a_meeting_of_this_minute_is_found() {
    let zoom = zoom_with([meeting("a==", 0).minutes(0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn a2_a_type_may_be_a_text_or_a_number_or_one_that_nobody_knows() {
    let of_type = |uuid: &str, kind| meeting(uuid, 5).set("type", kind).video("gallery_view", 4096);
    let zoom = zoom_with([of_type("a==", json!("8")), of_type("b==", json!(8)), of_type("c==", json!(99))]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.rows().len(), 3);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a10_uuids_with_slashes_in_them_are_archived_like_any_other() {
    let uuids = ["/begins==", "in//the/middle==", "a/b+c=="];
    let zoom = zoom_with(uuids.map(|uuid| meeting(uuid, 5).video("gallery_view", 4096))).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let mut recorded = service.recorded_uuids();
    recorded.sort();
    assert_eq!(recorded, ["/begins==", "a/b+c==", "in//the/middle=="]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a2_captions_and_timelines_which_have_no_id_are_fetched_once() {
    let zoom = zoom_with([meeting("a==", 5)
        .video("gallery_view", 4096)
        .file(FileSpec::captions(300))
        .file(FileSpec::timeline(200))])
    .await;
    let service = Service::on(&zoom).set("select.files", vec!["video", "captions", "timeline"]);

    service.once().await.with(0);
    service.once().await.with(0);

    let row = service.row("a==");
    for (kind, name) in [("CC", "captions.vtt"), ("TIMELINE", "timeline.json")] {
        let file = zoom.file("a==", kind).unwrap();
        let path = service.archived(&format!("{}/{name}", row["directory"]));
        assert!(zoom.has_bytes_of(&file, &path).unwrap(), "{name}");
        assert!(row["file_ids"].contains(&format!("{kind}@")), "{}", row["file_ids"]);
    }
    assert!(fetched(&zoom).values().all(|times| *times == 1));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a3_a_broken_record_costs_only_itself() {
    let zoom = zoom_with([
        meeting("a==", 7).video("gallery_view", 4096),
        meeting("b==", 6).raw(json!(7)),
        meeting("c==", 6).raw(json!({"topic": "no uuid", "id": 5})),
        meeting("d==", 5).video("gallery_view", 4096).set("start_time", json!(null)).set("duration", json!("x")),
    ])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(1).says("a meeting that is no JSON object").says("5 with a bad uuid");

    let mut recorded = service.recorded_uuids();
    recorded.sort();
    assert_eq!(recorded, ["a==", "d=="]);
    service.keeps_its_promises_but_for(&zoom, &["b==", "c=="]).await;
}

#[tokio::test]
async fn a_refusal_sent_as_200_is_told_with_what_to_do_about_it() {
    let zoom = zoom_with([meeting("a==", 5)]).await;
    let refusal = json!({"code": 200, "message": "You do not have the right permissions."});
    zoom.inject(Matcher::list().always(), Fault::json(200, &refusal));
    let service = Service::on(&zoom);

    let ended = service.once().await.with(1);

    let words = ended.words();
    assert!(words.contains("You do not have the right permissions."), "{words}");
    assert!(words.contains("check in Zoom that cloud recording is switched on"), "{words}");
}

#[tokio::test]
async fn one_users_failure_does_not_touch_anothers_meetings() {
    let zoom =
        zoom_of(World::new(now()).user("a@example.com").meeting(meeting("a==", 5).video("gallery_view", 4096))).await;
    let service = Service::on(&zoom).set("zoom.users", vec!["missing@example.com", "a@example.com"]);

    let ended = service.once().await.with(1);

    assert_eq!(service.recorded_uuids(), ["a=="]);
    let words = ended.words();
    assert!(words.contains("missing@example.com") && words.contains("zoom.users"), "{words}");
}

#[tokio::test]
async fn a8_a_meeting_that_two_users_have_is_archived_once_under_the_first_in_the_settings() {
    let shared = || meeting("a==", 5).video("gallery_view", 4096);
    let world = World::new(now()).user("a@example.com").meeting(shared()).user("b@example.com").meeting(shared());
    let zoom = zoom_of(world).await;
    let service = Service::on(&zoom).set("zoom.users", vec!["b@example.com", "a@example.com"]);

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
    assert_eq!(service.row("a==")["user"], "b@example.com");
    assert_eq!(fetched(&zoom).into_values().collect::<Vec<_>>(), [1]);
    service.keeps_its_promises(&zoom).await;
}
