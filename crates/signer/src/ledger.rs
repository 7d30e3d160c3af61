//! Every block that is remembered, found by hash, tenure and height.

use std::collections::{BTreeMap, BTreeSet};

use countersign_wire::{ConsensusHash, RewardCycle, Sighash, StacksHeight};

use crate::record::{BlockState, Record};
use crate::time::{Millis, Timestamp};
use crate::votes::Votes;

/// How many blocks are remembered, the highest. A signed block that falls out is still in the vault's
/// journal.
pub const MAX_RECORDS: usize = 4096;
/// How many of them may be unsigned before these give way first, so that a miner cannot push signed
/// blocks out by proposing others at heights that do not exist. More than are ever undecided at once.
const MAX_UNSIGNED: usize = 512;
/// How many bytes their contents may have together, as encoded. Long tenures of small blocks stay
/// whole; a miner of large ones cannot make the signer grow: the lowest lose their content.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How far below the highest block of the chain a block is final: several tenures of fast blocks.
const FINAL_DEPTH: u64 = 500;
/// How old a final block's proposal is at least. After a Bitcoin fork blocks are proposed far below the
/// highest that the chain had; they must be young enough to be answered, and are left alone.
const FINAL_AGE: Millis = Millis::from_secs(3600);

/// A block and the votes on it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) votes: Votes,
    bytes: usize,
    /// It is final, without content and votes, and whatever is still said about it does not count.
    pub(crate) is_settled: bool,
}

/// What is not remembered any more, and is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// Blocks, with all that was known about them.
    pub(crate) records: Vec<Sighash>,
    /// Contents of blocks.
    pub(crate) contents: Vec<Sighash>,
    /// Votes on blocks.
    pub(crate) votes: Vec<Sighash>,
}

/// Every block that is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<Sighash, Entry>,
    by_height: BTreeSet<(StacksHeight, Sighash)>,
    by_tenure: BTreeMap<ConsensusHash, BTreeSet<(StacksHeight, Sighash)>>,
    /// Those that have their content.
    whole: BTreeSet<(StacksHeight, Sighash)>,
    /// Those that are not settled.
    unsettled: BTreeSet<(StacksHeight, Sighash)>,
    /// Those that were unsigned when they came, less those that were seen to be signed since.
    unsigned: BTreeSet<(StacksHeight, Sighash)>,
    bytes: usize,
}

impl Ledger {
    /// Adds a block, or replaces what is known about it; its votes stay. Returns what of the lowest
    /// other blocks had to make room.
    pub(crate) fn insert(&mut self, record: Record) -> Forgotten {
        let key = (record.height(), record.sighash);
        let known = self.entries.remove(&record.sighash);
        let (votes, known_bytes) =
            known.map_or_else(Default::default, |entry| (entry.votes, entry.bytes));
        // Encoding is not free, and the content of a block never changes.
        let bytes = match known_bytes {
            0 => record.content_bytes(),
            known => known,
        };
        self.bytes = self.bytes + bytes - known_bytes;
        self.by_height.insert(key);
        self.by_tenure.entry(record.tenure()).or_default().insert(key);
        self.unsettled.insert(key);
        if record.endorsed_at().is_none() {
            self.unsigned.insert(key);
        }
        if record.block.is_some() {
            self.whole.insert(key);
        }
        self.entries.insert(key.1, Entry { record, votes, bytes, is_settled: false });
        self.make_room(key)
    }

    fn make_room(&mut self, key: (StacksHeight, Sighash)) -> Forgotten {
        let mut forgotten = Forgotten::default();
        while self.entries.len() > MAX_RECORDS {
            let Some(lowest) = self.least_useful(key) else { break };
            self.remove(&lowest);
            forgotten.records.push(lowest);
        }
        while self.bytes > MAX_BYTES {
            let lowest = self.whole.iter().find(|other| **other != key);
            let Some(lowest) = lowest.copied() else { break };
            self.empty(lowest);
            forgotten.contents.push(lowest.1);
        }
        forgotten
    }

