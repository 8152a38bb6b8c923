//! Publishing: the best file of each part on YouTube, once, whatever comes between.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use zoom_archiver::simulator::youtube::{Fate, Refused, World, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, MeetingSpec, Simulator};

use crate::support::{MIB, Service, folder, meeting_at, minute, now, zoom_with};

/// A Zoom with these meetings, an empty channel, and a service that brings the one to the other.
pub(crate) async fn scene(meetings: impl IntoIterator<Item = MeetingSpec>) -> (Simulator, Youtube, Service) {
    let zoom = zoom_with(meetings).await;
    let youtube = Youtube::start(World::new(now()).playlist("PLclass")).await.expect("loopback has free ports");
    let service = Service::on(&zoom).publishing_on(&youtube);
    (zoom, youtube, service)
}

pub(crate) fn class(uuid: &str, hours_ago: i64) -> MeetingSpec {
    meeting_at(uuid, hours_ago, 0)
        .topic(&format!("Class {uuid}"))
        .video("gallery_view", 4 * MIB + hours_ago.unsigned_abs())
}

/// Once the faults are gone: every promise, and so many videos, each of its file's bytes, none twice, none public.
pub(crate) async fn keeps_its_promises_with_videos(
    zoom: &Simulator,
    youtube: &Youtube,
    service: &Service,
    videos: usize,
) {
    youtube.clear_faults();
    service.keeps_its_promises(zoom).await;
    service.videos_are_byte_exact(youtube);
    service.nothing_is_doubled(youtube);
    assert_eq!(youtube.videos().len(), videos, "{}", service.log());
    assert!(youtube.videos().iter().all(|video| video.privacy == "private"), "{:?}", youtube.videos());
    assert_eq!(service.unfinished_uploads(), Vec::<String>::new());
}

fn titles(youtube: &Youtube) -> Vec<String> {
    youtube.videos().into_iter().map(|video| video.title).collect()
}

#[tokio::test]
async fn each_part_is_sent_once_byte_for_byte_and_nobody_else_may_see_it() {
    let later = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let (zoom, youtube, service) = scene([class("a==", 5).file(later)]).await;

    let ended = service.once().await.with(0);

    let videos = youtube.videos();
    let date = minute(5).format("%Y-%m-%d %H:%M");
    assert_eq!(
        titles(&youtube),
        [format!("Class a== - {date} (45 min)"), format!("Class a== - {date} (45 min) (part 2)")]
    );
    assert!(videos.iter().all(|video| video.made_for_kids == Some(false) && video.notifies == Some(false)));
    assert!(videos.iter().all(|video| video.tags.iter().any(|tag| tag.starts_with("zoom-archiver-"))));
    let row = service.row("a==");
    assert_eq!(
        (row["status"].as_str(), row["youtube_id"].as_str()),
        ("uploaded", format!("{} {}", videos[0].id, videos[1].id).as_str())
    );
    assert_eq!(service.rows().len(), 2, "downloaded, then uploaded");
    let described = service.description(&folder(minute(5)));
    assert_eq!((&described["youtube"][1]["part"], &described["youtube"][1]["processed"]), (&json!(2), &json!(false)));
    ended.says("waiting=2 daily_uploads=100 days=1 parked=0").says("the upload is complete");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
    assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 2, "nothing is asked for in vain");
}

