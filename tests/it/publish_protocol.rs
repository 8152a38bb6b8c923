//! What the session of an upload says of itself, true or not: the program goes by it, and no part becomes two videos.

use zoom_archiver::simulator::youtube::{Partial, Refused, Youtube};
use zoom_archiver::simulator::{Answer, Credential, Endpoint, Fault, Matcher, MeetingSpec};

use crate::publish::{class, keeps_its_promises_with_videos, scene};
use crate::support::{MIB, meeting_at};

/// Larger than what is on its way between two ends: where it breaks off in the beginning, it was surely not sent to its end, and
/// a new session may follow at once.
const LARGE: u64 = 32 * MIB;

fn large_class() -> MeetingSpec {
    meeting_at("a==", 5, 0).video("gallery_view", LARGE)
}

/// What was asked of upload sessions, in order and in words: `open`, `all`, `ask`, and from which byte on the rest came.
fn asked(youtube: &Youtube) -> Vec<String> {
    let words = |endpoint, range: Option<&str>| match (endpoint, range) {
        (Endpoint::UploadStart, _) => Some("open".to_owned()),
        (Endpoint::UploadStatus, _) => Some("ask".to_owned()),
        (Endpoint::Upload, None) => Some("all".to_owned()),
        (Endpoint::Upload, Some(range)) => {
            let range = range.strip_prefix("bytes ").expect("a range of bytes");
            Some(range.split('-').next().expect("its beginning").to_owned())
        }
        _ => None,
    };
    youtube.journal().entries().filter_map(|entry| words(entry.endpoint, entry.header("content-range"))).collect()
}

fn range(text: impl Into<String>) -> Fault {
    Fault::Range(Some(text.into()))
}

#[tokio::test]
async fn y1_a_session_that_has_nothing_is_sent_the_file_from_its_beginning() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    // Less than what is kept.
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 1000 });

    service.once().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", "all"]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y1_a_session_that_conceals_what_it_has_gets_the_rest_once_it_tells() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 2 * MIB });
    youtube.inject(Matcher::upload_status(), Fault::Range(None));

    service.once().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", "all", &(2 * MIB).to_string()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y2_a_file_of_which_any_number_of_bytes_is_stored_is_gone_on_with_at_the_next_one() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let stored = 2 * MIB + 12_345;
    youtube.rules(|rules| rules.broken_off = Partial::Kept);
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: stored });

    service.once().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", &stored.to_string()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y2_a_308_that_comes_before_the_end_of_the_file_is_followed_by_the_rest_and_no_question() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let stored = 2 * MIB + 12_345;
    youtube.rules(|rules| rules.broken_off = Partial::Kept);
    let answer = Answer::new(308).header("range", &format!("bytes=0-{}", stored - 1));
    youtube.inject(Matcher::upload(), Fault::Interrupt { after: stored, answer });

    service.once().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", &stored.to_string()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y3_a_range_that_cannot_be_is_asked_for_once_more_and_a_true_one_gone_by() {
    for wrong in [format!("bytes=0-{}", 4 * MIB + 5), "bytes=5-9".to_owned(), "much".to_owned()] {
        // The first of them is one byte too long.
        let (zoom, youtube, service) = scene([class("a==", 5)]).await;
        youtube.inject(Matcher::upload(), Fault::BreakOff { after: 2 * MIB });
        youtube.inject(Matcher::upload_status(), range(&wrong));

        service.once().await.with(0);

        assert_eq!(asked(&youtube), ["open", "all", "ask", "ask", &(2 * MIB).to_string()], "{wrong}");
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y3_a_session_that_stays_with_what_cannot_be_is_followed_by_a_new_one_and_one_video() {
    let (zoom, youtube, service) = scene([large_class()]).await;
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 2 * MIB });
    youtube.inject(Matcher::upload_status().times(2), range(format!("bytes=0-{LARGE}")));

    service.once().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", "ask", "open", "all"]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y3_a_session_that_goes_back_is_asked_once_more_and_then_followed_by_a_new_one() {
    for is_meant in [false, true] {
        let (zoom, youtube, service) = scene([large_class()]).await;
        youtube.inject(Matcher::upload().times(2), Fault::BreakOff { after: 2 * MIB });
        // The first question is answered truly.
        let backwards = Matcher::upload_status().from_hit(2).times(if is_meant { 2 } else { 1 });
        youtube.inject(backwards, range(format!("bytes=0-{}", MIB - 1)));

        service.once().await.with(0);

        let (first, second) = ((2 * MIB).to_string(), (4 * MIB).to_string());
        let mut expected = vec!["open", "all", "ask", &first, "ask", "ask"];
        expected.extend(if is_meant { vec!["open", "all"] } else { vec![second.as_str()] });
        assert_eq!(asked(&youtube), expected);
        keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
    }
}

#[tokio::test]
async fn y3_a_session_that_had_all_and_then_says_what_cannot_be_becomes_no_second_video() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    // It is a video, and the session says something else of itself.
    youtube.inject(Matcher::upload(), Fault::LoseAnswer);
    let strange = || Fault::Replace(Answer::new(308).header("range", "bytes=5-9"));
    youtube.inject(Matcher::upload_status().times(2), strange());

    service.once().await.with(0).says("the video is found among the channel's latest");

    assert_eq!(asked(&youtube), ["open", "all", "ask", "ask"]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y9_a_token_that_is_refused_in_the_middle_of_the_file_is_renewed_and_the_session_gone_on_with() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let answer = Refused::Token.answer();
    youtube.inject(Matcher::upload(), Fault::Interrupt { after: 2 * MIB, answer });
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    youtube.expire_access_tokens();
    hold.release();

    running.ended().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", &(2 * MIB).to_string()]);
    assert_eq!(tokens_of_questions(&youtube), [Credential::Valid], "it was renewed at once");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y9_a_token_that_is_refused_when_the_session_is_asked_is_renewed_and_the_session_gone_on_with() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    youtube.inject(Matcher::upload(), Fault::BreakOff { after: 2 * MIB });
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    youtube.expire_access_tokens();
    hold.release();

    running.ended().await.with(0);

    assert_eq!(asked(&youtube), ["open", "all", "ask", "ask", &(2 * MIB).to_string()]);
    assert_eq!(tokens_of_questions(&youtube), [Credential::Stale, Credential::Valid]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

#[tokio::test]
async fn y9_a_session_waits_for_a_new_authorization_and_is_gone_on_with() {
    let (zoom, youtube, service) = scene([class("a==", 5)]).await;
    let answer = Refused::Token.answer();
    youtube.inject(Matcher::upload(), Fault::Interrupt { after: 2 * MIB, answer });
    let hold = youtube.hold_upload(Matcher::upload(), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    youtube.revoke();
    hold.release();

    running.ended().await.with(3).says("zoom-archiver auth youtube");

    assert_eq!(service.unfinished_uploads().len(), 1);
    service.write_youtube_token(&youtube.authorize());
    service.once().await.with(0).says("the upload goes on");
    assert_eq!(asked(&youtube), ["open", "all", "ask", &(2 * MIB).to_string()]);
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

/// What the tokens were worth with which sessions were asked what they have.
fn tokens_of_questions(youtube: &Youtube) -> Vec<Credential> {
    youtube.journal().to(Endpoint::UploadStatus).map(|entry| entry.authorization).collect()
}
