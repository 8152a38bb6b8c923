//! How far an upload has come, for whoever shows it and for whoever watches that it goes on.

use tokio::sync::watch;

/// How many bytes of a file have gone out. A clone shows the same.
#[derive(Clone, Debug, Default)]
pub struct Progress(watch::Sender<u64>);

impl Progress {
    /// How many bytes have been handed to the network, those included that an earlier run sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        *self.0.borrow()
    }

    pub(super) fn set(&self, sent: u64) {
        self.0.send_replace(sent);
    }

    /// Waits until more has gone out.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
