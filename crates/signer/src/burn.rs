//! The burn chain as this signer watched it: when blocks arrived here, and who reported them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_wire::event::NewBurnBlock;
use countersign_wire::rpc::PoxInfo;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, RewardCycle, SignerSet, SlotId, Weight,
};

use crate::time::Timestamp;

/// How many burn blocks are remembered below the tip.
pub(crate) const HORIZON: u64 = 100;

/// How many burn blocks may be announced that the node has not confirmed.
const MAX_UNSAVED: usize = 32;
/// How many burn blocks of one height are remembered: forks are rarely wider.
const MAX_SIBLINGS: usize = 4;

/// A burn block that was announced to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurnBlockSeen {
    /// Its hash.
    pub hash: BurnBlockHash,
    /// Its height.
    pub height: BurnHeight,
    /// Its consensus hash.
    pub consensus_hash: ConsensusHash,
    /// The burn block below; zeros while nobody has told.
    pub parent: BurnBlockHash,
    /// When it was first announced.
    pub received_at: Timestamp,
}

/// A tenure that a later sortition's winner is permitted to orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// The tenure that may be orphaned.
    pub tenure: ConsensusHash,
    /// Burn height of that tenure.
    pub burn_height: BurnHeight,
    /// The tenure that may orphan it.
    pub by: ConsensusHash,
    /// Burn block of the tenure that may orphan it; the permission stands while the node has it.
    pub by_burn_block: BurnBlockHash,
    /// When it was permitted.
    pub at: Timestamp,
}

/// Reward-cycle arithmetic, from the node's PoX constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    first: BurnHeight,
    cycle_length: u64,
    prepare_length: u64,
}

impl Calendar {
    /// The calendar of the node's answer; none if its lengths make no sense.
    pub(crate) fn new(pox: &PoxInfo) -> Option<Self> {
        let cycle_length =
            pox.reward_phase_block_length.checked_add(pox.prepare_phase_block_length)?;
        (cycle_length > 0).then_some(Self {
            first: pox.first_burnchain_block_height,
            cycle_length,
            prepare_length: pox.prepare_phase_block_length,
        })
    }

    /// The cycle that a burn block is in.
    pub(crate) const fn cycle_of(&self, height: BurnHeight) -> RewardCycle {
        RewardCycle::new(height.get().saturating_sub(self.first.get()) / self.cycle_length)
    }

    /// Whether a burn block is in the prepare phase, at the end of its cycle, in which the next
    /// cycle's signers become known.
    pub(crate) const fn is_prepare_phase(&self, height: BurnHeight) -> bool {
        height.get().saturating_sub(self.first.get()) % self.cycle_length
            >= self.cycle_length.saturating_sub(self.prepare_length)
    }
}

/// What an announced burn block is to us. Whoever reaches our endpoint can announce one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// It is remembered with its time of arrival.
    New,
    /// It was announced before.
    Known,
    /// More are announced than the node can have: it is not remembered.
    TooMany,
}

/// Burn blocks that arrived here, and what follows from their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct BurnHistory {
    seen: BTreeMap<ConsensusHash, BurnBlockSeen>,
    /// Announced, and not yet below a burn tip that the node has confirmed.
    unsaved: BTreeSet<ConsensusHash>,
    superseded: BTreeMap<ConsensusHash, Superseded>,
    activity: BTreeMap<ConsensusHash, Timestamp>,
}

impl BurnHistory {
    /// Remembers that a burn block was announced; the first announcement counts.
    pub(crate) fn announce(&mut self, event: &NewBurnBlock, now: Timestamp) -> Announcement {
        let height = event.burn_block_height;
        if let Some(seen) = self.seen.get_mut(&event.consensus_hash) {
            if seen.parent == BurnBlockHash::ZERO {
                // It was learned from a view, which does not name what is below.
                seen.parent = event.parent_burn_block_hash;
                self.unsaved.insert(seen.consensus_hash);
            }
            return Announcement::Known;
        }
        let siblings = self.seen.values().filter(|seen| seen.height == height).count();
        if self.unsaved.len() >= MAX_UNSAVED || siblings >= MAX_SIBLINGS {
            return Announcement::TooMany;
        }
        self.remember(event, now);
        Announcement::New
    }

    /// Remembers a burn block that the node has. What the node says of it replaces what an
    /// announcement said, which anybody may have made: rules ask the node for this hash, and an invented
    /// one would look like a burn block that was orphaned. The time of arrival stays.
    pub(crate) fn remember(&mut self, event: &NewBurnBlock, now: Timestamp) {
        let (hash, height) = (event.burn_block_hash, event.burn_block_height);
        if let Some(seen) = self.seen.get_mut(&event.consensus_hash) {
            if (seen.hash, seen.height) != (hash, height) {
                (seen.hash, seen.height, seen.parent) =
                    (hash, height, event.parent_burn_block_hash);
                self.unsaved.insert(event.consensus_hash);
            }
            return;
        }
        let seen = BurnBlockSeen {
            hash: event.burn_block_hash,
            height: event.burn_block_height,
            consensus_hash: event.consensus_hash,
            parent: event.parent_burn_block_hash,
            received_at: now,
        };
        self.seen.insert(seen.consensus_hash, seen);
        self.unsaved.insert(seen.consensus_hash);
    }

