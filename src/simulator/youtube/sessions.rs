//! Uploads under way: each has an address of its own, and a number of bytes that are stored.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::super::noise;
use super::super::site::Intake;
use super::metadata::Metadata;
use super::rules::{Partial, Rules};
use super::video::Source;

/// Chunks are multiples of this, but for the last.
pub(super) const GRAIN: u64 = 256 << 10;

/// An upload that was opened.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// What its address has that nobody can guess.
    pub(super) id: String,
    pub(super) metadata: Metadata,
    /// The parts of the video that are shown in the end.
    pub(super) parts: Vec<String>,
    pub(super) notifies: bool,
    pub(super) file_name: Option<String>,
    pub(super) total: u64,
    pub(super) opened: DateTime<Utc>,
    pub(super) is_expired: bool,
    /// The video that it became.
    pub(super) video: Option<String>,
    kept: Kept,
    /// What was kept at the last multiple of the grain.
    checkpoint: Kept,
    /// Which request may bring bytes.
    writer: u64,
}

/// Bytes that were stored: the simulator doesn't keep the bytes themselves.
#[derive(Clone, Debug, Default)]
struct Kept {
    length: u64,
    hash: Sha256,
}

impl Session {
    pub(super) fn stored(&self) -> u64 {
        self.kept.length
    }

    pub(super) fn is_complete(&self) -> bool {
        self.kept.length == self.total
    }

    /// Whether its address is good for nothing any more.
    pub(super) fn is_gone(&self, rules: &Rules, now: DateTime<Utc>) -> bool {
        self.is_expired || self.opened + rules.session_lifetime <= now
    }

    pub(super) fn source(&self) -> Source {
        let sha256 = self.kept.hash.clone().finalize().into();
        Source { name: self.file_name.clone(), size: self.kept.length, sha256 }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let to_grain = GRAIN - self.kept.length % GRAIN;
            let count = usize::try_from(to_grain).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(count);
            self.kept.hash.update(now);
            self.kept.length += count as u64;
            if self.kept.length.is_multiple_of(GRAIN) {
                self.checkpoint = self.kept.clone();
            }
            bytes = later;
        }
    }

    /// No more bytes come by the request that brought some until now.
    fn pause(&mut self, rules: &Rules) {
        if rules.broken_off == Partial::RoundedDown && !self.is_complete() {
            self.kept = self.checkpoint.clone();
        }
    }

    /// Loses all that was stored.
    pub(super) fn forget(&mut self) {
        if self.video.is_none() {
            (self.kept, self.checkpoint, self.writer) = (Kept::default(), Kept::default(), u64::MAX);
        }
    }
}

/// All uploads that were ever opened.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) all: Vec<Session>,
    /// How many requests have brought bytes, or asked for them.
    requests: u64,
}

impl Sessions {
    /// Opens an upload, under an id made of this.
    pub(super) fn open(
        &mut self,
        seed: u64,
        (metadata, parts): (Metadata, Vec<String>),
        (file_name, total, notifies): (Option<String>, u64, bool),
        opened: DateTime<Utc>,
    ) -> &Session {
        let id = format!("AAO21X-{}", noise::hex(noise::digest((seed, "upload", self.all.len())), 120));
        self.all.push(Session {
            id,
            metadata,
            parts,
            notifies,
            file_name,
            total,
            opened,
            is_expired: false,
            video: None,
            kept: Kept::default(),
            checkpoint: Kept::default(),
            writer: 0,
        });
        &self.all[self.all.len() - 1]
    }

    /// The place of the one with this id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.all.iter().position(|session| session.id == id)
    }

    /// A request comes for an upload: whatever brought bytes before brings no more. So many are stored.
    pub(super) fn touch(&mut self, place: usize, rules: &Rules) -> Intake {
        self.requests += 1;
        let number = self.requests;
        if let Some(session) = self.all.get_mut(place) {
            session.pause(rules);
            session.writer = number;
        }
        Intake { file: place, number }
    }

    /// Takes bytes, if the request that brings them is still the one that may.
    pub(super) fn take(&mut self, intake: Intake, bytes: &[u8]) -> bool {
        let session = self.all.get_mut(intake.file).filter(|session| session.writer == intake.number);
        session.map(|session| session.take(bytes)).is_some()
    }

    /// A request that brought bytes brings no more. Whether all are there now.
    pub(super) fn pause(&mut self, intake: Intake, rules: &Rules) -> bool {
        match self.all.get_mut(intake.file).filter(|session| session.writer == intake.number) {
            Some(session) => {
                session.pause(rules);
                session.is_complete()
            }
            None => false,
        }
    }
}
