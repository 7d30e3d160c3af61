//! Reward cycles and burn blocks: where we are, and how long it takes.

use std::collections::VecDeque;

use countersign_signer::Timestamp;
use countersign_status::Cycle;
use countersign_wire::rpc::PoxInfo;
use countersign_wire::{BurnHeight, RewardCycle};

/// What is known of both.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    pox: Option<PoxInfo>,
    /// The node's burn tip, and when it was first seen.
    tip: Option<(BurnHeight, Timestamp)>,
    /// The last tips, for their pace.
    seen: VecDeque<(BurnHeight, Timestamp)>,
}

impl Calendar {
    /// The node has said how long cycles are.
    pub(super) fn learn(&mut self, pox: PoxInfo) {
        self.pox = Some(pox);
    }

    /// The node is at this burn block.
    pub(super) fn reach(&mut self, height: BurnHeight, at: Timestamp) {
        if self.tip.is_some_and(|(tip, _)| tip == height) {
            return;
        }
        // The first one may have been there for long.
        if self.tip.is_some_and(|(tip, _)| tip < height) {
            if self.seen.len() >= MAX_SEEN {
                self.seen.pop_front();
            }
            self.seen.push_back((height, at));
        } else {
            self.seen.clear();
        }
        self.tip = Some((height, at));
    }

    /// The node's burn tip, and when it was first seen.
    pub(super) const fn tip(&self) -> Option<(BurnHeight, Timestamp)> {
        self.tip
    }

    /// What the node calls the epoch.
    pub(super) fn epoch(&self) -> Option<String> {
        let epoch = &self.pox.as_ref()?.current_epoch;
        (!epoch.is_empty()).then(|| epoch.chars().take(MAX_EPOCH_LEN).collect())
    }

    /// The running cycle.
    pub(super) fn number(&self) -> Option<RewardCycle> {
        Some(self.pox.as_ref()?.cycle_of(self.tip?.0))
    }

    /// What is shown of it.
    pub(super) fn show(&self) -> Option<Cycle> {
        let (pox, (tip, _)) = (self.pox.as_ref()?, self.tip?);
        let length = pox.cycle_length();
        let prepare_length = pox.prepare_phase_block_length.min(length);
        let blocks_to_next = pox.blocks_left(tip);
        let position = length - blocks_to_next;
        let prepare_at = length - prepare_length;
        Some(Cycle {
            number: pox.cycle_of(tip).get(),
            length,
            prepare_length,
            position,
            in_prepare_phase: pox.is_prepare_phase(tip),
            blocks_to_prepare: prepare_at.saturating_sub(position),
            blocks_to_next,
            burn_block_secs: self.pace(),
        })
    }

    /// Seconds between two burn blocks.
    fn pace(&self) -> u64 {
        let (Some((low, from)), Some((high, to))) = (self.seen.front(), self.seen.back()) else {
            return USUAL_PACE_SECS;
        };
        let blocks = high.get().saturating_sub(low.get());
        if blocks < MIN_BLOCKS {
            return USUAL_PACE_SECS;
        }
        (to.since(*from).get() / blocks).div_ceil(1000).max(1)
    }
}

/// How many burn blocks the pace is measured over.
const MAX_SEEN: usize = 24;
/// How many it takes.
const MIN_BLOCKS: u64 = 3;
/// Bitcoin's.
const USUAL_PACE_SECS: u64 = 600;
/// How many characters of an epoch's name are kept.
const MAX_EPOCH_LEN: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_signer::Millis;

    use super::*;

    fn calendar() -> Calendar {
        let mut calendar = Calendar::default();
        calendar.learn(PoxInfo {
            first_burnchain_block_height: BurnHeight::new(100),
            current_burnchain_block_height: BurnHeight::new(140),
            reward_phase_block_length: 15,
            prepare_phase_block_length: 5,
            reward_cycle_id: 2,
            current_epoch: "Epoch33".to_owned(),
        });
        calendar
    }

    fn at(height: u64) -> Cycle {
        let mut calendar = calendar();
        calendar.reach(BurnHeight::new(height), Timestamp::from_secs(9));
        calendar.show().unwrap()
    }

    #[test]
    fn the_countdown_ends_where_the_phases_begin() {
        let rows = [(140, 15, 20, false), (154, 1, 6, false), (155, 0, 5, true), (159, 0, 1, true)];
        for (height, to_prepare, to_next, in_prepare) in rows {
            let cycle = at(height);
            let found = (cycle.blocks_to_prepare, cycle.blocks_to_next, cycle.in_prepare_phase);
            assert_eq!((found, cycle.number), ((to_prepare, to_next, in_prepare), 2), "{height}");
        }
        assert_eq!((at(160).number, at(160).position), (3, 0));
    }

    #[test]
    fn the_pace_is_measured_once_there_is_something_to_measure() {
        let mut calendar = calendar();
        for block in 0..6 {
            let at = Timestamp::from_secs(1_000).plus(Millis::from_secs(block * 30));
            calendar.reach(BurnHeight::new(140 + block), at);
            let pace = calendar.show().unwrap().burn_block_secs;
            assert_eq!(pace, if block < 4 { 600 } else { 30 }, "{block}");
        }
        calendar.reach(BurnHeight::new(139), Timestamp::from_secs(2_000));
        assert_eq!(calendar.show().unwrap().burn_block_secs, 600, "a fork begins anew");
    }
}