    /// The node has confirmed `tip`: returns what was announced up to there, to be saved, and forgets
    /// what was announced far beyond it.
    pub(crate) fn confirm(&mut self, tip: BurnHeight) -> Vec<BurnBlockSeen> {
        let (confirmed, beyond): (BTreeSet<ConsensusHash>, _) =
            std::mem::take(&mut self.unsaved).into_iter().partition(|consensus_hash| {
                self.seen.get(consensus_hash).is_some_and(|seen| seen.height <= tip)
            });
        for consensus_hash in beyond {
            let is_near =
                self.seen.get(&consensus_hash).is_some_and(|seen| seen.height == tip.next());
            if is_near {
                self.unsaved.insert(consensus_hash);
            } else {
                self.seen.remove(&consensus_hash);
            }
        }
        confirmed
            .iter()
            .filter_map(|consensus_hash| self.seen.get(consensus_hash))
            .copied()
            .collect()
    }

    /// Puts back what was remembered before a restart.
    pub(crate) fn restore(&mut self, seen: BurnBlockSeen) {
        self.seen.insert(seen.consensus_hash, seen);
    }

    /// The burn block of this consensus hash.
    pub(crate) fn get(&self, consensus_hash: &ConsensusHash) -> Option<&BurnBlockSeen> {
        self.seen.get(consensus_hash)
    }

    /// The burn block below another, if its callback has named it and it is known.
    pub(crate) fn below(&self, block: &BurnBlockSeen) -> Option<&BurnBlockSeen> {
        self.seen
            .values()
            .find(|below| below.hash == block.parent && below.height.next() == block.height)
    }

    /// When the burn block of this hash arrived.
    pub(crate) fn received_at(&self, hash: &BurnBlockHash) -> Option<Timestamp> {
        self.seen.values().find(|seen| seen.hash == *hash).map(|seen| seen.received_at)
    }

    /// Records that a tenure may be orphaned; false if that is on record, whenever it was permitted.
    pub(crate) fn supersede(&mut self, superseded: Superseded) -> bool {
        let by = |superseded: &Superseded| (superseded.by, superseded.by_burn_block);
        let earlier = self.superseded.insert(superseded.tenure, superseded);
        earlier.is_none_or(|earlier| by(&earlier) != by(&superseded))
    }

    /// The permission to orphan this tenure.
    pub(crate) fn permission(&self, tenure: &ConsensusHash) -> Option<&Superseded> {
        self.superseded.get(tenure)
    }

    /// Records that a tenure's miner shows signs of life.
    pub(crate) fn touch(&mut self, tenure: ConsensusHash, now: Timestamp) {
        self.activity.insert(tenure, now);
    }

    /// When a tenure's miner last showed signs of life, beyond signed blocks.
    pub(crate) fn activity(&self, tenure: &ConsensusHash) -> Option<Timestamp> {
        self.activity.get(tenure).copied()
    }

    /// Forgets what is deeper than [`HORIZON`] below `tip`; returns the height below which all is
    /// forgotten.
    pub(crate) fn prune(&mut self, tip: BurnHeight) -> BurnHeight {
        let floor = BurnHeight::new(tip.get().saturating_sub(HORIZON));
        self.seen.retain(|_, seen| seen.height >= floor);
        self.superseded.retain(|_, superseded| superseded.burn_height >= floor);
        self.unsaved.retain(|consensus_hash| self.seen.contains_key(consensus_hash));
        self.activity.retain(|tenure, _| self.seen.contains_key(tenure));
        floor
    }
}

/// When each of a cycle's signers first reported a burn block.
#[derive(Clone, Debug, Default)]
pub(crate) struct BurnReports {
    first: BTreeMap<ConsensusHash, BTreeMap<SlotId, Timestamp>>,
    /// The burn blocks of each signer's reports, oldest report first.
    by_signer: BTreeMap<SlotId, VecDeque<ConsensusHash>>,
}

impl BurnReports {
    /// Counts a report; only a signer's first one for a burn block matters. Of more than [`HORIZON`]
    /// reports of one signer its oldest is forgotten: whoever reports burn blocks that do not exist
    /// pushes out nobody's reports but its own.
    pub(crate) fn record(&mut self, burn_block: ConsensusHash, from: SlotId, now: Timestamp) {
        let reporters = self.first.entry(burn_block).or_default();
        if reporters.contains_key(&from) {
            return;
        }
        reporters.insert(from, now);
        let named = self.by_signer.entry(from).or_default();
        named.push_back(burn_block);
        let oldest = if named.len() as u64 > HORIZON { named.pop_front() } else { None };
        if let Some(oldest) = oldest
            && let Some(reporters) = self.first.get_mut(&oldest)
        {
            reporters.remove(&from);
            if reporters.is_empty() {
                self.first.remove(&oldest);
            }
        }
    }

    /// The moment at which signers with agreeing weight had reported this burn block; none if they
    /// have not.
    pub(crate) fn agreed_at(
        &self,
        burn_block: &ConsensusHash,
        set: &SignerSet,
    ) -> Option<Timestamp> {
        let mut reports: Vec<(Timestamp, SlotId)> =
            self.first.get(burn_block)?.iter().map(|(slot, at)| (*at, *slot)).collect();
        reports.sort_unstable();
        let mut weight = Weight::ZERO;
        reports.into_iter().find_map(|(at, slot)| {
            weight = [weight, set.weight_of(slot)].into_iter().sum();
            weight.agrees(set.total()).then_some(at)
        })
    }
}
