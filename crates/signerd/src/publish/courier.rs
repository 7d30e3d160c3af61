//! One try to write one message: its slot's version, its signature, the node's answer.

use std::collections::BTreeMap;

use countersign_node::{NodeClient, NodeError, StackerDb};
use countersign_vault::{ChunkRequest, SignError};
use countersign_wire::stackerdb::{
    Chunk, ChunkAck, ChunkRefusal, Lane, SignersContract, SlotMetadata,
};
use countersign_wire::{PublicKey, SlotId, SlotVersion, Wire as _};

use super::{Delivery, Outgoing, label};
use crate::instance::Seen;
use crate::sign::{Desk, Sealed};

/// Knows the versions of our slots in one lane.
pub(super) struct Courier {
    pub(super) lane: Lane,
    pub(super) delivery: Delivery,
    versions: BTreeMap<(SignersContract, SlotId), SlotVersion>,
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
    /// This instance does not sign at the moment.
    Withheld,
    /// The vault does not sign it, now or ever.
    Unsigned(SignError),
    /// The vault has ended, and so will the daemon.
    Closed,
}

impl Courier {
    pub(super) fn new(lane: Lane, delivery: Delivery) -> Self {
        Self { lane, delivery, versions: BTreeMap::new() }
    }

    /// Tries once, or once more with each node that becomes active meanwhile.
    pub(super) async fn attempt(&mut self, outgoing: &mut Outgoing) -> Outcome {
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
            let tried = nodes.with_active(|_, client| self.attempt_at(client, outgoing));
            if let Some(outcome) = tried.await {
                return outcome;
            }
        }
    }

    async fn attempt_at(&mut self, client: NodeClient, outgoing: &mut Outgoing) -> Outcome {
        let contract = outgoing.contract(self.lane);
        let chunk = match &outgoing.chunk {
            Some(chunk) => chunk.clone(),
            None => match self.seal(&client, contract, outgoing).await {
                Ok(chunk) => outgoing.chunk.insert(chunk).clone(),
                Err(outcome) => return outcome,
            },
        };
        match client.put_chunk(StackerDb::Signers(contract), &chunk).await {
            Ok(ack) => {
                let outcome = self.settle((contract, &outgoing.desk.key), &chunk, &ack);
                if matches!(outcome, Outcome::Stale { .. }) {
                    outgoing.chunk = None;
                }
                outcome
            }
            Err(error) => Outcome::Failed(error),
        }
    }

    /// Has the message signed under a version that the slot does not have yet.
    async fn seal(
        &mut self,
        client: &NodeClient,
        contract: SignersContract,
        outgoing: &Outgoing,
    ) -> Result<Chunk, Outcome> {
        let Desk { slot, key, .. } = outgoing.desk;
        let stored = self.stored_version(client, (contract, slot, &key)).await;
        let request = ChunkRequest {
            contract,
            slot_id: slot,
            slot_version: stored.map_err(Outcome::Failed)?.next(),
            message: outgoing.message.clone(),
        };
        match self.delivery.vault.chunk(key, request).await {
            Sealed::Chunk(chunk) => Ok(chunk),
            Sealed::Withheld => Err(Outcome::Withheld),
            Sealed::Refused(error) => Err(Outcome::Unsigned(error)),
            Sealed::Closed => Err(Outcome::Closed),
        }
    }

    /// The slot's version as far as we know; the node is asked only before the first write.
    async fn stored_version(
        &mut self,
        client: &NodeClient,
        (contract, slot, own): (SignersContract, SlotId, &PublicKey),
    ) -> Result<SlotVersion, NodeError> {
        if let Some(version) = self.versions.get(&(contract, slot)) {
            return Ok(*version);
        }
        let slots = client.slot_metadata(StackerDb::Signers(contract)).await?;
        let stored = slots.iter().find(|metadata| metadata.slot_id == slot);
        let version = stored.and_then(|stored| proven_version(stored, own)).unwrap_or_default();
        // A node that lost its slots would have us write what all others know to be old.
        let floor = self.delivery.floors.get(&slot).copied();
        let version = floor.map_or(version, |floor| version.max(floor));
        self.versions.insert((contract, slot), version);
        Ok(version)
    }

    fn settle(
        &mut self,
        (contract, own): (SignersContract, &PublicKey),
        chunk: &Chunk,
        ack: &ChunkAck,
    ) -> Outcome {
        let key = (contract, chunk.slot_id);
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
        let proven = stored.and_then(|stored| proven_version(stored, own));
        let version = proven.unwrap_or(chunk.slot_version);
        self.versions.insert(key, version);
        // The answer to an earlier try may have been lost, and the chunk be there all the same.
        if stored == Some(&chunk.metadata()) {
            return Outcome::Delivered;
        }
        // Whose it is tells whether another process has our key.
        if let Some(seen) = stored.and_then(|it| Seen::of_metadata(contract, it, &[*own])) {
            self.delivery.vault.heard(seen);
        }
        Outcome::Stale { stored: version }
    }
}

/// The version of a slot of ours, if our key has signed what is in it. Nobody else can write there, so a node
/// that names another version has made it up. All versions come from one counter that never falls: with the
/// highest number there is it would have us write for the last time, to whatever node.
fn proven_version(stored: &SlotMetadata, own: &PublicKey) -> Option<SlotVersion> {
    (stored.recover() == Some(*own)).then_some(stored.slot_version)
}
