//! When a poll begins, and what follows from what it has found.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;

use super::cleanup::GoodPoll;
use super::memory::Scanned;
use super::poll::{self, Meetings, Scan, UserScan};
use super::record::Ledger;
use super::{Phase, Pipeline, PollReport, Trigger};
use crate::chain::chain;
use crate::clock;
use crate::meeting::UserId;
use crate::state::{FullScan, Subject};
use crate::zoom::ZoomError;

/// Most types of files that are told as unknown.
const MOST_STRANGE_TYPES: usize = 100;

impl Pipeline {
    pub(super) async fn begin_poll(&mut self, trigger: Trigger) {
        let now = clock::now();
        if let Err(error) = clock::check(now) {
            return self.poll_failed(&format!("{error}; nothing is asked for until then"));
        }
        // The service polls all the same, and says it when it is about to plan.
        if self.eager
            && let Err(error) = self.with_ledger(|ledger| ledger.check_archive()).await
        {
            let problem = format!("{}; nothing is fetched until that is mended", chain(&error));
            self.poll_failed(&problem);
            self.obstacle = Some(problem);
            return;
        }
        let waits_until = self.with_ledger(move |ledger| ledger.zoom_waits_until(now)).await;
        if let Some(until) = waits_until {
            self.take_stock().await;
            self.outcome.waiting += 1;
            // That can be told, and mended, meanwhile.
            if self.zoom.tokens().awaits_person().await
                && let Err(error) = self.zoom.tokens().access(Duration::ZERO, &self.stop).await
            {
                self.token_failed(error.into());
            }
            // Once is enough: a daily limit may last for a hundred polls.
            if self.told_wait.replace(until) == Some(until) {
                tracing::debug!(%until, "Zoom asked to wait; this poll is left out");
            } else {
                let until = until.format("%Y-%m-%d %H:%M UTC");
                tracing::info!("Zoom asked not to be asked before {until}; until then no poll takes place");
            }
            return;
        }
        let (settings, in_hand) = (Arc::clone(&self.settings), self.work.keys().cloned().collect::<HashSet<_>>());
        let plan =
            move |ledger: &mut Ledger| poll::requests(&settings, &ledger.state, |uuid| in_hand.contains(uuid), now);
        let requests = self.with_ledger(plan).await;
        let full = requests.iter().filter(|request| request.scan == Scan::Full).count();
        tracing::debug!(?trigger, users = requests.len(), full_scans = full, "polling");
        let (zoom, stop) = (self.zoom.clone(), self.stop.clone());
        self.polling.spawn(async move { poll::poll(&zoom, requests, &stop).await });
    }

