//! Which days to ask for: pure arithmetic on spans of UTC days.
//!
//! "The maximum range can be a month" (Zoom API, "List all recordings", `from`), and what a wider one brings is not
//! documented: some answers are silently narrower. Nor is it documented whether `to` is included. So: short
//! windows that overlap by a day, and a comparison of what was asked with what the answer says it covers.

use std::collections::BTreeSet;
use std::ops::Bound;

use chrono::{Days, NaiveDate};

/// A span of UTC days, by its first and last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// Last day; asked for as `to`, which Zoom may or may not include.
    pub to: NaiveDate,
}

/// What remains to be asked after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The answer covers what was asked.
    Nothing,
    /// The answer is narrower; these shorter windows cover the rest.
    Ask(Vec<Window>),
    /// The answer is narrower, and a shorter window can't be asked for.
    Short,
}

impl Window {
    /// Longest window that is asked for, in days: a month of any length, and a day to spare.
    const MAX_DAYS: u64 = 28;
    /// Shortest one: a day, and the next as `to`, for it may not be included.
    const MIN_DAYS: u64 = 2;

    /// The shortest window with this day in it.
    #[must_use]
    pub fn of_day(day: NaiveDate) -> Self {
        Self { from: day, to: later(day) }
    }

    /// How many days it has, both ends counted.
    fn days(self) -> u64 {
        u64::try_from((self.to - self.from).num_days()).unwrap_or(0) + 1
    }

    /// Cuts it into windows of at most `max_days` that overlap by one day, the newest first.
    fn cut(self, max_days: u64) -> Vec<Self> {
        let mut windows = Vec::new();
        let mut to = self.to;
        loop {
            let from = earlier(to, max_days - 1).max(self.from);
            windows.push(Self { from, to });
            if from <= self.from {
                return windows;
            }
            to = from;
        }
    }

    /// What is still to be asked where the answer says that it covers `answered` instead of this window.
    ///
    /// A `to` that the server has cut to its own `today` is not narrower: nothing is recorded in the future.
    #[must_use]
    pub fn rest(self, answered: Self, today: NaiveDate) -> Rest {
        let head = answered.from > self.from;
        let tail = answered.to < self.to.min(today);
        if !head && !tail {
            return Rest::Nothing;
        }
        let half = self.days().div_ceil(2).max(Self::MIN_DAYS);
        if half >= self.days() {
            return Rest::Short;
        }
        if answered.to < self.from || answered.from > self.to {
            return Rest::Ask(self.cut(half));
        }
        let mut windows = Vec::new();
        if tail {
            windows.extend(Self { from: answered.to.max(self.from), to: self.to }.cut(half));
        }
        if head {
            windows.extend(Self { from: self.from, to: answered.from.min(self.to) }.cut(half));
        }
        Rest::Ask(windows)
    }
}

/// The windows of a scan that looks `days_back` from `today`, to tomorrow, and at the days of meetings that are still
/// pending, however old; the newest first.
#[must_use]
pub fn covering(today: NaiveDate, days_back: u32, pending: &BTreeSet<NaiveDate>) -> Vec<Window> {
    let recent = Window { from: earlier(today, u64::from(days_back)), to: later(today) };
    let mut windows = recent.cut(Window::MAX_DAYS);
    let mut older: Option<Window> = None;
    for &day in pending.range(..recent.from).rev() {
        match &mut older {
            // One request for days that lie near each other costs less than two.
            Some(window) if (Window { from: day, to: window.to }).days() <= Window::MAX_DAYS => window.from = day,
            _ => windows.extend(older.replace(Window::of_day(day))),
        }
    }
    windows.extend(older);
    // Days ahead of a clock that is behind.
    windows.extend(pending.range((Bound::Excluded(recent.to), Bound::Unbounded)).map(|&day| Window::of_day(day)));
    windows
}

