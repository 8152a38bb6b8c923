//! Where a download may be sent on to, and what goes along.

use zoom_archiver::simulator::{Answer, Credential, DownloadRoute, Endpoint, Fault, Matcher, Origin, Simulator};

use crate::support::{MIB, Service, file_of, meeting, zoom_with};

async fn zoom_with_videos() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB), meeting("b==", 6).video("gallery_view", MIB)]).await
}

/// Every request for the file of `a==` gets this; the other meeting is fetched as always, and the run ends with a
/// failure that says `words`.
async fn refused(fault: Fault, words: &str) -> (Simulator, Service) {
    let zoom = zoom_with_videos().await;
    let service = Service::on(&zoom);
    let file = file_of(&zoom, "a==", "gallery_view");
    zoom.inject(Matcher::download_entry().file(&file).always(), fault);

    service.once().await.with(1).says(words);

    assert_eq!(service.finished().len(), 1);
    service.has_whole(&zoom, "b==", "gallery_view");
    let asked = zoom.journal().entries().filter(|entry| entry.file.as_ref() == Some(&file)).count();
    assert!(asked <= 11, "{asked} requests for one file");
    (zoom, service)
}

#[tokio::test]
async fn h15_the_token_goes_to_zoom_and_never_to_where_zoom_keeps_the_bytes() {
    let zoom = zoom_with_videos().await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::media().file(&file_of(&zoom, "a==", "gallery_view")), Fault::Cut { after: MIB });

    service.once().await.with(0);

    let journal = zoom.journal();
    assert!(journal.to(Endpoint::DownloadEntry).all(|entry| entry.authorization == Credential::Valid));
    let at_media: Vec<_> = journal.entries().filter(|entry| entry.origin == Origin::Media).collect();
    assert_eq!(at_media.len(), 3);
    for entry in at_media {
        assert_eq!(entry.authorization, Credential::Missing);
        for header in ["cookie", "referer"] {
            assert_eq!(entry.header(header), None, "{header}");
        }
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h15_no_address_that_is_asked_has_the_token_in_it() {
    let zoom = zoom_with_videos().await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let token = service.text(".zoom_access_token");
    let token: serde_json::Value = serde_json::from_str(&token).unwrap_or(serde_json::Value::String(token));
    let token = token["access_token"].as_str().or(token.as_str()).unwrap().to_owned();
    assert!(zoom.journal().entries().all(|entry| !entry.target.contains(token.trim())));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_download_address_that_has_the_bytes_itself_needs_no_redirect() {
    let zoom = zoom_with_videos().await;
    zoom.rules(|rules| rules.download = DownloadRoute::Direct);
    let service = Service::on(&zoom);
    zoom.inject(Matcher::download_entry().file(&file_of(&zoom, "a==", "gallery_view")), Fault::Cut { after: MIB });

    service.once().await.with(0);

    assert_eq!(zoom.journal().to(Endpoint::Media).count(), 0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.has_whole(&zoom, "b==", "gallery_view");
}

#[tokio::test]
async fn h16_redirects_in_a_circle_come_to_an_end() {
    let (zoom, service) = refused(Fault::RedirectToSelf, "redirects more than 10 times").await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h16_a_redirect_to_nowhere_is_refused() {
    let (zoom, service) = refused(Fault::Answer(Answer::new(302)), "without an address to go to").await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h16_a_redirect_to_another_scheme_is_refused() {
    for location in ["file:///etc/passwd", "ftp://192.0.2.1/rec", "http://192.0.2.1/rec"] {
        let (zoom, service) = refused(Fault::Answer(Answer::redirect(location)), "only https is followed").await;
        service.keeps_its_promises(&zoom).await;
    }
}
