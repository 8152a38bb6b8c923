//! A service that nobody looks at: whatever is taken from it and given back, it goes on by itself, and each time the right
//! message comes once.

use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;

use zoom_archiver::simulator::{MeetingSpec, Simulator};

use crate::support::network::{Gateway, closed_port};
use crate::support::receiver::Receiver;
use crate::support::{MIB, Mount, Service, meeting, zoom_with};

fn class(uuid: &str, hours_ago: i64) -> MeetingSpec {
    meeting(uuid, hours_ago).topic(&format!("Class {uuid}")).video("gallery_view", 4 * MIB)
}

/// A service with a disk of its own for the archive, a way to Zoom that can be cut, and somebody who is told.
struct Scene {
    zoom: Simulator,
    service: Service,
    told: Receiver,
    port: u16,
}

impl Scene {
    async fn set() -> Self {
        let (zoom, told, port) = (zoom_with([class("a==", 10)]).await, Receiver::start().await, closed_port());
        let service = Service::on(&zoom)
            .set("zoom.api_url", format!("http://127.0.0.1:{port}/v2"))
            .set("poll.schedule", "* * * * * *")
            .set("notify.urls", vec![told.address("/hook")])
            .set("notify.on", vec!["archived", "failed", "recovered", "authorization"])
            .set("notify.failures", 2);
        Self { zoom, service, told, port }
    }

    /// Waits until so many messages have come, and gives the last one's title.
    async fn message(&self, number: usize) -> String {
        self.service.until("the message", |_| self.told.messages().len() >= number).await;
        self.told.titles().remove(number - 1)
    }

    async fn meeting_comes(&self, uuid: &str, hours_ago: i64) {
        self.zoom.add_meeting("me", class(uuid, hours_ago));
        // It is listed, whatever may be done about it.
        let polls = || self.zoom.journal().listings().len();
        let before = polls();
        self.service.until("polls go on", |_| polls() >= before + 2).await;
    }
}

#[tokio::test]
async fn whatever_is_taken_and_given_back_it_recovers_and_the_right_message_comes_once() {
    let scene = Scene::set().await;
    let Scene { zoom, service, told, port } = &scene;
    let disk = service.path("disk");
    std::fs::create_dir(&disk).unwrap();
    std::fs::create_dir(service.path("downloads")).unwrap();
    let Some(device) = Mount::of_size("24m", &disk) else { return };
    let mount = || Mount::bound(&disk, &service.path("downloads"));
    let mounted = mount();
    let way = Gateway::at(*port, zoom.addresses()[0]).await;
    let socket = service.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let running = service.run_daemon_in([("NOTIFY_SOCKET", OsStr::new(&socket))]);
    let mut word = [0; 4096];
    let length = tokio::task::spawn_blocking(move || manager.recv(&mut word).map(|length| (word, length)));
    let (word, length) = length.await.unwrap().unwrap();
    assert_eq!(&word[..length].trim_ascii(), b"READY=1");
    assert_eq!(scene.message(1).await, "1 meeting archived");

    // The disk of the archive is unmounted.
    drop(mounted);
    scene.meeting_comes("b==", 9).await;
    assert_eq!(scene.message(2).await, "1 failure");
    assert!(
        told.last_text().contains("mount its disk") || told.last_text().contains("not mounted"),
        "{}",
        told.last_text()
    );
    let mounted = mount();
    service.until_recorded("b==").await;
    scene.message(3).await;

    // It is full.
    device.fill_but_for(3 * MIB);
    scene.meeting_comes("c==", 8).await;
    let full = told.messages().len() + 1;
    assert_eq!(scene.message(full).await, "1 failure");
    assert!(told.last_text().contains("are kept free"), "{}", told.last_text());
    device.make_room();
    service.until_recorded("c==").await;

    // The authorization is taken back.
    service
        .until("that is told", |_| told.last_text().contains("fetched again") || told.last_text().contains("c=="))
        .await;
    let revoked = told.messages().len() + 1;
    zoom.revoke();
    zoom.expire_access_token();
    assert_eq!(scene.message(revoked).await, "authorization is needed");
    service.write_token(&zoom.authorize_again());
    scene.meeting_comes("d==", 7).await;
    service.until_recorded("d==").await;

    // The network is gone.
    service.until("that is told", |_| told.last_text().contains("d==")).await;
    let cut = told.messages().len() + 1;
    drop(way);
    assert_eq!(scene.message(cut).await, "1 failure");
    assert!(told.last_text().contains("cannot connect"), "{}", told.last_text());
    let way = Gateway::at(*port, zoom.addresses()[0]).await;
    scene.meeting_comes("e==", 6).await;
    service.until_recorded("e==").await;
    service.until("that is told", |_| told.last_text().contains("e==")).await;

    running.stop().await.with(0);
    let titles = told.titles().join(", ");
    assert_eq!(titles.matches("failure").count(), 3, "{titles}");
    assert_eq!(titles.matches("authorization is needed").count(), 1, "{titles}");
    assert_eq!(titles.matches("works again").count(), 4, "{titles}");
    service.keeps_its_promises(zoom).await;
    drop((way, mounted));
}
