//! A chunk that carries our key's signature, wherever it was seen.

use std::fmt;

use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::stackerdb::{Chunk, SignersContract, SlotMetadata};
use countersign_wire::{PublicKey, Sighash};

use super::book::Entry;
use super::compare::Decision;

/// A chunk by our key: an echo of our own, or somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    chunk: SlotMetadata,
    contract: SignersContract,
    /// What it says, if its content is known.
    kind: &'static str,
    decision: Option<(Sighash, Decision)>,
}

impl Seen {
    /// A chunk with its content; nothing if `own` did not sign it.
    pub(crate) fn of_chunk(
        contract: SignersContract,
        chunk: &Chunk,
        own: &[PublicKey],
    ) -> Option<Self> {
        is_by(chunk.recover(), own).then(|| Self::signed(contract, chunk))
    }

    /// A chunk that is known to be signed by our key.
    pub(crate) fn signed(contract: SignersContract, chunk: &Chunk) -> Self {
        let message = SignerMessage::from_chunk_data(&chunk.data).ok();
        let kind = message.as_ref().map_or("something that is no message", SignerMessage::label);
        let decision = message.as_ref().and_then(decision);
        Self { chunk: chunk.metadata(), contract, kind, decision }
    }

    /// A chunk of which only the metadata is known; nothing if `own` did not sign it.
    pub(crate) fn of_metadata(
        contract: SignersContract,
        chunk: &SlotMetadata,
        own: &[PublicKey],
    ) -> Option<Self> {
        is_by(chunk.recover(), own).then(|| Self {
            chunk: chunk.clone(),
            contract,
            kind: "a message",
            decision: None,
        })
    }

    /// What the signature covers.
    pub(crate) fn entry(&self) -> Entry {
        Entry::of(&self.chunk)
    }

    /// What it decides about a block.
    pub(crate) const fn decision(&self) -> Option<(Sighash, Decision)> {
        self.decision
    }
}

fn is_by(signer: Option<PublicKey>, own: &[PublicKey]) -> bool {
    signer.is_some_and(|signer| own.contains(&signer))
}

/// What a message says about a block: a promise counts as much as a signature here.
pub(crate) fn decision(message: &SignerMessage) -> Option<(Sighash, Decision)> {
    match message {
        SignerMessage::BlockPreCommit(sighash) => Some((*sighash, Decision::Accept)),
        SignerMessage::BlockResponse(response) => Some(match response {
            BlockResponse::Accepted(accepted) => (accepted.sighash, Decision::Accept),
            BlockResponse::Rejected(rejected) => (rejected.sighash, Decision::Reject),
        }),
        _ => None,
    }
}

/// For the reason of a freeze: short, and with everything that is needed to find the other signer.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SlotMetadata { slot_id, slot_version, data_hash, .. } = &self.chunk;
        write!(
            f,
            "{} in slot {slot_id} of {} with version {slot_version} and data hash {}",
            self.kind,
            self.contract,
            hex::encode(data_hash)
        )?;
        match self.decision {
            Some((sighash, Decision::Accept)) => write!(f, ", which accepts block {sighash}"),
            Some((sighash, Decision::Reject)) => write!(f, ", which rejects block {sighash}"),
            None => Ok(()),
        }
    }
}
