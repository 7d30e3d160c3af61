//! Signs of life of the loop, which is the whole process: it has come round, so it neither waits for a disk that does
//! not come back nor is at one request for ever.

use std::time::{Duration, Instant};

use countersign_ops::notify::Notifier;

/// Tells the service manager, if it wants to know, that the loop has come round.
#[derive(Debug)]
pub(crate) struct Heartbeat<'a> {
    notifier: &'a Notifier,
    /// How often it is told; none if it does not want to know.
    pause: Option<Duration>,
    next: Instant,
}

impl<'a> Heartbeat<'a> {
    /// Four times in the interval that the service manager allows.
    pub(crate) fn new(notifier: &'a Notifier) -> Self {
        let pause = notifier.watchdog_interval().map(|interval| interval / 4);
        Self { notifier, pause, next: Instant::now() }
    }

    /// The loop has come round.
    pub(crate) fn beat(&mut self) {
        let Some(pause) = self.pause else { return };
        let now = Instant::now();
        if now >= self.next {
            self.notifier.alive();
            self.next = now + pause;
        }
    }

    /// When the loop must come round at the latest.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.pause.map(|_| self.next)
    }
}
