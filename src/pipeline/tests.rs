//! What the pipeline makes of a bug in one of its workers.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tempfile::TempDir;

use super::download::Setback;
use super::memory::Scanned;
use super::*;
use crate::commands::setup;
use crate::config::{self, Sources};
use crate::simulator::{MeetingSpec, Simulator, World};
use crate::state::Why;

/// A pipeline of one worker, on a Zoom with these meetings of one video each.
async fn pipeline(uuids: &[&str]) -> (TempDir, Simulator, Pipeline) {
    let folder = tempfile::tempdir().unwrap();
    let now = clock::now();
    let meetings = uuids.iter().zip(5..).map(|(uuid, hours)| {
        MeetingSpec::new(uuid, now - TimeDelta::hours(hours)).minutes(45).video("gallery_view", 4096)
    });
    let simulator = Simulator::start(meetings.fold(World::new(now).user("me"), World::meeting)).await.unwrap();
    std::fs::write(folder.path().join(".zoom_refresh_token"), simulator.refresh_token()).unwrap();
    let environment: BTreeMap<String, String> = [
        ("STATE_DIRECTORY", folder.path().display().to_string()),
        ("ZOOM_ARCHIVER__ZOOM__CLIENT_ID", simulator.client_id()),
        ("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", simulator.client_secret()),
        ("ZOOM_ARCHIVER__ZOOM__API_URL", simulator.api_url()),
        ("ZOOM_ARCHIVER__ZOOM__OAUTH_URL", simulator.oauth_url()),
        ("ZOOM_ARCHIVER__DOWNLOAD__WORKERS", "1".to_owned()),
        ("ZOOM_ARCHIVER__DOWNLOAD__MIN_FREE_SPACE", "1 MiB".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let sources = Sources { config: None, environment, working_dir: folder.path().to_owned() };
    let settings = Arc::new(config::load(&sources).unwrap().settings);
    let (zoom, ledger) = (setup::zoom(&settings).unwrap(), Ledger::open(&settings).unwrap());
    let (board, _) = watch::channel(Snapshot::default());
    let pipeline = Pipeline::new(settings, zoom, ledger, false, board, CancellationToken::new());
    (folder, simulator, pipeline)
}

#[tokio::test]
async fn p10_a_panic_in_one_download_fails_that_meeting_alone_and_costs_no_worker() {
    let (folder, _simulator, mut pipeline) = pipeline(&["a==", "bad==", "b=="]).await;
    pipeline.begin_poll(Trigger::Start).await;
    let listed = next_of(&mut pipeline.polling).await;
    pipeline.poll_ended(listed).await;
    let job = pipeline.pool.next(|job| job.meeting.as_str() == "bad==").expect("it waits");
    pipeline.take_off_with_a_bug(job).await;
    let (ledger, (bell, rung)) = (Arc::clone(&pipeline.ledger), mpsc::channel(1));
    drop(bell);

    let outcome = pipeline.run(rung).await;

    assert_eq!((outcome.recorded, outcome.failures.len()), (2, 1), "{outcome:?}");
    assert!(outcome.failures[0].contains("a bug in the downloader"), "{outcome:?}");
    let ledger = ledger.lock().unwrap();
    let pending: Vec<_> = ledger.state.pending.values().collect();
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].uuid.as_str(), pending[0].why, pending[0].failed_tries), ("bad==", Why::Failed, 1));
    assert!(pending[0].next_try.is_some(), "it is tried again later");
    let rows = std::fs::read_to_string(folder.path().join("processed.csv")).unwrap();
    assert_eq!(rows.lines().count(), 3, "{rows}");
}

#[tokio::test]
async fn p10_a_panic_in_a_poll_fails_that_poll_alone() {
    let (_folder, simulator, mut pipeline) = pipeline(&["a=="]).await;
    pipeline.polling.spawn(async { panic!("a bug in the poll") });
    let (bell, rung) = mpsc::channel(1);
    bell.try_send(Trigger::Schedule).unwrap();
    drop(bell);

    let outcome = pipeline.run(rung).await;

    assert_eq!((outcome.recorded, outcome.failures.len()), (1, 1), "{outcome:?}");
    assert!(!simulator.journal().listings().is_empty());
}

