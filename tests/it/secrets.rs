//! No token, passcode, signed address or client secret is seen outside of the files made for them.

use zoom_archiver::simulator::{FileSpec, Simulator};

use crate::support::{Ended, Service, meeting, zoom_with};

/// The files that hold secrets by design.
const VAULTS: [&str; 3] = ["config.toml", ".zoom_refresh_token", ".zoom_access_token"];

#[track_caller]
fn assert_none_told(zoom: &Simulator, service: &Service, ended: &Ended) {
    let secrets: Vec<_> = zoom.secrets().into_iter().filter(|secret| !secret.is_empty()).collect();
    assert!(secrets.contains(&zoom.client_secret()) && secrets.len() > 5, "there is something to look for");
    let files = service.files().into_iter().filter(|name| !name.ends_with('/') && !VAULTS.contains(&name.as_str()));
    let texts = files.map(|name| (name.clone(), std::fs::read(service.path(&name)).expect("it can be read")));
    let printed = [("stdout", &ended.stdout), ("stderr", &ended.stderr)];
    let printed = printed.map(|(name, text)| (name.to_owned(), text.clone().into_bytes()));
    for (name, bytes) in texts.chain(printed) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is told in {name}");
        }
    }
}

#[tokio::test]
async fn a_whole_run_at_the_lowest_log_level_tells_no_secret() {
    let zoom = zoom_with([
        meeting("a==", 5).video("gallery_view", 40_000).audio(500).transcript(400).file(FileSpec::captions(300)),
        meeting("b==", 50).file(FileSpec::video("gallery_view", 4096).processing()),
    ])
    .await;
    let service = Service::on(&zoom).set("select.files", vec!["video", "audio", "transcript", "captions"]);

    let ended = service.run(&["once", "--log-level", "trace"]).await.with(0);

    assert!(ended.stderr.contains("DEBUG"), "the log was that detailed");
    assert_none_told(&zoom, &service, &ended);
}

#[tokio::test]
async fn a_run_that_is_refused_tells_no_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.revoke();

    let ended = service.run(&["once", "--log-level", "trace"]).await.with(3);

    assert_none_told(&zoom, &service, &ended);
}

#[tokio::test]
async fn the_list_tells_no_secret() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 40_000)]).await;
    let service = Service::on(&zoom);

    let ended = service.run(&["list", "--json", "--log-level", "trace"]).await.with(0);

    assert_none_told(&zoom, &service, &ended);
}
