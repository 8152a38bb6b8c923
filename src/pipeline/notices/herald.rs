//! What is gathered to be told, and the message on its way.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};

use crate::chain::chain;
use crate::clock;
use crate::config::{NotifyEvent, NotifySettings};
use crate::notify::{Delivery, Message, Notifier, machine};
use crate::state::{News, Notices, Outgoing, Subject};

/// The first pause after a message that did not arrive; each one is twice as long as the one before.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// A message that has not arrived by then is given up.
const STALE_AFTER: TimeDelta = TimeDelta::days(3);
/// Most that is kept to be told, or to be delivered; what is more is in the log alone.
const MOST_NEWS: usize = 1000;
const MOST_MESSAGES: usize = 50;

/// Gathers what is to be told, and brings it to people.
#[derive(Debug)]
pub(in crate::pipeline) struct Herald {
    on: BTreeSet<NotifyEvent>,
    enough: u32,
    notifier: Arc<Notifier>,
    machine: String,
    notices: Notices,
    /// Whether `notices` differ from what was saved last.
    is_changed: bool,
    tasks: JoinSet<Vec<Delivery>>,
    /// The place in the outbox of the message on its way; others are only added meanwhile.
    sending: usize,
}

/// How long something may wait for what else there will be to tell.
fn patience(event: NotifyEvent) -> TimeDelta {
    match event {
        NotifyEvent::Authorization | NotifyEvent::Deadline => TimeDelta::zero(),
        NotifyEvent::Failed | NotifyEvent::Recovered => TimeDelta::minutes(10),
        // A backlog may take a day; by then somebody may like to hear of it.
        NotifyEvent::Archived | NotifyEvent::Uploaded => TimeDelta::hours(6),
    }
}

/// Whether it is time to tell what was gathered.
fn is_time(news: &[News], is_quiet: bool, now: DateTime<Utc>) -> bool {
    // What is dated ahead was gathered by a clock that was set back since.
    let is_old = |news: &News| news.at > now || now - news.at >= patience(news.event);
    !news.is_empty() && (is_quiet || news.iter().any(is_old))
}

/// The pause after so many tries that failed.
fn pause(failed_tries: u32) -> TimeDelta {
    (FIRST_PAUSE * 2i32.pow(failed_tries.saturating_sub(1).min(6))).min(LONGEST_PAUSE)
}

impl Herald {
    /// One who remembers these notices. With `eager`, what did not arrive before is sent without waiting for its time.
    pub(super) fn new(settings: &NotifySettings, notifier: Notifier, mut notices: Notices, eager: bool) -> Self {
        for message in &mut notices.outbox {
            message.lacking.retain(|mark| notifier.knows(*mark));
            message.next_try = message.next_try.filter(|_| !eager);
        }
        notices.outbox.retain(|message| !message.lacking.is_empty());
        Self {
            on: settings.on.clone(),
            enough: settings.failures,
            notifier: Arc::new(notifier),
            machine: machine(),
            notices,
            is_changed: false,
            tasks: JoinSet::new(),
            sending: 0,
        }
    }

    /// What is to be remembered, where that is new.
    pub(in crate::pipeline) fn changed(&mut self) -> Option<Notices> {
        std::mem::take(&mut self.is_changed).then(|| self.notices.clone())
    }

    /// Gathers what is to be told, if anybody wants to hear of such things.
    pub(super) fn tell(&mut self, event: NotifyEvent, text: String, link: Option<String>) {
        if self.on.contains(&event) && self.notices.news.len() < MOST_NEWS {
            self.notices.news.push(News { at: clock::now(), event, text, link });
            self.is_changed = true;
        }
    }

    /// Notes that something has failed once more; that is told once it has failed `enough` times in a row.
    pub(super) fn fails(
        &mut self,
        subject: &Subject,
        enough: Option<u32>,
        event: NotifyEvent,
        text: impl FnOnce() -> String,
    ) {
        self.is_changed = true;
        if self.notices.fails(subject, enough.unwrap_or(self.enough)) {
            self.tell(event, text(), None);
        }
    }

    /// Notes that something works; that is told where it was told to fail.
    pub(super) fn works(&mut self, subject: &Subject, text: impl FnOnce() -> String) {
        self.is_changed |= self.notices.is_failing(subject);
        if self.notices.works(subject) {
            self.tell(NotifyEvent::Recovered, text(), None);
        }
    }

    /// Forgets that something fails: it will never work again.
    pub(super) fn forget(&mut self, subject: &Subject) {
        self.is_changed |= self.notices.is_failing(subject);
        self.notices.works(subject);
    }

