//! `publish`: one meeting goes to YouTube because a person asks for it, and nothing else happens.

use chrono::TimeDelta;
use serde_json::json;
use zoom_archiver::simulator::youtube::{Fate, Refused, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, MeetingSpec, Simulator};

use crate::publish::{class, keeps_its_promises_with_videos, scene};
use crate::support::{Ended, MIB, Service, asked, folder, minute};

/// Meetings that are archived, and of which nothing is sent by itself.
async fn archived(meetings: impl IntoIterator<Item = MeetingSpec>) -> (Simulator, Youtube, Service) {
    let (zoom, youtube, service) = scene(meetings).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    (zoom, youtube, service)
}

/// A meeting whose video YouTube took, without ever saying under which id, until that was left to a person.
async fn unclear() -> (Simulator, Youtube, Service) {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::days(1));
    names_no_video(&youtube);
    for _ in 0..5 {
        service.once().await.with(1).says("doesn't say under which id");
        service.lets_the_waits_pass();
    }
    assert_eq!(service.state()["uploads"]["parked"][0]["is_unclear"], true);
    (zoom, youtube, service)
}

fn names_no_video(youtube: &Youtube) {
    let nameless = || Fault::edit(|answer| answer["id"] = json!(""));
    youtube.inject(Matcher::upload().always(), nameless());
    youtube.inject(Matcher::upload_status().always(), nameless());
}

/// YouTube refuses a title, once.
fn refuse_a_title(youtube: &Youtube) {
    let refusal = json!({"error": {"code": 400, "message": "An invalid or empty video title.",
        "errors": [{"message": "An invalid or empty video title.", "domain": "youtube.video", "reason": "invalidTitle"}]}});
    youtube.inject(Matcher::upload_start(), Fault::json(400, &refusal));
}

/// The line for a part's video.
fn line(part: u32, video: &str) -> String {
    format!("part {part}: https://www.youtube.com/watch?v={video}\n")
}

impl Service {
    async fn publish(&self, meeting: &str) -> Ended {
        self.run(&["publish", meeting]).await
    }
}

#[tokio::test]
async fn y10_what_was_refused_is_sent_once_somebody_has_mended_it_and_asks_for_it() {
    let (zoom, youtube, service) = scene([class("a==", 5), class("b==", 6)]).await;
    refuse_a_title(&youtube);
    refuse_a_title(&youtube);
    service.once().await.with(1).says("stop the service and run `zoom-archiver publish MEETING`");
    assert!(service.listed().await["b=="].1.contains("not sent to YouTube until you ask for it, by `publish`"));
    let service = service.set("youtube.title", "Mended {topic}");

    let ended = service.publish("b==").await.with(0);

    let videos = youtube.videos();
    assert_eq!(videos.iter().map(|video| video.title.as_str()).collect::<Vec<_>>(), ["Mended Class b=="]);
    assert_eq!(ended.stdout, line(1, &videos[0].id));
    assert_eq!(service.row("b==")["status"], "uploaded");
    let parked = service.state()["uploads"]["parked"].clone();
    assert_eq!((parked.as_array().unwrap().len(), &parked[0]["uuid"]), (1, &json!("a==")), "the other one waits");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y10_what_is_refused_again_says_so_and_waits_again() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    for _ in 0..2 {
        refuse_a_title(&youtube);
        let ended = service.publish("a==").await.with(1).says("invalidTitle");
        assert!(!ended.words().contains("the same command"), "{}", ended.words());
        assert_eq!(service.state()["uploads"]["parked"].as_array().unwrap().len(), 1);
    }
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 0).await;
}

