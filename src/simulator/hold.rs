//! Holds: an answer, or a file that is being sent here, stops in the middle, so that a test can look or pull the plug.

use tokio_util::sync::CancellationToken;

/// Where an answer stops until it is let go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// What was asked is done, and nothing answered yet.
    BeforeAnswer,
    /// So many bytes of the body are sent.
    AfterBytes(u64),
    /// So many bytes of the request's own body, a file, are taken.
    AfterTaken(u64),
}

/// The server's side of a [`Hold`].
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) stop: Stop,
    pub(super) reached: CancellationToken,
    pub(super) released: CancellationToken,
    /// Ends the connection that waits.
    pub(super) cut: CancellationToken,
}

impl Gate {
    pub(super) fn new(stop: Stop) -> Self {
        Self {
            stop,
            reached: CancellationToken::new(),
            released: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }
}

/// An answer that stops in the middle, until it is released or this is dropped.
#[derive(Debug)]
#[must_use = "the answer goes on as soon as this is dropped"]
pub struct Hold(pub(super) Gate);

impl Hold {
    /// Waits until the answer has stopped there: all before it is sent.
    pub async fn reached(&self) {
        self.0.reached.cancelled().await;
    }

    /// Lets the answer go on; later ones don't stop here any more.
    pub fn release(&self) {
        self.0.released.cancel();
    }

    /// Ends the connection at this place. A client that was killed may not be missed before: what it had handed to its
    /// system keeps the line open.
    pub fn cut(self) {
        self.0.cut.cancel();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}
