//! Votes: promises, signatures and rejections, each counted once for a signer.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use countersign_wire::message::RejectReason;
use countersign_wire::{MessageSignature, RewardCycle, Sighash, SignerSet, SlotId, Weight};

use crate::time::Timestamp;

/// A rejection, as far as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectionVote {
    /// Why.
    pub reason: RejectReason,
}

/// The votes on one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Votes {
    pre_commits: BTreeSet<SlotId>,
    acceptances: BTreeMap<SlotId, MessageSignature>,
    rejections: BTreeMap<SlotId, RejectionVote>,
}

/// A vote for a block that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedVote {
    /// The cycle in whose contract it was.
    pub cycle: RewardCycle,
    /// The block.
    pub sighash: Sighash,
    /// The signer.
    pub from: SlotId,
    /// What it said.
    pub vote: Vote,
    /// When it arrived.
    pub at: Timestamp,
}

/// What a signer said about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It promises to sign.
    PreCommit,
    /// It signed.
    Acceptance(MessageSignature),
    /// It refused.
    Rejection(RejectionVote),
}

impl Votes {
    /// Counts a promise, which overrides the signer's earlier rejection; false if it was counted
    /// before and overrides nothing.
    pub(crate) fn pre_commit(&mut self, from: SlotId) -> bool {
        let overrides = self.rejections.remove(&from).is_some();
        self.pre_commits.insert(from) || overrides
    }

    /// Counts a signature, which overrides the signer's rejection; false if it has signed before,
    /// whatever the bytes: the first signature stays.
    pub(crate) fn accept(&mut self, from: SlotId, signature: MessageSignature) -> bool {
        self.rejections.remove(&from);
        match self.acceptances.entry(from) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(signature);
                true
            }
        }
    }

    /// Counts a rejection; false if it changes nothing: a signature is never taken back.
    pub(crate) fn reject(&mut self, from: SlotId, vote: RejectionVote) -> bool {
        !self.acceptances.contains_key(&from) && self.rejections.insert(from, vote) != Some(vote)
    }

    /// Whether this signer has promised.
    pub(crate) fn has_pre_commit_of(&self, from: SlotId) -> bool {
        self.pre_commits.contains(&from)
    }

    /// This signer's signature.
    pub(crate) fn acceptance_of(&self, from: SlotId) -> Option<MessageSignature> {
        self.acceptances.get(&from).copied()
    }

    /// The weight that has promised.
    pub(crate) fn pre_commit_weight(&self, set: &SignerSet) -> Weight {
        self.pre_commits.iter().map(|slot| set.weight_of(*slot)).sum()
    }

    /// The weight that has signed.
    pub(crate) fn acceptance_weight(&self, set: &SignerSet) -> Weight {
        self.acceptances.keys().map(|slot| set.weight_of(*slot)).sum()
    }

    /// The weight that has rejected.
    pub(crate) fn rejection_weight(&self, set: &SignerSet) -> Weight {
        self.rejections.keys().map(|slot| set.weight_of(*slot)).sum()
    }

    /// The weight that has rejected for this reason.
    pub(crate) fn rejection_weight_for(&self, reason: RejectReason, set: &SignerSet) -> Weight {
        self.rejections
            .iter()
            .filter(|(_, vote)| vote.reason == reason)
            .map(|(slot, _)| set.weight_of(*slot))
            .sum()
    }

    /// All signatures in the order of the reward set, as a block header wants them.
    /// That of a dry run, which has no seat, is not among them.
    pub(crate) fn signatures(&self, set: &SignerSet) -> Vec<MessageSignature> {
        let members = self.acceptances.iter().filter(|(slot, _)| set.get(**slot).is_some());
        members.map(|(_, signature)| *signature).collect()
    }
}
