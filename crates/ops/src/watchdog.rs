//! Whether the daemon's parts get on with their work, and the signs of life that depend on it.
//!
//! No timer vouches for anything here: a sign of life goes out only if every part has moved since the
//! last one, or has nothing to do. A part is a loop or a thread; it says so itself, by a [`Pulse`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::notify::Notifier;

/// The progress of one part. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Pulse {
    name: &'static str,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    beats: AtomicU64,
    is_resting: AtomicBool,
}

impl Pulse {
    /// A part that rests until its first beat.
    pub fn new(name: &'static str) -> Self {
        let state = State { beats: AtomicU64::new(0), is_resting: AtomicBool::new(true) };
        Self { name, state: Arc::new(state) }
    }

    /// The part has moved, and goes on.
    pub fn beat(&self) {
        self.state.is_resting.store(false, Ordering::Release);
        self.state.beats.fetch_add(1, Ordering::Release);
    }

    /// The part has nothing to do until its next beat.
    pub fn rest(&self) {
        self.state.is_resting.store(true, Ordering::Release);
    }
}

/// What moved since when it was looked at last.
#[derive(Debug)]
pub struct Pulses(Vec<(Pulse, Option<u64>)>);

impl Pulses {
    /// The parts that are looked after.
    pub fn new(parts: impl IntoIterator<Item = Pulse>) -> Self {
        Self(parts.into_iter().map(|pulse| (pulse, None)).collect())
    }

    /// The first part that was at work at the last look, and has not moved since.
    pub fn stuck(&mut self) -> Option<&'static str> {
        let mut stuck = None;
        for (pulse, seen) in &mut self.0 {
            let beats = pulse.state.beats.load(Ordering::Acquire);
            let is_resting = pulse.state.is_resting.load(Ordering::Acquire);
            let last = if is_resting { None } else { Some(beats) };
            if last.is_some() && *seen == last {
                stuck = stuck.or(Some(pulse.name));
            }
            *seen = last;
        }
        stuck
    }
}

/// Looks at the pulses four times in the interval that the service manager allows, or every five
/// seconds where there is none, and sends a sign of life each time if nothing is stuck. What is stuck
/// is shown in `stuck`. Runs until `stop` is cancelled.
///
/// A part that works at one thing for less than a quarter of the interval is never missed.
pub async fn watch_over(
    mut pulses: Pulses,
    notifier: Arc<Notifier>,
    stuck: watch::Sender<Option<&'static str>>,
    stop: CancellationToken,
) {
    let pause = notifier.watchdog_interval().map_or(USUAL_PAUSE, |interval| interval / 4);
    let mut looks = interval(pause.max(MIN_PAUSE));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = pulses.stuck();
        let before = stuck.send_replace(now);
        match (before, now) {
            (_, None) => notifier.alive(),
            (None, Some(part)) => {
                tracing::error!(
                    part,
                    "a part of the daemon makes no progress; no sign of life is sent"
                );
            }
            (Some(_), Some(_)) => {}
        }
        if let (Some(part), None) = (before, now) {
            tracing::warn!(part, "the part of the daemon that stood still goes on");
        }
    }
}

/// Where nobody waits for signs of life.
const USUAL_PAUSE: Duration = Duration::from_secs(5);
/// An interval of nothing would spin.
const MIN_PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::{Pulse, Pulses};

    #[test]
    fn a_part_is_stuck_if_it_was_at_work_and_has_not_moved() {
        let (one, other) = (Pulse::new("loop"), Pulse::new("vault"));
        let mut pulses = Pulses::new([one.clone(), other.clone()]);
        assert_eq!((pulses.stuck(), pulses.stuck()), (None, None), "nothing has begun");
        one.beat();
        other.beat();
        assert_eq!(pulses.stuck(), None, "both are seen at work for the first time");
        one.beat();
        assert_eq!(pulses.stuck(), Some("vault"));
        one.beat();
        other.rest();
        assert_eq!(pulses.stuck(), None, "the vault has nothing to do");
        assert_eq!(pulses.stuck(), Some("loop"));
        one.beat();
        other.beat();
        assert_eq!(pulses.stuck(), None);
        other.rest();
        other.beat();
        one.beat();
        assert_eq!(pulses.stuck(), None, "the vault works at something else by now");
    }
}
