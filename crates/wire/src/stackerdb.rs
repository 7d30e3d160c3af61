//! StackerDB: slots that their owners write, signed and versioned (`signer-wire.md` section 5).

use crate::keys::MessageSignature;
use crate::quantity::{RewardCycle, SlotId, SlotVersion};

/// Which of a signer's three slots a message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Message id 1: block responses (and mock signatures).
    Responses,
    /// Message id 2: state machine updates.
    StateUpdates,
    /// Message id 3: pre-commits.
    PreCommits,
}

/// The contract of one lane of one of the two alternating signer sets: `signers-{parity}-{lane}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignersContract {
    /// Reward cycle modulo 2.
    pub parity: u8,
    /// The lane.
    pub lane: Lane,
}

impl SignersContract {
    /// The contract that signers of `cycle` write `lane` messages to.
    pub const fn new(cycle: RewardCycle, lane: Lane) -> Self {
        Self { parity: cycle.parity(), lane }
    }
}

/// A slot's content with its signature, as it is written, replicated and announced.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Chunk {
    /// The slot.
    pub slot_id: SlotId,
    /// Larger than the version stored before.
    pub slot_version: SlotVersion,
    /// By the slot's owner, over [`chunk_digest`](crate::stackerdb::chunk_digest).
    #[serde(rename = "sig")]
    pub signature: MessageSignature,
    /// The content: for signers and miners a [`crate::message::SignerMessage`].
    #[serde(with = "hex::serde")]
    pub data: Vec<u8>,
}
