//! What the channel really has, to compare with what a program believes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::quota::Used;
use super::video::{Fate, Video};
use super::{State, Youtube};

/// A video of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueVideo {
    /// Its id.
    pub id: String,
    /// When it was there, all of it.
    pub published: DateTime<Utc>,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its category, by number.
    pub category: String,
    /// Who may see it.
    pub privacy: String,
    /// What the uploader said of it.
    pub made_for_kids: Option<bool>,
    /// When it was recorded, as the uploader wrote it.
    pub recording_date: Option<String>,
    /// Whether those who follow the channel were told of it; `None` where it wasn't uploaded here.
    pub notifies: Option<bool>,
    /// The name of the file that it was made of.
    pub file_name: Option<String>,
    /// How many bytes that has.
    pub size: Option<u64>,
    /// The SHA-256 of those.
    pub sha256: Option<[u8; 32]>,
    /// What became of it, if that is known yet.
    pub fate: Option<Fate>,
    /// The playlists that it is in, once for each time.
    pub playlists: Vec<String>,
}

/// An upload that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueUpload {
    /// The title that the video is to have.
    pub title: String,
    /// How many bytes it is to have.
    pub total: u64,
    /// How many of them are stored.
    pub stored: u64,
    /// The video that it became.
    pub video: Option<String>,
    /// Whether its address is good for nothing any more.
    pub is_gone: bool,
}

/// What is true of the channel.
impl Youtube {
    /// All its videos, in the order in which they came.
    #[must_use]
    pub fn videos(&self) -> Vec<TrueVideo> {
        let state = self.server.state();
        state.world.videos.iter().map(|video| state.truth_of(video)).collect()
    }

    /// All uploads that were opened, in their order.
    #[must_use]
    pub fn uploads(&self) -> Vec<TrueUpload> {
        let state = self.server.state();
        let (rules, now) = (&state.world.rules, state.clock.now());
        let sessions = state.sessions.all.iter().map(|session| TrueUpload {
            title: session.metadata.title().to_owned(),
            total: session.total,
            stored: session.stored(),
            video: session.video.clone(),
            is_gone: session.is_gone(rules, now),
        });
        sessions.collect()
    }

    /// The ids of a playlist's videos, in its order.
    #[must_use]
    pub fn in_playlist(&self, id: &str) -> Vec<String> {
        let state = self.server.state();
        let playlist = state.world.playlists.iter().find(|playlist| playlist.id == id);
        playlist.into_iter().flat_map(|playlist| &playlist.entries).map(|entry| entry.video.clone()).collect()
    }

    /// What was used today of what the project is allowed.
    #[must_use]
    pub fn used(&self) -> Used {
        let state = self.server.state();
        state.quota.used(state.clock.now())
    }
}

impl TrueVideo {
    /// Whether it was made of exactly the bytes of the file at `path`. Blocks.
    ///
    /// # Errors
    /// `path` can't be read.
    pub fn has_bytes_of(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        if Some(file.metadata()?.len()) != self.size {
            return Ok(false);
        }
        let (mut hash, mut bytes) = (Sha256::new(), vec![0; 64 << 10]);
        loop {
            match file.read(&mut bytes)? {
                0 => break,
                count => hash.update(&bytes[..count]),
            }
        }
        Ok(self.sha256 == Some(hash.finalize().into()))
    }
}

impl State {
    fn truth_of(&self, video: &Video) -> TrueVideo {
        let text = |part: &serde_json::Map<String, Value>, name: &str| {
            part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (snippet, status) = (&video.metadata.snippet, &video.metadata.status);
        let tags = snippet.get("tags").and_then(Value::as_array).into_iter().flatten();
        let placed = self.world.playlists.iter().flat_map(|playlist| {
            let times = playlist.entries.iter().filter(|entry| entry.video == video.id);
            times.map(|_| playlist.id.clone())
        });
        let session = self.sessions.all.iter().find(|session| session.video.as_ref() == Some(&video.id));
        TrueVideo {
            id: video.id.clone(),
            published: video.published,
            title: video.metadata.title().to_owned(),
            description: text(snippet, "description"),
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            category: text(snippet, "categoryId"),
            privacy: text(status, "privacyStatus"),
            made_for_kids: status.get("selfDeclaredMadeForKids").and_then(Value::as_bool),
            recording_date: video
                .metadata
                .recording_details
                .get("recordingDate")
                .and_then(Value::as_str)
                .map(str::to_owned),
            notifies: session.map(|session| session.notifies),
            file_name: video.source.as_ref().and_then(|source| source.name.clone()),
            size: video.source.as_ref().map(|source| source.size),
            sha256: video.source.as_ref().map(|source| source.sha256),
            fate: video.outcome(&self.world.rules, self.clock.now()),
            playlists: placed.collect(),
        }
    }
}
