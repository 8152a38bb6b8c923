//! One meeting that a person asks for: which that is, how its parts stand, and what is left to be done about them.

use std::path::{Component, Path};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::choose::{self, Choice, Patience, Stand};
use crate::archive::Archive;
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::Manifest;
use crate::clock;
use crate::disk;
use crate::meeting::{FileId, MeetingUuid};
use crate::pipeline::record::{Ledger, RecordError};
use crate::pipeline::{Outcome, Pipeline};
use crate::state::Wait;
use crate::youtube::unfinished::UploadsFolder;

/// A meeting, for the person who asks for it.
#[derive(Clone, Debug, Default)]
pub struct AskedFor {
    /// Its name.
    pub topic: String,
    /// Why nothing of it can be sent.
    pub obstacle: Option<String>,
    /// Whether there is more of it at Zoom.
    pub is_pending: bool,
    /// Its parts that are wanted on `YouTube`, in their order.
    pub parts: Vec<PartShown>,
    /// Until when nothing new is begun, where a limit is reached.
    pub limit: Option<Wait>,
    /// Whether something of it was sent, and the rest can follow.
    pub is_kept: bool,
    /// Whether the service would send by itself what is left.
    pub goes_on_by_itself: bool,
}

/// A part of it.
#[derive(Clone, Debug)]
pub struct PartShown {
    /// Its number.
    pub part: u32,
    /// Its video.
    pub video: Option<String>,
    /// Why nobody can watch that.
    pub lost: Option<String>,
    /// Why its file is none that could be sent.
    pub absent: Option<String>,
    /// Since when it isn't sent again by itself.
    pub parked: Option<DateTime<Utc>>,
}

impl PartShown {
    /// Whether it could be sent, and isn't.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.video.is_none() && self.absent.is_none()
    }
}

impl Pipeline {
    /// Sends what is wanted of one meeting, and does nothing else: Zoom isn't asked, no other meeting is sent.
    pub async fn publish(mut self, uuid: MeetingUuid) -> (Outcome, Result<AskedFor, RecordError>) {
        if let Some(publisher) = &mut self.publisher {
            publisher.by_hand = Some(uuid.clone());
        }
        let ledger = Arc::clone(&self.ledger);
        // There is no bell to be rung: no poll ever begins.
        let (_, rung) = mpsc::channel(1);
        let outcome = self.run(rung).await;
        let look = move || ledger.lock().unwrap_or_else(PoisonError::into_inner).asked_for(&uuid, clock::now());
        (outcome, disk::blocking(look).await)
    }

    /// Whether a person asks for one meeting: then nothing is said of the others.
    pub(in crate::pipeline) fn is_by_hand(&self) -> bool {
        self.publisher.as_ref().is_some_and(|publisher| publisher.by_hand.is_some())
    }
}

impl Ledger {
    /// The archived meeting that a person means: by its uuid, by its folder in the archive, or by a path there, that of a file
    /// among them. What is not in use yet is not created.
    ///
    /// # Errors
    /// [`RecordError`] where the archive can't be looked at.
    pub fn find_meeting(&mut self, name: &Path, working_dir: &Path) -> Result<Option<MeetingUuid>, RecordError> {
        if !self.is_archive_known() {
            return Ok(None);
        }
        self.prepare()?;
        let Some(archive) = &self.archive else { return Ok(None) };
        // Before the paths, for a uuid may begin like one.
        let uuid = name.to_str().and_then(|text| text.parse().ok());
        if let Some(uuid) = uuid.filter(|uuid| archive.held(uuid).is_some()) {
            return Ok(Some(uuid));
        }
        Ok(meeting_in(archive, name).or_else(|| meeting_at(archive, &working_dir.join(name))))
    }

