//! What a store must remember, as plain collections.

use std::collections::BTreeMap;

use countersign_signer::{
    BurnBlockSeen, ParkedVote, Record, Saved, SavedUpdate, Superseded, Timestamp, Vote, Write,
};
use countersign_wire::{ConsensusHash, RewardCycle, Sighash, SlotId};

#[derive(Default)]
pub(crate) struct Model {
    records: BTreeMap<Sighash, Record>,
    votes: BTreeMap<(Sighash, SlotId, u8), Vote>,
    parked: Vec<ParkedVote>,
    burn_blocks: BTreeMap<ConsensusHash, BurnBlockSeen>,
    updates: BTreeMap<(RewardCycle, SlotId), SavedUpdate>,
    reports: BTreeMap<(RewardCycle, ConsensusHash, SlotId), Timestamp>,
    activity: BTreeMap<ConsensusHash, Timestamp>,
    superseded: BTreeMap<ConsensusHash, Superseded>,
}

impl Model {
    pub(crate) fn apply(&mut self, write: &Write) {
        match write.clone() {
            Write::Record(record) => {
                let known = self.records.remove(&record.sighash).and_then(|known| known.block);
                let block = record.block.clone().or(known);
                self.records.insert(record.sighash, Record { block, ..*record });
            }
            Write::ForgetContent(sighash) => {
                self.records.entry(sighash).and_modify(|record| record.block = None);
            }
            Write::ForgetVotes(sighash) => self.votes.retain(|(of, ..), _| *of != sighash),
            Write::ForgetRecord(sighash) => {
                self.records.remove(&sighash);
                self.votes.retain(|(of, ..), _| *of != sighash);
            }
            Write::PreCommit { sighash, from } => {
                self.votes.remove(&(sighash, from, 2));
                self.votes.insert((sighash, from, 0), Vote::PreCommit);
            }
            Write::Acceptance { sighash, from, signature } => {
                self.votes.remove(&(sighash, from, 2));
                self.votes.entry((sighash, from, 1)).or_insert(Vote::Acceptance(signature));
            }
            Write::Rejection { sighash, from, vote } => {
                self.votes.insert((sighash, from, 2), Vote::Rejection(vote));
            }
            Write::Park(vote) => {
                let same = |known: &ParkedVote| ParkedVote { at: vote.at, ..known.clone() } == vote;
                if !self.parked.iter().any(same) {
                    self.parked.push(vote);
                }
            }
            Write::Unpark { sighash, vote: None } => {
                self.parked.retain(|parked| parked.sighash != sighash);
            }
            Write::Unpark { vote: Some(vote), .. } => {
                self.parked.retain(|parked| ParkedVote { at: vote.at, ..parked.clone() } != vote);
            }
            other => self.apply_to_chain(other),
        }
    }

    fn apply_to_chain(&mut self, write: Write) {
        match write {
            Write::BurnBlock(seen) => {
                self.burn_blocks.insert(seen.consensus_hash, seen);
            }
            Write::PeerUpdate { cycle, from, update, at } => {
                self.reports.entry((cycle, update.content.burn_block, from)).or_insert(at);
                self.updates.insert((cycle, from), SavedUpdate { cycle, from, update, at });
            }
            Write::Activity { tenure, at } => {
                self.activity.insert(tenure, at);
            }
            Write::Superseded(superseded) => {
                self.superseded.insert(superseded.tenure, superseded);
            }
            Write::PruneBelow(floor) => {
                let blocks = &mut self.burn_blocks;
                self.reports
                    .retain(|(_, of, _), _| blocks.get(of).is_none_or(|seen| seen.height >= floor));
                blocks.retain(|_, seen| seen.height >= floor);
                self.activity.retain(|tenure, _| blocks.contains_key(tenure));
                self.superseded.retain(|_, superseded| superseded.burn_height >= floor);
            }
            Write::ForgetCycle(cycle) => {
                self.updates.retain(|(of, _), _| *of != cycle);
                self.reports.retain(|(of, ..), _| *of != cycle);
                self.parked.retain(|parked| parked.cycle != cycle);
            }
            other => unreachable!("{other:?} is about a block"),
        }
    }

    pub(crate) fn saved(&self) -> Saved {
        let vote = |(key, vote): (&(Sighash, SlotId, u8), &Vote)| (key.0, key.1, *vote);
        let report = |(key, at): (&(RewardCycle, ConsensusHash, SlotId), &Timestamp)| {
            (key.0, key.1, key.2, *at)
        };
        Saved {
            records: self.records.values().cloned().collect(),
            votes: self.votes.iter().map(vote).collect(),
            parked: self.parked.clone(),
            burn_blocks: self.burn_blocks.values().copied().collect(),
            peer_updates: self.updates.values().cloned().collect(),
            burn_reports: self.reports.iter().map(report).collect(),
            activity: self.activity.iter().map(|(tenure, at)| (*tenure, *at)).collect(),
            superseded: self.superseded.values().copied().collect(),
        }
    }
}

/// The order within the lists does not matter.
pub(crate) fn sorted(mut saved: Saved) -> Saved {
    saved.records.sort_by_key(|record| record.sighash);
    saved.votes.sort_by_key(|vote| format!("{vote:?}"));
    saved.parked.sort_by_key(|parked| format!("{parked:?}"));
    saved.burn_blocks.sort_by_key(|seen| seen.consensus_hash);
    saved.peer_updates.sort_by_key(|update| (update.cycle, update.from));
    saved.burn_reports.sort_unstable();
    saved.activity.sort_unstable();
    saved.superseded.sort_by_key(|superseded| superseded.tenure);
    saved
}