#[tokio::test]
async fn a_meeting_is_sent_though_publishing_is_off_and_it_is_old_and_may_change_and_zoom_is_not_asked() {
    let later = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let (zoom, youtube, service) = archived([class("a==", 5).file(later), class("b==", 6)]).await;
    let service = service.set("youtube.since", "2100-01-01").set("youtube.settle", "7 days");
    let before = asked(&zoom);

    let ended = service.publish("a==").await.with(0);

    assert_eq!(asked(&zoom), before);
    let videos = youtube.videos();
    assert_eq!(ended.stdout, line(1, &videos[0].id) + &line(2, &videos[1].id));
    assert_eq!(service.row("a==")["status"], "uploaded");
    assert_eq!(service.row("a==")["youtube_id"], format!("{} {}", videos[0].id, videos[1].id));
    assert_eq!(service.row("b==")["status"], "downloaded");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn what_is_here_is_sent_though_there_is_more_of_it_at_zoom() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let later = || FileSpec::video("gallery_view", MIB).id("later").starts_after(TimeDelta::hours(1)).processing();
    zoom.change_meeting("a==", |meeting| meeting.file(later())).unwrap();
    service.once().await.with(0);

    service.publish("a==").await.with(0).says("there is more of this meeting at Zoom");

    assert_eq!((youtube.videos().len(), service.row("a==")["status"].as_str()), (1, "uploaded"));
    zoom.complete("later").unwrap();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn a_meeting_is_known_by_its_uuid_even_where_that_begins_like_a_path_or_an_option() {
    let uuids = ["/a/b==", "-c/d==", "-config==", "--x=="];
    let (zoom, youtube, service) = archived((1..).zip(uuids).map(|(hours, uuid)| class(uuid, hours))).await;

    for uuid in uuids {
        service.publish(uuid).await.with(0);
        assert_eq!(service.row(uuid)["status"], "uploaded");
    }

    keeps_its_promises_with_videos(&zoom, &youtube, &service, uuids.len()).await;
}

#[tokio::test]
async fn a_meeting_is_known_by_its_folder_and_any_path_to_it_and_what_is_none_is_refused() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let folder = folder(minute(5));
    service.publish(&folder).await.with(0);
    let there = line(1, &youtube.videos()[0].id).replace('\n', " (was there already, and is not sent again)\n");
    std::os::unix::fs::symlink(service.archived(""), service.path("elsewhere")).unwrap();

    for name in [
        format!("{folder}/"),
        format!("./{folder}/meeting.json"),
        format!("downloads/../downloads/{folder}/gallery_view.mp4"),
        format!("downloads/{folder}/removed.mp4"),
        format!("{}/", service.archived(&folder).display()),
        format!("elsewhere/{folder}"),
    ] {
        assert_eq!(service.publish(&name).await.with(0).stdout, there, "{name}");
    }
    let before = service.content();
    for name in [
        "b==",
        "/b==",
        "2020-01-01/1200",
        folder.split('/').next().unwrap(),
        "downloads",
        "..",
        "/etc/passwd",
        "\u{e9}\n",
    ] {
        let ended = service.publish(name).await.with(2).says("there is no meeting ");
        assert!(ended.words().contains("processed.csv") && ended.words().contains("list"), "{}", ended.words());
    }
    assert_eq!(service.content(), before, "nothing is changed");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn what_is_there_already_needs_neither_a_token_nor_a_question() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    service.once().await.with(0);
    std::fs::remove_file(service.path(".youtube_refresh_token")).unwrap();
    let before = youtube.journal().entries().count();

    let ended = service.publish("a==").await.with(0);

    assert!(ended.stdout.contains(&youtube.videos()[0].id), "{}", ended.stdout);
    assert_eq!(youtube.journal().entries().count(), before);
    service.write_youtube_token(&youtube.authorize());
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y14_a_video_that_nobody_can_watch_is_told_and_not_sent_again() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    service.once().await.with(0);
    youtube.settle(&youtube.videos()[0].id, Fate::Rejected("duplicate")).unwrap();
    service.once().await.with(1);

    let ended = service.publish("a==").await.with(0);

    assert!(ended.stdout.contains("is not sent again, though nobody can watch it: YouTube rejected it (duplicate)"));
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn before_anything_is_archived_nothing_is_created_for_a_meeting_that_is_not_there() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;

    service.publish("a==").await.with(2).says("there is no meeting a== in");

    assert!(!service.path("downloads").exists());
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn a_meeting_that_is_not_in_the_tracker_is_not_sent() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let tracker = service.text("processed.csv");
    std::fs::write(service.path("processed.csv"), format!("{}\n", tracker.lines().next().unwrap())).unwrap();

    service.publish("a==").await.with(1).says("it is not in the tracker yet");

    assert_eq!(youtube.uploads(), []);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 0).await;
}

