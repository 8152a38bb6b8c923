//! How long an answer is waited for, with the clock of a test.

use tokio::sync::oneshot;

use super::*;
use crate::http::Clients;
use crate::oauth::TokenSettings;

struct Asked {
    redirect_uri: RedirectUri,
    tokens: Tokens,
}

impl Asked {
    fn new() -> Self {
        let settings = TokenSettings {
            issuer: Issuer::Zoom,
            client_id: "id".to_owned(),
            client_secret: "SECRET-client".into(),
            token_file: "/nowhere/token".into(),
            oauth_url: "http://127.0.0.1:1/oauth".parse().unwrap(),
        };
        let second = Duration::from_secs(1);
        let client = Clients::without_proxy(second, second).unwrap().api;
        let redirect_uri = "http://localhost:8080/redirect".parse().unwrap();
        Self { redirect_uri, tokens: Tokens::new(settings, client) }
    }

    fn question(&self) -> Question<'_> {
        Question {
            issuer: Issuer::Zoom,
            client_id: "id",
            redirect_uri: &self.redirect_uri,
            authorize_url: "http://127.0.0.1:1/oauth/authorize".parse().unwrap(),
            token_file: Path::new("/nowhere/token"),
            tokens: &self.tokens,
            paste: false,
        }
    }

    fn consent(&self) -> Consent {
        Consent::ask(Issuer::Zoom, self.redirect_uri.clone()).unwrap()
    }
}

fn visit(query: &str) -> (Visit, oneshot::Receiver<Page>) {
    let (page, shown) = oneshot::channel();
    (Visit { query: query.to_owned(), page }, shown)
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_it_ends_after_five_minutes_with_what_may_be_behind_it() {
    let asked = Asked::new();
    let (_visits, visited) = mpsc::channel(1);
    let began = Instant::now();

    let stop = CancellationToken::new();
    let error = asked.question().receive(asked.consent(), visited, PATIENCE, &stop).await.unwrap_err();

    assert_eq!(began.elapsed(), Duration::from_secs(300));
    assert_eq!(error.to_string(), "no browser came back within 5m");
    let remedy = error.remedy(Issuer::Zoom).unwrap();
    assert!(remedy.contains("Invalid redirect url") && remedy.contains("same to the letter"), "{remedy}");
    assert!(error.needs_person());
}

#[tokio::test(start_paused = true)]
async fn after_a_wrong_answer_the_right_one_has_a_few_seconds_left() {
    let asked = Asked::new();
    let (visits, visited) = mpsc::channel(1);
    let (visit, shown) = visit("code=x&state=theirs");
    visits.send(visit).await.unwrap();
    let began = Instant::now();

    let stop = CancellationToken::new();
    let error = asked.question().receive(asked.consent(), visited, PATIENCE, &stop).await.unwrap_err();

    assert_eq!(began.elapsed(), LAST_CHANCE);
    assert!(matches!(error, AuthorizeError::Consent(ConsentError::OtherState)), "{error:?}");
    assert_eq!(shown.await.unwrap().status, 400);
}

#[test]
fn where_the_browser_is_elsewhere_a_tunnel_or_a_paste_is_offered() {
    let asked = Asked::new();
    let words = |is_listening| asked.question().introduction(&"https://zoom.us/x".parse().unwrap(), is_listening);
    assert!(words(true).contains("ssh -L 8080:localhost:8080 "), "{}", words(true));
    assert!(words(true).contains("zoom-archiver auth zoom --paste"), "{}", words(true));
    assert!(words(false).contains("paste it here"), "{}", words(false));
}
