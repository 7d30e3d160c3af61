//! One try to write one message: its slot's version, its signature, the node's answer.

use std::collections::BTreeMap;

use countersign_node::{NodeClient, NodeError, StackerDb};
use countersign_vault::{ChunkRequest, SignError};
use countersign_wire::stackerdb::{Chunk, ChunkAck, ChunkRefusal, Lane, SignersContract};
use countersign_wire::{SlotId, SlotVersion, Wire as _};

use super::{Delivery, Outgoing, label};

/// Knows the versions of our slots in one lane.
pub(super) struct Courier {
    pub(super) lane: Lane,
    pub(super) delivery: Delivery,
    versions: BTreeMap<(SignersContract, SlotId), SlotVersion>,
    /// Versions that were sent to the node and not confirmed by it, and the node.
    attempted: BTreeMap<(SignersContract, SlotId), SlotVersion>,
    node: usize,
}

/// What became of a try.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The message is in its slot.
    Delivered,
    /// The slot had a later version; the next try jumps past it.
    Stale {
        /// The version that the slot has.
        stored: SlotVersion,
    },
    /// The node could not be asked, or its answer was no answer.
    Failed(NodeError),
    /// The node will never take it.
    Refused(Option<ChunkRefusal>),
    /// The vault does not sign it, now or ever.
    Unsigned(SignError),
    /// The vault has ended, and so will the daemon.
    Closed,
}

impl Courier {
    pub(super) fn new(lane: Lane, delivery: Delivery) -> Self {
        let node = delivery.nodes.active_index();
        Self { lane, delivery, versions: BTreeMap::new(), attempted: BTreeMap::new(), node }
    }

    /// Tries once, or once more with each node that becomes active meanwhile.
    pub(super) async fn attempt(&mut self, outgoing: &Outgoing) -> Outcome {
        if self.delivery.is_dry_run {
            tracing::info!(
                lane = label(self.lane),
                kind = outgoing.message.label(),
                bytes = hex::encode(outgoing.message.to_bytes()),
                "Dry-run signer would have sent a stackerdb message"
            );
            return Outcome::Delivered;
        }
        let nodes = self.delivery.nodes.clone();
        loop {
            let tried = nodes.with_active(|node, client| self.attempt_at(node, client, outgoing));
            if let Some(outcome) = tried.await {
                return outcome;
            }
        }
    }

    async fn attempt_at(
        &mut self,
        node: usize,
        client: NodeClient,
        outgoing: &Outgoing,
    ) -> Outcome {
        self.turn_to(node);
        let contract = outgoing.contract(self.lane);
        let version = match self.stored_version(&client, contract, outgoing.desk.slot).await {
            Ok(stored) => stored.next(),
            Err(error) => return Outcome::Failed(error),
        };
        let request = ChunkRequest {
            contract,
            slot_id: outgoing.desk.slot,
            slot_version: version,
            message: outgoing.message.clone(),
        };
        let chunk = match self.delivery.vault.chunk(outgoing.desk.key, request).await {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Outcome::Unsigned(error),
            None => return Outcome::Closed,
        };
        self.attempted.insert((contract, outgoing.desk.slot), version);
        match client.put_chunk(StackerDb::Signers(contract), &chunk).await {
            Ok(ack) => self.settle(contract, &chunk, &ack),
            Err(error) => Outcome::Failed(error),
        }
    }

    /// Another node may have none of what was sent to the one before. A version that may be in use there
    /// is not used here with another message: the nodes would never settle which of the two counts.
    fn turn_to(&mut self, node: usize) {
        if node == self.node {
            return;
        }
        self.node = node;
        for (key, version) in std::mem::take(&mut self.attempted) {
            let known = self.versions.entry(key).or_insert(version);
            *known = version.max(*known);
        }
    }

    /// The slot's version as far as we know; the node is asked only before the first write.
    async fn stored_version(
        &mut self,
        client: &NodeClient,
        contract: SignersContract,
        slot: SlotId,
    ) -> Result<SlotVersion, NodeError> {
        if let Some(version) = self.versions.get(&(contract, slot)) {
            return Ok(*version);
        }
        let slots = client.slot_metadata(StackerDb::Signers(contract)).await?;
        let stored = slots.iter().find(|metadata| metadata.slot_id == slot);
        let version = stored.map_or(SlotVersion::new(0), |metadata| metadata.slot_version);
        // A node that lost its slots would have us write what all others know to be old.
        let floor = self.delivery.floors.get(&slot).copied();
        let version = floor.map_or(version, |floor| version.max(floor));
        self.versions.insert((contract, slot), version);
        Ok(version)
    }

    fn settle(&mut self, contract: SignersContract, chunk: &Chunk, ack: &ChunkAck) -> Outcome {
        let key = (contract, chunk.slot_id);
        self.attempted.remove(&key);
        if ack.accepted {
            self.versions.insert(key, chunk.slot_version);
            return Outcome::Delivered;
        }
        if ack.code != Some(ChunkRefusal::DataAlreadyExists) {
            // Who owns the slot may have changed, and its version with it.
            self.versions.remove(&key);
            return Outcome::Refused(ack.code);
        }
        let stored = ack.metadata.as_ref();
        let version = stored.map_or(chunk.slot_version, |metadata| metadata.slot_version);
        self.versions.insert(key, version);
        // The answer to an earlier try may have been lost, and the chunk be there all the same.
        if stored == Some(&chunk.metadata()) {
            return Outcome::Delivered;
        }
        Outcome::Stale { stored: version }
    }
}
