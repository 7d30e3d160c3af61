//! The signers of one reward cycle: who they are, in which order, with which weight.

use std::collections::BTreeMap;

use crate::fixed::Hash160;
use crate::keys::PublicKey;
use crate::quantity::{SlotId, Weight};

/// One signer of a reward cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key that the reward set names.
    pub key: PublicKey,
    /// How much the signer's signature counts.
    pub weight: Weight,
}

/// The signers of one reward cycle in the order of the reward set, which is the order of their
/// slots and of their signatures in a block header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSet {
    signers: Vec<Signer>,
    by_hash: BTreeMap<Hash160, SlotId>,
    total: Weight,
}

/// Why a list is not a signer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerSetError {
    /// Nobody is in the list: the cycle has no Nakamoto signers.
    #[error("the reward set names no signers")]
    Empty,
    /// More signers than a reward cycle can have slots.
    #[error("the reward set names {0} signers, more than the {MAX_SIGNERS} that a cycle can have")]
    TooMany(usize),
    /// Two entries have the same key.
    #[error("the reward set names the key {0} twice")]
    Duplicate(PublicKey),
}

/// The most signers that a reward cycle can have: one for each of its 4,000 reward slots.
pub const MAX_SIGNERS: usize = 4000;

impl SignerSet {
    /// The set with these signers, in the order of the reward set.
    pub fn new(signers: Vec<Signer>) -> Result<Self, SignerSetError> {
        if signers.is_empty() {
            return Err(SignerSetError::Empty);
        }
        if signers.len() > MAX_SIGNERS {
            return Err(SignerSetError::TooMany(signers.len()));
        }
        let mut by_hash = BTreeMap::new();
        for (index, signer) in (0u32..).zip(&signers) {
            if by_hash.insert(signer.key.hash160(), SlotId::new(index)).is_some() {
                return Err(SignerSetError::Duplicate(signer.key));
            }
        }
        let total = signers.iter().map(|signer| signer.weight).sum();
        Ok(Self { signers, by_hash, total })
    }

    /// The signers in the order of their slots.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// How many signers there are; never zero.
    pub fn count(&self) -> usize {
        self.signers.len()
    }

    /// The weight of all signers together.
    pub fn total(&self) -> Weight {
        self.total
    }

    /// The slot of this key. Only the 20 hash bytes are compared, as the network does.
    pub fn slot_of(&self, key: &PublicKey) -> Option<SlotId> {
        self.by_hash.get(&key.hash160()).copied()
    }

    /// The signer in this slot.
    pub fn get(&self, slot: SlotId) -> Option<&Signer> {
        self.signers.get(usize::try_from(slot.get()).ok()?)
    }

    /// The weight of the signer in this slot; zero for a slot that does not exist.
    pub fn weight_of(&self, slot: SlotId) -> Weight {
        self.get(slot).map_or(Weight::ZERO, |signer| signer.weight)
    }
}