#[tokio::test]
async fn y4_an_upload_that_breaks_off_goes_on_where_it_broke_off() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 2 * MIB });

    service.once().await.with(0);

    assert_eq!(youtube.uploads().len(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p7_y7_an_upload_that_was_stopped_or_killed_goes_on_after_the_next_start() {
    for is_killed in [false, true] {
        let (zoom, youtube, service) = scene([class("a==", 5)]).await;
        let hold = youtube.hold_upload(Matcher::upload(), 3 * MIB);
        let running = service.run_daemon();
        hold.reached().await;
        if is_killed {
            running.kill().await;
        } else {
            running.stop().await.with(0);
            assert!(service.log().contains("the upload is interrupted"), "{}", service.log());
        }
        assert_eq!(service.unfinished_uploads().len(), 1);
        assert_eq!(service.mode(&service.unfinished_uploads()[0]) & 0o777, 0o600);
        hold.cut();

        service.once().await.with(0).says("the upload goes on");

        assert_eq!(youtube.uploads().len(), 1);
        assert_eq!(service.row("a==")["status"], "uploaded");
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn p6_y5_a_video_that_was_accepted_before_a_kill_is_not_sent_again() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let hold = youtube.hold_answer(Matcher::upload());
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    drop(hold);
    assert_eq!(youtube.videos().len(), 1);

    service.once().await.with(0);

    assert_eq!(service.row("a==")["youtube_id"], youtube.videos()[0].id);
    assert_eq!(youtube.uploads().len(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p6_y6_a_video_whose_session_is_gone_is_found_by_its_tag() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let hold = youtube.hold_answer(Matcher::upload());
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    drop(hold);
    youtube.expire_uploads();

    service.once().await.with(0).says("the video is found among the channel's latest");

    assert_eq!(service.row("a==")["youtube_id"], youtube.videos()[0].id);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y6_a_session_that_has_expired_is_followed_by_a_new_one_once_the_video_would_be_listed() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let hold = youtube.hold_upload(Matcher::upload(), 2 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    hold.cut();
    youtube.expire_uploads();

    service.once().await.with(0).says("its video may be there and not listed yet");

    assert_eq!(youtube.uploads().len(), 1, "it may be there and not be listed yet");
    was_begun_two_hours_ago(&service);
    service.once().await.with(0);
    assert_eq!(youtube.uploads().len(), 2);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p6_y6_a_video_that_is_listed_late_is_not_sent_again_though_its_session_is_gone() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::minutes(50));
    let hold = youtube.hold_answer(Matcher::upload());
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    drop(hold);
    youtube.expire_uploads();
    service.once().await.with(0).says("its video may be there and not listed yet");

    youtube.advance(TimeDelta::minutes(51));
    was_begun_two_hours_ago(&service);
    service.once().await.with(0).says("the video is found among the channel's latest");

    assert_eq!(youtube.uploads().len(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y6_a_video_that_took_hours_and_is_listed_late_is_not_sent_again() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::minutes(50));
    let hold = youtube.hold_answer(Matcher::upload());
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    drop(hold);
    youtube.expire_uploads();
    was_begun_two_hours_ago(&service);

    service.once().await.with(0);

    assert_eq!(youtube.uploads().len(), 1, "its last byte may have come a minute ago");
    youtube.advance(TimeDelta::minutes(51));
    was_begun_two_hours_ago(&service);
    service.once().await.with(0).says("the video is found among the channel's latest");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y7_a_video_that_was_begun_for_everyone_is_given_up_once_it_is_to_be_private() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let service = service.set("youtube.privacy", "public");
    let hold = youtube.hold_upload(Matcher::upload(), 2 * MIB);
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    hold.cut();
    let service = service.set("youtube.privacy", "private");

    service.once().await.with(0).says("youtube.privacy was changed since");

    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y5_a_video_that_was_accepted_is_put_on_record_though_its_file_is_gone_or_touched() {
    for is_gone in [true, false] {
        let (zoom, youtube, service) = scene([class("a==", 5)]).await;
        let hold = youtube.hold_answer(Matcher::upload());
        let running = service.run_daemon();
        hold.reached().await;
        running.kill().await;
        drop(hold);
        let path = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
        let content = std::fs::read(&path).unwrap();
        if is_gone {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }

        service.once().await;

        assert_eq!(service.row("a==")["youtube_id"], youtube.videos()[0].id);
        std::fs::write(&path, &content).unwrap();
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y7_a_video_of_whose_upload_the_account_is_damaged_is_not_sent_again_though_it_is_listed_late() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::minutes(50));
    let hold = youtube.hold_answer(Matcher::upload());
    let running = service.run_daemon();
    hold.reached().await;
    running.kill().await;
    drop(hold);
    std::fs::write(service.path(&service.unfinished_uploads()[0]), "\0\0\0").unwrap();

    service.once().await.with(0).says("its video may be there and not listed yet");

    youtube.advance(TimeDelta::minutes(51));
    service.once().await.with(0).says("the video is found among the channel's latest");
    assert_eq!(youtube.uploads().len(), 1);
    for damaged in service.unfinished_uploads() {
        std::fs::remove_file(service.path(&damaged)).unwrap();
    }
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

/// Lets time go by for the one upload that was begun: a test cannot.
pub(crate) fn was_begun_two_hours_ago(service: &Service) {
    let path = service.path(&service.unfinished_uploads()[0]);
    let text = std::fs::read_to_string(&path).expect("it can be read");
    let mut kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let then = (now() - TimeDelta::hours(2)).to_rfc3339();
    kept["opened_at"] = then.clone().into();
    if !kept["gone_at"].is_null() {
        kept["gone_at"] = then.into();
    }
    std::fs::write(&path, kept.to_string()).expect("it can be written");
}

#[tokio::test]
async fn y12_a_video_that_youtube_does_not_name_is_looked_for_and_in_the_end_left_to_a_person() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::days(1));
    let nameless = || Fault::edit(|answer| answer["id"] = json!(""));
    youtube.inject(Matcher::upload().always(), nameless());
    youtube.inject(Matcher::upload_status().always(), nameless());
    for _ in 0..6 {
        service.once().await.with(1).says("it is looked for again");
    }
    youtube.expire_uploads();
    service.lets_the_waits_pass();

    service.once().await.with(1).says("is not sent again until you ask for it");

    let (_, reason) = service.listed().await["a=="].clone();
    assert!(reason.contains("not sent to YouTube until you ask for it"), "{reason}");
    youtube.clear_faults();
    service.keeps_its_promises(&zoom).await;
    assert_eq!((youtube.videos().len(), youtube.uploads().len()), (1, 1), "never sent again");
}

#[tokio::test]
async fn y8_a_limit_of_the_day_is_waited_for_and_nothing_has_failed() {
    for (refused, at_start) in [
        (Refused::Quota, true),
        (Refused::UploadsOfTheDay, true),
        (Refused::UploadsOfTheChannel, true),
        (Refused::UploadsOfTheChannel, false),
    ] {
        let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6)]).await;
        youtube.inject(if at_start { Matcher::upload_start() } else { Matcher::upload() }, refused);

        service.once().await.with(0).says("YouTube takes no more videos for now");
        let asked = youtube.journal().to(Endpoint::UploadStart).count();
        service.once().await.with(0).says("uploads go on by themselves after it");

        assert_eq!(asked, 1, "{refused:?}");
        assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), asked, "nothing is begun before its time");
        service.lets_the_waits_pass();
        service.once().await.with(0);
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
    }
}

#[tokio::test]
async fn no_more_are_begun_in_a_day_than_is_set() {
    let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6), class("c==", 7)]).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    let service = service.set("youtube.enabled", true).set("youtube.daily_uploads", 2);

    service.once().await.with(0).says("youtube.daily_uploads = 2 were begun today");

    let start = |hours| minute(hours).format("%Y-%m-%d %H:%M").to_string();
    assert_eq!(
        titles(&youtube),
        [format!("Class c== - {} (45 min)", start(7)), format!("Class b== - {} (45 min)", start(6))],
        "oldest first"
    );
    service.once().await.with(0).says("not on YouTube yet: 1 to be sent");
    assert_eq!(youtube.uploads().len(), 2);
    let service = service.set("youtube.daily_uploads", 3);
    service.once().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 3).await;
}