#[tokio::test]
async fn y12_a_video_that_youtube_never_named_is_sent_anew_only_when_a_person_asks_and_after_a_look() {
    for is_expired in [false, true] {
        let (zoom, youtube, service) = unclear().await;
        youtube.delete_video(&youtube.videos()[0].id).unwrap();
        if is_expired {
            youtube.expire_uploads();
        }
        youtube.clear_faults();
        youtube.inject(Matcher::upload_status().always(), Fault::edit(|answer| answer["id"] = json!("")));
        let looks = || youtube.journal().to(Endpoint::PlaylistItems).count();
        let before = looks();
        service.once().await.with(0);
        assert_eq!(youtube.uploads().len(), 1, "not by itself");

        let ended = service.publish("a==").await.with(0).says("it is sent anew, for a person asks for it");

        assert_eq!(looks(), before + 1);
        assert_eq!((youtube.uploads().len(), ended.stdout), (2, line(1, &youtube.videos()[0].id)));
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y12_a_video_that_youtube_never_named_is_not_sent_anew_where_its_tag_is_found() {
    let (zoom, youtube, service) = unclear().await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::zero());

    let ended = service.publish("a==").await.with(0).says("the video is found among the channel's latest");

    assert_eq!((youtube.uploads().len(), ended.stdout), (1, line(1, &youtube.videos()[0].id)));
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y12_a_look_that_fails_leaves_the_video_to_the_person_who_asked() {
    let (zoom, youtube, service) = unclear().await;
    youtube.delete_video(&youtube.videos()[0].id).unwrap();
    youtube.inject(Matcher::channels().times(4), Refused::Backend);

    service.publish("a==").await.with(1).says("the same command");

    youtube.clear_faults();
    youtube.expire_uploads();
    service.lets_the_waits_pass();
    service.once().await.with(0);
    assert_eq!(youtube.uploads().len(), 1, "not by itself");
    service.publish("a==").await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y12_what_becomes_unclear_while_a_person_waits_is_not_sent_twice() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::days(1));
    names_no_video(&youtube);

    for _ in 0..3 {
        service.publish("a==").await.with(1).says("doesn't say under which id");
    }

    assert_eq!(youtube.uploads().len(), 1);
    youtube.rules(|rules| rules.listed_after = TimeDelta::zero());
    service.publish("a==").await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y12_what_is_sent_anew_and_unclear_once_more_is_not_sent_a_third_time() {
    let (zoom, youtube, service) = unclear().await;
    youtube.delete_video(&youtube.videos()[0].id).unwrap();

    service.publish("a==").await.with(1).says("doesn't say under which id");
    service.publish("a==").await.with(1).says("doesn't say under which id");
    service.once().await.with(1);

    assert_eq!(youtube.uploads().len(), 2);
    youtube.rules(|rules| rules.listed_after = TimeDelta::zero());
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y12_who_is_to_ask_for_a_refused_video_is_told_that_youtube_may_have_it_from_before() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.rules(|rules| rules.listed_after = TimeDelta::days(1));
    names_no_video(&youtube);
    service.once().await.with(1);
    youtube.clear_faults();
    youtube.inject(Matcher::upload_status(), Refused::Privacy);

    service
        .once()
        .await
        .with(1)
        .says("before, YouTube took the video without naming it: look for it at studio.youtube.com");

    youtube.rules(|rules| rules.listed_after = TimeDelta::zero());
    service.publish("a==").await.with(0);
    assert_eq!(youtube.uploads().len(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p15_beside_the_service_it_says_how_to_stop_that() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let running = service.run_daemon();
    service.until("its lock", |service| service.path("status.json").exists()).await;

    service.publish("a==").await.with(4).says("systemctl stop zoom-archiver");

    running.stop().await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 0).await;
}

#[tokio::test]
async fn y16_without_an_authorization_it_says_which_command_ends_that() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    youtube.revoke();

    service.publish("a==").await.with(3).says("zoom-archiver auth youtube");
    std::fs::remove_file(service.path(".youtube_refresh_token")).unwrap();
    service.publish("a==").await.with(3).says("zoom-archiver auth youtube");

    service.write_youtube_token(&youtube.authorize());
    service.publish("a==").await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y8_a_day_that_is_full_is_said_with_its_end_and_nothing_is_changed() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let service = service.set("youtube.daily_uploads", 1);
    refuse_a_title(&youtube);
    service.once().await.with(1);
    let before = service.content();

    let ended = service.publish("a==").await.with(1).says("YouTube gets no more videos until ");

    assert!(ended.words().contains("youtube.daily_uploads = 1 were begun today; the same command sends it then"));
    assert!(!ended.words().contains("the service"), "it is left to a person: {}", ended.words());
    assert_eq!(service.content(), before);
    let service = service.set("youtube.daily_uploads", 3);
    service.publish("a==").await.with(0);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y8_a_limit_of_youtubes_is_said_with_its_end_and_the_service_goes_on_where_it_publishes() {
    for enabled in [false, true] {
        let (zoom, youtube, service) = archived([class("a==", 5)]).await;
        let service = service.set("youtube.enabled", enabled);
        youtube.inject(Matcher::upload_start(), Refused::UploadsOfTheChannel);

        for _ in 0..2 {
            let ended = service.publish("a==").await.with(1).says("YouTube gets no more videos until ");
            assert_eq!(ended.words().contains("so does the service, by itself"), enabled, "{}", ended.words());
        }

        assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 1);
        service.lets_the_waits_pass();
        if !enabled {
            service.publish("a==").await.with(0);
        }
        service.once().await.with(0);
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y4_an_upload_that_breaks_off_is_gone_on_with_by_the_same_command() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let busy = Refused::Backend.answer().header("Retry-After", "3600");
    youtube.inject(Matcher::upload(), Fault::Answer(busy));

    let ended = service.publish("a==").await.with(1);
    assert!(
        ended.words().ends_with("what was sent is kept, and the same command goes on with it"),
        "{}",
        ended.words()
    );
    service.publish("a==").await.with(0).says("the upload goes on");

    assert_eq!(youtube.uploads().len(), 1);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn p7_one_that_is_interrupted_or_killed_is_gone_on_with() {
    for is_killed in [false, true] {
        let (zoom, youtube, service) = archived([class("a==", 5)]).await;
        let hold = youtube.hold_upload(Matcher::upload(), 3 * MIB);
        let running = service.start(&["publish", "a=="]);
        hold.reached().await;
        if is_killed {
            running.kill().await;
        } else {
            running.signal("INT");
            running.ended().await.with(1).says("stopped with work left");
        }
        hold.cut();

        service.publish("a==").await.with(0).says("the upload goes on");

        assert_eq!(youtube.uploads().len(), 1);
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y7_the_uploads_of_other_meetings_are_left_as_they_are() {
    let (zoom, youtube, service) = archived([class("a==", 5), class("b==", 6)]).await;
    let hold = youtube.hold_upload(Matcher::upload(), 2 * MIB);
    let running = service.start(&["publish", "b=="]);
    hold.reached().await;
    running.kill().await;
    hold.cut();
    let before = service.text(&service.unfinished_uploads()[0]);

    service.publish("a==").await.with(0);

    assert_eq!(youtube.videos().len(), 1);
    assert_eq!(service.text(&service.unfinished_uploads()[0]), before);
    service.publish("b==").await.with(0).says("the upload goes on");
    assert_eq!(youtube.uploads().len(), 2);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn y13_a_part_whose_file_is_gone_is_told_and_the_others_are_sent() {
    let later = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let (zoom, youtube, service) = archived([class("a==", 5).file(later)]).await;
    let path = service.archived(&format!("{}/gallery_view.mp4", folder(minute(5))));
    let content = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();

    let ended =
        service.publish("a==").await.with(1).says("gallery_view.mp4: No such file").says("zoom-archiver verify");

    assert_eq!(ended.stdout, line(2, &youtube.videos()[0].id));
    assert_eq!(service.row("a==")["status"], "downloaded");
    std::fs::write(&path, &content).unwrap();
    service.publish("a==").await.with(0);
    assert_eq!(service.row("a==")["status"], "uploaded");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn a_part_whose_file_was_removed_on_purpose_or_is_broken_is_told() {
    let later = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let (zoom, youtube, service) = archived([class("a==", 5).file(later)]).await;
    let path = service.archived(&format!("{}/meeting.json", folder(minute(5))));
    let sound = std::fs::read_to_string(&path).unwrap();
    let marked = |states: [&str; 2]| {
        let mut described: serde_json::Value = serde_json::from_str(&sound).unwrap();
        for (n, state) in states.into_iter().enumerate() {
            described["files"][n]["state"] = state.into();
        }
        std::fs::write(&path, described.to_string()).unwrap();
    };

    for (state, words) in
        [("removed", "it was removed from the archive"), ("suspect", "Zoom sent it broken every time")]
    {
        marked([state, state]);
        let ended = service.publish("a==").await.with(1).says(words);
        assert!(ended.words().contains("part 1 is not sent: ") && ended.words().contains("part 2 is not sent: "));
    }

    assert_eq!(youtube.uploads(), []);
    std::fs::write(&path, &sound).unwrap();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 0).await;
}

#[tokio::test]
async fn a_video_that_could_not_be_put_into_the_playlist_is_put_there_by_the_next_call() {
    let (zoom, youtube, service) = archived([class("a==", 5)]).await;
    let service = service.set("youtube.playlist", "PLclass");
    youtube.inject(Matcher::playlist_insert().times(4), Refused::Backend);

    let ended = service.publish("a==").await.with(1).says("the video is not in the playlist");

    assert_eq!(ended.stdout, line(1, &youtube.videos()[0].id));
    assert_eq!(service.row("a==")["status"], "uploaded");
    service.publish("a==").await.with(0);
    assert_eq!(youtube.in_playlist("PLclass"), [youtube.videos()[0].id.clone()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}
