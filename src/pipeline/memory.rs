//! What the ledger remembers between polls and runs: which meetings are not done and why, what was scanned, and until when
//! Zoom asked to be left alone.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use super::deadline::{self, Outlook};
use super::download::Setback;
use super::plan::{self, Decision, Standing};
use super::record::{Ledger, Planned};
use super::refetch;
use crate::clock;
use crate::http::RateLimit;
use crate::meeting::{Meeting, MeetingUuid, UserId};
use crate::state::{FullScan, Pending, Why};

/// What a poll has scanned as a whole.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The settings that decide what a scan finds.
    pub with: String,
    /// The users of whom all days were asked for.
    pub full: BTreeMap<UserId, FullScan>,
}

impl Ledger {
    /// Remembers that a meeting is not done, and why; forgets one that is.
    pub(super) fn remember(&mut self, planned: &Planned, now: DateTime<Utc>) {
        let meeting = &planned.meeting;
        let why = match &planned.decision {
            Decision::Fetch { .. } => Why::Queued,
            // An empty one is forgotten once its row is written.
            Decision::NothingYet | Decision::Processing { .. } | Decision::Empty => Why::Processing,
            Decision::Parked { .. } => {
                self.state.pending.entry(meeting.uuid.clone()).and_modify(|pending| describe(pending, meeting));
                return;
            }
            Decision::LeftOut(_) | Decision::Archived => {
                let pending = self.state.pending.remove(&meeting.uuid);
                if pending.is_some_and(|pending| pending.refetch) {
                    let account = self.tracker.get(&meeting.uuid);
                    let known = account.map(|account| account.file_ids.iter().cloned().collect()).unwrap_or_default();
                    refetch::warn_of_lost(&planned.manifest, &known);
                }
                return;
            }
        };
        let pending = self.state.pending.entry(meeting.uuid.clone()).or_insert_with(|| pending(meeting, now));
        pending.why = why;
        // One that was first seen by a clock that was ahead would be waited for until that time has come.
        pending.first_seen = pending.first_seen.min(now);
        describe(pending, meeting);
    }

    /// Remembers a meeting about which nothing could be decided.
    pub(super) fn remember_undecided(&mut self, meeting: &Meeting, now: DateTime<Utc>) {
        let pending = self.state.pending.entry(meeting.uuid.clone()).or_insert_with(|| pending(meeting, now));
        describe(pending, meeting);
    }

    /// Remembers what was scanned, and forgets the meetings that a complete full scan of their user no longer showed: these
    /// come back.
    pub(super) fn forget_gone(&mut self, listed: &HashSet<&MeetingUuid>, scanned: Scanned) -> Vec<Pending> {
        if self.state.scanned_with != scanned.with {
            self.state.full_scans.clear();
            self.state.scanned_with = scanned.with;
        }
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

    /// Remembers, where no plan could be made, the listed meetings that Zoom will delete soon and that are not archived.
    pub fn remember_endangered(&mut self, meetings: &[Meeting], now: DateTime<Utc>) {
        let is_endangered = |meeting: &&Meeting| {
            let is_soon = meeting.auto_delete_date.is_some_and(|day| deadline::is_soon(day, now));
            // Whether a meeting with a row has grown can't be told without its folder.
            is_soon && self.tracker.get(&meeting.uuid).is_none() && {
                let standing = Standing { pending: self.state.pending.get(&meeting.uuid), ..Standing::default() };
                let decision = plan::decide(meeting, &standing, &self.settings.select, now, true);
                matches!(decision, Decision::Fetch { .. } | Decision::Processing { .. } | Decision::Parked { .. })
            }
        };
        let endangered: Vec<&Meeting> = meetings.iter().filter(is_endangered).collect();
        for meeting in endangered {
            let pending = self.state.pending.entry(meeting.uuid.clone()).or_insert_with(|| pending(meeting, now));
            describe(pending, meeting);
            self.is_state_changed = true;
        }
    }

    /// Those of which it is to be said now that Zoom is about to delete them, the first first. They are taken to be told.
    pub(super) fn endangered(&mut self, outlook: Outlook<'_>, now: DateTime<Utc>) -> Vec<Pending> {
        let mut endangered = Vec::new();
        for pending in self.state.pending.values_mut() {
            if deadline::to_be_told(pending, outlook, now).is_some() {
                pending.deletion_told = Some(now.date_naive());
                endangered.push(pending.clone());
            }
        }
        self.is_state_changed |= !endangered.is_empty();
        endangered.sort_by_key(|pending| (pending.deletion, pending.start));
        endangered
    }

    /// Until when Zoom asked to be left alone, where that is yet to come.
    pub(super) fn zoom_waits_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.state.zoom_wait_until.filter(|until| clock::is_yet_to_come(*until, now, RateLimit::LONGEST))
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

/// A meeting that nothing is known of yet.
fn pending(meeting: &Meeting, now: DateTime<Utc>) -> Pending {
    Pending {
        user: meeting.user.clone(),
        uuid: meeting.uuid.clone(),
        topic: meeting.topic.clone(),
        start: meeting.start_time,
        first_seen: now,
        deletion: meeting.auto_delete_date,
        deletion_told: None,
        why: Why::Queued,
        problem: String::new(),
        failed_tries: 0,
        next_try: None,
        refetch: false,
    }
}

/// Takes over what may have changed at Zoom.
fn describe(pending: &mut Pending, meeting: &Meeting) {
    pending.user.clone_from(&meeting.user);
    pending.topic.clone_from(&meeting.topic);
    pending.deletion = meeting.auto_delete_date;
}
