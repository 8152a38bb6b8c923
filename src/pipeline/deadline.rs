//! Pure: which meetings Zoom is about to delete before they are archived, and what to say of each.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::state::{Pending, Why};

/// A meeting that Zoom deletes within this time is spoken of.
const SOON: TimeDelta = TimeDelta::days(7);
/// A new meeting that only waits for its turn is not spoken of for this long: most are archived by then.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// What is known besides of the work on what is pending.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outlook<'a> {
    /// What keeps everything that waits from being fetched.
    pub obstacle: Option<&'a str>,
    /// Whether nothing more is done in this run.
    pub is_over: bool,
    /// When it is polled next, where that is known.
    pub next_poll: Option<DateTime<Utc>>,
}

/// The moment from which a meeting may be gone: Zoom names a day, which begins for it in UTC.
pub(super) fn begins(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Whether Zoom will delete it soon: that is said once on each day (in UTC).
pub(super) fn is_soon(deletion: NaiveDate, now: DateTime<Utc>) -> bool {
    begins(deletion) - now <= SOON
}

/// The day of deletion of a meeting of which it is to be said now that it is not archived.
pub(super) fn to_be_told(pending: &Pending, outlook: Outlook<'_>, now: DateTime<Utc>) -> Option<NaiveDate> {
    let deletion = pending.deletion.filter(|day| is_soon(*day, now))?;
    let is_told = pending.deletion_told == Some(now.date_naive());
    let is_being_fetched = pending.why == Why::Queued
        && pending.problem.is_empty()
        && outlook.obstacle.is_none()
        && !outlook.is_over
        && now - pending.first_seen < GRACE;
    (!is_told && !is_being_fetched).then_some(deletion)
}

/// Why a meeting is not archived yet, and when that may change.
pub(super) fn words(pending: &Pending, outlook: Outlook<'_>, now: DateTime<Utc>) -> String {
    let own = match pending.why {
        Why::Queued if pending.problem.is_empty() => "its files wait for their turn",
        Why::Processing => "Zoom is not done with its files",
        _ => pending.problem.as_str(),
    };
    let why = match outlook.obstacle {
        Some(obstacle) if pending.why == Why::Queued => obstacle.to_owned(),
        Some(obstacle) => format!("{own}; {obstacle}"),
        None => own.to_owned(),
    };
    let when = match (pending.next_try.filter(|at| *at > now), outlook.next_poll) {
        (Some(at), _) => format!("next try at {}", minute(at)),
        (None, _) if outlook.is_over => "the next run tries it again".to_owned(),
        (None, Some(at)) => format!("tried again at the next poll at {}", minute(at)),
        (None, None) => "tried again at the next poll".to_owned(),
    };
    format!("{why}; {when}")
}

fn minute(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        at("2025-12-02T12:00:00Z")
    }

    /// A meeting known for a day that Zoom deletes on the 5th.
    fn pending(why: Why) -> Pending {
        Pending {
            user: "me".parse().unwrap(),
            uuid: "a==".parse().unwrap(),
            topic: "Weekly class".to_owned(),
            start: at("2025-12-01T09:00:00Z"),
            first_seen: at("2025-12-01T12:00:00Z"),
            deletion: "2025-12-05".parse().ok(),
            deletion_told: None,
            why,
            problem: String::new(),
            failed_tries: 0,
            next_try: None,
            refetch: false,
        }
    }

    fn is_told(pending: &Pending, now: &str) -> bool {
        to_be_told(pending, Outlook::default(), at(now)).is_some()
    }

    #[test]
    fn a_meeting_is_spoken_of_from_seven_days_before_the_day_of_its_deletion_on() {
        for why in [Why::Queued, Why::Processing, Why::PutOff, Why::Failed] {
            let of_the_ninth = Pending { deletion: "2025-12-09".parse().ok(), ..pending(why) };
            assert!(!is_told(&of_the_ninth, "2025-12-01T23:59:59Z"), "{why:?}");
            assert!(is_told(&of_the_ninth, "2025-12-02T00:00:00Z"), "{why:?}");
            assert!(is_told(&of_the_ninth, "2025-12-08T23:59:59Z"), "{why:?}");
            assert!(is_told(&of_the_ninth, "2025-12-09T23:59:59Z"), "{why:?}: Zoom still lists it");
            assert!(!is_told(&Pending { deletion: None, ..of_the_ninth }, "2025-12-08T00:00:00Z"), "{why:?}");
        }
    }

    #[test]
    fn it_is_spoken_of_once_on_each_day_in_utc() {
        let told = Pending { deletion_told: "2025-12-02".parse().ok(), ..pending(Why::Failed) };
        assert!(!is_told(&told, "2025-12-02T00:00:00Z"));
        assert!(!is_told(&told, "2025-12-02T23:59:59Z"));
        assert!(is_told(&told, "2025-12-03T00:00:00Z"));
    }

    #[test]
    fn a_new_meeting_that_only_waits_for_its_turn_is_given_an_hour() {
        let new = Pending { first_seen: at("2025-12-02T11:00:01Z"), ..pending(Why::Queued) };
        let told = |pending: &Pending, outlook| to_be_told(pending, outlook, now()).is_some();
        assert!(!told(&new, Outlook::default()));
        assert!(told(&Pending { first_seen: at("2025-12-02T11:00:00Z"), ..new.clone() }, Outlook::default()));
        assert!(told(&new, Outlook { is_over: true, ..Outlook::default() }));
        assert!(told(&new, Outlook { obstacle: Some("the disk is full"), ..Outlook::default() }));
        assert!(told(&Pending { problem: "no row".to_owned(), ..new.clone() }, Outlook::default()));
        assert!(told(&Pending { why: Why::Processing, ..new }, Outlook::default()));
    }

    #[test]
    fn the_words_say_why_and_when() {
        let failed = Pending {
            problem: "gallery_view.mp4: cut short".to_owned(),
            next_try: Some(at("2025-12-02T12:30:00Z")),
            ..pending(Why::Failed)
        };
        let next_poll = Outlook { next_poll: Some(at("2025-12-02T12:10:00Z")), ..Outlook::default() };
        let full = Outlook { obstacle: Some("the disk is full"), ..next_poll };
        let over = Outlook { is_over: true, ..Outlook::default() };
        let put_off = Pending { why: Why::PutOff, ..failed.clone() };
        for (pending, outlook, expected) in [
            (&failed, next_poll, "gallery_view.mp4: cut short; next try at 2025-12-02 12:30 UTC"),
            (&put_off, over, "gallery_view.mp4: cut short; next try at 2025-12-02 12:30 UTC"),
            (
                &pending(Why::Processing),
                next_poll,
                "Zoom is not done with its files; tried again at the next poll at 2025-12-02 12:10 UTC",
            ),
            (&pending(Why::Queued), full, "the disk is full; tried again at the next poll at 2025-12-02 12:10 UTC"),
            (
                &put_off,
                Outlook { is_over: true, ..full },
                "gallery_view.mp4: cut short; the disk is full; next try at 2025-12-02 12:30 UTC",
            ),
            (&pending(Why::Queued), over, "its files wait for their turn; the next run tries it again"),
        ] {
            assert_eq!(words(pending, outlook, now()), expected);
        }
    }
}
