//! A replay for people.

use std::fmt;

use super::{Ending, Replay};
use crate::decisions::utc;

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signer   {} on {}", self.key, self.network)?;
        writeln!(f, "recorded {} to {}", utc(self.begun_at), utc(self.ended_at))?;
        writeln!(f, "by       {}", self.program)?;
        if !self.same_program {
            writeln!(
                f,
                "warning: this is {}; a difference may be one between the two programs",
                crate::release()
            )?;
        }
        writeln!(f)?;
        for decision in &self.decisions {
            let block: String = decision.block.to_string().chars().take(16).collect();
            writeln!(f, "{} {block} {}", utc(decision.at), decision.what)?;
        }
        if !self.decisions.is_empty() {
            writeln!(f)?;
        }
        writeln!(
            f,
            "{} events replayed, {} lines about blocks, {} signatures ordered",
            self.events,
            self.decisions.len(),
            self.signatures_ordered
        )?;
        match self.ending {
            Ending::Stopped | Ending::NotReached => {}
            Ending::Full => writeln!(f, "the recording ends at its bound (`record_max_mb`)")?,
            Ending::Behind => writeln!(
                f,
                "warning: the recording ends before the signer did: the disk did not keep up"
            )?,
            Ending::Open => writeln!(
                f,
                "warning: the recording has no end: the signer still runs, was killed, or could not \
                 write on"
            )?,
            Ending::Cut { offset } => writeln!(
                f,
                "warning: the recording is cut at byte {offset}; what is before it was replayed"
            )?,
        }
        match &self.first_difference {
            None => writeln!(f, "every event came to what was recorded"),
            Some(difference) => {
                writeln!(f, "{} events came to something else\n", self.differences)?;
                difference.fmt(f)
            }
        }
    }
}
