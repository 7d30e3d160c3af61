//! A callback as the core's events, with the checks that the daemon makes: a chunk counts only in
//! the lane of its message, and only if a key can be recovered from its signature.

use countersign_signer::Event;
use countersign_wire::event::{Callback, StackerDbChunks};
use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::{Chunk, SignersContract};

/// What a callback tells the core.
pub(crate) fn events(callback: Callback) -> Vec<Event> {
    match callback {
        Callback::NewBurnBlock(block) => vec![Event::BurnBlock(block)],
        Callback::NewBlock(block) => vec![Event::StacksBlock(block)],
        Callback::ProposalResponse(verdict) => vec![Event::Verdict(verdict)],
        Callback::StackerDbChunks(chunks) => chunk_events(&chunks),
    }
}

/// What the chunks of one contract tell the core.
fn chunk_events(chunks: &StackerDbChunks) -> Vec<Event> {
    let slots = chunks.modified_slots.iter();
    match chunks.contract_id.signers_contract() {
        Some(contract) => slots.filter_map(|chunk| signer_event(contract, chunk)).collect(),
        None if chunks.contract_id.is_miners() => slots.filter_map(miner_event).collect(),
        None => Vec::new(),
    }
}

/// What a signer's chunk tells the core.
pub(crate) fn signer_event(contract: SignersContract, chunk: &Chunk) -> Option<Event> {
    let message = SignerMessage::from_chunk_data(&chunk.data).ok()?;
    (message.lane() == Some(contract.lane)).then_some(())?;
    let from = chunk.recover()?;
    Some(Event::Peer { parity: contract.parity, from, version: chunk.slot_version, message })
}

fn miner_event(chunk: &Chunk) -> Option<Event> {
    match SignerMessage::from_chunk_data(&chunk.data).ok()? {
        SignerMessage::BlockProposal(proposal) => Some(Event::Proposal(proposal)),
        SignerMessage::BlockPushed(block) => Some(Event::Pushed(block)),
        _ => None,
    }
}
