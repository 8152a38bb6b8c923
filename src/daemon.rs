//! The service: a schedule that rings a bell, and the pipeline that answers it.
//!
//! The scheduler does nothing else, for it lets jobs overlap, doesn't wait for them, and knows no first run at start. The
//! bell holds one ring, so that missed and untimely ones coalesce. Beside it: the service manager and `status.json`
//! are told what is going on, SIGHUP checks the config, and a new token ends the wait for one. The service manager's watchdog
//! is fed as long as the work comes round, and not where a disk hangs, say: then it restarts the service.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::chain::chain;
use crate::clock;
use crate::config::{self, Settings, Sources};
use crate::disk;
use crate::notify::Notifier;
use crate::pipeline::record::Ledger;
use crate::pipeline::{Phase, Pipeline, Snapshot, Trigger};
use crate::report::Failure;
use crate::status::Status;
use crate::youtube::{Uploader, Youtube};
use crate::zoom::Zoom;

/// How often `status.json` is written at least; and where something is in flight, for who looks at its progress.
const STATUS_EVERY: Duration = Duration::from_secs(10);
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// A poll that is later than this has been forgotten by the scheduler.
const LATE: TimeDelta = TimeDelta::seconds(90);
/// How often the token file is looked at while a new token is waited for, and the clock while it isn't.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The work comes round every 10 s at least, unless it waits for the disk: a watchdog has to allow for that.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(60);

/// Polls at once and then on the schedule, until `stop` is cancelled and all work has come down.
///
/// # Errors
/// [`Failure`] where the schedule or the signals can't be set up; nothing that happens later ends it.
pub async fn run(
    settings: Arc<Settings>,
    sources: Sources,
    zoom: Zoom,
    publishing: Option<(Youtube, Uploader)>,
    notifier: Option<Notifier>,
    ledger: Ledger,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let hangup = signal(SignalKind::hangup()).map_err(Failure::Runtime)?;
    let (bell, rung) = mpsc::channel(1);
    let mut scheduler =
        schedule(&settings, bell.clone()).await.map_err(|error| Failure::Runtime(std::io::Error::other(error)))?;
    ring(&bell, Trigger::Start);
    let (board, snapshots) = watch::channel(Snapshot::default());
    let watchdog = Watchdog::new(sd_notify::watchdog_enabled());
    let attendant =
        Attendant { settings: Arc::clone(&settings), sources, zoom: zoom.clone(), bell, snapshots, watchdog };
    notify(&[NotifyState::Ready]);
    let over = CancellationToken::new();
    let work = async {
        let mut pipeline = Pipeline::new(settings, zoom, ledger, false, board, stop.clone());
        if let Some((youtube, uploader)) = publishing {
            pipeline = pipeline.publishing(youtube, uploader);
        }
        if let Some(notifier) = notifier {
            pipeline = pipeline.telling(notifier);
        }
        let outcome = pipeline.run(rung).await;
        over.cancel();
        outcome
    };
    tokio::join!(work, attendant.attend(hangup, stop, &over));
    if let Err(error) = scheduler.shutdown().await {
        tracing::debug!("the scheduler did not shut down: {error}");
    }
    Ok(())
}