    /// The block that makes room for `key`: the lowest, of the unsigned ones if these are many.
    fn least_useful(&mut self, key: (StacksHeight, Sighash)) -> Option<Sighash> {
        if self.unsigned.len() > MAX_UNSIGNED {
            let entries = &self.entries;
            self.unsigned.retain(|(_, sighash)| {
                entries.get(sighash).is_some_and(|entry| entry.record.endorsed_at().is_none())
            });
        }
        let from =
            if self.unsigned.len() > MAX_UNSIGNED { &self.unsigned } else { &self.by_height };
        from.iter().find(|other| **other != key).map(|(_, sighash)| *sighash)
    }

    fn remove(&mut self, sighash: &Sighash) {
        let Some(height) = self.get(sighash).map(|entry| entry.record.height()) else { return };
        let key = (height, *sighash);
        self.empty(key);
        let Some(entry) = self.entries.remove(sighash) else { return };
        self.by_height.remove(&key);
        self.unsettled.remove(&key);
        self.unsigned.remove(&key);
        if let Some(tenure) = self.by_tenure.get_mut(&entry.record.tenure()) {
            tenure.remove(&key);
            if tenure.is_empty() {
                self.by_tenure.remove(&entry.record.tenure());
            }
        }
    }

    /// Lets a block's content go.
    fn empty(&mut self, key: (StacksHeight, Sighash)) {
        self.whole.remove(&key);
        if let Some(entry) = self.entries.get_mut(&key.1) {
            self.bytes = self.bytes.saturating_sub(std::mem::take(&mut entry.bytes));
            entry.record.block = None;
        }
    }

    /// Lets content and votes of final blocks go. What rules ask about a tenure's past stays: heights,
    /// states, times, costs.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Forgotten {
        let mut forgotten = Forgotten::default();
        let Some(top) = self.highest_on_chain() else { return forgotten };
        let floor = StacksHeight::new(top.get().saturating_sub(FINAL_DEPTH));
        let is_old = |sighash: &Sighash| {
            self.get(sighash).is_some_and(|entry| now.since(entry.record.proposed_at) > FINAL_AGE)
        };
        let below = self.unsettled.range(..(floor, Sighash::ZERO));
        let mut settled: Vec<_> = below.copied().collect();
        settled.retain(|(_, sighash)| is_old(sighash));
        for key in settled {
            if self.whole.contains(&key) {
                self.empty(key);
                forgotten.contents.push(key.1);
            }
            self.unsettled.remove(&key);
            let Some(entry) = self.entries.get_mut(&key.1) else { continue };
            entry.is_settled = true;
            if std::mem::take(&mut entry.votes) != Votes::default() {
                forgotten.votes.push(key.1);
            }
        }
        forgotten
    }

    /// The height of the highest block that is known to be part of the chain.
    fn highest_on_chain(&self) -> Option<StacksHeight> {
        let downwards = self.by_height.iter().rev();
        downwards.map(|(_, sighash)| sighash).find_map(|sighash| {
            let record = &self.get(sighash)?.record;
            (record.state == BlockState::GloballyAccepted).then(|| record.height())
        })
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

    /// The block, unless it is settled and votes on it do not count any more.
    pub(crate) fn open_mut(&mut self, sighash: &Sighash) -> Option<&mut Entry> {
        self.get_mut(sighash).filter(|entry| !entry.is_settled)
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

    /// The block that we know to be the end of the chain: the highest accepted one, and of several at
    /// that height the one that was accepted last.
    pub(crate) fn canonical_tip(&self) -> Option<&Record> {
        let accepted = || {
            self.by_height
                .iter()
                .rev()
                .filter_map(|(_, sighash)| self.entries.get(sighash))
                .map(|entry| &entry.record)
                .filter(|record| record.state == BlockState::GloballyAccepted)
        };
        let height = accepted().next()?.height();
        accepted()
            .take_while(|record| record.height() == height)
            .max_by_key(|record| record.signed_group_at)
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
