//! A soak: meetings keep arriving, faults come at random, the service is killed now and then; in the end all is archived,
//! exactly once. What happens is drawn from a seed, which is printed; `ZOOM_ARCHIVER_SEED` has it drawn again.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use zoom_archiver::simulator::{Answer, Endpoint, Fault, FileSpec, Framing, Matcher, Simulator};

use crate::support::{Running, Service, is_whole, meeting, tell, zoom_with};

/// Steps of a run, and of one that is whole.
const STEPS: [usize; 2] = [25, 600];

struct Soak {
    rng: Rng,
    zoom: Simulator,
    service: Service,
    running: Running,
    meetings: usize,
    processing: Vec<String>,
    /// What happened, in figures.
    faults: usize,
    kills: usize,
    stops: usize,
    authorizations: usize,
}

fn seed() -> u64 {
    let wished = std::env::var("ZOOM_ARCHIVER_SEED").ok();
    wished.map_or_else(|| fastrand::u64(..1_000_000), |seed| seed.parse().expect("a seed is a number"))
}

impl Soak {
    async fn begin(seed: u64) -> Self {
        let zoom = zoom_with([meeting("first==", 30).video("gallery_view", 500_000)]).await;
        let service = Service::on(&zoom)
            .set("poll.schedule", "* * * * * *")
            .set("poll.lookback_days", 20)
            .set("download.stall_timeout", "1s")
            .set("download.attempts", 3)
            .set("log.stderr", false);
        let running = service.run_daemon();
        let rng = Rng::with_seed(seed);
        let (faults, kills, stops, authorizations) = (0, 0, 0, 0);
        let (meetings, processing) = (0, Vec::new());
        Self { rng, zoom, service, running, meetings, processing, faults, kills, stops, authorizations }
    }

    async fn step(mut self) -> Self {
        match self.rng.u32(..20) {
            0..6 => self.a_meeting_ends(),
            6..14 => self.something_goes_wrong(),
            14 => self.zoom_finishes_something(),
            15 => self.zoom.expire_access_token(),
            16 => self.zoom.close_idle_connections(),
            17 => self = self.after_a_kill().await,
            18 => self = self.after_a_stop().await,
            _ => self = self.without_its_memory().await,
        }
        self.until_it_polls().await
    }

    fn a_meeting_ends(&mut self) {
        self.meetings += 1;
        let uuid = format!("meeting-{}==", self.meetings);
        let mut new = meeting(&uuid, self.rng.i64(1..100));
        for kind in ["gallery_view", "active_speaker", "shared_screen"].iter().take(self.rng.usize(1..=3)) {
            new = new.video(kind, self.rng.u64(200..2_000_000));
        }
        if self.rng.u32(..4) == 0 {
            new = new.file(FileSpec::video("shared_screen_with_gallery_view", 300_000).processing());
            self.processing.push(uuid);
        }
        self.zoom.add_meeting("me", new);
    }

    fn zoom_finishes_something(&mut self) {
        let Some(uuid) = self.processing.pop() else { return };
        let file = self.zoom.file(&uuid, "shared_screen_with_gallery_view").expect("it was added");
        self.zoom.complete(&file).expect("it is there");
    }

    fn something_goes_wrong(&mut self) {
        self.faults += 1;
        let times = self.rng.u64(1..4);
        let (matcher, fault) = match self.rng.u32(..10) {
            0 => (Matcher::token(), self.of_an_answer()),
            1 | 2 => (Matcher::list(), self.of_an_answer()),
            3 => (Matcher::download_entry(), self.of_an_answer()),
            _ => (Matcher::media(), self.of_a_body()),
        };
        self.zoom.inject(matcher.times(times), fault);
    }

