//! The service manager's watchdog: fed as long as the work comes round.

use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{MIB, Running, Service, meeting, zoom_with};

/// What the service manager puts into the environment where the unit has a `WatchdogSec=`.
const TEN_MINUTES: (&str, &str) = ("WATCHDOG_USEC", "600000000");

/// A service under a service manager.
struct Managed {
    zoom: Simulator,
    service: Service,
    manager: UnixDatagram,
    running: Running,
}

impl Managed {
    async fn with(variables: &[(&'static str, &'static str)]) -> Self {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
        let service = Service::on(&zoom);
        let socket = service.path("notify");
        let manager = UnixDatagram::bind(&socket).expect("a socket");
        manager.set_nonblocking(true).expect("it can be told not to wait");
        let variables = variables.iter().map(|(name, value)| (*name, OsStr::new(*value)));
        let running = service.run_daemon_in(variables.chain([("NOTIFY_SOCKET", socket.as_os_str())]));
        Self { zoom, service, manager, running }
    }

    /// How often the manager was told this since it was last asked.
    fn told(&self, word: &str) -> usize {
        let mut message = [0; 4096];
        let next = || self.manager.recv(&mut message).ok().map(|len| message[..len].trim_ascii() == word.as_bytes());
        std::iter::from_fn(next).filter(|is_it| *is_it).count()
    }
}

#[tokio::test]
async fn p13_the_watchdog_is_fed_as_the_work_goes_on() {
    let managed = Managed::with(&[TEN_MINUTES]).await;
    let Managed { zoom, service, .. } = &managed;
    let hold = zoom.hold(Matcher::media(), MIB);
    hold.reached().await;
    service.until("fed while a file is fetched", |_| managed.told("WATCHDOG=1") > 0).await;
    hold.release();
    service.until_recorded("a==").await;

    service.until("fed after that", |_| managed.told("WATCHDOG=1") > 0).await;

    managed.running.stop().await.with(0);
    managed.service.keeps_its_promises(&managed.zoom).await;
}

#[tokio::test]
async fn p13_the_watchdog_of_another_process_is_not_fed() {
    let managed = Managed::with(&[TEN_MINUTES, ("WATCHDOG_PID", "1")]).await;
    managed.service.until_recorded("a==").await;
    managed.service.until_state_is("idle").await;

    assert_eq!(managed.told("WATCHDOG=1"), 0);

    managed.running.stop().await.with(0);
    managed.service.keeps_its_promises(&managed.zoom).await;
}
