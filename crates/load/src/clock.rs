//! The time that payloads carry: nanoseconds since this process first asked.

use std::sync::OnceLock;
use std::time::Instant;

/// `at` as nanoseconds of this process; earlier than the first call is 0.
pub(crate) fn ns(at: Instant) -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let epoch = *EPOCH.get_or_init(Instant::now);
    at.saturating_duration_since(epoch).as_nanos() as u64
}
