//! What can go wrong with an upload.

use super::uploads::{GRAIN, KIB, bytes, owner};
use super::*;

#[tokio::test]
async fn what_came_before_the_connection_broke_is_kept() {
    for (broken_off, range) in [(Partial::RoundedDown, Some("bytes=0-262143")), (Partial::Kept, Some("bytes=0-307199"))]
    {
        let youtube = empty().await;
        youtube.rules(|rules| rules.broken_off = broken_off);
        let visitor = owner(&youtube).await;
        let all = bytes(1, 800 * KIB);
        let address = visitor.address("Lesson", all.len() as u64).await;
        youtube.inject(Matcher::upload(), Fault::BreakOff { after: 300 * KIB });
        assert!(visitor.put(&address, None, all.clone()).await.is_err());
        assert_eq!(youtube.journal().uploads()[0].received, 300 * KIB);
        let told = visitor.status(&address, all.len() as u64).await;
        assert_eq!((told.status, told.range()), (308, range), "{broken_off:?}");
        let from = youtube.uploads()[0].stored;
        assert_eq!(visitor.chunk(&address, &all, from, all.len() as u64).await.status, 201);
        let other = youtube.videos()[0].sha256;
        visitor.upload("The same", all).await;
        assert_eq!(youtube.videos()[1].sha256, other, "{broken_off:?}: the same bytes");
    }
}

#[tokio::test]
async fn less_than_the_grain_is_nothing() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 5000).await;
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 4999 });
    assert!(visitor.put(&address, None, bytes(1, 5000)).await.is_err());
    let told = visitor.status(&address, 5000).await;
    assert_eq!((told.status, told.range()), (308, None));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_told_again() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 5000).await;
    youtube.inject(Matcher::upload(), Fault::LoseAnswer);
    assert!(visitor.put(&address, None, bytes(1, 5000)).await.is_err());
    let told = visitor.status(&address, 5000).await;
    assert_eq!((told.status, told.id()), (201, youtube.videos()[0].id.as_str()));
}

#[tokio::test]
async fn an_upload_whose_address_was_lost_counts_all_the_same() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    youtube.inject(Matcher::upload_start(), Fault::LoseAnswer);
    let opening = visitor.client.post(format!("{}/upload/youtube/v3/videos", youtube.api_url()));
    let opening = opening.query(&[("uploadType", "resumable"), ("part", "snippet,status,recordingDetails")]);
    let opening = opening.bearer_auth(&visitor.token).json(&super::uploads::metadata("Lesson"));
    let opening = opening.header("x-upload-content-length", 3).header("x-upload-content-type", "video/mp4");
    assert!(opening.send().await.is_err());
    assert_eq!((youtube.uploads().len(), youtube.used().uploads), (1, 1));
    assert_eq!(youtube.videos(), []);
}

#[tokio::test]
async fn a_finished_upload_may_be_answered_as_if_it_were_not() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(1, 5000);
    for wrong in [
        Fault::Replace(Answer::new(308).header("range", "bytes=0-4999")),
        Fault::Replace(Answer::new(200).body("{\"kind\": \"youtube#vi")),
        Fault::edit(|video| drop(video.as_object_mut().unwrap().remove("id"))),
        Fault::Replace(Refused::Backend.answer()),
    ] {
        let address = visitor.address("Lesson", 5000).await;
        youtube.inject(Matcher::upload(), wrong.clone());
        let told = visitor.put(&address, None, all.clone()).await.unwrap();
        assert_eq!(told.json.get("id"), None, "{wrong:?}");
        assert!(visitor.status(&address, 5000).await.json["id"].is_string(), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_range_may_be_odd() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(1, 2 * GRAIN);
    let address = visitor.address("Lesson", 2 * GRAIN).await;
    visitor.chunk(&address, &all, 0, GRAIN).await;
    for odd in [None, Some("bytes=0-99"), Some("bytes=0-999999"), Some("bytes=5-9"), Some("much")] {
        youtube.inject(Matcher::upload_status(), Fault::Range(odd.map(str::to_owned)));
        assert_eq!(visitor.status(&address, 2 * GRAIN).await.range(), odd);
    }
    youtube.forget_bytes();
    assert_eq!(visitor.status(&address, 2 * GRAIN).await.range(), None);
    assert_eq!(visitor.put(&address, None, all).await.unwrap().status, 201, "it can begin anew");
}

#[tokio::test]
async fn an_answer_may_come_before_in_the_middle_and_after() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    // More than fits into the buffers on the way: a client that looks only in the end would wait for ever.
    let all = bytes(1, 64 * GRAIN);
    let total = all.len() as u64;
    let address = visitor.address("Lesson", total).await;
    youtube.inject(Matcher::upload(), Refused::Backend);
    assert_eq!(visitor.put(&address, None, all.clone()).await.unwrap().status, 503);
    assert_eq!(visitor.status(&address, total).await.range(), None, "nothing was looked at");
    let answer = Refused::Token.answer();
    youtube.inject(Matcher::upload(), Fault::Interrupt { after: 3 * GRAIN, answer });
    assert_eq!(visitor.put(&address, None, all.clone()).await.unwrap().status, 401);
    assert_eq!(visitor.status(&address, total).await.range(), Some("bytes=0-786431"), "the upload survives");
    youtube.expire_access_tokens();
    assert_eq!(visitor.status(&address, total).await.status, 401);
    let visitor = owner(&youtube).await;
    assert_eq!(visitor.status(&address, total).await.range(), Some("bytes=0-786431"));
    youtube.inject(Matcher::upload().title("Other"), Refused::Backend);
    assert_eq!(visitor.chunk(&address, &all, 3 * GRAIN, total).await.status, 201, "the fault is of another upload");
}

