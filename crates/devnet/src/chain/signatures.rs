//! Whether enough signers have signed a block.

use countersign_wire::{NakamotoBlock, PublicKey, RewardCycle, SignerSet, Weight};

/// Why a block's signer signatures do not make it part of the chain (`signer-wire.md` section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nobody signs in the cycle of the block's tenure.
    #[error("no signers are known for reward cycle {0}")]
    NoSigners(RewardCycle),
    /// A signature recovers no key.
    #[error("signature {index} of the block recovers no key")]
    Unrecoverable {
        /// Position in the header's list.
        index: usize,
    },
    /// The key is not in the reward set.
    #[error("the key {0} that signed the block is not in the reward set")]
    Stranger(PublicKey),
    /// A signature twice, or not in the order of the reward set.
    #[error("the signature by {0} is not in the strict order of the reward set")]
    Order(PublicKey),
    /// Less than seven tenths.
    #[error("the block is signed by weight {signed} of {total}, and needs {needed}", needed = Weight::approval_threshold(*total))]
    Weight {
        /// The weight of those who signed.
        signed: Weight,
        /// The weight of all signers.
        total: Weight,
    },
}

/// Checks the signer signatures of a block against the set of its cycle and gives the weight that
/// signed. High S is accepted, as consensus does.
pub(super) fn check(block: &NakamotoBlock, set: &SignerSet) -> Result<Weight, SignatureError> {
    let sighash = block.sighash();
    let mut last = None;
    let mut signed = Weight::ZERO;
    for (index, signature) in block.header.signer_signature.iter().enumerate() {
        let key =
            signature.recover(sighash.as_bytes()).ok_or(SignatureError::Unrecoverable { index })?;
        let slot = set.slot_of(&key).ok_or(SignatureError::Stranger(key))?;
        if last.is_some_and(|last| slot <= last) {
            return Err(SignatureError::Order(key));
        }
        last = Some(slot);
        signed = [signed, set.weight_of(slot)].into_iter().sum();
    }
    if signed.approves(set.total()) {
        Ok(signed)
    } else {
        Err(SignatureError::Weight { signed, total: set.total() })
    }
}
