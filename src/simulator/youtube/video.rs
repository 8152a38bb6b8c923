//! A video of the channel, and what becomes of it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::rules::Rules;
use super::world::World;

/// What becomes of a video once YouTube has processed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It can be watched.
    Processed,
    /// It can't be processed, for this `failureReason`.
    Failed(&'static str),
    /// It isn't taken, for this `rejectionReason`.
    Rejected(&'static str),
}

/// The file that a video was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The name that came with it.
    pub(super) name: Option<String>,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
}

/// A video of the channel.
#[derive(Clone, Debug)]
pub struct Video {
    pub(super) id: String,
    pub(super) published: DateTime<Utc>,
    pub(super) metadata: Metadata,
    pub(super) source: Option<Source>,
    pub(super) fate: Fate,
    /// Whether that has come already, whatever the rules say of the time it takes.
    pub(super) is_settled: bool,
}

impl Video {
    /// A private one that was uploaded then, and is processed.
    #[must_use]
    pub fn new(id: &str, title: &str, published: DateTime<Utc>) -> Self {
        let mut metadata = Metadata::default();
        metadata.snippet.insert("title".to_owned(), json!(title));
        metadata.status.insert("privacyStatus".to_owned(), json!("private"));
        Self { id: id.to_owned(), published, metadata, source: None, fate: Fate::Processed, is_settled: true }
    }

    /// Who may see it: `private`, `unlisted`, `public`.
    #[must_use]
    pub fn privacy(mut self, privacy: &str) -> Self {
        self.metadata.status.insert("privacyStatus".to_owned(), json!(privacy));
        self
    }

    /// What it is about.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.metadata.snippet.insert("description".to_owned(), json!(text));
        self
    }

    /// Its tags.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Self {
        self.metadata.snippet.insert("tags".to_owned(), json!(tags));
        self
    }

    /// What became of it, if that is known yet.
    pub(super) fn outcome(&self, rules: &Rules, now: DateTime<Utc>) -> Option<Fate> {
        let took_its_time = rules.processing_time.is_some_and(|time| self.published + time <= now);
        (self.is_settled || took_its_time).then_some(self.fate)
    }

    /// The parts that can be asked of it.
    pub(super) fn parts(&self, world: &World, now: DateTime<Utc>) -> Vec<(&'static str, Value)> {
        let outcome = self.outcome(&world.rules, now);
        let mut details = json!({});
        if let Some(source) = &self.source {
            details = json!({"fileSize": source.size.to_string(), "fileType": "video"});
            details["fileName"] = json!(source.name.as_deref().unwrap_or("unknown"));
        }
        let processing = match outcome {
            None => json!({
                "processingStatus": "processing",
                "processingProgress": {"partsTotal": "1000", "partsProcessed": "420", "timeLeftMs": "30000"},
            }),
            Some(Fate::Processed) => json!({"processingStatus": "succeeded"}),
            Some(Fate::Failed(_)) => json!({"processingStatus": "failed", "processingFailureReason": "other"}),
            Some(Fate::Rejected(_)) => json!({"processingStatus": "terminated"}),
        };
        // Nobody knows how long a video is before it is processed.
        let duration = if outcome == Some(Fate::Processed) { "PT1M" } else { "P0D" };
        let mut parts = vec![
            ("snippet", self.snippet(world)),
            ("status", self.status(outcome)),
            (
                "contentDetails",
                json!({"duration": duration, "dimension": "2d", "definition": "hd", "caption": "false"}),
            ),
            ("fileDetails", details),
            ("processingDetails", processing),
            ("recordingDetails", Value::Object(self.metadata.recording_details.clone())),
            ("statistics", json!({"viewCount": "0", "likeCount": "0", "commentCount": "0"})),
        ];
        parts.extend(["suggestions", "player", "topicDetails", "localizations"].map(|name| (name, json!({}))));
        parts
    }

    fn snippet(&self, world: &World) -> Value {
        let mut snippet = json!({
            "publishedAt": self.published.to_rfc3339_opts(SecondsFormat::Secs, true),
            "channelId": world.channel_id(),
            "channelTitle": world.title,
            "description": "",
            "thumbnails": {},
            "liveBroadcastContent": "none",
        });
        overlay(&mut snippet, &self.metadata.snippet);
        snippet
    }

    fn status(&self, outcome: Option<Fate>) -> Value {
        let mut status = json!({"embeddable": true, "license": "youtube", "publicStatsViewable": true});
        overlay(&mut status, &self.metadata.status);
        status["madeForKids"] = json!(status["selfDeclaredMadeForKids"] == true);
        status["uploadStatus"] = json!("uploaded");
        match outcome {
            None => {}
            Some(Fate::Processed) => status["uploadStatus"] = json!("processed"),
            Some(Fate::Failed(reason)) => {
                status["uploadStatus"] = json!("failed");
                status["failureReason"] = json!(reason);
            }
            Some(Fate::Rejected(reason)) => {
                status["uploadStatus"] = json!("rejected");
                status["rejectionReason"] = json!(reason);
            }
        }
        status
    }

    /// The parts of the item that it is in a playlist, where it has been since `added`.
    pub(super) fn item(
        &self,
        world: &World,
        playlist: &str,
        position: usize,
        added: DateTime<Utc>,
    ) -> [(&'static str, Value); 3] {
        let at = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let snippet = json!({
            "publishedAt": at(added),
            "channelId": world.channel_id(),
            "channelTitle": world.title,
            "title": self.metadata.snippet.get("title"),
            "description": self.metadata.snippet.get("description").unwrap_or(&json!("")),
            "playlistId": playlist,
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": self.id},
        });
        let details = json!({"videoId": self.id, "videoPublishedAt": at(self.published)});
        let status = json!({"privacyStatus": self.metadata.status.get("privacyStatus")});
        [("snippet", snippet), ("contentDetails", details), ("status", status)]
    }
}

fn overlay(object: &mut Value, fields: &Map<String, Value>) {
    for (name, value) in fields {
        object[name.as_str()] = value.clone();
    }
}
