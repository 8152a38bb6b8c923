//! The way to Zoom: names that don't resolve, ports where nobody listens, peers that can't be trusted, proxies, IPv6.

use serde_json::Value;
use zoom_archiver::simulator::{Answer, Endpoint, Fault, Matcher, Simulator, World};

use crate::support::network::{Authority, Gateway, Proxy, closed_port, self_signed};
use crate::support::{MIB, Service, meeting, now, zoom_of, zoom_with};

/// Two meetings, a video in each.
fn two_meetings() -> World {
    let world = World::new(now()).user("me");
    world.meeting(meeting("a==", 5).video("gallery_view", MIB)).meeting(meeting("b==", 6).video("gallery_view", MIB))
}

/// Lists this download address for all files of a meeting, until the faults are cleared.
fn list_elsewhere(zoom: &Simulator, uuid: &'static str, address: &str) {
    let address = Value::from(address);
    let edit = move |listing: &mut Value| {
        for meeting in listing["meetings"].as_array_mut().into_iter().flatten() {
            if meeting["uuid"] == uuid {
                for file in meeting["recording_files"].as_array_mut().into_iter().flatten() {
                    file["download_url"] = address.clone();
                }
            }
        }
    };
    zoom.inject(Matcher::list().always(), Fault::edit(edit));
}

