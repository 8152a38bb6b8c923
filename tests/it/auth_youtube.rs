//! `auth youtube`: the same question put to Google, and which channel it was answered for.

use zoom_archiver::simulator::youtube::{Account, LongUploads, Refused, TokenRefused, World, Youtube};
use zoom_archiver::simulator::{Consent, Matcher, Simulator};

use crate::support::network::closed_port;
use crate::support::{Service, now, zoom_with};

async fn unauthorized() -> (Simulator, Youtube, Service) {
    let zoom = zoom_with([]).await;
    let youtube = Youtube::start(World::new(now()).titled("Class videos")).await.expect("loopback has free ports");
    let redirect = format!("http://127.0.0.1:{}", closed_port());
    let service = Service::on(&zoom).on_youtube(&youtube).set("youtube.redirect_uri", redirect);
    (zoom, youtube, service)
}

#[tokio::test]
async fn the_channel_is_named_in_the_end_and_the_token_is_kept() {
    let (zoom, youtube, service) = unauthorized().await;
    let asking = service.asks(&["auth", "youtube"]).await;
    assert!(asking.said.contains("the authorization ends after 7 days"), "{}", asking.said);

    let shown = asking.browse().await.pop().unwrap();
    let ended = asking.ended().await.with(0);

    assert_eq!(shown.status, Some(200), "{shown:?}");
    assert!(ended.stdout.contains("Class videos"), "{}", ended.stdout);
    assert!(ended.stdout.contains("videos of any length"), "{}", ended.stdout);
    assert!(youtube.takes(service.text(".youtube_refresh_token").trim_end()));
    assert_eq!(service.mode(".youtube_refresh_token") & 0o777, 0o600);
    assert!(service.path(".youtube_access_token").exists());
    let journal = youtube.journal();
    let [asked] = journal.authorizations()[..] else { panic!("one question") };
    assert_eq!(asked.parameter("access_type"), Some("offline"));
    assert_eq!(asked.parameter("scope"), Some("https://www.googleapis.com/auth/youtube.force-ssl"));
    assert_eq!(asked.parameter("code_challenge_method"), Some("S256"));
    service.keeps_secrets(&zoom);
}

#[tokio::test]
async fn a_channel_that_takes_only_short_videos_is_told_of_verification() {
    for long_uploads in [LongUploads::Eligible, LongUploads::Disallowed] {
        let (_zoom, youtube, service) = unauthorized().await;
        youtube.rules(|rules| rules.long_uploads = long_uploads);
        let asking = service.asks(&["auth", "youtube"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(0);
        assert!(ended.stdout.contains("youtube.com/verify"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn it_can_be_pasted_like_zooms() {
    let (_zoom, youtube, service) = unauthorized().await;
    let mut asking = service.asks(&["auth", "youtube", "--paste"]).await;
    let address = asking.browse().await.pop().unwrap().address;
    asking.is_given(address.as_str()).await;
    asking.ended().await.with(0);
    assert!(youtube.takes(service.text(".youtube_refresh_token").trim_end()));
}

#[tokio::test]
async fn what_the_person_refuses_is_told_with_what_to_do() {
    for (consent, words) in [
        (Consent::Denies, "choose Continue"),
        (Consent::AllowsOnly(Vec::new()), "leave its box ticked"),
        (Consent::AllowsWithState("theirs".to_owned()), "another `state`"),
    ] {
        let (_zoom, youtube, service) = unauthorized().await;
        youtube.rules(|rules| rules.consent = consent.clone());
        let asking = service.asks(&["auth", "youtube"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(3);
        assert!(ended.words().contains(words), "{consent:?}: {}", ended.words());
    }
}

#[tokio::test]
async fn what_google_refuses_at_the_exchange_is_told_with_what_is_behind_it() {
    for refused in TokenRefused::ALL {
        let words = match refused {
            TokenRefused::Token | TokenRefused::Code | TokenRefused::Verifier | TokenRefused::RedirectUri => {
                "start `zoom-archiver auth youtube` anew"
            }
            TokenRefused::Client | TokenRefused::ClientUnauthorized => "compare youtube.client_id",
            TokenRefused::ClientDeleted => "make a new one of type Desktop app",
            TokenRefused::AdminPolicy | TokenRefused::SignInAgain => "the admin of the Google Workspace",
        };
        let (_zoom, youtube, service) = unauthorized().await;
        youtube.inject(Matcher::exchange(), refused);
        let asking = service.asks(&["auth", "youtube"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(3);
        assert!(ended.words().contains(words), "{refused:?}: {}", ended.words());
        assert!(!service.path(".youtube_refresh_token").exists());
    }
}

#[tokio::test]
async fn an_account_without_a_channel_is_told_to_make_one() {
    for account in [Account::SignupRequired, Account::EmptyItems, Account::NoItems] {
        let (_zoom, youtube, service) = unauthorized().await;
        youtube.rules(|rules| rules.account = account);
        let asking = service.asks(&["auth", "youtube"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(3);
        assert!(ended.words().contains("make a channel at youtube.com"), "{account:?}: {}", ended.words());
    }
}

#[tokio::test]
async fn what_youtube_refuses_of_the_channel_is_told_with_what_is_behind_it() {
    for (refused, code, words) in [
        (Refused::ApiNotEnabled, 1, "enable the YouTube Data API v3"),
        (Refused::Quota, 1, "midnight Pacific time"),
        (Refused::QuotaInOlderForm, 1, "midnight Pacific time"),
        (Refused::LacksScope, 3, "leave its box ticked"),
        (Refused::LacksScopeInShort, 3, "leave its box ticked"),
        (Refused::AccountSuspended, 1, "what has become of the channel"),
        (Refused::AccountClosed, 1, "what has become of the channel"),
        (Refused::Forbidden, 1, "whether it is restricted"),
    ] {
        let (_zoom, youtube, service) = unauthorized().await;
        youtube.inject(Matcher::channels().always(), refused);
        let asking = service.asks(&["auth", "youtube"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(code);
        assert!(ended.words().contains(words), "{refused:?}: {}", ended.words());
        assert!(youtube.takes(service.text(".youtube_refresh_token").trim_end()), "the token itself is good");
    }
}

#[tokio::test]
async fn without_a_client_it_says_which_settings_are_needed() {
    let zoom = zoom_with([]).await;
    let ended = Service::on(&zoom).run(&["auth", "youtube"]).await.with(2);
    let words = ended.words();
    assert!(words.contains("youtube.client_id: this is needed"), "{words}");
    assert!(words.contains("youtube.client_secret: this is needed"), "{words}");
}

#[tokio::test]
async fn a_token_that_works_is_not_replaced_by_one_without_the_scope() {
    let (_zoom, youtube, service) = unauthorized().await;
    let asking = service.asks(&["auth", "youtube"]).await;
    asking.browse().await;
    asking.ended().await.with(0);
    let before = service.text(".youtube_refresh_token");

    youtube.rules(|rules| rules.consent = Consent::AllowsOnly(Vec::new()));
    let asking = service.asks(&["auth", "youtube"]).await;
    let shown = asking.browse().await.pop().unwrap();
    asking.ended().await.with(3).says("leave its box ticked");

    assert_eq!(shown.status, Some(400), "{shown:?}");
    assert_eq!(service.text(".youtube_refresh_token"), before);
}
