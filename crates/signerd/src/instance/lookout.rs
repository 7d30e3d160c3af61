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
    /// breaks off has seen nothing, and a slot that could not be read is no slot that is empty.
    async fn look(&mut self, client: NodeClient) -> Result<Vec<Seen>, NodeError> {
        let (mut seen, mut looked_at) = (Vec::new(), Vec::new());
        for parity in [0, 1] {
            for lane in Lane::ALL {
                let contract = SignersContract { parity, lane };
                let slots = client.slot_metadata(StackerDb::Signers(contract)).await?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use countersign_node::{CallbackQueue, QueueLimits};
    use countersign_vault::Vault;
    use countersign_wire::PrivateKey;
    use tokio::sync::mpsc;

    use super::*;
    use crate::metrics::Metrics;
    use crate::publish::Publisher;
    use crate::sign::Post;
    use crate::test_node::{self, Reply};

    /// Looks once at a node whose last contract is answered in this way.
    async fn look(status: u16, text: &'static str) -> Result<Vec<Seen>, NodeError> {
        let last = SignersContract { parity: 1, lane: *Lane::ALL.last().unwrap() };
        let path = format!("/{}", StackerDb::Signers(last));
        let (client, _asked) = test_node::start(move |asked| {
            let is_last = asked.line.ends_with(&path);
            let (status, text) = if is_last { (status, text) } else { (200, "[]") };
            Reply::Json(status, text.to_owned())
        });
        let key = PrivateKey::from_bytes([1; 32]).unwrap();
        let own = vec![key.public_key()];
        let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let metrics = Arc::new(metrics);
        let (publisher, _arrivals) = Publisher::new();
        let (vault, post) = (Vault::in_memory(key).unwrap(), Post::open(&metrics));
        let (vault, _end) =
            VaultHandle::start(vault, post, mpsc::channel(1).0, publisher, metrics).unwrap();
        Lookout::new(Nodes::only(client.clone()), own, vault).look(client).await
    }

    #[tokio::test]
    async fn slots_that_cannot_be_read_are_not_taken_for_empty_ones() {
        assert_eq!(look(200, "[]").await.unwrap(), []);
        let answers = [(200, "<html>"), (200, "{}"), (401, ""), (403, ""), (404, ""), (503, "")];
        for (status, text) in answers {
            assert!(look(status, text).await.is_err(), "{status} {text}");
        }
    }
}
