//! Users x windows x pages -> the meetings that Zoom lists.
//!
//! One user's failure doesn't touch another's, a bad record costs only itself, and whatever the server does, the number
//! of requests is bounded.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::chain::chain;
use crate::clock;
use crate::config::Settings;
use crate::http::HttpError;
use crate::meeting::{Availability, Meeting, MeetingUuid, UserId};
use crate::state::{FullScan, State};
use crate::trouble::Trouble;
use crate::zoom::windows::{self, Rest, Window};
use crate::zoom::{Zoom, ZoomError};

/// Most pages that are asked for in one window: 300,000 meetings in four weeks.
const MAX_PAGES: usize = 1000;
/// Most requests for one user in one poll.
const MAX_REQUESTS: usize = 5000;
/// How often a window is begun anew because its page token ended (they live for 15 minutes).
const MAX_RESTARTS: usize = 2;
/// A user's scan goes on past so many windows that can't be had; with more, Zoom is rather out of order.
const MAX_FAILED_WINDOWS: usize = 2;
/// A full scan that fell short is tried again after this, or sooner where full scans are more frequent.
const INCOMPLETE_SCAN_AGAIN: Duration = Duration::from_secs(3600);

/// How far back a scan looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The recent days, and those of pending meetings.
    Recent,
    /// Everything that the settings ask for.
    Full,
}

/// What to ask for one user.
#[derive(Clone, Debug)]
pub(super) struct ScanRequest {
    /// The user.
    pub user: UserId,
    /// How far back.
    pub scan: Scan,
    /// The windows that this comes to, the newest first.
    pub windows: Vec<Window>,
}

/// What to ask for each user: everything where a full scan is due, else the recent days and those of meetings that are
/// pending and not `in_hand`.
pub(super) fn requests(
    settings: &Settings,
    state: &State,
    in_hand: impl Fn(&MeetingUuid) -> bool,
    now: DateTime<Utc>,
) -> Vec<ScanRequest> {
    let poll = &settings.poll;
    let today = now.date_naive();
    let same_settings = state.scanned_with == settings.scan_fingerprint();
    let request = |user: &UserId| {
        let last = state.full_scans.get(user).filter(|_| same_settings);
        let (scan, windows) = if is_full_scan_due(last, poll.full_scan_every, now) {
            // What it doesn't show is gone; so it asks for every day on which something is pending.
            let days = state.pending_days(user, |_| false).collect();
            (Scan::Full, windows::covering(today, poll.lookback_days, &days))
        } else {
            let days = state.pending_days(user, &in_hand).collect();
            (Scan::Recent, windows::covering(today, poll.recent_days, &days))
        };
        ScanRequest { user: user.clone(), scan, windows }
    };
    settings.zoom.users.iter().map(request).collect()
}

fn is_full_scan_due(last: Option<&FullScan>, every: Duration, now: DateTime<Utc>) -> bool {
    let Some(last) = last else { return true };
    let wait = if last.complete { every } else { every.min(INCOMPLETE_SCAN_AGAIN) };
    let since = now - last.at;
    // A clock that was ahead when the scan was noted must not put the next one off.
    since < TimeDelta::zero() || since.to_std().is_ok_and(|since| since >= wait)
}

/// What was found for one user.
#[derive(Debug)]
pub(super) struct UserScan {
    /// The user.
    pub user: UserId,
    /// How far back it looked.
    pub scan: Scan,
    /// The meetings, each once, with all its files.
    pub meetings: Vec<Meeting>,
    /// Whether every day was covered and every record read.
    pub is_complete: bool,
    /// Whether it went through all windows, even if some could not be had.
    pub is_through: bool,
    /// What kept it from being complete.
    pub problem: Option<ZoomError>,
    /// Types of files that nobody here has heard of.
    pub strange_types: BTreeSet<String>,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What Zoom's clock showed in its last answer.
    pub clock: Option<clock::Reading>,
}

/// Scans all users, one after the other. Ends early where going on is pointless: no token, a rate limit, no connection after
/// all tries, the program's end.
pub(super) async fn poll(zoom: &Zoom, requests: Vec<ScanRequest>, stop: &CancellationToken) -> Vec<UserScan> {
    let mut scans = Vec::new();
    for request in requests {
        let scan = scan(zoom, request, stop).await;
        let is_pointless = scan.problem.as_ref().is_some_and(concerns_all_users);
        scans.push(scan);
        if is_pointless {
            break;
        }
    }
    scans
}

/// Whether the user's other windows would fail for the same reason.
fn is_hopeless(problem: &ZoomError) -> bool {
    use Trouble::{ApiAddress, Permission, Plan, RestApi, ScopesOrUser, User};
    concerns_all_users(problem)
        || problem.needs_authorization()
        || matches!(problem.trouble(), Some(ApiAddress | User | ScopesOrUser | Permission | Plan | RestApi))
}

fn concerns_all_users(problem: &ZoomError) -> bool {
    use HttpError::{Connect, Stopping, Tls};
    matches!(
        problem,
        ZoomError::Token(_) | ZoomError::RateLimited(_) | ZoomError::Http(Connect { .. } | Stopping | Tls { .. })
    )
}

