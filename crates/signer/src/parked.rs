//! Votes that arrive before the block that they are about (`signer-behaviour` 4.7).

use std::collections::VecDeque;

use countersign_wire::{RewardCycle, Sighash};

use crate::votes::ParkedVote;

/// How many votes of one kind are kept for one signer.
const PER_SIGNER: usize = 3;

/// Votes for blocks that are not known, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parked {
    votes: VecDeque<ParkedVote>,
}

impl Parked {
    /// Keeps a vote. Returns the signer's oldest vote of this kind if that had to make room, or
    /// nothing and `false` if the vote is there already.
    pub(crate) fn park(&mut self, vote: ParkedVote) -> (bool, Option<ParkedVote>) {
        if self.votes.iter().any(|parked| is_same(parked, &vote)) {
            return (false, None);
        }
        let mut rivals = self.votes.iter().enumerate().filter(|(_, parked)| {
            parked.cycle == vote.cycle && parked.from == vote.from && is_same_kind(parked, &vote)
        });
        let oldest = rivals.next().map(|(index, _)| index);
        let evicted = match oldest {
            Some(index) if rivals.count() + 1 >= PER_SIGNER => self.votes.remove(index),
            _ => None,
        };
        self.votes.push_back(vote);
        (true, evicted)
    }

    /// Takes all votes for a block in the order in which they came: a signer's last word counts.
    pub(crate) fn take(&mut self, sighash: &Sighash, cycle: RewardCycle) -> Vec<ParkedVote> {
        let is_wanted = |parked: &ParkedVote| parked.sighash == *sighash && parked.cycle == cycle;
        let taken = self.votes.iter().filter(|parked| is_wanted(parked)).cloned().collect();
        self.votes.retain(|parked| !is_wanted(parked));
        taken
    }

    /// Forgets the votes of a cycle that is over.
    pub(crate) fn forget_cycle(&mut self, cycle: RewardCycle) {
        self.votes.retain(|parked| parked.cycle != cycle);
    }
}

fn is_same(one: &ParkedVote, other: &ParkedVote) -> bool {
    (one.cycle, one.sighash, one.from, one.vote)
        == (other.cycle, other.sighash, other.from, other.vote)
}

fn is_same_kind(one: &ParkedVote, other: &ParkedVote) -> bool {
    std::mem::discriminant(&one.vote) == std::mem::discriminant(&other.vote)
}