#[tokio::test]
async fn p10_a_panic_in_the_plan_of_a_meeting_is_that_meetings_and_ends_nothing() {
    let (_folder, _simulator, mut pipeline) = pipeline(&["a=="]).await;
    pipeline.begin_poll(Trigger::Start).await;
    let scans = next_of(&mut pipeline.polling).await.unwrap();
    let meetings = scans.into_iter().flat_map(|scan| scan.meetings).collect();
    let mut ledger = pipeline.ledger.lock().unwrap();

    // Without an archive no plan can be made: whoever asks for one all the same is a bug.
    let adopted = ledger.adopt(meetings, Scanned::default(), clock::now(), false, &CancellationToken::new()).unwrap();

    let undecided: Vec<_> = adopted.undecided.iter().map(|one| (one.meeting.uuid.as_str(), one.setback)).collect();
    assert_eq!(undecided, [("a==", Setback::Failed)]);
    assert!(adopted.undecided[0].problem.contains("a bug"), "{}", adopted.undecided[0].problem);
    assert_eq!(ledger.state.pending.len(), 1, "it is not forgotten");
}

/// Archives all meetings of a pipeline.
async fn archive_all(pipeline: Pipeline) {
    let (bell, rung) = mpsc::channel(1);
    bell.try_send(Trigger::Start).unwrap();
    drop(bell);
    assert_eq!(pipeline.run(rung).await.failures, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_service_records_or_removes_under_an_audit_is_neither_unknown_nor_wrong() {
    let (folder, _simulator, pipeline) = pipeline(&["a==", "b=="]).await;
    let mut ledger = Ledger::open(&pipeline.settings).unwrap();
    archive_all(pipeline).await;
    let meetings = ledger.settings.archive.directory.clone();
    // The second meeting's file is removed on purpose after its meeting.json was read.
    let clean = |step: audit::Step<'_>| {
        if step.done == 1 {
            let path = meetings.join(step.folder).join("meeting.json");
            let text = std::fs::read_to_string(&path).unwrap().replace("\"whole\"", "\"removed\"");
            std::fs::write(path, text).unwrap();
            std::fs::remove_file(meetings.join(step.folder).join("gallery_view.mp4")).unwrap();
        }
    };

    let audit = ledger.audit(clean, &CancellationToken::new()).unwrap();

    assert_eq!((audit.meetings, audit.right, audit.faults(), audit.unknown.len()), (2, 1, 0, 0), "{audit:?}");
    drop(folder);
}

#[tokio::test]
async fn an_audit_that_is_stopped_says_how_much_it_has_not_looked_at_and_calls_nothing_wrong_for_that() {
    let (_folder, _simulator, pipeline) = pipeline(&["a==", "b==", "c=="]).await;
    let settings = Arc::clone(&pipeline.settings);
    archive_all(pipeline).await;
    let stop = CancellationToken::new();
    let shown = std::cell::RefCell::new(Vec::new());

    let stop_at_the_second = |step: audit::Step<'_>| {
        shown.borrow_mut().push((step.done, step.files));
        if step.done == 1 {
            stop.cancel();
        }
    };
    let audit = Ledger::open(&settings).unwrap().audit(stop_at_the_second, &stop).unwrap();

    assert_eq!((audit.meetings, audit.not_looked_at, audit.right, audit.faults()), (1, 2, 1, 0), "{audit:?}");
    assert_eq!(shown.into_inner(), [(0, 3), (1, 3)]);
}

impl Pipeline {
    /// Claims the folder as for any download, and panics in the place of it.
    async fn take_off_with_a_bug(&mut self, job: FileJob) {
        let uuid = job.meeting.clone();
        self.with_ledger(move |ledger| ledger.claim(&uuid)).await.unwrap();
        self.pool.take_off(job, |_, _| async { panic!("a bug") });
    }
}
