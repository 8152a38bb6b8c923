//! Cleaning up for the command `cleanup`: a poll that fetches nothing, and then a round.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{GoodPoll, Janitor, Round};
use crate::chain::chain;
use crate::clock;
use crate::config::Settings;
use crate::pipeline::memory::Scanned;
use crate::pipeline::poll::{self, Meetings, Scan};
use crate::pipeline::record::{Ledger, RecordError};
use crate::state::FullScan;
use crate::youtube::{Processing, Youtube};
use crate::zoom::{Zoom, ZoomError};

/// Why no round took place.
#[derive(Debug)]
pub enum Refusal {
    /// The archive, the tracker or `state.json` can't be used.
    Record(RecordError),
    /// There is no access to Zoom until a person has authorized it.
    Unauthorized(ZoomError),
    /// Zoom could not be asked for all that there is; each line says what.
    BadPoll(Vec<String>),
    /// It was stopped.
    Interrupted,
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

/// Polls, plans, and removes what `[cleanup]` says; with `is_dry`, changes nothing and says what would go.
///
/// # Errors
/// [`Refusal`]; nothing was then removed.
pub async fn clean_up(
    settings: &Arc<Settings>,
    zoom: &Zoom,
    youtube: Option<Youtube>,
    ledger: Ledger,
    is_dry: bool,
    stop: &CancellationToken,
) -> Result<Round, Refusal> {
    let now = clock::now();
    clock::check(now).map_err(|error| Refusal::BadPoll(vec![error.to_string()]))?;
    ledger.check_archive().map_err(RecordError::from)?;
    let janitor = Janitor::new(Arc::clone(settings), Arc::new(Mutex::new(ledger)), youtube);
    let poll = janitor.poll(zoom, now, stop).await?;
    janitor.look_at_videos(is_dry, stop).await;
    let mut round = janitor.round(poll, janitor.terms(HashSet::new(), is_dry), stop).await;
    if !is_dry && let Err(error) = janitor.with_ledger(Ledger::save_if_changed).await {
        round.problems.push(format!("what is remembered of videos cannot be saved: {}", chain(&error)));
    }
    Ok(round)
}

impl Janitor {
    /// Asks Zoom what there is, and remembers which meetings are not done.
    async fn poll(&self, zoom: &Zoom, now: DateTime<Utc>, stop: &CancellationToken) -> Result<GoodPoll, Refusal> {
        let requests = {
            let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = ledger.zoom_waits_until(now) {
                let until = until.format("%Y-%m-%d %H:%M UTC");
                return Err(Refusal::BadPoll(vec![format!("Zoom asked not to be asked before {until}")]));
            }
            poll::requests(&self.settings, &ledger.state, |_| false, now)
        };
        let mut problems = Vec::new();
        let mut scanned = Scanned { with: self.settings.scan_fingerprint(), ..Scanned::default() };
        let (mut meetings, mut clock) = (Meetings::default(), None);
        for scan in poll::poll(zoom, requests, stop).await {
            clock = scan.clock.or(clock);
            scan.meetings.into_iter().for_each(|meeting| meetings.add(meeting));
            if scan.scan == Scan::Full && scan.is_through {
                scanned.full.insert(scan.user.clone(), FullScan { at: scan.at, complete: scan.is_complete });
            }
            match scan.problem {
                Some(problem) if problem.is_stopping() => return Err(Refusal::Interrupted),
                Some(problem) if problem.needs_person() => return Err(Refusal::Unauthorized(problem)),
                Some(problem) => {
                    let remedy = problem.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                    problems.push(format!("cannot list the recordings of {}: {}{remedy}", scan.user, chain(&problem)));
                }
                None if !scan.is_complete => problems.push(format!(
                    "not all recordings of {} could be listed; the log says which are missing",
                    scan.user
                )),
                None => {}
            }
        }
        if !problems.is_empty() {
            return Err(Refusal::BadPoll(problems));
        }
        let (stop, meetings) = (stop.clone(), meetings.into_list());
        let adopt = move |ledger: &mut Ledger| {
            if !ledger.is_archive_known() {
                return Ok(Some(Vec::new()));
            }
            ledger.prepare()?;
            Ok::<_, RecordError>(ledger.adopt(meetings, scanned, now, true, &stop).map(|adopted| adopted.gone))
        };
        let gone = self.with_ledger(adopt).await?.ok_or(Refusal::Interrupted)?;
        for pending in gone {
            tracing::warn!(meeting = %pending.uuid, user = %pending.user, "Zoom lists this meeting no more, or its user is not in zoom.users; it was not archived completely");
        }
        Ok(GoodPoll { clock })
    }

    /// Notes which videos are processed by now. Where that can't be asked, they are not, as far as is known.
    async fn look_at_videos(&self, is_dry: bool, stop: &CancellationToken) {
        let Some(youtube) = &self.youtube else { return };
        let ids = self.with_ledger(|ledger| ledger.unprocessed_videos()).await;
        if ids.is_empty() {
            return;
        }
        let videos = match youtube.videos(&ids, stop).await {
            Ok(videos) => videos,
            Err(error) => return tracing::warn!("what has become of videos can't be asked: {}", chain(&error)),
        };
        let now = clock::now();
        let noted = self.with_ledger(move |ledger| {
            if is_dry {
                let done = videos.iter().filter(|video| video.processing == Processing::Done);
                ledger.suppose_processed(&done.map(|video| video.id.as_str()).collect());
                return Ok(Vec::new());
            }
            ledger.note_processing(&ids, &videos, now)
        });
        match noted.await {
            Ok(lost) => {
                for (video, words) in lost {
                    tracing::error!(%video, "YouTube has the video, but nobody can watch it: {words}");
                }
            }
            Err(error) => tracing::error!("what has become of videos can't be put on record: {}", chain(&error)),
        }
    }
}

impl Ledger {
    /// Takes these videos for processed, in memory alone.
    fn suppose_processed(&mut self, done: &HashSet<&str>) {
        let Some(archive) = &mut self.archive else { return };
        let of_them = |id: &str| done.contains(id);
        let uuids: Vec<_> = archive
            .iter()
            .filter(|held| held.manifest.youtube.iter().any(|video| of_them(&video.video_id)))
            .map(|held| held.manifest.uuid.clone())
            .collect();
        for uuid in uuids {
            archive.change(&uuid, |manifest| {
                for video in manifest.youtube.iter_mut().filter(|video| of_them(&video.video_id)) {
                    video.processed = true;
                }
            });
        }
    }
}
