//! Pure: whether a body comes fast enough to be worth a worker.
//!
//! A server that sends a byte now and then never stalls, and would hold its worker for ever. A limit on the whole time
//! would end long files instead; so what counts is the average over a while, and only the time spent waiting for the
//! network: not for our own rate limit, and not for our disk.

use std::time::Duration;

use crate::meeting::ByteCount;

/// What must come on average: less than the slowest line that anybody would archive videos over.
const FEWEST_BYTES_PER_SECOND: u128 = 1024;
/// Over how many times the stall timeout that average is taken.
const STALL_TIMEOUTS: u32 = 10;

/// What came of a body lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    window: Duration,
    waited: Duration,
    received: u64,
}

/// A body that came too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooSlow {
    /// What came of it ...
    pub received: ByteCount,
    /// ... while this long was waited for it.
    pub waited: Duration,
}

impl Speed {
    /// The speed of a body that may pause for `stall_timeout`.
    pub(super) fn new(stall_timeout: Duration) -> Self {
        Self { window: stall_timeout.saturating_mul(STALL_TIMEOUTS), waited: Duration::ZERO, received: 0 }
    }

    /// Notes that so many bytes came after so long a wait for the network.
    ///
    /// # Errors
    /// [`TooSlow`], at the end of each window in which too little came.
    pub(super) fn note(&mut self, bytes: usize, waited: Duration) -> Result<(), TooSlow> {
        self.received = self.received.saturating_add(bytes as u64);
        self.waited = self.waited.saturating_add(waited);
        if self.waited < self.window {
            return Ok(());
        }
        let (received, waited) = (self.received, self.waited);
        (self.received, self.waited) = (0, Duration::ZERO);
        if u128::from(received) * 1000 >= FEWEST_BYTES_PER_SECOND * waited.as_millis() {
            return Ok(());
        }
        Err(TooSlow { received: ByteCount(received), waited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A body that may pause for a minute, of which the same comes time and again; when it is found too slow.
    fn fails_after(bytes: usize, every: Duration, times: u32) -> Option<u32> {
        let mut speed = Speed::new(60 * SECOND);
        (1..=times).find(|_| speed.note(bytes, every).is_err())
    }

    #[test]
    fn a_byte_now_and_then_is_too_slow_once_ten_stall_timeouts_were_spent_waiting() {
        assert_eq!(fails_after(1, 10 * SECOND, 1000), Some(60));
        assert_eq!(fails_after(1, 59 * SECOND, 1000), Some(11));
    }

    #[test]
    fn what_comes_at_a_kibibyte_a_second_or_more_is_never_too_slow() {
        assert_eq!(fails_after(1024, SECOND, 100_000), None);
        assert_eq!(fails_after(50 * 1024, 50 * SECOND, 100_000), None);
        assert_eq!(fails_after(1023, SECOND, 100_000), Some(600));
    }

    #[test]
    fn time_that_was_not_spent_on_the_network_counts_for_nothing() {
        assert_eq!(fails_after(1, Duration::ZERO, 100_000), None);
    }

    #[test]
    fn a_body_that_was_fast_is_judged_by_what_comes_later() {
        let mut speed = Speed::new(SECOND);
        speed.note(1 << 30, 10 * SECOND).unwrap();
        speed.note(1, 9 * SECOND).unwrap();
        let slow = TooSlow { received: ByteCount(2), waited: 10 * SECOND };
        assert_eq!(speed.note(1, SECOND), Err(slow));
    }
}
