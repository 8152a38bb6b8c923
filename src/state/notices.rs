//! What is remembered of what people are told: what keeps failing, what the next message will say, and what is on its way.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::NotifyEvent;
use crate::meeting::{FileId, MeetingUuid, UserId};

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notices {
    /// What fails, until it works again.
    pub failing: Vec<Failing>,
    /// What the next message will say.
    pub news: Vec<News>,
    /// Messages that are not with everybody yet, the oldest first.
    pub outbox: Vec<Outgoing>,
}

/// What can fail and work again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Listing a user's recordings.
    Listing(UserId),
    /// Fetching anything at all.
    Fetching,
    /// Archiving one meeting.
    Meeting(MeetingUuid),
    /// The program's authorization for Zoom.
    ZoomAuthorization,
    /// Its authorization for YouTube.
    YoutubeAuthorization,
    /// Sending anything to YouTube.
    Publishing,
    /// Sending one video.
    Video(FileId),
}

/// Something that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// What.
    pub subject: Subject,
    /// How often in a row.
    pub times: u32,
    /// Whether that was told.
    pub is_told: bool,
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Of which kind it is.
    pub event: NotifyEvent,
    /// In words, with the remedy where there is one.
    pub text: String,
    /// Where it can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A message that is not with everybody yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it says.
    pub news: Vec<News>,
    /// The marks of the addresses that lack it: the addresses themselves are secrets.
    pub lacking: Vec<u64>,
    /// How many tries failed.
    #[serde(default)]
    pub failed_tries: u32,
    /// When it is tried again.
    #[serde(default)]
    pub next_try: Option<DateTime<Utc>>,
}

impl Notices {
    /// Notes that something failed once more. Whether that is to be told now: once, when it has failed `enough` times in a row.
    pub fn fails(&mut self, subject: &Subject, enough: u32) -> bool {
        let place = self.failing.iter().position(|failing| failing.subject == *subject).unwrap_or_else(|| {
            self.failing.push(Failing { subject: subject.clone(), times: 0, is_told: false });
            self.failing.len() - 1
        });
        let failing = &mut self.failing[place];
        failing.times = failing.times.saturating_add(1);
        let is_news = failing.times >= enough && !failing.is_told;
        failing.is_told |= is_news;
        is_news
    }

    /// Notes that something works. Whether it was told that it doesn't.
    pub fn works(&mut self, subject: &Subject) -> bool {
        let place = self.failing.iter().position(|failing| failing.subject == *subject);
        place.is_some_and(|place| self.failing.swap_remove(place).is_told)
    }

    /// Whether something is noted to fail.
    #[must_use]
    pub fn is_failing(&self, subject: &Subject) -> bool {
        self.failing.iter().any(|failing| failing.subject == *subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_when_it_has_lasted_and_its_end_once() {
        let mut notices = Notices::default();
        let (me, all) = (Subject::Listing("me".parse().unwrap()), Subject::Fetching);
        let told: Vec<bool> = (0..5).map(|_| notices.fails(&me, 3)).collect();
        assert_eq!(told, [false, false, true, false, false]);
        assert!(!notices.fails(&all, 2), "each is counted by itself");
        assert_eq!((notices.works(&me), notices.works(&me)), (true, false));
        assert!(!notices.works(&all), "nobody was told that it failed");
        let told: Vec<bool> = (0..3).map(|_| notices.fails(&me, 3)).collect();
        assert_eq!(told, [false, false, true], "it is counted anew");
        assert!(notices.fails(&all, 1), "that of a moment is told at once where that is wished");
    }

    #[test]
    fn what_was_told_is_known_after_a_restart() {
        let mut notices = Notices::default();
        for subject in [
            Subject::Listing("me".parse().unwrap()),
            Subject::Fetching,
            Subject::Meeting("/a//b==".parse().unwrap()),
            Subject::ZoomAuthorization,
            Subject::YoutubeAuthorization,
            Subject::Publishing,
            Subject::Video("f".parse().unwrap()),
        ] {
            assert!(notices.fails(&subject, 1));
        }
        let read: Notices = serde_json::from_str(&serde_json::to_string(&notices).unwrap()).unwrap();
        assert_eq!(read, notices);
    }
}
