//! How burn heights divide into reward cycles.

use countersign_wire::{BurnHeight, RewardCycle};

/// Plain division: cycle 0 starts at the first burn height, and the last blocks of each cycle are
/// its prepare phase (`signer-behaviour.md` section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewardCycles {
    /// First height of cycle 0.
    pub first: BurnHeight,
    /// Burn blocks of a cycle.
    pub length: u64,
    /// How many of them, at the end, are the prepare phase.
    pub prepare: u64,
}

impl RewardCycles {
    /// The cycle that a height is in. Heights below the first belong to cycle 0.
    pub fn cycle_of(self, height: BurnHeight) -> RewardCycle {
        RewardCycle::new(self.since_first(height) / self.length.max(1))
    }

    /// How many blocks of its cycle lie below a height.
    pub fn position(self, height: BurnHeight) -> u64 {
        self.since_first(height) % self.length.max(1)
    }

    /// Whether a height is in the prepare phase of the cycle that follows its own.
    pub fn is_prepare_phase(self, height: BurnHeight) -> bool {
        self.position(height) >= self.length.saturating_sub(self.prepare)
    }

    /// First height of a cycle.
    pub fn first_height(self, cycle: RewardCycle) -> BurnHeight {
        let offset = cycle.get().saturating_mul(self.length);
        BurnHeight::new(self.first.get().saturating_add(offset))
    }

    /// First height of the prepare phase in which a cycle's signers become known.
    pub fn prepare_start(self, cycle: RewardCycle) -> BurnHeight {
        BurnHeight::new(self.first_height(cycle).get().saturating_sub(self.prepare))
    }

    fn since_first(self, height: BurnHeight) -> u64 {
        height.get().saturating_sub(self.first.get())
    }
}
