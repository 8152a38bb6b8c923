//! The one place that reads the wall clock; everything else is handed `now`.

use chrono::{DateTime, Utc};

/// The time of day, as the machine believes it to be.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
