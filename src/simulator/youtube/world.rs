//! Whose channel it is, what is on it, and the client's credentials.

use chrono::{DateTime, Utc};

use super::super::noise;
use super::playlist::Playlist;
use super::rules::Rules;
use super::video::Video;

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
    /// In the order in which they came.
    pub(super) videos: Vec<Video>,
    pub(super) playlists: Vec<Playlist>,
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
            playlists: Vec::new(),
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

    /// Adds an empty playlist of the channel.
    #[must_use]
    pub fn playlist(mut self, id: &str) -> Self {
        self.playlists.push(Playlist { id: id.to_owned(), is_foreign: false, entries: Vec::new() });
        self
    }

    /// Adds a playlist of somebody else, which can be seen and not changed.
    #[must_use]
    pub fn foreign_playlist(mut self, id: &str) -> Self {
        self.playlists.push(Playlist { id: id.to_owned(), is_foreign: true, entries: Vec::new() });
        self
    }

    pub(super) fn video_of(&self, id: &str) -> Option<&Video> {
        self.videos.iter().find(|video| video.id == id)
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
        let mut videos: Vec<_> = self.videos.iter().rev().collect();
        videos.sort_by_key(|video| std::cmp::Reverse(video.published));
        videos
    }
}
