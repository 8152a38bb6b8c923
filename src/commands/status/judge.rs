//! Pure: what of a service's state is not as it should be.

use chrono::{DateTime, TimeDelta, Utc};

use super::look::View;
use crate::config::{Schedule, Settings};
use crate::pipeline::Phase;
use crate::status::Status;

/// The service writes `status.json` every ten seconds; a disk may be slow.
const SILENT_AFTER: TimeDelta = TimeDelta::minutes(2);
/// A poll that is so late was forgotten, or takes very long.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Zoom's refresh tokens end after ninety days without a renewal.
const TOKEN_LASTS: TimeDelta = TimeDelta::days(90);
/// The time left of it in which that is said.
const TOKEN_ENDS_SOON: TimeDelta = TimeDelta::days(14);

/// Whether a service is there and comes round; `holder` is the process that has the lock.
pub(super) fn service(
    status: Option<&Status>,
    holder: Option<u32>,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> Option<String> {
    let Some(status) = status else {
        return Some(match holder {
            Some(pid) => format!("no service is running; another command is at work (process {pid})"),
            None => {
                "no service is running, nor has one run here yet: `systemctl enable --now zoom-archiver`, or `zoom-archiver run`"
                    .to_owned()
            }
        });
    };
    let last = minute(status.written_at);
    match holder {
        None => Some(format!(
            "the service is not running since {last} or soon after: `systemctl start zoom-archiver`, or `zoom-archiver run`; \
             `journalctl -u zoom-archiver` or the log says how it ended"
        )),
        Some(pid) if pid != status.pid => Some(format!(
            "the service is not running since {last} or soon after; another command is at work (process {pid})"
        )),
        Some(_) if now - status.written_at > SILENT_AFTER => Some(format!(
            "the service has said nothing since {last}: it hangs, on a disk maybe, or can't write status.json; look at the log, then `systemctl restart zoom-archiver`"
        )),
        Some(_) => late(status, schedule, now),
    }
}

/// That no poll has taken place though one was due.
fn late(status: &Status, schedule: &Schedule, now: DateTime<Utc>) -> Option<String> {
    if matches!(status.state, Phase::Polling | Phase::Stopping) {
        return None;
    }
    let last = status.last_poll.as_ref().map_or(status.started_at, |poll| poll.at);
    let due = schedule.next_after(last)?;
    // Where Zoom asked to wait, the next poll is put off.
    let is_put_off = status.next_poll.is_some_and(|next| schedule.next_after(now).is_none_or(|soonest| next > soonest));
    (now - due > LATE_AFTER && !is_put_off).then(|| {
        format!(
            "no poll has taken place since {}, though one was due at {}; the log says why",
            minute(last),
            minute(due)
        )
    })
}

/// What keeps recordings from being fetched, or videos from being sent, until somebody acts.
pub(super) fn obstacles(view: &View) -> Vec<String> {
    let mut obstacles = Vec::new();
    if view.disk.free_bytes.is_none() && view.archive.meetings > 0 {
        obstacles.push(format!(
            "the archive folder {} is not there: is its disk mounted?",
            view.archive.directory.display()
        ));
    }
    let Some(status) = view.status.as_ref().filter(|_| view.running.is_some()) else { return obstacles };
    if status.state == Phase::Authorization {
        obstacles.push("Zoom has to be authorized again: run `zoom-archiver auth zoom`".to_owned());
    }
    let uploads = status.uploads.as_ref().filter(|uploads| uploads.needs_person);
    obstacles.extend(
        uploads.and_then(|uploads| uploads.why.as_ref()).map(|why| format!("nothing is sent to YouTube: {why}")),
    );
    obstacles
}

/// Whether a token is about to end for want of use.
pub(super) fn tokens(view: &View, settings: &Settings, now: DateTime<Utc>) -> Option<String> {
    let Some(renewed) = view.zoom_token else {
        return Some(format!(
            "there is no token in {}: run `zoom-archiver auth zoom`",
            settings.zoom.token_file.display()
        ));
    };
    let ends = renewed.checked_add_signed(TOKEN_LASTS)?;
    (ends - now < TOKEN_ENDS_SOON).then(|| {
        format!(
            "the token for Zoom was last renewed on {}, and ends on {}: start the service, or run `zoom-archiver auth zoom`",
            renewed.format("%Y-%m-%d"),
            ends.format("%Y-%m-%d")
        )
    })
}

/// How many days so much space lasts, where so much came in thirty; none where nothing came.
pub(super) fn days_left(spare: Option<u64>, month: u64) -> Option<u64> {
    let days = u128::from(spare?) * 30 / u128::from((month > 0).then_some(month)?);
    Some(u64::try_from(days).unwrap_or(u64::MAX))
}

/// A time as people read it.
pub(super) fn minute(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{PollReport, Snapshot};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2025-12-02T{text}:00Z").parse().unwrap()
    }

    /// A service that was started at noon and polled then.
    fn status(written_at: &str) -> Status {
        let last_poll = PollReport { at: at("12:00"), ok: true, ..PollReport::default() };
        let snapshot = Snapshot { phase: Phase::Idle, last_poll: Some(last_poll), ..Snapshot::default() };
        Status { pid: 7, next_poll: None, ..Status::of(snapshot, at("12:00"), None, at(written_at)) }
    }

    fn judged(status: &Status, holder: Option<u32>, now: &str) -> String {
        let schedule = Schedule::parse("0 */10 * * * *").unwrap();
        service(Some(status), holder, &schedule, at(now)).unwrap_or_default()
    }

    #[test]
    fn a_service_that_comes_round_is_as_it_should_be() {
        assert_eq!(judged(&status("12:09"), Some(7), "12:10"), "");
        assert_eq!(judged(&status("12:14"), Some(7), "12:14"), "", "a poll may take a few minutes");
    }

    #[test]
    fn one_that_is_gone_or_hangs_or_has_forgotten_to_poll_is_said_plainly() {
        assert!(judged(&status("12:05"), None, "12:06").contains("not running since 2025-12-02 12:05 UTC"));
        assert!(judged(&status("12:05"), Some(8), "12:06").contains("another command is at work (process 8)"));
        assert!(judged(&status("12:05"), Some(7), "12:10").contains("has said nothing since 2025-12-02 12:05 UTC"));
        let late = judged(&status("12:16"), Some(7), "12:16");
        assert!(
            late.contains("no poll has taken place since 2025-12-02 12:00 UTC, though one was due at 2025-12-02 12:10"),
            "{late}"
        );
    }

    #[test]
    fn a_poll_that_is_under_way_or_put_off_by_zoom_is_not_late() {
        let polling = Status { state: Phase::Polling, ..status("12:16") };
        assert_eq!(judged(&polling, Some(7), "12:16"), "");
        let put_off = Status { next_poll: Some(at("18:00")), ..status("12:16") };
        assert_eq!(judged(&put_off, Some(7), "12:16"), "");
    }

    #[test]
    fn free_space_lasts_as_long_as_the_pace_of_a_month_says() {
        assert_eq!(days_left(Some(100), 30), Some(100));
        assert_eq!(days_left(Some(0), 30), Some(0));
        assert_eq!(days_left(Some(100), 0), None);
        assert_eq!(days_left(None, 30), None);
        assert_eq!(days_left(Some(u64::MAX), 1), Some(u64::MAX));
    }
}