#[tokio::test]
async fn h1_while_its_name_does_not_resolve_zoom_is_asked_again() {
    let zoom = zoom_of(two_meetings()).await;
    let service = Service::on(&zoom).set("zoom.api_url", "https://name.invalid/v2");
    let running = service.start(&["once"]);
    service.until_log_says("Zoom's API failed and is asked again: cannot connect to name.invalid").await;
    running.stop().await.with(1);

    let service = service.set("zoom.api_url", zoom.api_url());

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h1_h2_a_file_whose_address_leads_nowhere_costs_no_other_and_is_no_failed_try_of_its_meeting() {
    let nobody = format!("http://127.0.0.1:{}/rec", closed_port());
    for address in ["https://name.invalid/rec", "https://192.0.2.1/rec", &nobody] {
        let zoom = zoom_of(two_meetings()).await;
        let service = Service::on(&zoom).set("download.attempts", 1).set("download.connect_timeout", "100ms");
        list_elsewhere(&zoom, "a==", address);

        service.once().await.with(1).says("cannot connect to");

        service.has_whole(&zoom, "b==", "gallery_view");
        assert_eq!(service.pending("a==")["failed_tries"], 0, "{address}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h2_a_service_that_finds_nobody_listening_goes_on_once_somebody_does() {
    let zoom = zoom_of(two_meetings()).await;
    let port = closed_port();
    let service = Service::on(&zoom).set("zoom.api_url", format!("http://127.0.0.1:{port}/v2"));
    let running = service.run_daemon();
    service.until_log_says("asked again: cannot connect to 127.0.0.1").await;

    let _gateway = Gateway::at(port, zoom.addresses()[0]).await;

    service.until_recorded("a==").await;
    service.until_recorded("b==").await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

/// A service that trusts this authority, and asks the gateway for listings.
fn service_through(gateway: &Gateway, authority: &Authority, zoom: &Simulator) -> Service {
    let service = Service::on(zoom).set("zoom.api_url", format!("https://{}/v2", gateway.address()));
    let file = authority.write_for(&service);
    service.with_variable("SSL_CERT_FILE", file.to_str().expect("it is UTF-8"))
}

#[tokio::test]
async fn h2_nothing_is_said_to_a_peer_whose_certificate_is_not_good_and_it_is_said_why() {
    let authority = Authority::new();
    for (identity, words) in [
        (authority.vouch_for(&["127.0.0.1"], 2001), "certificate: certificate expired"),
        (authority.vouch_for(&["elsewhere.example"], 4000), "not valid for name"),
        (self_signed(&["127.0.0.1"]), "certificate: UnknownIssuer"),
    ] {
        let zoom = zoom_of(two_meetings()).await;
        let gateway = Gateway::secured(zoom.addresses()[0], identity).await;
        let service = service_through(&gateway, &authority, &zoom);

        let ended = service.once().await.with(1).says("cannot talk securely with 127.0.0.1").says(words);

        assert!(!ended.stderr.contains("asked again"), "waiting does not make a certificate good: {}", ended.stderr);
        assert_eq!(gateway.heard(), Vec::<String>::new());
        gateway.show(authority.vouch_for(&["127.0.0.1"], 4000));
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h2_a_poll_that_meets_a_bad_certificate_fails_by_itself_and_a_later_one_succeeds() {
    let zoom = zoom_of(two_meetings()).await;
    let authority = Authority::new();
    let gateway = Gateway::secured(zoom.addresses()[0], self_signed(&["127.0.0.1"])).await;
    let service = service_through(&gateway, &authority, &zoom).set("poll.schedule", "* * * * * *");
    let running = service.run_daemon();
    service.until_log_says("tried again at the next poll").await;

    gateway.show(authority.vouch_for(&["127.0.0.1"], 4000));

    service.until_recorded("a==").await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h2_a_token_is_not_shown_to_a_peer_whose_certificate_is_not_good() {
    let zoom = zoom_of(two_meetings()).await;
    let authority = Authority::new();
    let gateway = Gateway::secured(zoom.addresses()[0], self_signed(&["127.0.0.1"])).await;
    let service = service_through(&gateway, &authority, &zoom);
    let service = service.set("zoom.oauth_url", format!("https://{}/oauth", gateway.address()));

    service.once().await.with(1).says("cannot talk securely with 127.0.0.1");

    assert_eq!(gateway.heard(), Vec::<String>::new());
    let service = service.set("zoom.oauth_url", zoom.oauth_url()).set("zoom.api_url", zoom.api_url());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h2_a_bad_certificate_where_the_bytes_are_costs_no_other_meeting() {
    let zoom = zoom_of(two_meetings()).await;
    let gateway = Gateway::secured(zoom.addresses()[1], self_signed(&["127.0.0.1"])).await;
    let service = Service::on(&zoom);
    list_elsewhere(&zoom, "a==", &format!("https://{}/rec", gateway.address()));

    service.once().await.with(1).says("cannot talk securely with 127.0.0.1");

    assert_eq!(gateway.heard(), Vec::<String>::new());
    service.has_whole(&zoom, "b==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h5_heads_that_are_huge_or_never_end_are_given_up_and_asked_for_again() {
    let zoom = zoom_of(two_meetings()).await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::list(), Fault::EndlessHead);
    zoom.inject(Matcher::media(), Fault::HugeHeader { bytes: 1 << 20 });
    zoom.inject(Matcher::media(), Fault::EndlessHead);

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h25_a_zoom_that_has_only_ipv6_is_as_good_as_any() {
    let zoom = zoom_of(two_meetings().on_ipv6()).await;
    assert!(zoom.api_url().starts_with("http://[::1]:"), "{}", zoom.api_url());
    let service = Service::on(&zoom);

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h25_a_zoom_on_this_machine_is_asked_past_the_proxy() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let service = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "http_proxy"]
        .iter()
        .fold(Service::on(&zoom), |service, variable| service.with_variable(variable, &nobody));

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

/// Public addresses that nobody has (RFC 5737), so that no name has to be resolved.
const ZOOM: &str = "198.51.100.1";
const MEDIA: &str = "203.0.113.1";
const FOREIGN: &str = "203.0.113.9";

/// A Zoom out in the world, which only a proxy leads to.
struct Outside {
    zoom: Simulator,
    service: Service,
    proxy: Proxy,
    /// Somebody who is not Zoom.
    foreign: Gateway,
    _gateways: [Gateway; 2],
}

async fn outside() -> Outside {
    let zoom = zoom_of(two_meetings().known_as(&format!("https://{ZOOM}"), &format!("https://{MEDIA}"))).await;
    let [api, media] = zoom.addresses();
    let authority = Authority::new();
    let gateway = |target, name| Gateway::secured(target, authority.vouch_for(&[name], 4000));
    let (gateways, foreign) = ([gateway(api, ZOOM).await, gateway(media, MEDIA).await], gateway(api, FOREIGN).await);
    let ways = [(ZOOM, &gateways[0]), (MEDIA, &gateways[1]), (FOREIGN, &foreign)];
    let proxy = Proxy::to(ways.map(|(name, gateway)| (format!("{name}:443"), gateway.address())).into()).await;
    let service = Service::on(&zoom).with_variable("HTTPS_PROXY", &proxy.url());
    let file = authority.write_for(&service);
    let service = service.with_variable("SSL_CERT_FILE", file.to_str().expect("it is UTF-8"));
    Outside { zoom, service, proxy, foreign, _gateways: gateways }
}

#[tokio::test]
async fn h15_h25_behind_a_proxy_all_is_asked_through_it() {
    let outside = outside().await;
    let Outside { zoom, service, proxy, .. } = &outside;

    service.once().await.with(0);

    service.has_whole(zoom, "a==", "gallery_view");
    let asked = proxy.asked();
    for name in [ZOOM, MEDIA] {
        assert!(asked.contains(&format!("{name}:443")), "{name} in {asked:?}");
    }
    service.keeps_its_promises(zoom).await;
}

#[tokio::test]
async fn h17_a_redirect_into_a_private_network_is_refused_and_nobody_there_is_asked() {
    let outside = outside().await;
    let Outside { zoom, service, proxy, .. } = &outside;
    for host in ["169.254.169.254", "10.0.0.1", "127.0.0.1", "[::1]", "[fe80::1]", "[::ffff:192.168.0.1]", "localhost"]
    {
        let redirect = Answer::redirect(&format!("https://{host}/latest/meta-data"));
        zoom.inject(Matcher::download_entry().meeting("a=="), Fault::Answer(redirect));

        service.once().await.with(1).says("is a private address");
    }

    let asked = proxy.asked();
    assert!(asked.iter().all(|name| name.starts_with(ZOOM) || name.starts_with(MEDIA)), "{asked:?}");
    service.keeps_its_promises(zoom).await;
}

#[tokio::test]
async fn h18_a_download_address_on_a_foreign_host_is_asked_without_the_token() {
    let outside = outside().await;
    let Outside { zoom, service, foreign, .. } = &outside;
    list_elsewhere(zoom, "a==", &format!("https://{FOREIGN}/rec/download/x"));

    service.once().await.with(1).says("the meeting is not archived");

    assert!(!foreign.heard().is_empty());
    for request in foreign.heard() {
        let head = request.to_ascii_lowercase();
        assert!(["authorization", "cookie", "referer"].iter().all(|header| !head.contains(header)), "{head}");
    }
    service.has_whole(zoom, "b==", "gallery_view");
    service.keeps_its_promises(zoom).await;
}

#[tokio::test]
async fn h18_a_download_address_in_a_private_network_or_without_encryption_is_not_asked() {
    let outside = outside().await;
    let Outside { zoom, service, proxy, .. } = &outside;
    for (address, words) in [
        ("https://192.168.0.1/rec".to_owned(), "is a private address"),
        (format!("http://{FOREIGN}/rec"), "only https is followed"),
        (format!("https://user:word@{ZOOM}/rec"), "a user name or a password"),
    ] {
        list_elsewhere(zoom, "a==", &address);
        service.once().await.with(1).says(words);
        zoom.clear_faults();
    }

    let asked = proxy.asked();
    assert!(asked.iter().all(|name| name.starts_with(ZOOM) || name.starts_with(MEDIA)), "{asked:?}");
    assert_eq!(zoom.journal().to(Endpoint::Media).filter(|entry| entry.meeting.as_deref() == Some("a==")).count(), 0);
    service.keeps_its_promises(zoom).await;
}
