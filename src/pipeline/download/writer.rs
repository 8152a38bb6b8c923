//! Puts what arrives on the disk.

use std::io::SeekFrom;
use std::path::PathBuf;

use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};

use super::part::{Part, SYNC_EVERY};
use crate::disk::{self, DiskError};

/// How much is gathered before it is written (measured: one hop to the disk per mebibyte costs least).
const BATCH: usize = 1 << 20;

/// Writes in large batches, and syncs at every multiple of [`SYNC_EVERY`] before it goes beyond.
///
/// After a failure nothing more is written: what a later write or sync seems to save may have a hole before it. The file
/// is then cut to what is known to be good.
pub(super) struct Writer {
    file: BufWriter<tokio::fs::File>,
    pub(super) at: u64,
    /// Up to here it was synced, or there before.
    safe: u64,
    has_failed: bool,
    path: PathBuf,
}

impl Writer {
    pub(super) async fn at(file: std::fs::File, at: u64, path: PathBuf) -> Result<Self, DiskError> {
        let mut file = tokio::fs::File::from_std(file);
        file.set_max_buf_size(BATCH);
        file.seek(SeekFrom::Start(at)).await.map_err(DiskError::on("write", &path))?;
        Ok(Self { file: BufWriter::with_capacity(BATCH, file), at, safe: at, has_failed: false, path })
    }

    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), DiskError> {
        while !bytes.is_empty() {
            let to_mark = SYNC_EVERY - self.at % SYNC_EVERY;
            let now = bytes.len().min(usize::try_from(to_mark).unwrap_or(usize::MAX));
            let (first, rest) = bytes.split_at(now);
            if let Err(error) = self.file.write_all(first).await {
                self.has_failed = true;
                return Err(DiskError::on("write", &self.path)(error));
            }
            self.at += now as u64;
            bytes = rest;
            if self.at.is_multiple_of(SYNC_EVERY) {
                self.sync().await?;
            }
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), DiskError> {
        let written = match self.file.flush().await {
            Ok(()) => self.file.get_ref().sync_data().await,
            error => error,
        };
        self.has_failed |= written.is_err();
        written.map_err(DiskError::on("write", &self.path))?;
        self.safe = self.at;
        Ok(())
    }

    /// Puts everything on the disk; the part as it then is.
    pub(super) async fn close(mut self) -> Result<Part, DiskError> {
        let synced = if self.has_failed { Ok(()) } else { self.sync().await };
        let (len, path) = (self.safe, self.path);
        let file = self.file.into_inner().into_std().await;
        if self.has_failed {
            let cut = disk::blocking(move || file.set_len(len).map(|()| file)).await;
            synced?;
            return cut
                .map(|file| Part { file, len, validator: None, total: None })
                .map_err(DiskError::on("cut", &path));
        }
        Ok(Part { file, len, validator: None, total: None })
    }
}
