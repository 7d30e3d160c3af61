//! The only clocks: what they say is told to the core with every event.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_signer::Timestamp;
use countersign_wire::UnixSeconds;
use rustix::time::{ClockId, clock_gettime};

/// The time of the core: the machine's clock as it was when first asked, and from then on however much
/// time has really passed, suspended or not. So nobody who sets the clock makes a signature look old.
pub(crate) fn now() -> Timestamp {
    static START: OnceLock<(Duration, Duration)> = OnceLock::new();
    let (wall, steady) = START.get_or_init(|| (wall(), steady()));
    Timestamp::from_millis(millis(*wall + self::steady().saturating_sub(*steady)))
}

/// What the machine's clock says at this moment, for what is compared with the clock of another machine: it may
/// have been wrong when this process started, and been set since.
pub(crate) fn wall_time() -> UnixSeconds {
    UnixSeconds::new(wall().as_secs())
}

/// A span in whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Watches how far the machine's clock is ahead of [`now`].
#[derive(Debug, Default)]
pub(crate) struct WallClock {
    told: i64,
}

impl WallClock {
    /// How far it is ahead in milliseconds, if that has changed by half a second since the last news.
    pub(crate) fn news(&mut self) -> Option<i64> {
        self.heed(difference(millis(wall()), now().as_millis()))
    }

    fn heed(&mut self, ahead: i64) -> Option<i64> {
        if self.told.abs_diff(ahead) < NEWS {
            return None;
        }
        if self.told.abs_diff(ahead) >= WARNING {
            tracing::warn!(
                by_seconds = ahead.saturating_sub(self.told) / 1000,
                "the machine's clock was set; what the signer waits for is not affected"
            );
        }
        self.told = ahead;
        Some(ahead)
    }
}

fn difference(one: u64, other: u64) -> i64 {
    let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
    signed(one).saturating_sub(signed(other))
}

/// Since 1970, as the machine has it.
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Since some moment that does not move, time in suspension included.
fn steady() -> Duration {
    #[cfg(target_os = "linux")]
    const STEADY: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const STEADY: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(STEADY)).unwrap_or_default()
}

/// A drifting clock is told of in steps, since a step is an event.
const NEWS: u64 = 500;
/// Beyond this somebody has set it.
const WARNING: u64 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_news_when_it_has_moved_by_half_a_second() {
        let mut clock = WallClock::default();
        let told: Vec<_> = [0, 499, 500, 999, 3_600_000, 3_600_400, -7_200_000]
            .into_iter()
            .map(|ahead| clock.heed(ahead))
            .collect();
        assert_eq!(told, [None, None, Some(500), None, Some(3_600_000), None, Some(-7_200_000)]);
    }

    #[test]
    fn the_time_of_the_core_is_the_machines_at_first_and_never_goes_back() {
        let mut last = now();
        assert!(difference(millis(wall()), last.as_millis()).abs() < 60_000);
        for _ in 0..1000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }
}
