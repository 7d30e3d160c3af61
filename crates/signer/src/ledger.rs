//! Every block that is remembered, found by hash, tenure and height.

use std::collections::{BTreeMap, BTreeSet};

use countersign_wire::Wire as _;
use countersign_wire::{ConsensusHash, RewardCycle, Sighash, StacksHeight};

use crate::record::{BlockState, Record};
use crate::time::{Millis, Timestamp};
use crate::votes::Votes;

/// How many blocks are kept. A signed block that falls out is still in the vault's journal.
const CAPACITY: usize = 4096;
/// How many bytes the kept blocks may have together, as encoded. Long tenures of small blocks stay
/// whole; a miner of large ones cannot make the signer grow.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A block and the votes on it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) votes: Votes,
    bytes: usize,
}

/// Every block that is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<Sighash, Entry>,
    by_height: BTreeSet<(StacksHeight, Sighash)>,
    by_tenure: BTreeMap<ConsensusHash, BTreeSet<(StacksHeight, Sighash)>>,
    bytes: usize,
}

impl Ledger {
    /// Adds a block, or replaces what is known about it; its votes stay. Returns the lowest other
    /// blocks if they had to make room.
    pub(crate) fn insert(&mut self, record: Record) -> Vec<Sighash> {
        let key = (record.height(), record.sighash);
        let known = self.entries.remove(&record.sighash);
        let (votes, bytes) = match known {
            Some(entry) => (entry.votes, entry.bytes),
            None => (Votes::default(), record.block.to_bytes().len()),
        };
        if self.by_height.insert(key) {
            self.bytes += bytes;
        }
        self.by_tenure.entry(record.tenure()).or_default().insert(key);
        self.entries.insert(record.sighash, Entry { record, votes, bytes });
        let mut forgotten = Vec::new();
        while self.entries.len() > CAPACITY || self.bytes > MAX_BYTES {
            let lowest = self.by_height.iter().find(|other| **other != key);
            let Some((_, lowest)) = lowest.copied() else { break };
            self.remove(&lowest);
            forgotten.push(lowest);
        }
        forgotten
    }

    fn remove(&mut self, sighash: &Sighash) {
        let Some(entry) = self.entries.remove(sighash) else { return };
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        let key = (entry.record.height(), *sighash);
        self.by_height.remove(&key);
        if let Some(tenure) = self.by_tenure.get_mut(&entry.record.tenure()) {
            tenure.remove(&key);
            if tenure.is_empty() {
                self.by_tenure.remove(&entry.record.tenure());
            }
        }
    }

    pub(crate) fn get(&self, sighash: &Sighash) -> Option<&Entry> {
        self.entries.get(sighash)
    }

    /// The block, if it is decided by the signers of `cycle`: votes and verdicts never cross cycles.
    pub(crate) fn in_cycle(&self, sighash: &Sighash, cycle: RewardCycle) -> Option<&Entry> {
        self.entries.get(sighash).filter(|entry| entry.record.cycle == cycle)
    }

    pub(crate) fn get_mut(&mut self, sighash: &Sighash) -> Option<&mut Entry> {
        self.entries.get_mut(sighash)
    }

    pub(crate) fn of_cycle(&self, cycle: RewardCycle) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| entry.record.cycle == cycle)
    }

    /// A tenure's blocks, highest first.
    pub(crate) fn of_tenure(&self, tenure: &ConsensusHash) -> impl Iterator<Item = &Record> {
        self.by_tenure
            .get(tenure)
            .into_iter()
            .flat_map(|keys| keys.iter().rev())
            .filter_map(|(_, sighash)| self.entries.get(sighash))
            .map(|entry| &entry.record)
    }

    /// The highest block of a tenure that we or the network accepted.
    pub(crate) fn highest_accepted(&self, tenure: &ConsensusHash) -> Option<&Record> {
        self.of_tenure(tenure).find(|record| record.state.is_accepted())
    }

    /// The highest one but `except`, if that signature is still fresh: younger than `window`.
    pub(crate) fn fresh_accepted(
        &self,
        tenure: &ConsensusHash,
        except: Option<Sighash>,
        window: Millis,
        now: Timestamp,
    ) -> Option<&Record> {
        self.of_tenure(tenure)
            .find(|record| record.state.is_accepted() && Some(record.sighash) != except)
            .filter(|record| record.endorsed_at().is_some_and(|at| at.plus(window) > now))
    }

    /// The highest block of a tenure that was pre-committed to or accepted.
    pub(crate) fn highest_engaged(&self, tenure: &ConsensusHash) -> Option<&Record> {
        self.of_tenure(tenure)
            .find(|record| record.state.is_accepted() || record.state == BlockState::PreCommitted)
    }

    /// Whether any block of a tenure was ever signed by us or by the group.
    pub(crate) fn has_signed_block(&self, tenure: &ConsensusHash) -> bool {
        self.of_tenure(tenure).any(|record| record.endorsed_at().is_some())
    }

    /// Every other block at or above this height that was ever signed by us or by the group, in any
    /// tenure.
    pub(crate) fn rivals_of(&self, block: &Record) -> Vec<&Record> {
        self.by_height
            .range((block.height(), Sighash::ZERO)..)
            .filter_map(|(_, sighash)| self.entries.get(sighash))
            .map(|entry| &entry.record)
            .filter(|record| record.sighash != block.sighash && record.endorsed_at().is_some())
            .collect()
    }

    /// When we last approved a block of this tenure that the network then accepted.
    pub(crate) fn last_approval(&self, tenure: &ConsensusHash) -> Option<Timestamp> {
        self.of_tenure(tenure)
            .filter(|record| record.state == BlockState::GloballyAccepted)
            .filter_map(|record| record.approved_at)
            .max()
    }

    /// How many globally accepted blocks a tenure has, by the span of their heights.
    pub(crate) fn globally_accepted_span(&self, tenure: &ConsensusHash) -> u64 {
        let mut heights = self
            .of_tenure(tenure)
            .filter(|record| record.state == BlockState::GloballyAccepted)
            .map(|record| record.height().get());
        match heights.next() {
            None => 0,
            Some(highest) => highest - heights.last().unwrap_or(highest) + 1,
        }
    }

    /// The lowest block of a tenure that we ever approved or that was ever signed.
    pub(crate) fn lowest_approved(&self, tenure: &ConsensusHash) -> Option<&Record> {
        self.of_tenure(tenure)
            .filter(|record| record.approved_at.is_some() || record.endorsed_at().is_some())
            .last()
    }
}
