//! What a step was, short enough to be kept with every event.

use std::fmt::{Debug, Write as _};

use countersign_wire::hash::sha512_256;
use countersign_wire::{DecodeError, Reader};

use super::{Recorded, recorded_structs};
use crate::step::Step;

/// What came of an event: a digest to compare, and lines to show where two differ.
///
/// Both are made from the `Debug` text of the step's writes, actions and notes. That is a canonical
/// text for one version of this program: it names every field and depends on nothing else. Between
/// two versions it may differ although the same was decided, which whoever compares has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// SHA-512/256 of the whole text.
    pub digest: [u8; 32],
    /// One line for each write, action and note, in their order. A long one is cut, and ends with a
    /// digest of what it was.
    pub lines: Vec<String>,
}

/// How much of a line is kept, in bytes.
const MAX_LINE: usize = 240;
/// How many lines are kept. The digest covers all.
const MAX_LINES: usize = 64;

recorded_structs! {
    Outcome { digest, lines }
}

impl Outcome {
    /// What `step` is.
    pub fn of(step: &Step) -> Self {
        let mut text = Text::default();
        for write in &step.writes {
            text.add("write", write);
        }
        for action in &step.actions {
            text.add("action", action);
        }
        for note in &step.notes {
            text.add("note", note);
        }
        text.finish()
    }
}

#[derive(Default)]
struct Text {
    digests: Vec<u8>,
    lines: Vec<String>,
    omitted: usize,
}

impl Text {
    fn add(&mut self, kind: &str, what: &dyn Debug) {
        let mut line = String::new();
        write!(line, "{kind} {what:?}").expect("writing to a string cannot fail");
        let digest = sha512_256(&[line.as_bytes()]);
        self.digests.extend_from_slice(&digest);
        if self.lines.len() == MAX_LINES {
            self.omitted += 1;
            return;
        }
        if line.len() > MAX_LINE {
            let [a, b, c, d, ..] = digest;
            line.truncate(line.floor_char_boundary(MAX_LINE));
            write!(line, "… #{:08x}", u32::from_be_bytes([a, b, c, d]))
                .expect("writing to a string cannot fail");
        }
        self.lines.push(line);
    }

    fn finish(mut self) -> Outcome {
        if self.omitted > 0 {
            self.lines.push(format!("… and {} more", self.omitted));
        }
        Outcome { digest: sha512_256(&[&self.digests]), lines: self.lines }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_wire::{RewardCycle, Sighash};

    use super::*;
    use crate::step::Write;

    fn step(writes: Vec<Write>) -> Step {
        Step { writes, ..Step::default() }
    }

    #[test]
    fn equal_steps_have_equal_outcomes_and_another_write_changes_digest_and_lines() {
        let one = || step(vec![Write::ForgetCycle(RewardCycle::new(7))]);
        let other = step(vec![Write::ForgetCycle(RewardCycle::new(8))]);
        assert_eq!(Outcome::of(&one()), Outcome::of(&one()));
        let (one, other) = (Outcome::of(&one()), Outcome::of(&other));
        assert!(one.digest != other.digest && one.lines != other.lines, "{one:?} {other:?}");
        assert_ne!(one.digest, Outcome::of(&Step::default()).digest);
    }

    #[test]
    fn lines_are_bounded_and_the_digest_covers_what_is_not_kept() {
        let many = |last: u8| {
            let first = std::iter::repeat_n(Write::ForgetVotes(Sighash::ZERO), 100);
            step(first.chain([Write::ForgetVotes(Sighash::new([last; 32]))]).collect())
        };
        let (one, other) = (Outcome::of(&many(1)), Outcome::of(&many(2)));
        assert_eq!(one.lines.len(), MAX_LINES + 1);
        assert_eq!(one.lines.last().unwrap(), "… and 37 more");
        assert!(one.lines == other.lines && one.digest != other.digest);
    }

    #[test]
    fn a_cut_line_still_tells_two_long_texts_apart() {
        let line = |last: &str| {
            let mut text = Text::default();
            text.add("note", &format!("{}{last}", "é".repeat(400)));
            text.finish().lines.concat()
        };
        assert_ne!(line("a"), line("b"));
        assert!(line("a").len() < MAX_LINE + 16);
    }
}
