//! Log lines that a stranger could cause without end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one through in a second, and counts the others.
#[derive(Debug, Default)]
pub(crate) struct OncePerSecond(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: Option<Instant>,
    others: u64,
}

impl OncePerSecond {
    /// Whether this one may go through; if so, how many have not since the last that did.
    pub(crate) fn ask(&self) -> Option<u64> {
        self.ask_at(Instant::now())
    }

    fn ask_at(&self, now: Instant) -> Option<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.last.is_some_and(|last| now.saturating_duration_since(last) < SECOND) {
            kept.others = kept.others.saturating_add(1);
            return None;
        }
        kept.last = Some(now);
        Some(std::mem::take(&mut kept.others))
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_through_in_a_second_and_tells_of_the_others() {
        let (once, start) = (OncePerSecond::default(), Instant::now());
        let at = |millis| once.ask_at(start + Duration::from_millis(millis));
        let answers = [0, 1, 999, 1000, 1001, 5000, 6000].map(at);
        assert_eq!(answers, [Some(0), None, None, Some(2), None, Some(1), Some(0)]);
    }
}
