//! The virtual clock: what happens next, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_signer::{AcceptanceOrder, Event, Query, Ticket, Timestamp};
use countersign_wire::message::{BlockProposal, SignerMessage};
use countersign_wire::{NakamotoBlock, PublicKey, RewardCycle, Sighash, SlotId};

use super::network::Heard;

/// One thing that happens. `life` counts the starts of a signer: what belongs to an earlier life is
/// lost.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// An event reaches a signer: a callback reaches any life, an answer only the one that asked.
    Arrives { to: usize, life: Option<u32>, event: Box<Event> },
    /// The deadline that a signer named is due.
    Deadline { of: usize, life: u32 },
    /// A node answers a question.
    Asked { by: usize, life: u32, ticket: Ticket, query: Query },
    /// A node is asked to validate a block.
    ToValidate { by: usize, life: u32, sighash: Sighash, block: Arc<NakamotoBlock> },
    /// A node is done with validating a block.
    Validated { node: usize, block: Arc<NakamotoBlock> },
    /// A vault is asked for a signature.
    ToSign { by: usize, life: u32, order: AcceptanceOrder },
    /// A publisher writes a message into its slot.
    ToWrite { by: usize, life: u32, letter: Letter },
    /// A node gets a signed block.
    ToUpload { by: usize, life: u32, block: Arc<NakamotoBlock> },
    /// A signer reads the slots of a cycle and of the miners.
    SlotsRead { by: usize, life: u32, cycle: RewardCycle, slots: u32 },
    /// A signer starts again.
    Restarts { signer: usize },
    /// A node learns everything up to a version of the chain.
    Synced { node: usize, version: usize },
    /// A node stops.
    NodeFails { node: usize },
    /// A node starts again.
    NodeRecovers { node: usize },
    /// A burn block is mined.
    BurnBlock,
    /// Miners look what there is to do.
    MinersTurn,
    /// A miner sees what a signer wrote.
    MinerHears { miner: usize, heard: Arc<Heard> },
    /// A lying signer sees a proposal.
    LiarHears { liar: usize, proposal: Arc<BlockProposal> },
    /// A lying signer says something unasked.
    LiarSpeaks { liar: usize },
}

/// A message on its way to a slot.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) cycle: RewardCycle,
    pub(super) slot: SlotId,
    pub(super) key: PublicKey,
    pub(super) message: Box<SignerMessage>,
    pub(super) attempts: u32,
}

/// Everything that is going to happen, earliest first; ties fall to what was planned first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BTreeMap<(Timestamp, u64), Happening>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Timestamp, happening: Happening) {
        self.planned += 1;
        self.queue.insert((at, self.planned), happening);
    }

    pub(super) fn next(&mut self) -> Option<(Timestamp, Happening)> {
        self.queue.pop_first().map(|((at, _), happening)| (at, happening))
    }

    /// The next thing that happens up to and including `until`.
    pub(super) fn next_until(&mut self, until: Timestamp) -> Option<(Timestamp, Happening)> {
        let ((at, _), _) = self.queue.first_key_value()?;
        if *at <= until { self.next() } else { None }
    }
}
