//! What a scene does to its world, and what it overhears. A world that is left to itself has an empty
//! script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_signer::{Answer, Event, Millis, NodeFailure, Note, Query, Timestamp};
use countersign_wire::event::ProposalResponse;
use countersign_wire::message::SignerMessage;
use countersign_wire::{NakamotoBlock, PublicKey, Sighash};

use super::World;

/// Whether an event on its way to a signer is lost.
pub(super) type Filter = Box<dyn Fn(usize, &Event) -> bool>;
/// What a node says instead of the truth.
pub(super) type Lie =
    Box<dyn Fn(&Query, Result<Answer, NodeFailure>) -> Result<Answer, NodeFailure>>;
/// What a node's validation says instead of what the chain would.
pub(super) type Bias = Box<dyn Fn(ProposalResponse) -> ProposalResponse>;

/// A message that a signer wrote into its slot.
#[derive(Clone, Debug)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// Who owns the slot.
    pub from: PublicKey,
    /// Reward cycle modulo 2 of the contract.
    pub parity: u8,
    /// The message.
    pub message: SignerMessage,
}

/// How long things take, without chance: what happens to all signers happens to them at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) message: Millis,
    pub(super) validation: Millis,
}

/// The pace of every scene.
const PACE: Pace = Pace { message: Millis::new(10), validation: Millis::new(50) };

/// How far a machine's clock is ahead of the world's, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Now.
    pub(super) wall: i64,
    /// When the signer was started last: the core's time goes on from there steadily.
    pub(super) at_start: i64,
}

/// Interference with a world.
#[derive(Default)]
pub(super) struct Script {
    /// Whether a story is told: everything is recorded and nothing is left to chance.
    pub(super) is_told: bool,
    pub(super) said: Vec<Said>,
    pub(super) notes: Vec<(usize, Note)>,
    /// Which signer had its node validate which block.
    pub(super) validations: Vec<(usize, Sighash)>,
    /// Which signer brought which block to its node.
    pub(super) uploads: Vec<(usize, Sighash)>,
    /// Events that get lost.
    pub(super) filters: Vec<Filter>,
    /// What nodes say instead of the truth.
    pub(super) lies: BTreeMap<usize, Lie>,
    /// What nodes' validations say instead of what the chain would.
    pub(super) biases: BTreeMap<usize, Bias>,
    /// Nodes that begin to validate and do not end, with the block that they are at.
    pub(super) stalled: BTreeMap<usize, Option<Arc<NakamotoBlock>>>,
    /// Nodes that learn nothing new.
    pub(super) frozen: BTreeSet<usize>,
    /// Blocks do not reach the nodes when signers upload them.
    pub(super) no_uploads: bool,
    /// Clocks that are wrong.
    pub(super) clocks: BTreeMap<usize, Clock>,
}

impl Script {
    pub(super) fn pace(&self) -> Option<Pace> {
        self.is_told.then_some(PACE)
    }

    /// A signer starts, and takes the time from its machine's clock.
    pub(super) fn start_clock(&mut self, signer: usize) {
        if let Some(clock) = self.clocks.get_mut(&signer) {
            clock.at_start = clock.wall;
        }
    }

    pub(super) fn drops(&self, to: usize, event: &Event) -> bool {
        self.filters.iter().any(|filter| filter(to, event))
    }

    pub(super) fn hear(
        &mut self,
        at: Timestamp,
        from: PublicKey,
        parity: u8,
        message: &SignerMessage,
    ) {
        if self.is_told {
            self.said.push(Said { at, from, parity, message: message.clone() });
        }
    }

    pub(super) fn note(&mut self, signer: usize, note: &Note) {
        if self.is_told {
            self.notes.push((signer, note.clone()));
        }
    }

    pub(super) fn asked_to_validate(&mut self, by: usize, sighash: Sighash) {
        if self.is_told {
            self.validations.push((by, sighash));
        }
    }

    pub(super) fn uploading(&mut self, by: usize, sighash: Sighash) {
        if self.is_told {
            self.uploads.push((by, sighash));
        }
    }

    /// Keeps the block if its validation does not end for now.
    pub(super) fn stalls(&mut self, node: usize, block: &Arc<NakamotoBlock>) -> bool {
        match self.stalled.get_mut(&node) {
            Some(kept) => {
                *kept = Some(Arc::clone(block));
                true
            }
            None => false,
        }
    }

    pub(super) fn colour(&self, node: usize, verdict: ProposalResponse) -> ProposalResponse {
        match self.biases.get(&node) {
            Some(bias) => bias(verdict),
            None => verdict,
        }
    }

    pub(super) fn answer(
        &self,
        node: usize,
        query: &Query,
        truth: Result<Answer, NodeFailure>,
    ) -> Result<Answer, NodeFailure> {
        match self.lies.get(&node) {
            Some(lie) => lie(query, truth),
            None => truth,
        }
    }

    pub(super) fn is_frozen(&self, node: usize) -> bool {
        self.frozen.contains(&node)
    }

    pub(super) const fn delays_uploads(&self) -> bool {
        self.no_uploads
    }
}

impl World {
    /// What a signer's core is told as the time.
    pub(super) fn clock_of(&self, signer: usize) -> Timestamp {
        let clock = self.script.clocks.get(&signer).copied().unwrap_or_default();
        self.now.shifted(clock.at_start)
    }
}