    fn of_an_answer(&mut self) -> Fault {
        match self.rng.u32(..8) {
            0 => Fault::Answer(Answer::new(500)),
            1 => Fault::Answer(Answer::new(503).header("retry-after", "1")),
            2 => Fault::Answer(Answer::new(429).header("retry-after", "1")),
            3 => Fault::json(200, &json!({"unlike": "anything"})),
            4 => Fault::Answer(Answer::new(200).header("content-type", "text/html").body("<html>Sign in")),
            5 => Fault::Cut { after: self.rng.u64(..200) },
            6 => Fault::LoseAnswer,
            _ => Fault::CloseAfter,
        }
    }

    fn of_a_body(&mut self) -> Fault {
        let after = self.rng.u64(..1_000_000);
        match self.rng.u32(..14) {
            0 | 1 => Fault::Cut { after },
            2 | 3 => Fault::Reset { after },
            4 => Fault::Stall { after },
            5 => Fault::Drip { bytes: 50_000, every: Duration::from_millis(20) },
            6 => Fault::IgnoreRange,
            7 => Fault::ContentRange(Some("bytes 0-9/10".to_owned())),
            8 => Fault::Longer { by: after },
            9 => Fault::Framing(Framing::Chunked),
            10 => Fault::Framing(Framing::UntilClose),
            11 => Fault::HugeHeader { bytes: 100_000 },
            12 => Fault::HalfHead,
            _ => self.of_an_answer(),
        }
    }

    async fn after_a_kill(mut self) -> Self {
        self.kills += 1;
        self.running.kill().await;
        self.service.tells_no_lie(&self.zoom);
        self.running = self.service.run_daemon();
        self
    }

    async fn after_a_stop(mut self) -> Self {
        self.stops += 1;
        self.running.stop().await;
        self.service.tells_no_lie(&self.zoom);
        self.running = self.service.run_daemon();
        self
    }

    async fn without_its_memory(mut self) -> Self {
        self.stops += 1;
        self.running.kill().await;
        // Gone already, where nothing has been remembered yet.
        std::fs::remove_file(self.service.path("state.json")).ok();
        self.running = self.service.run_daemon();
        self
    }

    /// Until Zoom is asked for a listing once more; a token that was lost on the way is made up for, as a person would.
    async fn until_it_polls(mut self) -> Self {
        let listings = |zoom: &Simulator| zoom.journal().to(Endpoint::List).count();
        let before = listings(&self.zoom);
        let polls = self.zoom.until(|journal| journal.to(Endpoint::List).count() > before);
        if tokio::time::timeout(Duration::from_secs(5), polls).await.is_err()
            && !self.service.holds_the_token(&self.zoom)
        {
            self.authorizations += 1;
            self.running.kill().await;
            self.service.write_token(&self.zoom.authorize_again());
            self.running = self.service.run_daemon();
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a5_h3_whatever_goes_wrong_on_the_way_all_meetings_are_archived_exactly_once_in_the_end() {
    let seed = seed();
    tell(&format!("the soak's seed: {seed} (ZOOM_ARCHIVER_SEED={seed} draws the same again)"));
    let mut soak = Soak::begin(seed).await;
    for _ in 0..STEPS[usize::from(is_whole())] {
        soak = soak.step().await;
    }
    soak.zoom.clear_faults();
    while !soak.processing.is_empty() {
        soak.zoom_finishes_something();
    }
    soak.running.stop().await;
    if !soak.service.holds_the_token(&soak.zoom) {
        soak.authorizations += 1;
        soak.service.write_token(&soak.zoom.authorize_again());
    }

    soak.service.keeps_its_promises(&soak.zoom).await;

    let recorded = soak.service.recorded_uuids();
    for uuid in &recorded {
        // A meeting of which Zoom finished a file later has a further row, for that file.
        let rows = recorded.iter().filter(|other| *other == uuid).count();
        assert!(rows <= 2, "{uuid} has {rows} rows");
    }
    tell(&format!(
        "the soak: {} meetings, {} faults, {} kills, {} stops, {} authorizations",
        soak.meetings + 1,
        soak.faults,
        soak.kills,
        soak.stops,
        soak.authorizations
    ));
}