    pub(super) async fn poll_ended(&mut self, listed: Result<Vec<UserScan>, JoinError>) {
        let scans = match listed {
            Ok(scans) => scans,
            Err(error) => return self.poll_failed(&format!("a bug in the poll; the log has the panic ({error})")),
        };
        if self.stop.is_cancelled() {
            return;
        }
        let now = clock::now();
        let mut report = PollReport { at: now, ok: true, ..PollReport::default() };
        let mut scanned = Scanned { with: self.settings.scan_fingerprint(), ..Scanned::default() };
        let mut meetings = Meetings::default();
        let mut is_anything_listed = false;
        let (mut wait_until, mut zoom_clock) = (None, None);
        self.snapshot.phase = Phase::Idle;
        self.outcome.unauthorized = None;
        self.unlisted.clear();
        for scan in scans {
            report.ok &= scan.is_complete;
            zoom_clock = scan.clock.or(zoom_clock);
            is_anything_listed |= scan.problem.is_none() || !scan.meetings.is_empty();
            scan.meetings.into_iter().for_each(|meeting| meetings.add(meeting));
            self.tell_strange_types(scan.strange_types);
            if scan.scan == Scan::Full && scan.is_through {
                scanned.full.insert(scan.user.clone(), FullScan { at: scan.at, complete: scan.is_complete });
            }
            let listing = Subject::Listing(scan.user.clone());
            match scan.problem {
                None if !scan.is_complete => {
                    let words =
                        format!("not all recordings of {} could be listed; the log says which are missing", scan.user);
                    self.tell_failure(&listing, || words.clone());
                    self.fail(words);
                }
                None => self.tell_success(&listing, || format!("the recordings of {} are listed again", scan.user)),
                Some(problem) => {
                    wait_until = wait_until.max(problem.asked_to_wait_until());
                    let words = self.listing_failed(&scan.user, problem);
                    self.unlisted.insert(scan.user, words.clone());
                    report.problems.push(words);
                }
            }
        }
        if is_anything_listed {
            self.hold_until = None;
            self.tell_success(&Subject::ZoomAuthorization, || "Zoom takes the authorization".to_owned());
        }
        // What keeps files from being fetched shows after a poll, at the latest by the next one.
        if self.snapshot.last_poll.as_ref().is_some_and(|poll| poll.ok) && self.obstacle.is_none() {
            self.tell_of_fetching();
        }
        self.with_ledger(move |ledger| ledger.wait_until(wait_until)).await;
        self.told_wait = wait_until;
        let meetings = meetings.into_list();
        report.seen = meetings.len();
        if is_anything_listed && let Err(error) = self.adopt(meetings, scanned, &mut report, now).await {
            report.ok = false;
            let problem = format!("{}; nothing new is fetched until that is mended", chain(&error));
            tracing::error!("{problem}");
            report.problems.push(problem.clone());
            self.obstacle = Some(problem.clone());
            self.tell_failure(&Subject::Fetching, || problem.clone());
            self.fail(problem);
            self.warn_of_deletions(false).await;
        }
        self.save_state().await;
        self.take_stock().await;
        self.log_poll(&report).await;
        self.poll_allows_cleanup(report.ok.then_some(GoodPoll { clock: zoom_clock }));
        self.snapshot.last_poll = Some(report);
        self.wake_publisher();
        self.check_videos().await;
    }

    /// Says what kept a user's recordings from being listed.
    fn listing_failed(&mut self, user: &UserId, problem: ZoomError) -> String {
        let mut words = format!("cannot list the recordings of {user}: {}", chain(&problem));
        if let Some(remedy) = problem.remedy() {
            words = format!("{words}; {remedy}");
        }
        if problem.needs_person() {
            self.snapshot.phase = Phase::Authorization;
            tracing::error!(%user, "{words}");
            self.tell_of_authorization(&Subject::ZoomAuthorization, || words.clone());
            self.outcome.unauthorized = Some(problem);
        } else if matches!(problem, ZoomError::RateLimited(_)) {
            tracing::warn!(%user, "{words}");
            self.outcome.waiting += 1;
        } else if !problem.is_stopping() {
            tracing::error!(%user, "{words}; tried again at the next poll");
            self.tell_failure(&Subject::Listing(user.clone()), || words.clone());
            self.fail(words.clone());
            if problem.needs_authorization_for(user) {
                self.outcome.unauthorized = Some(problem);
            }
        }
        words
    }

    fn tell_strange_types(&mut self, types: BTreeSet<String>) {
        for file_type in types {
            if self.told_types.len() < MOST_STRANGE_TYPES && self.told_types.insert(file_type.clone()) {
                tracing::warn!(%file_type, "Zoom lists a type of file that is not known here; it counts as `other` of select.files");
            }
        }
    }

    fn poll_failed(&mut self, problem: &str) {
        self.poll_allows_cleanup(None);
        tracing::error!("{problem}");
        self.tell_failure(&Subject::Fetching, || problem.to_owned());
        self.fail(problem.to_owned());
        let report = PollReport { at: clock::now(), problems: vec![problem.to_owned()], ..PollReport::default() };
        self.snapshot.last_poll = Some(report);
    }
}
