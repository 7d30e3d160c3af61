//! The node's callbacks as events (`signer-wire.md` sections 4, 5.3 and 7.3).
//!
//! A chunk that cannot be used is counted and skipped, and never stops the others beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec;

use countersign_signer::Event;
use countersign_wire::PublicKey;
use countersign_wire::event::{Callback, StackerDbChunks};
use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};

use crate::clock::now;
use crate::instance::Seen;
use crate::metrics::Metrics;
use crate::sign::VaultHandle;

/// Why a chunk is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// The contract is none that a signer reads.
    OtherContract,
    /// The chunk is empty.
    Empty,
    /// The first byte is no known kind of message.
    UnknownType,
    /// The message belongs into another lane, or not into this contract at all.
    WrongLane,
    /// Nobody's key made the chunk's signature.
    NoSigner,
    /// The key that made the chunk's signature has no seat; the core knows the sets, and says so in
    /// a note.
    NotInSet,
    /// The message does not decode.
    Undecodable,
    /// A mock block or mock signature of epoch 2.5, which nobody answers.
    Mock,
}

impl Skipped {
    /// Every reason.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
        Self::OtherContract,
        Self::Empty,
        Self::UnknownType,
        Self::WrongLane,
        Self::NoSigner,
        Self::NotInSet,
        Self::Undecodable,
        Self::Mock,
    ];

    /// The reason as a metric label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::OtherContract => "other_contract",
            Self::Empty => "empty",
            Self::UnknownType => "unknown_type",
            Self::WrongLane => "wrong_lane",
            Self::NoSigner => "no_signer",
            Self::NotInSet => "not_in_set",
            Self::Undecodable => "undecodable",
            Self::Mock => "mock",
        }
    }
}

/// Turns callbacks into events, and counts what it skips.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    metrics: Arc<Metrics>,
    /// Our keys, and who wants to know what they have signed.
    watch: Option<(Vec<PublicKey>, VaultHandle)>,
    /// The last second that had a warning.
    warned: Arc<AtomicU64>,
}

impl Intake {
    /// An intake that counts in `metrics`.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, watch: None, warned: Arc::default() }
    }

    /// The same, but every chunk that one of our keys has signed is told to the vaults' thread, whatever it
    /// says.
    pub(crate) fn watching(self, own: Vec<PublicKey>, vault: VaultHandle) -> Self {
        Self { watch: Some((own, vault)), ..self }
    }

    /// What a callback says, in its order. Each chunk is read when its turn comes: to find out who
    /// wrote it takes the time of a signature, and there may be very many.
    pub(crate) fn read(&self, callback: Callback) -> Reading {
        let (single, chunks) = match callback {
            Callback::NewBurnBlock(block) => (Some(Event::BurnBlock(block)), None),
            Callback::NewBlock(block) => (Some(Event::StacksBlock(block)), None),
            Callback::ProposalResponse(response) => (Some(Event::Verdict(response)), None),
            Callback::StackerDbChunks(chunks) => (None, Some(chunks)),
        };
        let source = chunks.as_ref().map_or(Source::Other, Source::of);
        let (name, slots) = chunks.map_or_else(Default::default, |chunks| {
            (chunks.contract_id.name, chunks.modified_slots)
        });
        Reading { intake: self.clone(), single, source, name, chunks: slots.into_iter() }
    }

    /// Tells of a chunk by a key of ours. Who signed one that is skipped has not been found out yet.
    fn watch(&self, contract: SignersContract, chunk: &Chunk, read: &Result<Event, Skipped>) {
        let Some((own, vault)) = &self.watch else { return };
        let seen = match read {
            Ok(Event::Peer { from, .. }) if own.contains(from) => {
                Some(Seen::signed(contract, chunk))
            }
            Ok(_) | Err(Skipped::NoSigner) => None,
            Err(_) => Seen::of_chunk(contract, chunk, own),
        };
        if let Some(seen) = seen {
            vault.heard(seen);
        }
    }

    /// Levels as the reference has them (`signer-behaviour.md` section 2.1), but one warning a second:
    /// anybody who reaches the endpoint could fill the disk with them. All are counted.
    fn skip(&self, contract: &str, chunk: &Chunk, why: Skipped) {
        self.metrics.chunks_skipped.get_or_create(&vec![("reason", why.label())]).inc();
        let (slot, reason) = (chunk.slot_id.get(), why.label());
        let is_odd = match why {
            Skipped::WrongLane | Skipped::NoSigner => true,
            Skipped::Undecodable => contract.starts_with("signers"),
            _ => false,
        };
        if is_odd && self.may_warn() {
            tracing::warn!(contract, slot, reason, "Skipping signer chunk");
        } else {
            tracing::debug!(contract, slot, reason, "skipped a chunk");
        }
    }

    /// Whether this second has had no warning yet.
    fn may_warn(&self) -> bool {
        let second = now().as_unix().get();
        self.warned.swap(second, Ordering::Relaxed) != second
    }
}

