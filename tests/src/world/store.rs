//! A store as simple as it can be: what a daemon's database must agree with.

use std::collections::BTreeMap;

use countersign_signer::{
    BurnBlockSeen, ParkedVote, Record, Saved, SavedUpdate, Superseded, Timestamp, Vote, Write,
};
use countersign_wire::{BurnHeight, ConsensusHash, RewardCycle, Sighash, SlotId};

/// What was committed.
#[derive(Clone, Debug, Default)]
pub struct Store {
    records: BTreeMap<Sighash, Record>,
    /// A signer's votes on a block: at most one of each kind.
    votes: BTreeMap<(Sighash, SlotId, u8), Vote>,
    parked: Vec<ParkedVote>,
    burn_blocks: BTreeMap<ConsensusHash, BurnBlockSeen>,
    peer_updates: BTreeMap<(RewardCycle, SlotId), SavedUpdate>,
    burn_reports: BTreeMap<(RewardCycle, ConsensusHash, SlotId), Timestamp>,
    activity: BTreeMap<ConsensusHash, Timestamp>,
    superseded: BTreeMap<ConsensusHash, Superseded>,
}

impl Store {
    /// Commits the writes of one step.
    pub fn commit(&mut self, writes: &[Write]) {
        for write in writes {
            self.apply(write);
        }
    }

    /// A committed block.
    pub fn record(&self, sighash: &Sighash) -> Option<&Record> {
        self.records.get(sighash)
    }

    /// The signers whose rejections of a block stand.
    pub fn rejecters(&self, sighash: &Sighash) -> impl Iterator<Item = SlotId> {
        let votes = self.votes.range((*sighash, SlotId::new(0), 0)..);
        votes
            .take_while(move |((block, ..), _)| block == sighash)
            .filter(|(_, vote)| matches!(vote, Vote::Rejection(_)))
            .map(|((_, from, _), _)| *from)
    }

    /// What is found after a restart.
    pub fn load(&self) -> Saved {
        Saved {
            records: self.records.values().cloned().collect(),
            votes: self
                .votes
                .iter()
                .map(|((sighash, from, _), vote)| (*sighash, *from, *vote))
                .collect(),
            parked: self.parked.clone(),
            burn_blocks: self.burn_blocks.values().copied().collect(),
            peer_updates: self.peer_updates.values().cloned().collect(),
            burn_reports: self
                .burn_reports
                .iter()
                .map(|((cycle, burn_block, from), at)| (*cycle, *burn_block, *from, *at))
                .collect(),
            activity: self.activity.iter().map(|(tenure, at)| (*tenure, *at)).collect(),
            superseded: self.superseded.values().copied().collect(),
        }
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::Record(record) => {
                let known = self.records.remove(&record.sighash).and_then(|known| known.block);
                let block = record.block.clone().or(known);
                self.records.insert(record.sighash, Record { block, ..Record::clone(record) });
            }
            Write::ForgetContent(sighash) => {
                if let Some(record) = self.records.get_mut(sighash) {
                    record.block = None;
                }
            }
            Write::ForgetVotes(sighash) => {
                self.votes.retain(|(block, ..), _| block != sighash);
            }
            Write::ForgetRecord(sighash) => {
                self.records.remove(sighash);
                self.votes.retain(|(block, ..), _| block != sighash);
            }
            Write::PreCommit { sighash, from } => {
                self.votes.remove(&(*sighash, *from, REJECTION));
                self.votes.insert((*sighash, *from, PRE_COMMIT), Vote::PreCommit);
            }
            Write::Acceptance { sighash, from, signature } => {
                self.votes.remove(&(*sighash, *from, REJECTION));
                let vote = self.votes.entry((*sighash, *from, ACCEPTANCE));
                vote.or_insert(Vote::Acceptance(*signature));
            }
            Write::Rejection { sighash, from, vote } => {
                self.votes.insert((*sighash, *from, REJECTION), Vote::Rejection(*vote));
            }
            Write::Park(vote) => self.parked.push(vote.clone()),
            Write::Unpark { sighash, vote: None } => {
                self.parked.retain(|parked| parked.sighash != *sighash);
            }
            Write::Unpark { vote: Some(vote), .. } => self.parked.retain(|parked| parked != vote),
            Write::BurnBlock(seen) => {
                self.burn_blocks.insert(seen.consensus_hash, *seen);
            }
            Write::PeerUpdate { cycle, from, update, at } => {
                let report = (*cycle, update.content.burn_block, *from);
                self.burn_reports.entry(report).or_insert(*at);
                let saved =
                    SavedUpdate { cycle: *cycle, from: *from, update: update.clone(), at: *at };
                self.peer_updates.insert((*cycle, *from), saved);
            }
            Write::Activity { tenure, at } => {
                self.activity.insert(*tenure, *at);
            }
            Write::Superseded(superseded) => {
                self.superseded.insert(superseded.tenure, *superseded);
            }
            Write::PruneBelow(floor) => self.prune(*floor),
            Write::ForgetCycle(cycle) => {
                self.peer_updates.retain(|(number, _), _| number != cycle);
                self.burn_reports.retain(|(number, ..), _| number != cycle);
                self.parked.retain(|parked| parked.cycle != *cycle);
            }
        }
    }

    fn prune(&mut self, floor: BurnHeight) {
        let deep: Vec<ConsensusHash> = self
            .burn_blocks
            .values()
            .filter(|seen| seen.height < floor)
            .map(|seen| seen.consensus_hash)
            .collect();
        for hash in deep {
            self.burn_blocks.remove(&hash);
            self.activity.remove(&hash);
            self.burn_reports.retain(|(_, burn_block, _), _| *burn_block != hash);
        }
        self.superseded.retain(|_, superseded| superseded.burn_height >= floor);
    }
}

/// Kinds of votes, in an order that says nothing about which came first.
const REJECTION: u8 = 0;
const PRE_COMMIT: u8 = 1;
const ACCEPTANCE: u8 = 2;