    /// How a meeting stands, whatever would keep it from being sent by itself.
    ///
    /// # Errors
    /// [`RecordError`] where what is kept of uploads can't be read.
    pub fn asked_for(&self, uuid: &MeetingUuid, now: DateTime<Utc>) -> Result<AskedFor, RecordError> {
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else {
            return Ok(AskedFor::default());
        };
        let (manifest, known) = (&held.manifest, self.known_of(&held.manifest));
        let found = UploadsFolder::below(&self.settings.state_dir).load()?;
        let is_superseded = |id: &FileId| {
            let file = manifest.file(id);
            let is_so = |file| choose::is_superseded(known, self.settings.youtube.parts, now, Patience::Asked, file);
            file.is_some_and(is_so)
        };
        let kept = found.uploads.iter().filter(|it| it.meeting_uuid == *uuid && it.video_id.is_none());
        let mut kept = kept.filter(|it| !is_superseded(&it.file_id)).peekable();
        let is_kept = kept.peek().is_some();
        let is_gone_on_with = kept.any(|it| self.state.uploads.parked(&it.file_id).is_none());
        let wanted = choose::wanted(known, self.settings.youtube.parts, now, Patience::Asked);
        let video_of = |stand| match stand {
            Stand::Sent(video) => Some(video),
            _ => None,
        };
        let parts = wanted.into_iter().map(|part| PartShown {
            part: part.best.part,
            video: video_of(part.stand).map(str::to_owned),
            lost: video_of(part.stand).and_then(|video| self.state.uploads.lost.get(video)).cloned(),
            absent: (part.stand == Stand::Absent)
                .then(|| format!("{}/{}: {}", held.folder, part.best.name, lack(part.best))),
            parked: self.state.uploads.parked(&part.best.id).map(|parked| parked.at),
        });
        Ok(AskedFor {
            topic: manifest.topic.clone(),
            obstacle: self.obstacle(manifest, now).map(str::to_owned),
            is_pending: known.is_pending,
            parts: parts.collect(),
            limit: self.upload_limit(now),
            is_kept,
            goes_on_by_itself: self.settings.youtube.enabled && (is_gone_on_with || self.would_be_sent(manifest, now)),
        })
    }

    /// Why nothing of a meeting can be sent.
    fn obstacle(&self, manifest: &Manifest, now: DateTime<Utc>) -> Option<&'static str> {
        match self.choice_of(manifest, now, Patience::Asked) {
            Choice::Nothing if manifest.best_files().next().is_some() => {
                Some("none of its videos is whole in the archive")
            }
            Choice::Nothing => Some("there is no video in it"),
            Choice::NotRecorded => Some(
                "it is not in the tracker yet, so that not all of it may be here: `zoom-archiver once`, or the service, fetches \
                 the rest",
            ),
            _ => None,
        }
    }

    /// Whether something of a meeting is sent sooner or later, though nobody asks for it.
    fn would_be_sent(&self, manifest: &Manifest, now: DateTime<Utc>) -> bool {
        match self.choice_of(manifest, now, Patience::Usual) {
            Choice::Parts(parts) => parts.iter().any(|part| matches!(part.stand, Stand::Due | Stand::Later(_))),
            Choice::Settling(_) | Choice::Incomplete => true,
            _ => false,
        }
    }
}

/// Why a file is none that could be sent.
fn lack(file: &FileEntry) -> &'static str {
    match file.state {
        FileState::Pending => "it is not archived yet",
        FileState::Suspect => "Zoom sent it broken every time, and so it is not sent on",
        FileState::Removing | FileState::Removed => "it was removed from the archive",
        FileState::Whole => "it is there",
    }
}

/// The meeting whose folder a path within the archive is, or leads into.
fn meeting_in(archive: &Archive, path: &Path) -> Option<MeetingUuid> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    (1..=names.len()).rev().find_map(|depth| archive.owner(&names.get(..depth)?.join("/"))).cloned()
}

/// The same for a path from the root. What isn't there any more is looked for in the nearest folder that is.
fn meeting_at(archive: &Archive, path: &Path) -> Option<MeetingUuid> {
    let (root, there) =
        (archive.root().canonicalize().ok()?, path.ancestors().find_map(|path| path.canonicalize().ok())?);
    meeting_in(archive, there.strip_prefix(root).ok()?)
}