/// A callback that is being read: an event for each thing that it says, and nothing for a chunk that
/// is skipped.
#[derive(Debug)]
pub(crate) struct Reading {
    intake: Intake,
    single: Option<Event>,
    source: Source,
    name: String,
    chunks: vec::IntoIter<Chunk>,
}

impl Iterator for Reading {
    type Item = Option<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(event) = self.single.take() {
            return Some(Some(event));
        }
        let chunk = self.chunks.next()?;
        let read = match self.source {
            Source::Signers(contract) => {
                let read = signer_event(contract, &chunk);
                self.intake.watch(contract, &chunk, &read);
                read
            }
            Source::Miners => miner_event(&chunk),
            Source::Other => Err(Skipped::OtherContract),
        };
        Some(read.inspect_err(|why| self.intake.skip(&self.name, &chunk, *why)).ok())
    }
}

/// Whose StackerDB chunks are from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Signers(SignersContract),
    Miners,
    Other,
}

impl Source {
    fn of(chunks: &StackerDbChunks) -> Self {
        match chunks.contract_id.signers_contract() {
            Some(contract) => Self::Signers(contract),
            None if chunks.contract_id.is_miners() => Self::Miners,
            None => Self::Other,
        }
    }
}

/// A miner's word. Who wrote the chunk does not matter: the block's header is signed.
fn miner_event(chunk: &Chunk) -> Result<Event, Skipped> {
    if chunk.data.is_empty() {
        return Err(Skipped::Empty);
    }
    match SignerMessage::from_chunk_data(&chunk.data) {
        Ok(SignerMessage::BlockProposal(proposal)) => Ok(Event::Proposal(proposal)),
        Ok(SignerMessage::BlockPushed(block)) => Ok(Event::Pushed(block)),
        Ok(SignerMessage::MockProposal(proposal)) => Ok(Event::MockProposal(Box::new(proposal))),
        Ok(SignerMessage::MockBlock(_)) => Err(Skipped::Mock),
        Ok(_) => Err(Skipped::WrongLane),
        Err(_) => Err(Skipped::Undecodable),
    }
}

/// A signer's word. The chunk's signature does not cover the contract, so the kind of message must
/// belong into the lane before anything else is believed.
fn signer_event(contract: SignersContract, chunk: &Chunk) -> Result<Event, Skipped> {
    let message_type = chunk.data.first().ok_or(Skipped::Empty)?;
    match Lane::for_message_type(*message_type) {
        Some(lane) if lane == contract.lane => {}
        None if *message_type > MAX_MESSAGE_TYPE => return Err(Skipped::UnknownType),
        _ => return Err(Skipped::WrongLane),
    }
    let from = chunk.recover().ok_or(Skipped::NoSigner)?;
    let message = SignerMessage::from_chunk_data(&chunk.data).map_err(|_| Skipped::Undecodable)?;
    if matches!(message, SignerMessage::MockSignature(_)) {
        return Err(Skipped::Mock);
    }
    Ok(Event::Peer { parity: contract.parity, from, version: chunk.slot_version, message })
}

/// The pre-commit, the highest kind of message that there is.
const MAX_MESSAGE_TYPE: u8 = 7;

#[cfg(test)]
mod tests;