    /// Makes a message of what was gathered, where it is time for one. Whether it did.
    pub(super) fn write(&mut self, is_quiet: bool, now: DateTime<Utc>) -> bool {
        let notices = &mut self.notices;
        if notices.outbox.len() >= MOST_MESSAGES || !is_time(&notices.news, is_quiet, now) {
            return false;
        }
        let (news, lacking) = (std::mem::take(&mut notices.news), self.notifier.marks());
        notices.outbox.push(Outgoing { at: now, news, lacking, failed_tries: 0, next_try: None });
        self.is_changed = true;
        true
    }

    /// Sends the first message that can be sent, unless one is on its way.
    pub(super) fn send(&mut self, now: DateTime<Utc>) {
        let waits = |at: DateTime<Utc>| clock::is_yet_to_come(at, now, STALE_AFTER);
        let next = self.notices.outbox.iter().position(|message| !message.next_try.is_some_and(waits));
        let Some(place) = next.filter(|_| self.tasks.is_empty()) else { return };
        let outgoing = &self.notices.outbox[place];
        let (message, to) = (Message::of(&self.machine, &outgoing.news, outgoing.at), outgoing.lacking.clone());
        let notifier = Arc::clone(&self.notifier);
        self.sending = place;
        self.tasks.spawn(async move { notifier.deliver(&message, &to, now).await });
    }

    /// Waits for the message on its way; `None` where there is none. Cancel-safe.
    pub(super) async fn next_ended(&mut self) -> Option<Result<Vec<Delivery>, JoinError>> {
        self.tasks.join_next().await
    }

    /// Ends what is on its way.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Notes what became of the message that was on its way, and when it is tried again where that is of use.
    pub(super) fn ended(&mut self, ended: Result<Vec<Delivery>, JoinError>, now: DateTime<Utc>) {
        self.is_changed = true;
        let Ok(deliveries) = ended else {
            self.notices.outbox.remove(self.sending);
            return tracing::error!("a bug in the delivery of a message; the log has the panic");
        };
        let message = &mut self.notices.outbox[self.sending];
        for delivery in &deliveries {
            log(delivery, message.failed_tries == 0);
        }
        let errors = || deliveries.iter().filter_map(|it| Some((it.mark, it.result.as_ref().err()?)));
        let passing: Vec<_> = errors().filter(|(_, error)| error.is_transient()).collect();
        message.lacking = passing.iter().map(|(mark, _)| *mark).collect();
        message.failed_tries += 1;
        let asked = passing.iter().filter_map(|(_, error)| error.not_before()).max();
        message.next_try = Some(asked.unwrap_or(now).max(now + pause(message.failed_tries)));
        if message.lacking.is_empty() || now - message.at > STALE_AFTER {
            self.notices.outbox.remove(self.sending);
        }
    }
}

fn log(delivery: &Delivery, is_first_try: bool) {
    let host = &delivery.host;
    match &delivery.result {
        Ok(()) => tracing::info!(%host, "a message was delivered"),
        Err(error) if error.is_transient() && !is_first_try => {
            tracing::debug!(%host, "a message did not arrive again: {}", chain(error));
        }
        Err(error) if error.is_transient() => {
            tracing::warn!(%host, "a message did not arrive, and is tried again: {}", chain(error));
        }
        Err(error) => {
            let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
            tracing::error!(%host, "a message did not arrive, and is not tried again: {}{remedy}", chain(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::default() + TimeDelta::minutes(minute)
    }

    fn news(event: NotifyEvent, minute: i64) -> News {
        News { at: at(minute), event, text: String::new(), link: None }
    }

    #[test]
    fn what_happens_while_much_is_in_flight_is_gathered_and_what_is_urgent_is_not() {
        use NotifyEvent::{Archived, Authorization, Deadline, Failed, Recovered, Uploaded};
        for (event, minutes) in
            [(Authorization, 0), (Deadline, 0), (Failed, 10), (Recovered, 10), (Archived, 360), (Uploaded, 360)]
        {
            let gathered = [news(Archived, 360), news(event, 360)];
            assert!(is_time(&gathered, false, at(360 + minutes)), "{event:?}");
            assert!(minutes == 0 || !is_time(&gathered, false, at(360 + minutes - 1)), "{event:?}");
            assert!(is_time(&gathered, true, at(360)), "{event:?}: nothing more is to be expected");
        }
        assert!(!is_time(&[], true, at(0)));
    }

    #[test]
    fn t1_what_was_gathered_by_a_clock_that_was_ahead_is_told() {
        assert!(is_time(&[news(NotifyEvent::Archived, 1)], false, at(0)));
    }

    #[test]
    fn pauses_between_tries_grow_to_an_hour() {
        assert_eq!([1, 2, 3, 7, 50].map(|tries| pause(tries).num_minutes()), [1, 2, 4, 60, 60]);
    }
}