async fn schedule(settings: &Settings, bell: mpsc::Sender<Trigger>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let job = Job::new_async(settings.poll.schedule.expression(), move |_, _| {
        let bell = bell.clone();
        Box::pin(async move { ring(&bell, Trigger::Schedule) })
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

fn ring(bell: &mpsc::Sender<Trigger>, trigger: Trigger) {
    if bell.try_send(trigger).is_err() {
        tracing::debug!(?trigger, "a poll is due while another waits its turn; one will do");
    }
}

/// The service manager's watchdog, as far as there is one for this process.
#[derive(Debug, Default)]
struct Watchdog {
    is_there: bool,
    /// The last round of the work that it was fed for.
    fed_for: u64,
}

impl Watchdog {
    /// One that restarts the service after so long without food; none where it is no time at all.
    fn new(patience: Option<Duration>) -> Self {
        if let Some(patience) = patience.filter(|patience| *patience < SHORTEST_PATIENCE) {
            let (patience, least) =
                (humantime::format_duration(patience), humantime::format_duration(SHORTEST_PATIENCE));
            tracing::warn!(
                "the service manager's watchdog waits for {patience} only; set WatchdogSec= to {least} at least"
            );
        }
        Self { is_there: patience.is_some(), fed_for: 0 }
    }

    /// Whether it is to be fed, now that the work is in this round: once for each.
    fn wants(&mut self, round: u64) -> bool {
        let has_come_round = std::mem::replace(&mut self.fed_for, round) != round;
        self.is_there && has_come_round
    }
}

/// What goes on beside the work.
struct Attendant {
    settings: Arc<Settings>,
    sources: Sources,
    zoom: Zoom,
    bell: mpsc::Sender<Trigger>,
    snapshots: watch::Receiver<Snapshot>,
    watchdog: Watchdog,
}

impl Attendant {
    /// Attends until the work is over.
    async fn attend(mut self, mut hangup: Signal, stop: &CancellationToken, over: &CancellationToken) {
        let started_at = clock::now();
        let mut status = interval(STATUS_EVERY);
        status.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut progress = interval(PROGRESS_EVERY);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_told = false;
        let mut due = self.next_poll(started_at);
        let mut last_words = String::new();
        loop {
            tokio::select! {
                biased;
                // Before the end of the work, which may come at once: an idle service, too, says that it stops.
                () = stop.cancelled(), if !is_told => {
                    is_told = true;
                    notify(&[NotifyState::Stopping]);
                }
                () = over.cancelled() => break,
                _ = hangup.recv() => self.check_config().await,
                _ = look.tick() => due = self.look(due).await,
                _ = status.tick() => {}
                _ = progress.tick(), if self.is_in_flight() => {}
                Ok(()) = self.snapshots.changed() => {}
            }
            self.tell(started_at, is_told, &mut last_words).await;
        }
        self.tell(started_at, true, &mut last_words).await;
    }

    /// Whether anything is on its way that people may watch.
    fn is_in_flight(&self) -> bool {
        let snapshot = self.snapshots.borrow();
        snapshot.uploading.is_some() || !snapshot.flights.is_empty()
    }

    fn next_poll(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.settings.poll.schedule.next_after(now)
    }

    /// Rings where a new token has come, or where the scheduler has slept through its time (a clock that was set back).
    async fn look(&self, due: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let is_waiting = self.snapshots.borrow().phase == Phase::Authorization;
        if is_waiting && !self.zoom.tokens().awaits_person().await {
            tracing::info!("there is a new token, or it is time to try the old one again; polling");
            ring(&self.bell, Trigger::Authorized);
        }
        let now = clock::now();
        let (polled_at, is_polling) = {
            let snapshot = self.snapshots.borrow();
            (snapshot.last_poll.as_ref().map(|poll| poll.at), snapshot.phase == Phase::Polling)
        };
        let next = self.next_poll(now);
        match due {
            _ if is_polling => next,
            // The scheduler has its times by a clock that was set back since: it would be silent until that time comes.
            Some(due) if now - due > LATE && polled_at.is_none_or(|at| at < due) => {
                ring(&self.bell, Trigger::Schedule);
                next
            }
            Some(due) if due <= now && polled_at.is_none_or(|at| at < due) => Some(due),
            _ => next,
        }
    }

    async fn tell(&mut self, started_at: DateTime<Utc>, is_stopping: bool, last_words: &mut String) {
        let mut snapshot = self.snapshots.borrow_and_update().clone();
        if self.watchdog.wants(snapshot.round) {
            notify(&[NotifyState::Watchdog]);
        }
        if is_stopping {
            snapshot.phase = Phase::Stopping;
        }
        let now = clock::now();
        let next_poll = self.next_poll(snapshot.zoom_waits_until.map_or(now, |until| until.max(now)));
        let words = words(&snapshot, next_poll);
        if words != *last_words {
            notify(&[NotifyState::Status(&words)]);
            last_words.clone_from(&words);
        }
        let state_dir = self.settings.state_dir.clone();
        let written = disk::blocking(move || Status::of(snapshot, started_at, next_poll, now).write(&state_dir)).await;
        if let Err(error) = written {
            tracing::warn!("status.json is out of date: {}", chain(&error));
        }
    }

    async fn check_config(&self) {
        let sources = self.sources.clone();
        match disk::blocking(move || config::load(&sources)).await {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                tracing::info!("the config is valid; restart to apply it");
            }
            Err(error) => {
                for problem in error.problems() {
                    tracing::error!("the config can't be used: {problem}");
                }
                tracing::error!("the service goes on with the settings that it was started with");
            }
        }
    }
}

/// What the service is doing, in a line; where it polls next, unless it is at work on what the last poll brought.
fn words(snapshot: &Snapshot, next_poll: Option<DateTime<Utc>>) -> String {
    let words = snapshot.words();
    match next_poll {
        Some(at) if snapshot.phase == Phase::Idle => format!("{words}, next poll at {}", at.format("%H:%M UTC")),
        _ => words,
    }
}

/// Tells the service manager, if there is one. It may miss a word; the next one will reach it.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager can't be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::TimeDelta;
    use tempfile::TempDir;

    use super::*;
    use crate::commands::setup;
    use crate::pipeline::{PollReport, UploadsShown};
    use crate::simulator::{Simulator, World};

    /// An attendant of a service in this folder, with the bell that it rings.
    struct Scene {
        folder: TempDir,
        simulator: Simulator,
        attendant: Attendant,
        board: watch::Sender<Snapshot>,
        rung: mpsc::Receiver<Trigger>,
    }

    impl Scene {
        async fn set() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let simulator = Simulator::start(World::new(clock::now()).user("me")).await.unwrap();
            let environment: BTreeMap<String, String> = [
                ("STATE_DIRECTORY", folder.path().display().to_string()),
                ("ZOOM_ARCHIVER__ZOOM__CLIENT_ID", simulator.client_id()),
                ("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", simulator.client_secret()),
                ("ZOOM_ARCHIVER__ZOOM__API_URL", simulator.api_url()),
                ("ZOOM_ARCHIVER__ZOOM__OAUTH_URL", simulator.oauth_url()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
            let sources = Sources { config: None, environment, working_dir: folder.path().to_owned() };
            let settings = Arc::new(config::load(&sources).unwrap().settings);
            let zoom = setup::zoom(&settings).unwrap();
            let (bell, rung) = mpsc::channel(1);
            let (board, snapshots) = watch::channel(Snapshot::default());
            let attendant = Attendant { settings, sources, zoom, bell, snapshots, watchdog: Watchdog::default() };
            Self { folder, simulator, attendant, board, rung }
        }

        fn has_token(&self, token: &str) {
            std::fs::write(self.folder.path().join(".zoom_refresh_token"), token).unwrap();
        }

        fn polled_at(&self, at: DateTime<Utc>) {
            let report = PollReport { at, ..PollReport::default() };
            self.board.send_replace(Snapshot { last_poll: Some(report), ..Snapshot::default() });
        }
    }

    #[tokio::test]
    async fn a_look_at_the_token_file_rings_once_there_is_another_token_and_not_before() {
        let mut scene = Scene::set().await;
        scene.has_token(&scene.simulator.refresh_token());
        scene.simulator.revoke();
        let refused = scene.attendant.zoom.tokens().access(Duration::ZERO, &CancellationToken::new()).await;
        assert!(refused.is_err());
        scene.board.send_replace(Snapshot { phase: Phase::Authorization, ..Snapshot::default() });

        scene.attendant.look(None).await;
        assert!(scene.rung.try_recv().is_err(), "the token is the same");
        scene.has_token(&scene.simulator.authorize_again());
        scene.attendant.look(None).await;

        assert_eq!(scene.rung.try_recv(), Ok(Trigger::Authorized));
    }

    #[tokio::test]
    async fn t1_a_poll_that_the_schedule_slept_through_is_rung_for() {
        let mut scene = Scene::set().await;
        let due = clock::now() - TimeDelta::minutes(5);
        scene.polled_at(due - TimeDelta::minutes(10));

        let next = scene.attendant.look(Some(due)).await;

        assert_eq!(scene.rung.try_recv(), Ok(Trigger::Schedule));
        assert!(next.is_some_and(|next| next > due));
    }

    #[tokio::test]
    async fn a_poll_that_took_place_or_is_yet_to_come_is_not_rung_for() {
        let mut scene = Scene::set().await;
        let now = clock::now();
        scene.polled_at(now - TimeDelta::minutes(4));

        scene.attendant.look(Some(now - TimeDelta::minutes(5))).await;
        scene.attendant.look(scene.attendant.next_poll(now)).await;

        assert!(scene.rung.try_recv().is_err());
    }

    #[tokio::test]
    async fn t1_a_due_time_from_before_the_clock_was_set_back_is_forgotten() {
        let scene = Scene::set().await;
        let tomorrow = clock::now() + TimeDelta::days(1);

        let next = scene.attendant.look(Some(tomorrow)).await;

        assert!(next.is_some_and(|next| next < tomorrow));
    }

    #[test]
    fn the_service_manager_hears_of_uploads_too_and_of_what_keeps_them() {
        let uploads = UploadsShown {
            waiting: 3,
            needs_person: true,
            why: Some("no token".to_owned()),
            ..UploadsShown::default()
        };
        let idle = Snapshot { phase: Phase::Idle, ..Snapshot::default() };
        let next = "2025-12-02T12:10:00Z".parse().ok();
        assert_eq!(words(&idle, next), "idle, next poll at 12:10 UTC");
        let kept = Snapshot { uploads: Some(uploads), ..idle };
        assert_eq!(words(&kept, next), "idle; nothing is sent to YouTube: no token, next poll at 12:10 UTC");
        let polling = Snapshot { phase: Phase::Polling, ..kept };
        assert_eq!(words(&polling, next), "asking Zoom for recordings");
    }

    #[test]
    fn p13_the_watchdog_is_fed_for_each_round_of_the_work_and_not_while_it_stands_still() {
        let mut watchdog = Watchdog::new(Some(SHORTEST_PATIENCE));
        let fed = [0, 1, 1, 1, 2, 7, 7].map(|round| watchdog.wants(round));
        assert_eq!(fed, [false, true, false, false, true, true, false]);
        assert!(!Watchdog::new(None).wants(1), "there is none");
    }
}
