//! Whether the bytes on the disk are the file they should be.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crate::archive::media::{self, MediaFault};
use crate::meeting::{ByteCount, Extension};

/// Tells whether two broken bodies are the same bytes; not fit for anything else.
pub(super) type Digest = u64;

/// The judgement on a part that has all its bytes.
pub(super) enum Verified {
    /// It is what it should be.
    Whole,
    /// It is not.
    Broken(MediaFault, Digest),
    /// The disk doesn't give it back, which says nothing of the recording.
    Unreadable(io::Error),
}

/// Looks at a part that has all its bytes.
pub(super) fn verify(file: &File, len: u64, extension: Extension) -> Verified {
    match check(file, len, extension) {
        Ok(()) => Verified::Whole,
        Err(MediaFault::Unreadable(error)) => Verified::Unreadable(error),
        Err(fault) => match digest(file) {
            Ok(digest) => Verified::Broken(fault, digest),
            Err(error) => Verified::Unreadable(error),
        },
    }
}

/// Whether the file at `path` has this length and the structure of its kind.
pub(crate) fn is_whole(path: &Path, extension: Extension, size: ByteCount) -> bool {
    let is_plain = path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == size.0);
    is_plain && File::open(path).is_ok_and(|file| check(&file, size.0, extension).is_ok() && file.sync_all().is_ok())
}

/// Whether two files hold the same `len` bytes.
pub(super) fn is_same(one: &Path, other: &Path, len: u64) -> bool {
    let content = |path: &Path| {
        let is_plain = path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == len);
        is_plain.then(|| File::open(path).and_then(|file| digest(&file)).ok()).flatten()
    };
    content(one).is_some_and(|digest| content(other) == Some(digest))
}

fn check(file: &File, len: u64, extension: Extension) -> Result<(), MediaFault> {
    media::check(&mut BufReader::new(file), len, extension)
}

fn digest(mut file: &File) -> io::Result<Digest> {
    file.rewind()?;
    let mut hasher = DefaultHasher::new();
    let mut batch = vec![0; 1 << 20];
    loop {
        match file.read(&mut batch)? {
            0 => return Ok(hasher.finish()),
            n => hasher.write(&batch[..n]),
        }
    }
}
