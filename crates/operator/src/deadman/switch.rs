//! When there is an alarm. Pure: it is told the time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// No heartbeat for this long.
    Silent {
        /// Seconds.
        for_secs: u64,
    },
    /// It beats again.
    Back {
        /// Seconds without one.
        after_secs: u64,
    },
}

impl News {
    /// The message, for programs and for people.
    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Silent { for_secs } => json!({
                "status": "firing",
                "alert": "HeartbeatLost",
                "text": format!("no heartbeat for {for_secs} s: Prometheus, Alertmanager, their host or its network is gone"),
                "silent_secs": for_secs,
            }),
            Self::Back { after_secs } => json!({
                "status": "resolved",
                "alert": "HeartbeatLost",
                "text": format!("the heartbeat is back after {after_secs} s"),
                "silent_secs": after_secs,
            }),
        }
    }
}

/// Knows when it beat last, and what was told.
#[derive(Debug)]
pub(super) struct Switch {
    silent_after: Duration,
    repeat: Duration,
    last_beat: Instant,
    /// The silence that an alarm was raised for: since when, and when it is told again.
    silence: Option<Silence>,
    /// A silence that has ended and was not told yet.
    ended: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    began: Instant,
    tell_at: Instant,
}

impl Switch {
    /// A switch that has just been set: the first beat has as much time as every other.
    pub(super) const fn new(now: Instant, silent_after: Duration, repeat: Duration) -> Self {
        Self { silent_after, repeat, last_beat: now, silence: None, ended: None }
    }

    /// A heartbeat.
    pub(super) fn on_beat(&mut self, now: Instant) {
        if let Some(silence) = self.silence.take() {
            self.ended = Some(now.saturating_duration_since(silence.began));
        }
        self.last_beat = now;
    }

    /// What is to be told now, and how long until something may be.
    pub(super) fn look(&mut self, now: Instant) -> (Option<News>, Duration) {
        if let Some(after) = self.ended {
            return (Some(News::Back { after_secs: after.as_secs() }), Duration::ZERO);
        }
        let quiet = now.saturating_duration_since(self.last_beat);
        let left = self.silent_after.saturating_sub(quiet);
        if !left.is_zero() {
            return (None, left);
        }
        let began = self.last_beat;
        let silence = self.silence.get_or_insert(Silence { began, tell_at: now });
        let wait = silence.tell_at.saturating_duration_since(now);
        let news = wait.is_zero().then_some(News::Silent { for_secs: quiet.as_secs() });
        (news, wait)
    }

    /// The news was heard by somebody, or by nobody: then an alarm is told again soon. It may have ended meanwhile.
    pub(super) fn told(&mut self, news: News, was_heard: bool, now: Instant) {
        match news {
            // Good news that nobody hears is no reason to insist.
            News::Back { .. } => self.ended = None,
            News::Silent { .. } => {
                let pause = if was_heard { self.repeat } else { self.repeat.min(RETRY) };
                if let Some(silence) = &mut self.silence {
                    silence.tell_at = now + pause;
                }
            }
        }
    }
}

/// How soon an alarm that nobody heard is raised again.
const RETRY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const AFTER: Duration = Duration::from_mins(5);
    const REPEAT: Duration = Duration::from_mins(30);

    fn at(start: Instant, secs: u64) -> Instant {
        start + Duration::from_secs(secs)
    }

    #[test]
    fn silence_is_told_and_told_again_and_its_end_is_told_once() {
        let start = Instant::now();
        let mut switch = Switch::new(start, AFTER, REPEAT);
        assert_eq!(switch.look(at(start, 0)), (None, AFTER));
        switch.on_beat(at(start, 200));
        assert_eq!(switch.look(at(start, 300)), (None, Duration::from_secs(200)));
        let silent = |for_secs| Some(News::Silent { for_secs });
        assert_eq!(switch.look(at(start, 500)).0, silent(300));
        switch.told(News::Silent { for_secs: 300 }, true, at(start, 501));
        assert_eq!(switch.look(at(start, 502)), (None, Duration::from_secs(1799)));
        assert_eq!(switch.look(at(start, 2301)).0, silent(2101));
        switch.told(News::Silent { for_secs: 2101 }, true, at(start, 2301));
        switch.on_beat(at(start, 2400));
        assert_eq!(switch.look(at(start, 2400)).0, Some(News::Back { after_secs: 2200 }));
        switch.told(News::Back { after_secs: 2200 }, true, at(start, 2401));
        assert_eq!(switch.look(at(start, 2401)), (None, Duration::from_secs(299)));
    }

    #[test]
    fn an_alarm_that_nobody_heard_is_raised_again_soon() {
        let start = Instant::now();
        let mut switch = Switch::new(start, AFTER, REPEAT);
        let silent = switch.look(at(start, 300)).0.unwrap();
        switch.told(silent, false, at(start, 300));
        assert_eq!(switch.look(at(start, 301)), (None, Duration::from_secs(29)));
        assert!(switch.look(at(start, 330)).0.is_some());
    }

    #[test]
    fn a_beat_while_the_alarm_is_being_told_ends_it() {
        let start = Instant::now();
        for was_heard in [true, false] {
            let mut switch = Switch::new(start, AFTER, REPEAT);
            let silent = switch.look(at(start, 300)).0.unwrap();
            switch.on_beat(at(start, 310));
            switch.told(silent, was_heard, at(start, 320));
            let back = News::Back { after_secs: 310 };
            assert_eq!(switch.look(at(start, 320)).0, Some(back));
            switch.told(back, was_heard, at(start, 321));
            assert_eq!(switch.look(at(start, 321)), (None, Duration::from_secs(289)));
        }
    }

    #[test]
    fn a_switch_that_never_hears_a_beat_raises_the_alarm() {
        let start = Instant::now();
        let mut switch = Switch::new(start, AFTER, REPEAT);
        assert_eq!(switch.look(at(start, 299)).0, None);
        assert_eq!(switch.look(at(start, 300)).0, Some(News::Silent { for_secs: 300 }));
    }
}
