//! Pure: how each kind of address wants a message.
//!
//! - Discord, "Execute Webhook": `content`, at most 2,000 characters; without `allowed_mentions`, a topic could call everyone
//! - Slack, "Incoming webhooks": `text`, in which `&`, `<` and `>` are escaped
//! - ntfy, "Publish as JSON": to the server's root, with the `topic` that is the address's path
//! - any other: JSON with all that is known; `text` is there for those who take Slack's form (Mattermost, Rocket.Chat)

use serde_json::{Value, json};
use url::Url;

use super::text::Message;
use crate::config::{NotifyEvent, SecretUrl};

/// Who wants what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Discord,
    Slack,
    Ntfy,
    Json,
}

impl Form {
    /// The form for an address, by its host or by a path that only one of them has.
    pub(super) fn of(url: &SecretUrl) -> Self {
        let Ok(url) = Url::parse(url.expose()) else { return Self::Json };
        let (host, path) = (url.host_str().unwrap_or_default(), url.path());
        if path.starts_with("/api/webhooks/") {
            Self::Discord
        } else if ["hooks.slack.com", "hooks.slack-gov.com"].contains(&host) || path.starts_with("/services/T") {
            Self::Slack
        } else if host.starts_with("ntfy.") && topic(&url).is_some() {
            Self::Ntfy
        } else {
            Self::Json
        }
    }

    /// Where the message goes, and its body.
    pub(super) fn request(self, url: &Url, message: &Message) -> (Url, Value) {
        let Message { title, text, .. } = message;
        match self {
            Self::Discord => {
                let content = format!("**{title}**\n{text}");
                (url.clone(), json!({ "content": content, "allowed_mentions": { "parse": [] } }))
            }
            Self::Slack => {
                let text = format!("*{}*\n{}", escaped(title), escaped(text));
                (url.clone(), json!({ "text": text }))
            }
            Self::Ntfy => {
                let mut root = url.clone();
                root.set_path("/");
                let mut body = json!({
                    "topic": topic(url),
                    "title": title,
                    "message": text,
                    "priority": if is_urgent(message.event) { 4 } else { 3 },
                });
                if let Some(link) = &message.link {
                    body["click"] = json!(link);
                }
                (root, body)
            }
            Self::Json => {
                let events: Vec<_> = message.news.iter().map(|news| json!(news)).collect();
                let body = json!({
                    "source": "zoom-archiver",
                    "machine": message.machine,
                    "at": message.at,
                    "event": message.event.map_or("test", NotifyEvent::name),
                    "title": title,
                    "message": text,
                    "text": format!("{title}\n{text}"),
                    "events": events,
                });
                (url.clone(), body)
            }
        }
    }
}

/// The topic of an ntfy address: its one and only step.
fn topic(url: &Url) -> Option<&str> {
    let topic = url.path().strip_prefix('/')?.trim_end_matches('/');
    (!topic.is_empty() && !topic.contains('/')).then_some(topic)
}

fn is_urgent(event: Option<NotifyEvent>) -> bool {
    event.is_some_and(|event| matches!(event, NotifyEvent::Authorization | NotifyEvent::Failed | NotifyEvent::Deadline))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::state::News;

    fn request(address: &str) -> (Url, Value) {
        let url = SecretUrl::parse(address).unwrap();
        let news = News {
            at: DateTime::default(),
            event: NotifyEvent::Failed,
            text: "\"@everyone <!channel> & co\" is not archived".to_owned(),
            link: Some("https://www.youtube.com/watch?v=dQw4w9WgXcQ".to_owned()),
        };
        let message = Message::of("box", &[news], DateTime::default());
        Form::of(&url).request(&Url::parse(url.expose()).unwrap(), &message)
    }

    #[test]
    fn discord_gets_its_content_and_nobody_is_called_by_a_topic() {
        let (url, body) = request("https://discord.com/api/webhooks/1/SECRET");
        assert_eq!(url.as_str(), "https://discord.com/api/webhooks/1/SECRET");
        let content = body["content"].as_str().unwrap();
        assert!(content.starts_with("**zoom-archiver on box: 1 failure**\n\"@everyone"), "{content}");
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    }

    #[test]
    fn slack_gets_its_text_with_nothing_in_it_that_slack_would_act_on() {
        let (_, body) = request("https://hooks.slack.com/services/T1/B2/SECRET");
        let text = body["text"].as_str().unwrap();
        assert!(text.contains("@everyone &lt;!channel&gt; &amp; co") && !text.contains('<'), "{text}");
    }

    #[test]
    fn an_ntfy_topic_is_told_at_the_root_of_its_server() {
        let (url, body) = request("https://ntfy.example.org/recordings?auth=SECRET");
        assert_eq!(url.as_str(), "https://ntfy.example.org/?auth=SECRET");
        assert_eq!((&body["topic"], &body["priority"]), (&json!("recordings"), &json!(4)));
        assert_eq!(body["click"], "https://www.youtube.com/watch?v=dQw4w9WgXcQ");
    }

    #[test]
    fn any_other_address_gets_all_that_is_known_as_json() {
        let (_, body) = request("https://example.org/hook");
        assert_eq!((&body["event"], &body["machine"]), (&json!("failed"), &json!("box")));
        assert_eq!(body["events"][0]["event"], "failed");
        assert_eq!(body["events"][0]["link"], "https://www.youtube.com/watch?v=dQw4w9WgXcQ");
        assert!(body["text"].as_str().unwrap().starts_with("zoom-archiver on box"));
    }
}
