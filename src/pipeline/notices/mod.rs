//! What people are told, and when: gathered as it happens, told in one message once nothing is in flight, delivered beside
//! all else. `herald` has what is gathered and on its way; here is what of the pipeline's work is worth telling.
//!
//! What was not delivered outlasts a restart, and so does what was told to fail.

mod herald;

use std::future::pending;
use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinError;
use tokio::time::Instant;

pub(super) use self::herald::Herald;
use super::Pipeline;
use crate::clock;
use crate::config::NotifyEvent;
use crate::meeting::Meeting;
use crate::notify::{Delivery, Notifier};
use crate::state::{Notices, Pending, Subject};

/// How long the end of a run waits for messages to arrive.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// Waits for what becomes of the message on its way; for ever where there is none. Cancel-safe.
pub(super) async fn next_ended(herald: &mut Option<Herald>) -> Result<Vec<Delivery>, JoinError> {
    let Some(herald) = herald else { return pending().await };
    match herald.next_ended().await {
        Some(ended) => ended,
        None => pending().await,
    }
}

/// A meeting as people know it.
pub(super) fn named(topic: &str, start: DateTime<Utc>) -> String {
    format!("\"{topic}\" of {}", start.format("%Y-%m-%d %H:%M UTC"))
}

/// What is told.
impl Pipeline {
    /// Tells people what happens, too.
    #[must_use]
    pub fn telling(mut self, notifier: Notifier) -> Self {
        // Nothing is at work yet that would hold it for long.
        let notices = Notices::clone(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner).state.notices);
        self.herald = Some(Herald::new(&self.settings.notify, notifier, notices, self.eager));
        self
    }

    /// Tells something that neither fails nor works.
    pub(super) fn tell(&mut self, event: NotifyEvent, text: impl FnOnce() -> String, link: Option<String>) {
        if let Some(herald) = &mut self.herald {
            herald.tell(event, text(), link);
        }
    }

    /// Notes that something has failed once more; that is told when it has failed often enough in a row.
    pub(super) fn tell_failure(&mut self, subject: &Subject, text: impl FnOnce() -> String) {
        if let Some(herald) = &mut self.herald {
            herald.fails(subject, None, NotifyEvent::Failed, text);
        }
    }

    /// The same for what will not work again by itself: that is told at once.
    pub(super) fn tell_failure_at_once(&mut self, subject: &Subject, text: impl FnOnce() -> String) {
        if let Some(herald) = &mut self.herald {
            herald.fails(subject, Some(1), NotifyEvent::Failed, text);
        }
    }

    /// Notes that a person has to authorize the program; that is told at once.
    pub(super) fn tell_of_authorization(&mut self, subject: &Subject, text: impl FnOnce() -> String) {
        if let Some(herald) = &mut self.herald {
            herald.fails(subject, Some(1), NotifyEvent::Authorization, text);
        }
    }

    /// Notes that something works; that is told where it was told to fail.
    pub(super) fn tell_success(&mut self, subject: &Subject, text: impl FnOnce() -> String) {
        if let Some(herald) = &mut self.herald {
            herald.works(subject, text);
        }
    }

    /// Tells that recordings are fetched, where something kept them from it before.
    pub(super) fn tell_of_fetching(&mut self) {
        self.tell_success(&Subject::Fetching, || "recordings are fetched again".to_owned());
    }

    /// Tells that a meeting is recorded, after all maybe; `contents` says of what it consists.
    pub(super) fn tell_of_recorded(&mut self, meeting: &Meeting, contents: Option<String>) {
        let name = named(&meeting.topic, meeting.start_time);
        self.tell_success(&Subject::Meeting(meeting.uuid.clone()), || format!("{name} is archived after all"));
        if let Some(contents) = contents {
            self.tell(NotifyEvent::Archived, || format!("{name}: {contents}"), None);
        }
    }

    /// Tells that a meeting could not be archived once more.
    pub(super) fn tell_of_failed(&mut self, meeting: &Meeting, problem: &str, when: &str) {
        let name = named(&meeting.topic, meeting.start_time);
        let subject = Subject::Meeting(meeting.uuid.clone());
        self.tell_failure(&subject, || format!("{name} is not archived: {problem}; {when}"));
    }

    /// Tells that Zoom lists a meeting no more that was not archived.
    pub(super) fn tell_of_gone(&mut self, pending: &Pending) {
        let name = named(&pending.topic, pending.start);
        if let Some(herald) = &mut self.herald {
            herald.forget(&Subject::Meeting(pending.uuid.clone()));
        }
        let text = || {
            format!(
                "{name} was not archived completely, and Zoom lists it no more: look for it in Zoom's trash, where it stays for 30 days"
            )
        };
        self.tell(NotifyEvent::Failed, text, None);
    }
}

/// How it is told.
impl Pipeline {
    /// Writes a message where it is time for one, and sends the next.
    pub(super) async fn send_messages(&mut self) {
        let is_quiet = self.is_idle();
        let Some(herald) = &mut self.herald else { return };
        if self.stop.is_cancelled() {
            return;
        }
        let now = clock::now();
        if herald.write(is_quiet, now) {
            // Durable before it is sent, together with what says that it was told.
            self.save_state().await;
        }
        if let Some(herald) = &mut self.herald {
            herald.send(now);
        }
    }

    /// Notes what became of a message.
    pub(super) async fn message_ended(&mut self, ended: Result<Vec<Delivery>, JoinError>) {
        if let Some(herald) = &mut self.herald {
            herald.ended(ended, clock::now());
            self.save_state().await;
        }
    }

    /// Tells at the end of a run what is left to tell. What does not arrive now is left for the next one.
    pub(super) async fn send_last_messages(&mut self) {
        let began_at = clock::now();
        let Some(herald) = &mut self.herald else { return };
        if herald.write(true, began_at) {
            self.save_state().await;
        }
        let stop = self.stop.clone();
        // However many are left, and whoever doesn't answer: a run ends.
        let end = Instant::now() + LAST_WORDS;
        loop {
            let Some(herald) = &mut self.herald else { return };
            // What fails now has its next try later.
            herald.send(began_at);
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(end) => return self.abort_messages().await,
                ended = herald.next_ended() => ended,
            };
            let Some(ended) = ended else { return };
            self.message_ended(ended).await;
        }
    }

    /// Ends the delivery under way: after the next start, it is made anew.
    pub(super) async fn abort_messages(&mut self) {
        if let Some(herald) = &mut self.herald {
            herald.abort().await;
        }
    }
}
