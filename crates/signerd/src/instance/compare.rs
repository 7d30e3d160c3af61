//! A standby's decisions beside those of the instance that signs.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use countersign_wire::Sighash;

/// What was decided about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// To sign it: promised, or signed.
    Accept,
    /// To refuse it.
    Reject,
}

/// How two instances decided about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// In the same way.
    Agreed,
    /// One accepts, the other rejects.
    Differs,
    /// The other one said nothing.
    OnlyOurs,
    /// We would have said nothing.
    OnlyTheirs,
}

impl Outcome {
    /// Every outcome.
    pub(crate) const ALL: [Self; 4] =
        [Self::Agreed, Self::Differs, Self::OnlyOurs, Self::OnlyTheirs];

    /// Its name in metrics, logs and status.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Differs => "differs",
            Self::OnlyOurs => "only_ours",
            Self::OnlyTheirs => "only_theirs",
        }
    }
}

/// Both decisions about the latest blocks.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    blocks: BTreeMap<Sighash, Pair>,
    order: VecDeque<(Instant, Sighash)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    ours: Option<Decision>,
    theirs: Option<Decision>,
}

impl Comparison {
    /// What we would have said. Gives the outcome when both are known; once for each block.
    pub(crate) fn ours(&mut self, sighash: Sighash, decision: Decision) -> Option<Outcome> {
        self.note(sighash, |pair| &mut pair.ours, decision)
    }

    /// What the other instance said.
    pub(crate) fn theirs(&mut self, sighash: Sighash, decision: Decision) -> Option<Outcome> {
        self.note(sighash, |pair| &mut pair.theirs, decision)
    }

    /// Blocks that one of the two has been silent about for [`PATIENCE`], or for so many other blocks that
    /// it will not be compared any more.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<(Sighash, Outcome)> {
        let mut overdue = Vec::new();
        while let Some((since, sighash)) = self.order.front().copied()
            && (self.order.len() > MAX_BLOCKS || now.saturating_duration_since(since) >= PATIENCE)
        {
            self.order.pop_front();
            match self.blocks.remove(&sighash) {
                Some(Pair { ours: Some(_), theirs: None }) => {
                    overdue.push((sighash, Outcome::OnlyOurs));
                }
                Some(Pair { ours: None, theirs: Some(_) }) => {
                    overdue.push((sighash, Outcome::OnlyTheirs));
                }
                _ => {}
            }
        }
        overdue
    }

    fn note(
        &mut self,
        sighash: Sighash,
        side: impl FnOnce(&mut Pair) -> &mut Option<Decision>,
        decision: Decision,
    ) -> Option<Outcome> {
        if !self.blocks.contains_key(&sighash) {
            self.order.push_back((Instant::now(), sighash));
        }
        let pair = self.blocks.entry(sighash).or_default();
        let was_complete = pair.ours.is_some() && pair.theirs.is_some();
        // A block that was rejected may be accepted later; the first word counts.
        side(pair).get_or_insert(decision);
        match (pair.ours, pair.theirs) {
            (Some(ours), Some(theirs)) if !was_complete => {
                Some(if ours == theirs { Outcome::Agreed } else { Outcome::Differs })
            }
            _ => None,
        }
    }
}

const PATIENCE: Duration = Duration::from_mins(2);
const MAX_BLOCKS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u8) -> Sighash {
        Sighash::new([number; 32])
    }

    #[test]
    fn each_block_is_compared_once_whoever_speaks_first() {
        let mut both = Comparison::default();
        assert_eq!(both.ours(block(1), Decision::Accept), None);
        assert_eq!(both.theirs(block(1), Decision::Accept), Some(Outcome::Agreed));
        assert_eq!(both.theirs(block(1), Decision::Reject), None);
        assert_eq!(both.theirs(block(2), Decision::Reject), None);
        assert_eq!(both.ours(block(2), Decision::Accept), Some(Outcome::Differs));
        assert_eq!(both.overdue(Instant::now() + PATIENCE), []);
    }

    #[test]
    fn who_stays_silent_is_named_after_a_while() {
        let mut both = Comparison::default();
        both.ours(block(1), Decision::Reject);
        both.theirs(block(2), Decision::Accept);
        assert_eq!(both.overdue(Instant::now()), []);
        let late = Instant::now() + PATIENCE;
        let expected = [(block(1), Outcome::OnlyOurs), (block(2), Outcome::OnlyTheirs)];
        assert_eq!(both.overdue(late), expected);
        assert_eq!(both.overdue(late), []);
    }

    #[test]
    fn only_so_many_blocks_are_remembered() {
        let mut both = Comparison::default();
        for number in 0..2_000_u32 {
            let mut hash = [0; 32];
            hash.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
            both.ours(Sighash::new(hash), Decision::Accept);
            both.overdue(Instant::now());
        }
        assert!(both.blocks.len() <= MAX_BLOCKS && both.order.len() <= MAX_BLOCKS);
    }
}
