//! At which burn heights a real network does what.
//!
//! Everything before epoch 3 is only there to get to it: Bitcoin's first hundred blocks, because a
//! coinbase can be spent only after them; one reward cycle of epoch 2.5, in which the signers stack
//! and in whose prepare phase their set is computed; then epoch 3, two burn blocks into the cycle
//! that they sign for. The rules that a stacks-node has for this are in `docs/devnet.md`.

use countersign_wire::{BurnHeight, RewardCycle};

use crate::chain::RewardCycles;

/// The burn heights that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    cycles: RewardCycles,
    /// The first height at which the Stacks miner can act.
    base: u64,
    /// Whether epoch 4.0 begins in the cycle after that of epoch 3.0.
    has_epoch_4: bool,
}

/// Why cycles of such lengths cannot be booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The stacking transactions would not be mined before the prepare phase.
    #[error(
        "a reward cycle needs at least {MIN_REWARD_PHASE} burn blocks before its prepare phase, \
         and {length} less {prepare} are fewer"
    )]
    RewardPhase {
        /// Burn blocks of a cycle.
        length: u64,
        /// Burn blocks of its prepare phase.
        prepare: u64,
    },
    /// No anchor block could be confirmed.
    #[error("a prepare phase needs at least {MIN_PREPARE_PHASE} burn blocks, not {0}")]
    PreparePhase(u64),
    /// A stacks-node counts in 32 bits.
    #[error("a reward cycle has at most {MAX_LENGTH} burn blocks here, not {0}")]
    TooLong(u64),
}

impl Schedule {
    /// The schedule for reward cycles of these lengths.
    pub fn new(length: u64, prepare: u64) -> Result<Self, ScheduleError> {
        if prepare < MIN_PREPARE_PHASE {
            return Err(ScheduleError::PreparePhase(prepare));
        }
        if length > MAX_LENGTH {
            return Err(ScheduleError::TooLong(length));
        }
        if length < prepare.saturating_add(MIN_REWARD_PHASE) {
            return Err(ScheduleError::RewardPhase { length, prepare });
        }
        let cycles = RewardCycles { first: BurnHeight::new(0), length, prepare };
        let base = COINBASE_MATURITY.div_ceil(length) * length;
        Ok(Self { cycles, base, has_epoch_4: false })
    }

    /// The same, with epoch 4.0 in the cycle after that of epoch 3.0.
    #[must_use]
    pub const fn with_epoch_4(self) -> Self {
        Self { has_epoch_4: true, ..self }
    }

    /// First height of epoch 4.0.
    pub const fn epoch_4(&self) -> u64 {
        let cycles = if self.has_epoch_4 { 2 } else { FAR_CYCLES };
        self.base + cycles * self.cycles.length + EPOCH_OFFSET
    }

    /// How burn heights divide into cycles.
    pub const fn cycles(&self) -> RewardCycles {
        self.cycles
    }

    /// Up to here Bitcoin is mined at once, before the node looks.
    pub const fn funded_at(&self) -> u64 {
        self.base
    }

    /// The cycle in which the signers stack.
    pub fn stacking_cycle(&self) -> RewardCycle {
        self.cycles.cycle_of(BurnHeight::new(self.base))
    }

    /// The first cycle that has signers.
    pub fn first_signed_cycle(&self) -> RewardCycle {
        self.stacking_cycle().next()
    }

    /// First height of the prepare phase in which the first signers are chosen.
    pub fn prepare_start(&self) -> u64 {
        self.cycles.prepare_start(self.first_signed_cycle()).get()
    }

    /// First height of epoch 3.0.
    pub const fn epoch_3(&self) -> u64 {
        self.base + self.cycles.length + EPOCH_OFFSET
    }

    /// Reward slots of a cycle: two for each burn block that is not in the prepare phase.
    pub const fn reward_slots(&self) -> u64 {
        (self.cycles.length - self.cycles.prepare) * 2
    }