/// Scans one user.
pub(super) async fn scan(zoom: &Zoom, request: ScanRequest, stop: &CancellationToken) -> UserScan {
    let mut found = Found {
        zoom,
        user: &request.user,
        stop,
        meetings: Meetings::default(),
        strange_types: BTreeSet::new(),
        requests: 0,
        is_complete: true,
        is_through: false,
        clock: None,
    };
    let problem = found.all_windows(request.windows).await.err();
    let is_complete = found.is_complete && problem.is_none();
    let Found { is_through, strange_types, meetings, clock, .. } = found;
    UserScan {
        user: request.user,
        scan: request.scan,
        meetings: meetings.into_list(),
        is_complete,
        is_through,
        problem,
        strange_types,
        at: clock::now(),
        clock,
    }
}

/// Meetings from several listings, each once: windows overlap, pages may repeat, and two users may see the same meeting.
#[derive(Debug, Default)]
pub(super) struct Meetings {
    list: Vec<Meeting>,
    index: HashMap<MeetingUuid, usize>,
}

impl Meetings {
    /// Adds a meeting, or to one that is there the files that it lacks.
    pub(super) fn add(&mut self, meeting: Meeting) {
        if let Some(&at) = self.index.get(&meeting.uuid) {
            merge(&mut self.list[at], meeting);
        } else {
            self.index.insert(meeting.uuid.clone(), self.list.len());
            self.list.push(meeting);
        }
    }

    /// All of them, in the order in which they came.
    pub(super) fn into_list(self) -> Vec<Meeting> {
        self.list
    }
}

/// A scan under way.
struct Found<'a> {
    zoom: &'a Zoom,
    user: &'a UserId,
    stop: &'a CancellationToken,
    meetings: Meetings,
    strange_types: BTreeSet<String>,
    requests: usize,
    is_complete: bool,
    is_through: bool,
    clock: Option<clock::Reading>,
}

impl Found<'_> {
    async fn all_windows(&mut self, windows: Vec<Window>) -> Result<(), ZoomError> {
        let mut left = windows;
        left.reverse();
        let (mut problem, mut failed_windows) = (None, 0);
        while let Some(window) = left.pop() {
            let rest = match self.window(window).await {
                Ok(rest) => rest,
                // One window that can't be had must not hide all the others.
                Err(error) if !is_hopeless(&error) && failed_windows < MAX_FAILED_WINDOWS => {
                    failed_windows += 1;
                    self.fall_short(window, &chain(&error));
                    problem = problem.or(Some(error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            match rest {
                Rest::Nothing => {}
                Rest::Ask(rest) => {
                    tracing::debug!(user = %self.user, from = %window.from, to = %window.to, "Zoom's answer is narrower than asked; asking for the rest");
                    left.extend(rest.into_iter().rev());
                }
                Rest::Short => {
                    let remedy = Trouble::FewerDays.remedy();
                    self.fall_short(window, &format!("Zoom's answer doesn't cover it; {remedy}"));
                }
            }
        }
        self.is_through = true;
        problem.map_or(Ok(()), Err)
    }

    /// All pages of one window; what remains to be asked.
    async fn window(&mut self, window: Window) -> Result<Rest, ZoomError> {
        let mut restarts = 0;
        loop {
            match self.pages(window).await {
                Err(error) if error.trouble() == Some(Trouble::PageToken) && restarts < MAX_RESTARTS => {
                    restarts += 1;
                }
                other => return other,
            }
        }
    }

    async fn pages(&mut self, window: Window) -> Result<Rest, ZoomError> {
        let mut rest = Rest::Nothing;
        let mut next = None;
        let mut seen = HashSet::new();
        for _ in 0..MAX_PAGES {
            if self.requests == MAX_REQUESTS {
                self.fall_short(window, "too many requests");
                return Ok(rest);
            }
            self.requests += 1;
            let listed = self.zoom.list(self.user, window, next.as_ref(), self.stop).await?;
            self.clock = listed.server_time.map(clock::Reading::just).or(self.clock);
            if let (None, Some(covers)) = (&next, listed.page.covers) {
                let today = listed.server_time.unwrap_or_else(clock::now).date_naive();
                rest = window.rest(covers, today);
            }
            for damage in &listed.page.damaged {
                self.is_complete = false;
                tracing::warn!(user = %self.user, "Zoom lists {damage}; it is left out");
            }
            self.strange_types.extend(listed.page.strange_types);
            listed.page.meetings.into_iter().for_each(|meeting| self.meetings.add(meeting));
            let Some(token) = listed.page.next else { return Ok(rest) };
            if !seen.insert(token.clone()) {
                self.fall_short(window, "Zoom sends the same page again");
                return Ok(rest);
            }
            next = Some(token);
        }
        self.fall_short(window, "it has too many pages");
        Ok(rest)
    }

    fn fall_short(&mut self, window: Window, why: &str) {
        self.is_complete = false;
        tracing::warn!(user = %self.user, from = %window.from, to = %window.to, "the scan of these days is incomplete: {why}");
    }
}

/// Adds what another listing of the same meeting knows.
fn merge(known: &mut Meeting, other: Meeting) {
    for file in other.files {
        match known.files.iter_mut().find(|have| have.id == file.id) {
            Some(have) if have.availability == Availability::Processing => *have = file,
            Some(_) => {}
            None => known.files.push(file),
        }
    }
    known.auto_delete_date = known.auto_delete_date.or(other.auto_delete_date);
}
