//! Reads the slots of StackerDB and turns them into the events that their chunks were when they were
//! written: after a start, and after a time in which callbacks may have been missed.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_node::{NodeClient, NodeError, StackerDb};
use countersign_signer::Event;
use countersign_wire::event::{Callback, ContractId, StackerDbChunks};
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract, SlotMetadata, data_hash};
use countersign_wire::{Network, RewardCycle};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::facts::describe;
use crate::intake::Intake;
use crate::nodes::Nodes;
use crate::retry::{while_failing, while_unreachable};

/// Asks for slots to be read. Asking again for a cycle before its turn has come changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct SlotReaderHandle {
    requests: mpsc::UnboundedSender<Request>,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    cycle: RewardCycle,
    slots: u32,
}

/// The task that reads.
pub(crate) struct SlotReader {
    requests: mpsc::UnboundedReceiver<Request>,
    nodes: Nodes,
    network: Network,
    intake: Intake,
    inbox: mpsc::Sender<Event>,
}

impl SlotReaderHandle {
    /// Has `slots` slots of each lane of `cycle`, and the miners' slots, read.
    pub(crate) fn read(&self, cycle: RewardCycle, slots: u32) {
        // The reader is gone only when the daemon ends.
        let _ = self.requests.send(Request { cycle, slots });
    }
}

impl SlotReader {
    /// A reader that puts its events into `inbox`.
    pub(crate) fn new(
        nodes: Nodes,
        network: Network,
        intake: Intake,
        inbox: mpsc::Sender<Event>,
    ) -> (SlotReaderHandle, Self) {
        let (requests, queue) = mpsc::unbounded_channel();
        let reader = Self { requests: queue, nodes, network, intake, inbox };
        (SlotReaderHandle { requests }, reader)
    }

    /// Runs until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let work = async {
            while let Some(first) = self.requests.recv().await {
                let mut cycles = BTreeMap::from([(first.cycle, first.slots)]);
                while let Ok(more) = self.requests.try_recv() {
                    cycles.insert(more.cycle, more.slots);
                }
                for (cycle, slots) in cycles {
                    let read =
                        self.nodes.with_active(|_, client| self.read_cycle(client, cycle, slots));
                    // If another node takes over, the core has its slots read.
                    let _ = read.await;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// Views first, so that proposals are judged by what the signers agree on, and votes last, so
    /// that they find their proposals.
    async fn read_cycle(&self, client: NodeClient, cycle: RewardCycle, slots: u32) {
        let lane = |lane| StackerDb::Signers(SignersContract::new(cycle, lane));
        let order = [
            lane(Lane::StateUpdates),
            StackerDb::Miners,
            lane(Lane::PreCommits),
            lane(Lane::Responses),
        ];
        for db in order {
            let limit = if db == StackerDb::Miners { MAX_MINER_SLOTS } else { slots };
            let read = || self.read_db(&client, db, limit);
            match while_failing(PATIENCE, NodeError::is_transient, read).await {
                Ok(()) => {}
                Err(error) => {
                    let (db, error) = (db.to_string(), describe(&error));
                    tracing::warn!(
                        db,
                        error,
                        "the slots cannot be read; their changes will come as callbacks"
                    );
                }
            }
        }
    }

    /// Reads a few slots at a time and delivers them, so that only these are in memory. If it fails on
    /// the way and is tried again, what was delivered is delivered twice, which does no harm.
    async fn read_db(
        &self,
        client: &NodeClient,
        db: StackerDb,
        limit: u32,
    ) -> Result<(), NodeError> {
        let mut written = client.slot_metadata(db).await?;
        written.retain(|slot| slot.slot_version.get() > 0 && slot.slot_id.get() < limit);
        // A node that names a slot twice has it read once.
        written.sort_unstable_by_key(|slot| slot.slot_id);
        written.dedup_by_key(|slot| slot.slot_id);
        for few in written.chunks(MAX_READS) {
            let mut reading = JoinSet::new();
            for slot in few {
                let (client, slot) = (client.clone(), slot.clone());
                reading.spawn(async move { read_slot(&client, db, &slot).await });
            }
            let mut chunks = Vec::new();
            while let Some(read) = reading.join_next().await {
                // A task that was cancelled with the runtime has nothing to say.
                if let Ok(read) = read {
                    chunks.extend(read?);
                }
            }
            chunks.sort_unstable_by_key(|chunk| chunk.slot_id);
            self.deliver(db, chunks).await;
        }
        Ok(())
    }

    async fn deliver(&self, db: StackerDb, modified_slots: Vec<Chunk>) {
        let contract_id = ContractId { issuer: self.network.boot_address(), name: db.to_string() };
        let chunks = Callback::StackerDbChunks(StackerDbChunks { contract_id, modified_slots });
        for event in self.intake.read(chunks).flatten() {
            // The loop is gone only when the daemon ends.
            let _ = self.inbox.send(event).await;
        }
    }
}

/// The chunk of a slot, put together from what the node keeps of it. Nothing if the slot was written
/// anew in between: then a callback brings the new chunk.
async fn read_slot(
    client: &NodeClient,
    db: StackerDb,
    slot: &SlotMetadata,
) -> Result<Option<Chunk>, NodeError> {
    let data = while_unreachable(|| client.latest_chunk_data(db, slot.slot_id)).await?;
    Ok(data.filter(|data| data_hash(data) == slot.data_hash).map(|data| Chunk {
        slot_id: slot.slot_id,
        slot_version: slot.slot_version,
        signature: slot.signature,
        data,
    }))
}

/// Two miners have two slots each.
const MAX_MINER_SLOTS: u32 = 4;
/// How many slots are read at once.
const MAX_READS: usize = 8;
/// How long the node may fail before its slots are given up.
const PATIENCE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
