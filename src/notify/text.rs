//! Pure: what a message says, in a title and lines that are useful by themselves.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::config::NotifyEvent;
use crate::logging::shown;
use crate::state::News;

/// So many things are told one by one; of the others, how many they are.
const MOST_LINES: usize = 10;
/// The longest line, in characters.
const LONGEST_LINE: usize = 400;
/// The longest text, in characters: Discord takes 2,000, title and all.
const LONGEST_TEXT: usize = 1700;
/// The most serious first: by it, a message is told from others.
const BY_WEIGHT: [NotifyEvent; 6] = [
    NotifyEvent::Authorization,
    NotifyEvent::Failed,
    NotifyEvent::Deadline,
    NotifyEvent::Recovered,
    NotifyEvent::Uploaded,
    NotifyEvent::Archived,
];

/// What people get to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The machine that it comes from.
    pub(super) machine: String,
    /// When it was written.
    pub(super) at: Option<DateTime<Utc>>,
    /// The most serious of what it tells; none where it is a test.
    pub(super) event: Option<NotifyEvent>,
    pub(super) title: String,
    /// A line for each thing.
    pub(super) text: String,
    /// The first address in it.
    pub(super) link: Option<String>,
    /// All of what it tells.
    pub(super) news: Vec<News>,
}

impl Message {
    /// One that tells these news.
    #[must_use]
    pub fn of(machine: &str, news: &[News], at: DateTime<Utc>) -> Self {
        let weight = |event| BY_WEIGHT.iter().position(|known| *known == event);
        let mut news = news.to_vec();
        news.sort_by_key(|news| weight(news.event));
        let counts = BY_WEIGHT.iter().filter_map(|event| {
            let count = news.iter().filter(|news| news.event == *event).count();
            (count > 0).then(|| counted(*event, count))
        });
        let title = format!("zoom-archiver on {machine}: {}", counts.collect::<Vec<_>>().join(", "));
        Self {
            machine: machine.to_owned(),
            at: Some(at),
            event: news.first().map(|news| news.event),
            title,
            text: text_of(&news),
            link: news.iter().find_map(|news| news.link.clone()),
            news,
        }
    }

    /// One that shows that messages arrive.
    #[must_use]
    pub fn test(machine: &str) -> Self {
        Self {
            machine: machine.to_owned(),
            at: None,
            event: None,
            title: format!("zoom-archiver on {machine}: a test"),
            text: "Messages arrive here.".to_owned(),
            link: None,
            news: Vec::new(),
        }
    }
}

fn counted(event: NotifyEvent, count: usize) -> String {
    let (one, many) = match event {
        NotifyEvent::Authorization => ("authorization is needed", "authorizations are needed"),
        NotifyEvent::Failed => ("failure", "failures"),
        NotifyEvent::Deadline => ("meeting about to be deleted", "meetings about to be deleted"),
        NotifyEvent::Recovered => ("thing works again", "things work again"),
        NotifyEvent::Uploaded => ("video on YouTube", "videos on YouTube"),
        NotifyEvent::Archived => ("meeting archived", "meetings archived"),
    };
    match (event, count) {
        (NotifyEvent::Authorization, 1) => one.to_owned(),
        (_, 1) => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// The lines, as many as fit.
fn text_of(news: &[News]) -> String {
    let mut text = String::new();
    let mut told = 0;
    for line in news.iter().take(MOST_LINES).map(line_of) {
        if text.chars().count() + line.chars().count() > LONGEST_TEXT {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        told += 1;
    }
    match news.len() - told {
        0 => {}
        left => {
            write!(text, "... and {left} more: the log has them all").ok();
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// One thing in one line; a topic may hold anything.
fn line_of(news: &News) -> String {
    let words = shown(&news.text).replace('\n', " ");
    let mut line: String = words.chars().take(LONGEST_LINE).collect();
    if line.len() < words.len() {
        line.push('…');
    }
    match &news.link {
        Some(address) => format!("{line} {address}"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(event: NotifyEvent, text: &str) -> News {
        News { at: DateTime::default(), event, text: text.to_owned(), link: None }
    }

    fn message(news: &[News]) -> Message {
        Message::of("box", news, DateTime::default())
    }

    #[test]
    fn the_title_says_how_much_of_what_the_most_serious_first() {
        let archived = news(NotifyEvent::Archived, "\"Weekly class\" of 2025-12-02");
        let told = message(&[archived.clone(), archived.clone(), news(NotifyEvent::Failed, "it failed")]);
        assert_eq!(told.title, "zoom-archiver on box: 1 failure, 2 meetings archived");
        assert_eq!(told.event, Some(NotifyEvent::Failed));
        assert!(told.text.starts_with("it failed\n\"Weekly class\""), "{}", told.text);
        let authorization = message(&[news(NotifyEvent::Authorization, "Zoom refused the token")]);
        assert_eq!(authorization.title, "zoom-archiver on box: authorization is needed");
    }

    #[test]
    fn a_backlog_is_one_short_message() {
        let all: Vec<News> = (0..350).map(|n| news(NotifyEvent::Archived, &format!("meeting {n}"))).collect();
        let told = message(&all);
        assert_eq!(told.title, "zoom-archiver on box: 350 meetings archived");
        assert_eq!(told.text.lines().count(), 11);
        assert!(told.text.ends_with("... and 340 more: the log has them all"), "{}", told.text);
        let long = message(&vec![news(NotifyEvent::Failed, &"ж".repeat(5000)); 12]);
        assert!(long.text.chars().count() < 1800 && long.text.contains('…'), "{}", long.text);
    }

    #[test]
    fn a_topic_steers_nothing_and_makes_no_lines_of_its_own() {
        let told = message(&[news(NotifyEvent::Archived, "a\nb\u{1b}[2J\u{202e}c")]);
        assert_eq!(told.text, "a b\\u{1b}[2J\\u{202e}c");
    }
}
