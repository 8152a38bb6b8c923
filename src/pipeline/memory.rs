//! What the ledger remembers between polls and runs: which meetings are not done and why, what was scanned, and until when
//! Zoom asked to be left alone.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use super::download::Setback;
use super::plan::{self, Decision};
use super::record::{Ledger, Planned};
use crate::meeting::{Meeting, MeetingUuid, UserId};
use crate::state::{FullScan, Pending, Why};

/// What a poll has scanned as a whole.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The settings that decide what a scan finds.
    pub with: String,
    /// The users of whom all days were asked for.
    pub full: BTreeMap<UserId, FullScan>,
}

impl Ledger {
    /// Remembers which meetings are not done, and why, and what was scanned; forgets those that are done, or that a complete
    /// full scan of their user no longer showed (these come back, as gone).
    pub fn remember(&mut self, plan: &[Planned], scanned: Scanned, now: DateTime<Utc>) -> Vec<Pending> {
        if self.state.scanned_with != scanned.with {
            self.state.full_scans.clear();
            self.state.scanned_with = scanned.with;
        }
        for planned in plan {
            let meeting = &planned.meeting;
            let why = match &planned.decision {
                Decision::Fetch { .. } => Why::Queued,
                // An empty one is forgotten once its row is written.
                Decision::NothingYet | Decision::Processing { .. } | Decision::Empty => Why::Processing,
                Decision::Parked { .. } => continue,
                Decision::LeftOut(_) | Decision::Archived => {
                    self.state.pending.remove(&meeting.uuid);
                    continue;
                }
            };
            let entry = self.state.pending.entry(meeting.uuid.clone()).or_insert_with(|| Pending {
                user: meeting.user.clone(),
                uuid: meeting.uuid.clone(),
                start: meeting.start_time,
                first_seen: now,
                why,
                problem: String::new(),
                failed_tries: 0,
                next_try: None,
            });
            entry.why = why;
            entry.user = meeting.user.clone();
        }
        let listed: HashSet<&MeetingUuid> = plan.iter().map(|planned| &planned.meeting.uuid).collect();
        let is_seen_whole = |user: &UserId| scanned.full.get(user).is_some_and(|scan| scan.complete);
        let is_gone = |pending: &Pending| {
            let is_still_asked_for = self.settings.zoom.users.contains(&pending.user);
            !listed.contains(&pending.uuid) && (is_seen_whole(&pending.user) || !is_still_asked_for)
        };
        let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.state.pending).into_iter().partition(|(_, pending)| is_gone(pending));
        self.state.pending = kept;
        self.state.full_scans.extend(scanned.full);
        gone.into_values().collect()
    }

    /// Notes until when Zoom asked to be left alone.
    pub fn wait_until(&mut self, until: Option<DateTime<Utc>>) {
        self.is_state_changed |= self.state.zoom_wait_until != until;
        self.state.zoom_wait_until = until;
    }

    /// Notes that all of a meeting that is ready was fetched.
    pub fn is_waiting(&mut self, uuid: &MeetingUuid) {
        if let Some(pending) = self.state.pending.get_mut(uuid) {
            (pending.why, pending.failed_tries, pending.next_try) = (Why::Processing, 0, None);
            pending.problem.clear();
            self.is_state_changed = true;
        }
    }

    /// Notes that a meeting failed: when it is tried again, and why it failed.
    pub fn failed(
        &mut self,
        meeting: &Meeting,
        problem: &str,
        setback: Setback,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let pending = self.state.pending.get_mut(&meeting.uuid)?;
        problem.clone_into(&mut pending.problem);
        self.is_state_changed = true;
        (pending.why, pending.next_try) = match setback {
            Setback::PutOff(until) => (Why::PutOff, Some(until)),
            Setback::Elsewhere => (Why::Queued, None),
            Setback::Failed => {
                pending.failed_tries = pending.failed_tries.saturating_add(1);
                let at = plan::next_try(pending.failed_tries, now, meeting.auto_delete_date);
                (Why::Failed, Some(at))
            }
        };
        pending.next_try
    }
}
