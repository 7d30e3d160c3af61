//! A thing that is done again, at growing intervals, until it has had its effect.

use crate::time::{Millis, Timestamp};

/// How long an effect is waited for at first.
const FIRST: Millis = Millis::from_secs(20);
/// Beyond this the intervals do not grow.
const LONGEST: Millis = Millis::from_secs(320);

/// When to do something again; never, unless it is started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reminder {
    due: Option<(Timestamp, Millis)>,
}

impl Reminder {
    /// Begins to wait for the effect, if it is not waited for already.
    pub(crate) fn start(&mut self, now: Timestamp) {
        if self.due.is_none() {
            self.due = Some((now.plus(FIRST), FIRST));
        }
    }

    /// Begins to wait for the effect of something new.
    pub(crate) fn start_anew(&mut self, now: Timestamp) {
        self.stop();
        self.start(now);
    }

    /// The effect is there.
    pub(crate) const fn stop(&mut self) {
        self.due = None;
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.map(|(at, _)| at)
    }

    /// Whether it is time to do it again; the next time is twice as far away.
    pub(crate) fn rings(&mut self, now: Timestamp) -> bool {
        let Some((_, pause)) = self.due.filter(|(at, _)| *at <= now) else { return false };
        let next = pause.plus(pause).min(LONGEST);
        self.due = Some((now.plus(next), next));
        true
    }
}
