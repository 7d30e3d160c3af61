//! The core in the place of signer 0.

use std::collections::BTreeMap;

use countersign_signer::{
    Action, DEFAULT_REPLAY_BLOCKS, Event, Params, Saved, Signer, Step, Submission, Timeouts,
    Timestamp,
};
use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::stackerdb::{Chunk, ChunkAck, Lane, SignersContract};
use countersign_wire::{ChainId, Network, PrivateKey, SlotId};

use super::intake;
use super::node::Node;
use super::recording::{Line, Recording, signer_key};
use super::said::Said;

/// Hands the core what signer 0 was told, and returns what the core says.
///
/// The node's answers are those of `Node`. Blocks are signed with signer 0's own key. The echoes of the
/// core's own messages are those of the recorded signer. A request for validation is accepted at
/// once; the verdict is the recorded one, which came for whichever of the five signers asked first.
pub fn replay(recording: &Recording) -> Said {
    let start = recording.lines().first().unwrap().at;
    let mut stage = Stage::new(recording, start);
    for line in recording.lines() {
        stage.pass_time(line.at);
        stage.see(line);
    }
    stage.said
}

struct Stage {
    signer: Signer,
    key: PrivateKey,
    node: Node,
    /// What the recorded signers have written so far.
    slots: BTreeMap<(SignersContract, SlotId), Chunk>,
    said: Said,
    /// Milliseconds since the recording was started.
    now: u64,
    /// When that was: by it the first proposal arrives at the time that its header names.
    epoch: u64,
}

impl Stage {
    fn new(recording: &Recording, start: u64) -> Self {
        let key = signer_key(0);
        let params = Params {
            key: key.public_key(),
            next_key: None,
            network: Network::Testnet,
            chain_id: ChainId::TESTNET,
            server_version: "replay".to_owned(),
            timeouts: Timeouts::default(),
            validate_with_replay_tx: false,
            reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
            is_dry_run: false,
        };
        let epoch = epoch(recording);
        let now = Timestamp::from_millis(epoch + start);
        let (signer, step) = Signer::restore(params, Saved::default(), now);
        let node = Node::of(recording);
        let (slots, said) = (BTreeMap::new(), Said::default());
        let mut stage = Self { signer, key, node, slots, said, now: start, epoch };
        stage.perform(step);
        stage
    }

    /// Wakes the core whenever it wants to be woken before `until`.
    fn pass_time(&mut self, until: u64) {
        while let Some(due) = self.signer.next_deadline() {
            let due = due.as_millis().saturating_sub(self.epoch);
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            self.handle(Event::Deadline);
        }
        self.now = until;
    }

    fn see(&mut self, line: &Line) {
        if let Some(callback) = line.callback() {
            self.node.announce(&callback);
            for event in intake::events(callback) {
                self.handle(event);
            }
        } else if line.json["method"] == "POST" && line.path().starts_with("/v2/stackerdb/") {
            self.remember_write(line);
        }
    }

    fn remember_write(&mut self, line: &Line) {
        let ack: ChunkAck = serde_json::from_value(line.json["response"].clone()).unwrap();
        let contract = line.path().split('/').nth(4).and_then(SignersContract::parse);
        if let (Some(contract), true) = (contract, ack.accepted) {
            let chunk: Chunk = serde_json::from_value(line.json["request"].clone()).unwrap();
            self.slots.insert((contract, chunk.slot_id), chunk);
        }
    }

    fn handle(&mut self, event: Event) {
        let now = Timestamp::from_millis(self.epoch + self.now);
        let step = self.signer.handle(event, now);
        self.perform(step);
    }

    /// Performs everything at once, as a node and a vault without delays would.
    fn perform(&mut self, step: Step) {
        for action in step.actions {
            for event in self.outcome(action) {
                self.handle(event);
            }
        }
    }

    fn outcome(&mut self, action: Action) -> Vec<Event> {
        match action {
            Action::Ask { ticket, query } => {
                let answer = self.node.answer(query, self.now);
                return vec![Event::Answered { ticket, query, answer }];
            }
            Action::Validate { sighash, .. } => {
                let outcome = Submission::Accepted;
                return vec![Event::ValidationSubmitted { sighash, outcome }];
            }
            Action::SignAcceptance(order) => {
                let signature = self.key.sign(order.sighash.as_bytes());
                return vec![Event::Signed { sighash: order.sighash, signature }];
            }
            Action::Reject { mut rejection, .. } => {
                rejection.signature = self.key.sign(&rejection.digest());
                let response = BlockResponse::Rejected(*rejection);
                self.said.hear(SignerMessage::BlockResponse(response));
            }
            // The recordings that are played begin in epoch 3.
            Action::SignMock { .. } => {}
            Action::Publish { message, .. } => self.said.hear(*message),
            Action::Upload { block } => {
                self.said.uploads.insert(block.sighash());
                return vec![Event::Uploaded { sighash: block.sighash() }];
            }
            Action::ReadSlots { cycle, .. } => {
                let contracts = Lane::ALL.map(|lane| SignersContract::new(cycle, lane));
                return self
                    .slots
                    .iter()
                    .filter(|((contract, _), _)| contracts.contains(contract))
                    .filter_map(|((contract, _), chunk)| intake::signer_event(*contract, chunk))
                    .collect();
            }
        }
        Vec::new()
    }
}

/// Milliseconds from 1970 to the start of the recording.
fn epoch(recording: &Recording) -> u64 {
    let (at, proposal) = recording.proposals().next().unwrap();
    proposal.block.header.timestamp.get() * 1000 - at
}