#[tokio::test]
async fn an_upload_can_be_held_until_it_is_let_go_on() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(1, 8 * GRAIN);
    let total = all.len() as u64;
    let address = visitor.address("Lesson", total).await;
    let hold = youtube.hold_upload(Matcher::upload(), 2 * GRAIN + 5);
    let look = async {
        hold.reached().await;
        assert_eq!(youtube.uploads()[0].stored, 2 * GRAIN + 5);
        assert_eq!(youtube.journal().uploads()[0].received, 2 * GRAIN + 5);
        hold.release();
    };
    let (told, ()) = tokio::join!(visitor.put(&address, None, all.clone()), look);
    assert_eq!(told.unwrap().status, 201);
}

#[tokio::test]
async fn an_upload_that_is_cut_where_it_is_held_leaves_what_was_taken() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(1, 64 * GRAIN);
    let total = all.len() as u64;
    let address = visitor.address("Lesson", total).await;
    let hold = youtube.hold_upload(Matcher::upload(), 2 * GRAIN + 5);
    let cut = async {
        hold.reached().await;
        hold.cut();
    };
    let (told, ()) = tokio::join!(visitor.put(&address, None, all.clone()), cut);
    assert!(told.is_err());
    assert_eq!(youtube.journal().uploads()[0].outcome, Outcome::Broken);
    assert_eq!(visitor.status(&address, total).await.range(), Some("bytes=0-524287"));
    assert_eq!(visitor.chunk(&address, &all, 2 * GRAIN, total).await.status, 201);
    assert_eq!(youtube.journal().peak(Endpoint::Upload), 1);
}

#[tokio::test]
async fn all_bytes_without_an_answer_are_a_video_all_the_same() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(1, GRAIN);
    let address = visitor.address("Lesson", GRAIN).await;
    let hold = youtube.hold_upload(Matcher::upload(), GRAIN);
    tokio::select! {
        _ = visitor.put(&address, None, all) => panic!("it is held"),
        () = hold.reached() => {}
    }
    youtube.until(|journal| journal.uploads()[0].outcome == Outcome::Broken).await;
    assert_eq!(youtube.videos().len(), 1);
}

#[tokio::test]
async fn whoever_asks_anew_takes_an_upload_over() {
    let youtube = empty().await;
    let (earlier, later) = (owner(&youtube).await, owner(&youtube).await);
    let all = bytes(1, 64 * GRAIN);
    let total = all.len() as u64;
    let address = earlier.address("Lesson", total).await;
    let hold = youtube.hold_upload(Matcher::upload(), GRAIN);
    let take_over = async {
        hold.reached().await;
        assert_eq!(later.status(&address, total).await.range(), Some("bytes=0-262143"));
        hold.release();
    };
    let (told, ()) = tokio::join!(earlier.put(&address, None, all.clone()), take_over);
    assert!(told.is_err(), "its bytes are no longer wanted");
    assert_eq!(youtube.uploads()[0].stored, GRAIN);
    assert_eq!(later.chunk(&address, &all, GRAIN, total).await.status, 201);
}

#[tokio::test]
async fn a_stalled_upload_goes_on_once_the_faults_are_cleared() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 4 * GRAIN).await;
    youtube.inject(Matcher::upload(), Fault::StallIntake { after: GRAIN });
    let clear = async {
        youtube.until(|journal| journal.uploads().first().is_some_and(|entry| entry.received == GRAIN)).await;
        youtube.clear_faults();
    };
    let (told, ()) = tokio::join!(visitor.put(&address, None, bytes(1, 4 * GRAIN)), clear);
    assert_eq!(told.unwrap().status, 201);
}

#[tokio::test]
async fn a_slow_line_is_never_faster_than_it_is_said_to_be() {
    let youtube = empty().await;
    youtube.rules(|rules| rules.upload_throttle = Some(10 * 64 * KIB));
    let visitor = owner(&youtube).await;
    let began = std::time::Instant::now();
    visitor.upload("Lesson", bytes(1, 128 * KIB)).await;
    assert!(began.elapsed() >= std::time::Duration::from_millis(200));
}
