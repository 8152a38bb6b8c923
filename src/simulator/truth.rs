//! What the simulated Zoom really has, to compare an archive with.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::media::Content;
use super::spec::{FileSpec, Stage};
use super::{Simulator, Unknown};

/// A recorded session that this Zoom lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its uuid.
    pub uuid: String,
    /// Its files.
    pub files: Vec<TrueFile>,
}

/// A file of a recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueFile {
    /// The id by which this simulator knows it, listed or not.
    pub id: String,
    /// Whether Zoom calls it an MP4.
    pub is_video: bool,
    /// Whether it can be had.
    pub is_ready: bool,
}

/// What is true of the files.
impl Simulator {
    /// All that it lists, each session once; those left out whose record was made to be something else.
    #[must_use]
    pub fn recordings(&self) -> Vec<Recording> {
        let state = self.server.state();
        let mut recordings: Vec<Recording> = Vec::new();
        for (_, meeting) in state.world.meetings.iter().filter(|(_, meeting)| meeting.raw.is_none()) {
            if recordings.iter().any(|earlier| earlier.uuid == meeting.uuid) {
                continue;
            }
            let file = |file: &FileSpec| TrueFile {
                id: file.key().to_owned(),
                is_video: file.file_type == "MP4",
                is_ready: file.stage == Stage::Completed,
            };
            recordings.push(Recording { uuid: meeting.uuid.clone(), files: meeting.files.iter().map(file).collect() });
        }
        recordings
    }

    /// The ids of a meeting's files, in their order; those too that are listed without one.
    ///
    /// # Errors
    /// There is no such meeting.
    pub fn files(&self, uuid: &str) -> Result<Vec<String>, Unknown> {
        let state = self.server.state();
        let (_, meeting) = state.world.find_meeting(uuid).ok_or_else(|| Unknown::Meeting(uuid.to_owned()))?;
        Ok(meeting.files.iter().map(|file| file.key().to_owned()).collect())
    }

    /// The id of a meeting's first file of this `recording_type` or `file_type`.
    ///
    /// # Errors
    /// There is no such meeting, or no such file in it.
    pub fn file(&self, uuid: &str, kind: &str) -> Result<String, Unknown> {
        let state = self.server.state();
        let (_, meeting) = state.world.find_meeting(uuid).ok_or_else(|| Unknown::Meeting(uuid.to_owned()))?;
        let found = meeting.files.iter().find(|file| file.is_called(kind));
        found.map(|file| file.key().to_owned()).ok_or_else(|| Unknown::File(kind.to_owned()))
    }

    /// How many bytes a file really has.
    ///
    /// # Errors
    /// There is no such file.
    pub fn file_size(&self, id: &str) -> Result<u64, Unknown> {
        self.content(id).map(|content| content.len())
    }

    /// Whether the file at `path` has exactly the bytes of this one. Blocks.
    ///
    /// # Errors
    /// `path` can't be read, or there is no such file here.
    pub fn has_bytes_of(&self, id: &str, path: &Path) -> io::Result<bool> {
        let content = self.content(id).map_err(|unknown| io::Error::new(io::ErrorKind::NotFound, unknown))?;
        let mut file = File::open(path)?;
        if file.metadata()?.len() != content.len() {
            return Ok(false);
        }
        let (mut real, mut wanted) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut at = 0;
        while at < content.len() {
            let count = file.read(&mut real)?;
            content.fill(at, &mut wanted[..count]);
            if count == 0 || real[..count] != wanted[..count] {
                return Ok(false);
            }
            at += count as u64;
        }
        Ok(true)
    }

    /// What a file has at `from`: `length` bytes of it.
    ///
    /// # Errors
    /// There is no such file.
    pub fn bytes_of(&self, id: &str, from: u64, length: usize) -> Result<Vec<u8>, Unknown> {
        let mut bytes = vec![0; length];
        self.content(id)?.fill(from, &mut bytes);
        Ok(bytes)
    }

    /// Writes the first `length` bytes of a file to `path`, as an earlier program might have left them. Blocks.
    ///
    /// # Errors
    /// `path` can't be written, or there is no such file here.
    pub fn write_start_of(&self, id: &str, length: u64, path: &Path) -> io::Result<()> {
        let content = self.content(id).map_err(|unknown| io::Error::new(io::ErrorKind::NotFound, unknown))?;
        let mut file = File::create(path)?;
        let mut at = 0;
        let end = length.min(content.len());
        while at < end {
            let mut bytes = vec![0; usize::try_from((end - at).min(64 << 10)).unwrap_or(0)];
            content.fill(at, &mut bytes);
            file.write_all(&bytes)?;
            at += bytes.len() as u64;
        }
        Ok(())
    }

    fn content(&self, id: &str) -> Result<Content, Unknown> {
        self.server.state().world.find_file(id).map(FileSpec::content)
    }
}