#[tokio::test]
async fn y10_a_video_that_is_refused_costs_no_other_and_is_not_sent_again_by_itself() {
    let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6)]).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    let service = service.set("youtube.enabled", true);
    let refusal = json!({"error": {"code": 400, "message": "An invalid or empty video title.",
        "errors": [{"message": "An invalid or empty video title.", "domain": "youtube.video", "reason": "invalidTitle"}]}});
    youtube.inject(Matcher::upload_start(), Fault::json(400, &refusal));

    service.once().await.with(1).says("is not sent again until you ask for it").says("look at youtube.title");
    service.once().await.with(0).says("parked=1");

    assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 2);
    let listed = service.listed().await;
    assert!(listed["b=="].1.contains("until you ask for it") && listed["b=="].1.contains("invalidTitle"), "{listed:?}");
    assert!(listed["a=="].1.contains("on YouTube"), "{listed:?}");
    assert_eq!(service.row("b==")["status"], "downloaded");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y16_without_an_authorization_uploads_wait_and_all_else_goes_on() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.revoke();

    service.once().await.with(3).says("nothing is sent to YouTube").says("zoom-archiver auth youtube");

    assert_eq!(service.row("a==")["status"], "downloaded");
    service.write_youtube_token(&youtube.authorize());
    service.once().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y16_the_service_goes_on_by_itself_once_there_is_a_new_token() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.revoke();
    let running = service.run_daemon();
    service.until_log_says("nothing is sent to YouTube").await;
    service.until("its account", |service| service.status()["uploads"]["needs_person"] == true).await;

    service.write_youtube_token(&youtube.authorize());

    service.until("the video", |_| !youtube.videos().is_empty()).await;
    service.until("its row", |service| service.row("a==")["status"] == "uploaded").await;
    running.stop().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y13_a_file_that_changes_while_it_is_sent_becomes_no_video() {
    let (zoom, youtube, service) = scene([meeting_at("a==", 5, 0).video("gallery_view", 32 * MIB)]).await;
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    let path = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, &content[..content.len() - 1]).unwrap();
    hold.release();

    running.ended().await.with(1);

    assert_eq!(youtube.videos(), []);
    assert_eq!(service.row("a==")["status"], "downloaded");
    std::fs::write(&path, &content).unwrap();
    service.once().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y15_a_file_that_was_emptied_is_never_begun_and_sent_once_it_is_mended() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    let path = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let service = service.set("youtube.enabled", true);

    service.once().await.with(1).says("has 0 B on the disk");

    assert_eq!(youtube.uploads(), []);
    std::fs::write(&path, &content).unwrap();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y15_a_recording_of_more_than_twelve_hours_is_never_begun_and_waits_for_a_person() {
    let lasting = |uuid, minutes| {
        meeting_at(uuid, 40, 0).file(FileSpec::video("gallery_view", MIB).lasts(TimeDelta::minutes(minutes)))
    };
    let (zoom, youtube, service) = scene([lasting("long==", 12 * 60 + 5), lasting("day==", 12 * 60)]).await;

    service.once().await.with(1).says("lasts for 12 h 5 min, and YouTube takes 12 hours at most");
    service.once().await.with(0).says("parked=1");

    assert_eq!(youtube.uploads().len(), 1, "only the one that YouTube takes");
    assert_eq!(service.row("day==")["status"], "uploaded");
    assert!(service.listed().await["long=="].1.contains("upload it by hand"));
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y14_a_video_that_is_rejected_after_all_is_told_once() {
    let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6)]).await;
    service.once().await.with(0);
    let id_of = |uuid: &str| service.row(uuid)["youtube_id"].clone();
    youtube.settle(&id_of("a=="), Fate::Rejected("duplicate")).unwrap();
    youtube.settle(&id_of("b=="), Fate::Processed).unwrap();

    service.once().await.with(1).says("YouTube rejected it (duplicate)");
    service.once().await.with(0);

    assert_eq!(service.description(&folder(minute(6)))["youtube"][0]["processed"], true);
    assert_eq!(service.description(&folder(minute(5)))["youtube"][0]["processed"], false);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn a_video_is_put_into_the_playlist_and_not_sent_again_where_that_fails() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let service = service.set("youtube.playlist", "PLclass");
    youtube.inject(Matcher::playlist_insert().times(4), Refused::Backend);

    service.once().await.with(1).says("the video is not in the playlist yet");

    assert_eq!(service.row("a==")["status"], "uploaded");
    assert_eq!(youtube.in_playlist("PLclass"), Vec::<String>::new());
    service.once().await.with(0);
    assert_eq!(youtube.in_playlist("PLclass"), [youtube.videos()[0].id.clone()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn what_began_before_the_day_that_is_set_is_not_sent() {
    let (zoom, youtube, service) = scene([class("old==", 100), class("new==", 5)]).await;
    let service = service.set("youtube.since", minute(30).format("%Y-%m-%d").to_string());

    service.once().await.with(0);

    assert_eq!(youtube.videos().len(), 1);
    assert!(service.listed().await["old=="].1.contains("before youtube.since"));
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn a_meeting_that_may_still_change_waits_and_that_is_no_failure() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let service = service.set("youtube.settle", "2h");

    service.once().await.with(0).says("1 in meetings that may still change (youtube.settle)");

    assert_eq!(youtube.videos(), []);
    let service = service.set("youtube.settle", "0s");
    service.once().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p1_a_row_that_a_crash_left_out_is_made_up_for() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    service.once().await.with(0);
    let tracker = service.text("processed.csv");
    let without_last: Vec<&str> = tracker.lines().take(2).collect();
    std::fs::write(service.path("processed.csv"), without_last.join("\n") + "\n").unwrap();

    service.once().await.with(0).says("it is recorded as uploaded");

    assert_eq!(service.row("a==")["youtube_id"], youtube.videos()[0].id);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn a_better_view_that_comes_later_is_not_sent_and_a_new_part_is() {
    let lesser = meeting_at("a==", 5, 0).video("active_speaker", MIB);
    let (zoom, youtube, service) = scene([lesser]).await;
    service.once().await.with(0);
    zoom.change_meeting("a==", |meeting| meeting.video("gallery_view", 2 * MIB)).unwrap();

    service.once().await.with(0).says("this is the best file of its part, but another one is on YouTube already");
    let again = service.once().await.with(0);

    assert!(!again.stderr.contains("another one is on YouTube already"), "it is said once: {}", again.stderr);
    assert_eq!((youtube.videos().len(), service.row("a==")["status"].as_str()), (1, "uploaded"));
    let early =
        || FileSpec::video("gallery_view", 3 * MIB).starts_after(TimeDelta::hours(-1)).lasts(TimeDelta::minutes(9));
    zoom.change_meeting("a==", |meeting| meeting.file(early())).unwrap();
    service.once().await.with(0);
    let sizes: Vec<_> = youtube.videos().into_iter().map(|video| video.size).collect();
    assert_eq!(sizes, [Some(MIB), Some(3 * MIB)], "{}", service.log());
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn the_longest_part_alone_is_sent_where_that_is_wished() {
    let longer = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::hours(2));
    let (zoom, youtube, service) = scene([class("a==", 5).file(longer)]).await;
    let service = service.set("youtube.parts", "longest");

    service.once().await.with(0);

    let videos = youtube.videos();
    assert_eq!(videos.iter().map(|video| video.size).collect::<Vec<_>>(), [Some(MIB)]);
    let row = service.row("a==");
    assert_eq!(
        (row["status"].as_str(), row["youtube_id"].as_str()),
        ("uploaded", format!("- {}", videos[0].id).as_str())
    );
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y11_the_service_tries_an_upload_that_broke_off_again_at_its_time_over_restarts_too() {
    let breaks_off = (Matcher::upload(), Fault::BreakOff { after: MIB });
    for (busy, before) in
        [(Matcher::upload_start(), None), (Matcher::upload(), None), (Matcher::upload_status(), Some(breaks_off))]
    {
        let (zoom, youtube, service) = scene([class("a==", 5)]).await;
        if let Some((matcher, fault)) = before {
            youtube.inject(matcher, fault);
        }
        youtube.inject(busy, Fault::Answer(Refused::Backend.answer().header("Retry-After", "3600")));
        let running = service.run_daemon();
        service.until_log_says("the upload failed").await;
        running.stop().await.with(0);
        let failed = service.state()["uploads"]["failed"][0].clone();
        assert_eq!(failed["tries"], 1, "{failed}");
        let next_try: DateTime<Utc> = failed["next_try"].as_str().unwrap().parse().unwrap();
        // Midnight UTC is the latest.
        assert!(next_try > now() + TimeDelta::minutes(50) || next_try.date_naive() > now().date_naive(), "{failed}");

        let running = service.run_daemon();
        let id = running.id();
        let has_polled = |service: &Service| service.status()["pid"] == id && !service.status()["last_poll"].is_null();
        service.until("a poll", has_polled).await;
        running.stop().await.with(0);

        assert_eq!(youtube.videos(), [], "not before its time");
        service.lets_the_waits_pass();
        let running = service.run_daemon();
        service.until("the row", |service| service.row("a==")["status"] == "uploaded").await;
        running.stop().await.with(0);
        assert_eq!(youtube.uploads().len(), 1);
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y11_a_youtube_that_asks_to_be_left_alone_is_not_asked_for_the_other_videos_either() {
    let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6)]).await;
    let busy = || Refused::Backend.answer().header("Retry-After", "3600");
    youtube.inject(Matcher::upload_start().always(), Fault::Answer(busy()));

    service.once().await.with(1).says("YouTube asks to be left alone for a while");

    assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}
