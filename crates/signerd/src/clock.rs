//! The only clock: what it says is told to the core with every event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_signer::Timestamp;

/// The time of the machine. If it is set back, deadlines come late and nothing else.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(millis(since))
}

/// A span in whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
