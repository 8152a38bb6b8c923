//! Whose channel it is, what is on it, and the client's credentials.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::noise;
use super::rules::Rules;

/// What the simulated YouTube starts with.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: DateTime<Utc>,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) rules: Rules,
    /// The channel's id without the two letters that tell it from its playlist of uploads.
    key: String,
    pub(super) title: String,
    pub(super) videos: Vec<Video>,
}

impl World {
    /// An empty channel, where it is `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            client_id: "demo-client.apps.googleusercontent.com".to_owned(),
            client_secret: "SECRET-GOCSPX-demo-client-secret".to_owned(),
            rules: Rules::default(),
            key: noise::hex(noise::digest("channel"), 22),
            title: "Weekly classes".to_owned(),
            videos: Vec::new(),
        }
    }

    /// The client's credentials.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        id.clone_into(&mut self.client_id);
        secret.clone_into(&mut self.client_secret);
        self
    }

    /// Changes how it behaves.
    #[must_use]
    pub fn rules(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self
    }

    /// Names the channel.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    /// Adds a video to the channel.
    #[must_use]
    pub fn video(mut self, video: Video) -> Self {
        self.videos.push(video);
        self
    }

    pub(super) fn channel_id(&self) -> String {
        format!("UC{}", self.key)
    }

    /// The id of the playlist with all that was uploaded.
    pub(super) fn uploads_id(&self) -> String {
        format!("UU{}", self.key)
    }

    /// The videos as the playlist of uploads has them: newest first.
    pub(super) fn uploads(&self) -> Vec<&Video> {
        let mut videos: Vec<_> = self.videos.iter().collect();
        videos.sort_by(|a, b| b.published.cmp(&a.published).then_with(|| a.id.cmp(&b.id)));
        videos
    }
}

/// A video of the channel.
#[derive(Clone, Debug)]
pub struct Video {
    pub(super) id: String,
    title: String,
    pub(super) published: DateTime<Utc>,
    privacy: String,
}

impl Video {
    /// A private one that was uploaded then.
    #[must_use]
    pub fn new(id: &str, title: &str, published: DateTime<Utc>) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), published, privacy: "private".to_owned() }
    }

    /// Who may see it: `private`, `unlisted`, `public`.
    #[must_use]
    pub fn privacy(mut self, privacy: &str) -> Self {
        privacy.clone_into(&mut self.privacy);
        self
    }

    /// The parts of a playlist's item that it is.
    pub(super) fn item(&self, world: &World, position: usize) -> [(&'static str, Value); 3] {
        let published = self.published.to_rfc3339_opts(SecondsFormat::Secs, true);
        let snippet = json!({
            "publishedAt": published,
            "channelId": world.channel_id(),
            "channelTitle": world.title,
            "title": self.title,
            "description": "",
            "playlistId": world.uploads_id(),
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": self.id},
        });
        let details = json!({"videoId": self.id, "videoPublishedAt": published});
        [("snippet", snippet), ("contentDetails", details), ("status", json!({"privacyStatus": self.privacy}))]
    }
}