fn earlier(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

fn later(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window { from: day(from), to: day(to) }
    }

    #[test]
    fn a_full_scan_covers_every_day_in_short_windows_that_overlap_and_ends_tomorrow() {
        for (today, lookback) in [("2026-11-24", 365), ("2024-02-29", 1), ("2026-03-31", 3650), ("2026-01-01", 27)] {
            let windows = covering(day(today), lookback, &BTreeSet::new());
            assert_eq!(windows[0].to, day(today).succ_opt().unwrap());
            assert_eq!(windows.last().unwrap().from, earlier(day(today), u64::from(lookback)));
            assert!(windows.iter().all(|w| (2..=28).contains(&w.days())), "{windows:?}");
            assert!(windows.windows(2).all(|pair| pair[1].to == pair[0].from), "{windows:?}");
        }
    }

    #[test]
    fn a12_every_day_of_a_scan_is_asked_for_on_whatever_day_it_is() {
        // Ends of months of every length, leap days, and the days on which clocks change in Europe and America.
        for today in [
            "2025-03-31",
            "2024-02-29",
            "2025-02-28",
            "2024-03-01",
            "2025-03-09",
            "2025-03-30",
            "2025-10-26",
            "2025-11-02",
            "2025-12-31",
            "2026-01-01",
        ] {
            for lookback in [1, 7, 26, 27, 28, 31, 365, 366] {
                let windows = covering(day(today), lookback, &BTreeSet::new());
                let is_asked_for = |wanted: NaiveDate| windows.iter().any(|w| (w.from..w.to).contains(&wanted));
                for back in 0..=lookback {
                    let wanted = earlier(day(today), u64::from(back));
                    assert!(is_asked_for(wanted), "{wanted} on {today}, even where `to` is not included");
                }
            }
        }
    }

    #[test]
    fn an_ordinary_poll_asks_for_the_recent_days_and_those_of_pending_meetings() {
        let pending = ["2026-11-20", "2026-10-03", "2026-10-01", "2026-05-05"].map(day).into();
        assert_eq!(
            covering(day("2026-11-24"), 7, &pending),
            [
                window("2026-11-17", "2026-11-25"),
                window("2026-10-01", "2026-10-04"),
                window("2026-05-05", "2026-05-06"),
            ]
        );
        assert_eq!(covering(day("2026-11-24"), 7, &BTreeSet::new()).len(), 1);
    }

    #[test]
    fn an_answer_as_wide_as_asked_leaves_nothing_even_where_its_end_is_cut_to_today() {
        let asked = window("2026-10-29", "2026-11-25");
        for answered in [asked, window("2026-10-29", "2026-11-24"), window("2026-10-01", "2026-11-30")] {
            assert_eq!(asked.rest(answered, day("2026-11-24")), Rest::Nothing);
        }
    }

    #[test]
    fn the_rest_of_a_narrower_answer_is_asked_for_in_windows_half_as_long() {
        let asked = window("2026-10-01", "2026-10-28");
        let today = day("2026-11-24");
        assert_eq!(
            asked.rest(window("2026-10-20", "2026-10-28"), today),
            Rest::Ask(vec![window("2026-10-07", "2026-10-20"), window("2026-10-01", "2026-10-07")])
        );
        assert_eq!(
            asked.rest(window("2026-10-01", "2026-10-20"), today),
            Rest::Ask(vec![window("2026-10-20", "2026-10-28")])
        );
        assert_eq!(
            asked.rest(window("2026-11-23", "2026-11-24"), today),
            Rest::Ask(vec![
                window("2026-10-15", "2026-10-28"),
                window("2026-10-02", "2026-10-15"),
                window("2026-10-01", "2026-10-02")
            ])
        );
    }

    #[test]
    fn halving_ends_at_a_day() {
        let today = day("2026-11-24");
        let elsewhere = window("2026-11-24", "2026-11-24");
        let mut asked = vec![window("2026-10-01", "2026-10-28")];
        let mut requests = 0;
        while let Some(window) = asked.pop() {
            requests += 1;
            match window.rest(elsewhere, today) {
                Rest::Ask(more) => asked.extend(more),
                Rest::Short => assert!(window.days() <= 2),
                Rest::Nothing => panic!("{window:?} was not covered"),
            }
        }
        assert!(requests < 150, "{requests}");
    }
}
