//! What the signers have said about one proposal, counted as a miner counts it.

use std::collections::{BTreeMap, BTreeSet};

use countersign_wire::message::{BlockResponse, RejectReason, SignerMessage};
use countersign_wire::stackerdb::{Chunk, Lane};
use countersign_wire::{MessageSignature, Sighash, SignerSet, SlotId, Weight};

/// The votes on one block.
///
/// As a real miner does (`signer-behaviour.md` section 12), it counts an acceptance or a rejection
/// only if it is signed by the key that owns the slot, and an acceptance only if its s is low; an
/// acceptance overrides a rejection and never the other way round.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    sighash: Sighash,
    set: SignerSet,
    pre_commits: BTreeSet<SlotId>,
    signatures: BTreeMap<SlotId, MessageSignature>,
    rejections: BTreeMap<SlotId, RejectReason>,
}

impl Tally {
    /// Nothing said yet by the signers of `set`.
    pub(crate) fn new(sighash: Sighash, set: SignerSet) -> Self {
        Self {
            sighash,
            set,
            pre_commits: BTreeSet::new(),
            signatures: BTreeMap::new(),
            rejections: BTreeMap::new(),
        }
    }

    /// Counts what a signer wrote into a slot of `lane`, if it is about this block. Gives the slot
    /// if that is a signature which was not counted before.
    pub(crate) fn count(&mut self, lane: Lane, chunk: &Chunk) -> Option<SlotId> {
        let message = SignerMessage::from_chunk_data(&chunk.data).ok()?;
        if message.lane() != Some(lane) {
            return None;
        }
        let slot = chunk.slot_id;
        let owner = self.set.get(slot)?.key;
        match message {
            SignerMessage::BlockPreCommit(sighash) if sighash == self.sighash => {
                self.pre_commits.insert(slot);
                None
            }
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted))
                if accepted.sighash == self.sighash =>
            {
                let signature = accepted.signature;
                let key = signature.recover(self.sighash.as_bytes())?;
                if key != owner || !signature.is_low_s() {
                    return None;
                }
                self.rejections.remove(&slot);
                self.signatures.insert(slot, signature).is_none().then_some(slot)
            }
            SignerMessage::BlockResponse(BlockResponse::Rejected(rejected))
                if rejected.sighash == self.sighash =>
            {
                if rejected.recover()? == owner && !self.signatures.contains_key(&slot) {
                    self.rejections.entry(slot).or_insert(rejected.data.reason);
                }
                None
            }
            _ => None,
        }
    }

    /// Forgets rejections: the block is proposed again, and who rejected it may think again.
    pub(crate) fn reconsider(&mut self) {
        self.rejections.clear();
    }

    /// Whether enough weight has signed.
    pub(crate) fn is_approved(&self) -> bool {
        self.signed_weight().approves(self.total_weight())
    }

    /// Whether so much weight has rejected the block that it cannot be approved.
    pub(crate) fn is_blocked(&self) -> bool {
        self.rejected_weight().blocks_approval(self.total_weight())
    }

    pub(crate) fn signed_weight(&self) -> Weight {
        self.weight_of(self.signatures.keys())
    }

    pub(crate) fn rejected_weight(&self) -> Weight {
        self.weight_of(self.rejections.keys())
    }

    /// Who signs has pre-committed, whether or not its pre-commit was seen.
    pub(crate) fn pre_committed_weight(&self) -> Weight {
        let signers: BTreeSet<_> = self.pre_commits.iter().chain(self.signatures.keys()).collect();
        self.weight_of(signers.into_iter())
    }

    pub(crate) fn total_weight(&self) -> Weight {
        self.set.total()
    }

    /// The signatures in the order of the reward set, as a header has them.
    pub(crate) fn signatures(&self) -> Vec<MessageSignature> {
        self.signatures.values().copied().collect()
    }

    /// Takes over signatures that are in a block's header.
    pub(crate) fn adopt(&mut self, signatures: &[MessageSignature]) {
        for signature in signatures {
            let key = signature.recover(self.sighash.as_bytes());
            if let Some(slot) = key.and_then(|key| self.set.slot_of(&key)) {
                self.rejections.remove(&slot);
                self.signatures.insert(slot, *signature);
            }
        }
    }

    /// Whether the signer of this slot has signed.
    pub(crate) fn has_signed(&self, slot: SlotId) -> bool {
        self.signatures.contains_key(&slot)
    }

    /// Whether the signer of this slot has rejected the block and not signed it since.
    pub(crate) fn has_rejected(&self, slot: SlotId) -> bool {
        self.rejections.contains_key(&slot)
    }

    /// Each reason for rejecting once, in the order of the slots.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for reason in self.rejections.values() {
            let text = reason.to_string();
            if !reasons.contains(&text) {
                reasons.push(text);
            }
        }
        reasons
    }

    /// The slots of signers that have neither signed nor rejected.
    pub(crate) fn silent(&self) -> impl Iterator<Item = SlotId> + '_ {
        (0u32..).zip(self.set.signers()).map(|(index, _)| SlotId::new(index)).filter(|slot| {
            !self.signatures.contains_key(slot) && !self.rejections.contains_key(slot)
        })
    }

    pub(crate) fn set(&self) -> &SignerSet {
        &self.set
    }

    fn weight_of<'a>(&self, slots: impl Iterator<Item = &'a SlotId>) -> Weight {
        slots.map(|slot| self.set.weight_of(*slot)).sum()
    }
}
