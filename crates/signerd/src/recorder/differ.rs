//! Where a replay and its recording part.

use std::fmt;

use countersign_signer::{Outcome, Timestamp};
use serde::Serialize;

use crate::decisions::utc;

/// An event that does not come to what it came to when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which event, counted from 1; 0 is the start.
    pub event: u64,
    /// Where its frame is in the file.
    pub offset: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
    /// What was written, done and said then and not now.
    pub recorded: Vec<String>,
    /// What is written, done and said now and was not then.
    pub replayed: Vec<String>,
}

impl Difference {
    /// The difference between two outcomes of the event `event`; none if they are the same.
    pub(super) fn between(
        (event, offset, at): (u64, u64, Timestamp),
        what: impl FnOnce() -> String,
        recorded: &Outcome,
        replayed: &Outcome,
    ) -> Option<Self> {
        let without = |one: &Outcome, other: &Outcome| {
            one.lines.iter().filter(|line| !other.lines.contains(line)).cloned().collect()
        };
        (recorded.digest != replayed.digest).then(|| Self {
            event,
            offset,
            at,
            what: what(),
            recorded: without(recorded, replayed),
            replayed: without(replayed, recorded),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, offset, at, what, recorded, replayed } = self;
        writeln!(f, "first difference: event {event} at {} (byte {offset})", utc(*at))?;
        writeln!(f, "  {what}")?;
        if recorded.is_empty() && replayed.is_empty() {
            writeln!(f, "  the same lines in another order, or more than were kept")?;
        }
        for line in recorded {
            writeln!(f, "  recorded: {line}")?;
        }
        for line in replayed {
            writeln!(f, "  replayed: {line}")?;
        }
        Ok(())
    }
}
