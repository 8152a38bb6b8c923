//! A browser, as far as authorizing needs one: it opens an address and goes wherever it is sent.

use std::time::Duration;

use reqwest::{Client, Url, redirect};

/// More redirects than this are a circle.
const MOST_PAGES: usize = 10;

/// What a browser shows at one address.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The address, as it stands in the browser's bar.
    pub address: Url,
    /// The answer's status; none where nobody answers there.
    pub status: Option<u16>,
    /// What came with it.
    pub body: String,
}

impl Page {
    /// A value in its address.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.address.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

/// Opens an address and follows each redirect, to whatever host. All pages on the way, the last one being what is seen
/// in the end: where nobody answers, its address is what a person could copy out of the bar.
pub(crate) async fn browse(address: &str) -> Vec<Page> {
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(Duration::from_secs(60));
    let client = client.build().expect("a client");
    let mut next = Some(address.parse::<Url>().unwrap_or_else(|error| panic!("{address}: {error}")));
    let mut pages = Vec::new();
    while let Some(address) = next.take() {
        assert!(pages.len() < MOST_PAGES, "the browser is led in a circle: {pages:?}");
        let (status, body) = match client.get(address.clone()).send().await {
            Ok(response) => {
                let location = response.headers().get("location").filter(|_| response.status().is_redirection());
                let location = location.map(|location| location.to_str().expect("an address"));
                next = location.map(|location| address.join(location).expect("an address"));
                (Some(response.status().as_u16()), response.text().await.unwrap_or_default())
            }
            Err(_) => (None, String::new()),
        };
        pages.push(Page { address, status, body });
    }
    pages
}

#[tokio::test]
async fn a_browser_goes_where_it_is_sent_and_shows_where_nobody_answers() {
    let zoom = super::zoom_with([]).await;
    let elsewhere = zoom.media_url();
    let port = elsewhere.rsplit(':').next().expect("a port");
    zoom.rules(|rules| rules.redirect_uris = vec![format!("http://127.0.0.1:{port}/redirect")]);
    let address = |redirect: &str| {
        let query = [
            ("response_type", "code"),
            ("client_id", &zoom.client_id()),
            ("redirect_uri", redirect),
            ("state", "their own"),
        ];
        let url = Url::parse_with_params(&format!("{}/authorize", zoom.oauth_url()), query);
        url.expect("an address").to_string()
    };

    let pages = browse(&address(&format!("{elsewhere}/redirect"))).await;
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [Some(302), Some(404)]);
    assert_eq!(pages[1].parameter("state").as_deref(), Some("their own"));
    assert!(pages[1].body.contains("not recognized"), "{pages:?}");

    // The port of tcpmux, of which no machine has heard for decades.
    let pages = browse(&address("http://127.0.0.1:1/redirect")).await;
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [Some(302), None]);
    assert!(pages[1].parameter("code").is_some());
}
