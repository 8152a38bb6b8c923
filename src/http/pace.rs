//! The bandwidth that all transfers share.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Bytes per unit of account: small enough to count a chunk well, large enough that a unit's share of a second is a
/// whole number of nanoseconds even at rates of gigabytes.
const UNIT: u64 = 256;
/// The most units per second that can be told from no limit (25 GB/s).
const MOST_UNITS: u64 = 100_000_000;

/// A limit on bytes per second over everything that was handed a clone; or none.
#[derive(Clone, Debug)]
pub struct Pace(Option<Arc<Limit>>);

#[derive(Debug)]
struct Limit {
    limiter: DefaultDirectRateLimiter,
    /// The most units that are admitted at once: a quarter of a second's.
    burst: NonZeroU32,
}

impl Pace {
    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// At most this many bytes per second; below 256, it counts as 256.
    #[must_use]
    pub fn per_second(bytes: u64) -> Self {
        let (rate, burst) = (units(bytes / UNIT), units(bytes / UNIT / 4));
        let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(burst));
        Self(Some(Arc::new(Limit { limiter, burst })))
    }

    /// Waits until this many bytes more may pass.
    ///
    /// A caller that may be stopped races it with its token; nothing is lost with a wait given up.
    pub async fn admit(&self, bytes: usize) {
        let Some(limit) = &self.0 else { return };
        let mut left = (bytes as u64).div_ceil(UNIT);
        while left > 0 {
            let part = units(left).min(limit.burst);
            // Can't fail: no part is larger than the burst.
            if limit.limiter.until_n_ready(part).await.is_err() {
                return;
            }
            left = left.saturating_sub(part.get().into());
        }
    }
}

/// A count as the limiter takes it, at least one.
fn units(count: u64) -> NonZeroU32 {
    u32::try_from(count.min(MOST_UNITS)).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn without_a_limit_everything_passes_at_once() {
        let pace = Pace::unlimited();
        assert!(pace.admit(usize::MAX).now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_exceeds_the_rate_waits() {
        let pace = Pace::per_second(MIB as u64);
        assert!(pace.admit(MIB / 4).now_or_never().is_some());
        assert!(pace.admit(100 * MIB).now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_limit_is_shared_by_all_clones() {
        let pace = Pace::per_second(1024);
        assert!(pace.clone().admit(256).now_or_never().is_some());
        assert!(pace.clone().admit(MIB).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_chunk_larger_than_the_burst_passes_in_parts() {
        let pace = Pace::per_second(1 << 30);
        pace.admit((1 << 28) + MIB).await;
    }

    #[tokio::test]
    async fn rates_at_both_ends_are_rates_still() {
        assert!(Pace::per_second(0).admit(256).now_or_never().is_some());
        assert!(Pace::per_second(u64::MAX).admit(MIB).now_or_never().is_some());
    }
}
