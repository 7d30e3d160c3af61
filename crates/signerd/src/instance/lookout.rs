//! Reads who wrote our slots last, in every lane of both signer sets.
//!
//! Chunks reach us as callbacks, too, and a writer is told by the node when somebody was there before it. But
//! before the first signature, and as long as another instance may sign, nobody relies on callbacks alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use countersign_node::{NodeClient, NodeError, StackerDb};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{MessageSignature, PublicKey, SlotId};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::GateState;
use super::seen::Seen;
use super::view::InstanceView;
use crate::nodes::Nodes;
use crate::sign::VaultHandle;

/// The task that looks.
pub(crate) struct Lookout {
    nodes: Nodes,
    own: Vec<PublicKey>,
    vault: VaultHandle,
    view: watch::Receiver<InstanceView>,
    /// Whose the chunks are that were looked at before.
    known: BTreeMap<(SignersContract, SlotId), MessageSignature>,
}

impl Lookout {
    /// One that tells the vault's thread what it sees.
    pub(crate) fn new(nodes: Nodes, own: Vec<PublicKey>, vault: VaultHandle) -> Self {
        let view = vault.instance();
        Self { nodes, own, vault, view, known: BTreeMap::new() }
    }

    /// Runs until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let work = async {
            loop {
                let begun = Instant::now();
                let nodes = self.nodes.clone();
                let look = nodes.with_active(|_, client| self.look(client));
                let pause = match look.await {
                    Some(Ok(seen)) => {
                        self.vault.looked(begun, seen);
                        self.pause()
                    }
                    // The node is told about elsewhere; the gate does not open without it.
                    Some(Err(_)) => AFTER_FAILURE,
                    None => Duration::ZERO,
                };
                // A promotion wants a look at once.
                let _ = timeout(pause, self.view.changed()).await;
                sleep(MIN_PAUSE).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// What our keys have signed of what is in the slots, as far as it has not been told before. A look that
    /// breaks off has seen nothing.
    async fn look(&mut self, client: NodeClient) -> Result<Vec<Seen>, NodeError> {
        let (mut seen, mut looked_at) = (Vec::new(), Vec::new());
        for parity in [0, 1] {
            for lane in Lane::ALL {
                let contract = SignersContract { parity, lane };
                let slots = match client.slot_metadata(StackerDb::Signers(contract)).await {
                    Ok(slots) => slots,
                    Err(error) if error.is_transient() => return Err(error),
                    // A node that has no such contract has nothing in it.
                    Err(_) => continue,
                };
                for slot in slots.iter().filter(|slot| slot.slot_version.get() > 0) {
                    let place = (contract, slot.slot_id);
                    if self.known.get(&place) != Some(&slot.signature) {
                        seen.extend(Seen::of_metadata(contract, slot, &self.own));
                        looked_at.push((place, slot.signature));
                    }
                }
            }
        }
        self.known.extend(looked_at);
        Ok(seen)
    }

    fn pause(&self) -> Duration {
        let view = self.view.borrow();
        match view.state() {
            GateState::Listening | GateState::Waiting => view.left().clamp(MIN_PAUSE, LISTENING),
            GateState::Standby | GateState::Demoted => FOLLOWING,
            GateState::Open | GateState::Frozen => SIGNING,
        }
    }
}

const MIN_PAUSE: Duration = Duration::from_millis(20);
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const LISTENING: Duration = Duration::from_secs(1);
const FOLLOWING: Duration = Duration::from_secs(5);
/// Callbacks, and the node's answers to our writes, tell the same sooner.
const SIGNING: Duration = Duration::from_secs(30);
