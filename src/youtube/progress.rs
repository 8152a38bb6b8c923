//! How far an upload has come, for whoever shows it and for whoever watches that it goes on.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

/// How many bytes of a file have gone out. A clone shows the same.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    sent: watch::Sender<u64>,
    /// How many were there when the first byte went out.
    first: Arc<OnceLock<u64>>,
}

impl Progress {
    /// How many bytes have been handed to the network, those included that an earlier run sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        *self.sent.borrow()
    }

    /// How many of them this run sent, as far as they were of use.
    #[must_use]
    pub fn fresh(&self) -> u64 {
        self.sent().saturating_sub(self.first.get().copied().unwrap_or_default())
    }

    /// Whether this run sent any bytes.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.first.get().is_some()
    }

    /// From here on, bytes go out.
    pub(super) fn begin(&self, from: u64) {
        self.first.get_or_init(|| from);
        self.set(from);
    }

    pub(super) fn set(&self, sent: u64) {
        self.sent.send_replace(sent);
    }

    /// Waits until more has gone out.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.sent.subscribe()
    }
}