    /// Every epoch that a stacks-node wants to hear of, and its first height.
    pub fn epochs(&self) -> Vec<(&'static str, u64)> {
        let three = self.epoch_3();
        // Before Bitcoin pays anybody, nothing can happen in an epoch.
        let early = ["1.0", "2.0", "2.05", "2.1", "2.2", "2.3", "2.4"].into_iter();
        let mut epochs: Vec<_> = early.zip([0, 0, 1, 2, 3, 4, 5]).collect();
        epochs.push(("2.5", self.base + 1));
        epochs.extend(["3.0", "3.1", "3.2", "3.3", "3.4"].into_iter().zip(three..));
        epochs.push(("4.0", self.epoch_4()));
        epochs
    }

    /// The epoch of a height.
    pub fn epoch_at(&self, height: u64) -> &'static str {
        let begun = self.epochs().into_iter().rev().find(|(_, first)| *first <= height);
        begun.map_or("1.0", |(epoch, _)| epoch)
    }
}

/// A coinbase is spendable with the block that is this many above the first.
const COINBASE_MATURITY: u64 = 101;
/// A node refuses epoch 3.0 in the first two burn blocks of a cycle, and epoch 4.0 too.
const EPOCH_OFFSET: u64 = 2;
/// Two burn blocks until the miner mines, two until its block with the stacking transactions has
/// won, and two in reserve.
const MIN_REWARD_PHASE: u64 = 6;
/// An anchor block needs confirmations by more than one block.
const MIN_PREPARE_PHASE: u64 = 3;
const MAX_LENGTH: u64 = 2100;
/// A node wants to know when epoch 4.0 begins, and this is never.
const FAR_CYCLES: u64 = 1000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// What a stacks-node checks when it starts.
    fn assert_accepted(schedule: &Schedule) {
        let (length, prepare) = (schedule.cycles.length, schedule.cycles.prepare);
        let epochs = schedule.epochs();
        let first = |name| epochs.iter().find(|(epoch, _)| *epoch == name).unwrap().1;
        assert!(epochs.is_sorted_by_key(|(_, height)| *height));
        for epoch in ["3.0", "4.0"] {
            let offset = first(epoch) % length;
            assert!(offset > 1 && offset < length - prepare, "{epoch}: {schedule:?}");
        }
        let before_three = (first("3.0") / length - 1) * length + (length - prepare);
        assert!(first("2.5") < before_three, "{schedule:?}");
        assert_ne!(first("2.5") / length, first("3.0") / length);
        assert_ne!(first("4.0") / length, first("3.0") / length);
        assert!(first("2.5") > schedule.funded_at() && schedule.funded_at() >= 101);
    }

    #[test]
    fn a_stacks_node_accepts_the_epochs_of_every_schedule() {
        for (length, prepare) in
            [(9, 3), (10, 3), (10, 4), (20, 5), (101, 5), (150, 20), (2100, 100)]
        {
            let schedule = Schedule::new(length, prepare).unwrap();
            assert_accepted(&schedule);
            assert_accepted(&schedule.with_epoch_4());
        }
    }

    #[test]
    fn signers_stack_in_the_cycle_before_epoch_3() {
        let schedule = Schedule::new(20, 5).unwrap();
        assert_eq!(schedule.stacking_cycle(), RewardCycle::new(6));
        assert_eq!(
            (schedule.funded_at(), schedule.prepare_start(), schedule.epoch_3()),
            (120, 135, 142)
        );
        assert_eq!(schedule.reward_slots(), 30);
        assert_eq!(schedule.epoch_at(120), "2.4");
        assert_eq!(schedule.epoch_at(141), "2.5");
        assert_eq!(schedule.epoch_at(142), "3.0");
        assert_eq!(schedule.epoch_at(10_000), "3.4");
        assert_eq!(schedule.with_epoch_4().epoch_at(162), "4.0");
    }

    #[test]
    fn cycles_that_leave_no_time_to_stack_are_refused() {
        let refused = ScheduleError::RewardPhase { length: 8, prepare: 3 };
        assert_eq!(Schedule::new(8, 3), Err(refused));
        assert_eq!(Schedule::new(20, 1), Err(ScheduleError::PreparePhase(1)));
        assert_eq!(Schedule::new(2101, 5), Err(ScheduleError::TooLong(2101)));
    }
}
