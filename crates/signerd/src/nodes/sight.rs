//! What a look at a node shows.

use countersign_wire::{BurnHeight, ConsensusHash, StacksHeight};

/// Where a node's chains end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) burn_height: BurnHeight,
    /// Names the burn block and all before it.
    pub(super) consensus_hash: ConsensusHash,
    pub(super) stacks_height: StacksHeight,
}

/// What a node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing in time, or nothing that is understood.
    Silent,
    /// That it is on another chain than the one that is configured.
    Elsewhere,
    /// Where its chains end.
    At(Tip),
}

/// A look at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) sight: Sight,
    /// Whether the node has the active node's burn tip on its canonical fork; none if it was not asked
    /// or did not say.
    pub(super) has_active_tip: Option<bool>,
}

/// Where a node stands, seen from the tip of the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// At the same place, give or take a few Stacks blocks.
    Level,
    /// Further on the same fork: the active node's tip is part of its chain, so the active one is
    /// late.
    Ahead,
    /// Less far.
    Behind,
    /// As far or further, but not known to be on the same fork. One of the two will have to give way,
    /// and a height does not say which.
    Apart,
}

impl Tip {
    /// Whether only the node there can say how it stands to `active`.
    pub(super) fn must_be_compared(&self, active: &Self) -> bool {
        self.consensus_hash != active.consensus_hash && self.burn_height >= active.burn_height
    }
}

impl Look {
    /// Where the node stands; none if it does not say where it is.
    pub(super) fn standing(&self, active: &Tip) -> Option<Standing> {
        let Sight::At(tip) = self.sight else { return None };
        let (here, there) = (active.stacks_height.get(), tip.stacks_height.get());
        Some(if tip.consensus_hash == active.consensus_hash {
            if there > here.saturating_add(STACKS_MARGIN) {
                Standing::Ahead
            } else if here > there.saturating_add(STACKS_MARGIN) {
                Standing::Behind
            } else {
                Standing::Level
            }
        } else if !tip.must_be_compared(active) {
            Standing::Behind
        } else if self.has_active_tip == Some(true) {
            Standing::Ahead
        } else {
            Standing::Apart
        })
    }
}

/// How many Stacks blocks two nodes at one burn block may differ in: they are looked at one after the
/// other, and blocks come quickly.
const STACKS_MARGIN: u64 = 3;
