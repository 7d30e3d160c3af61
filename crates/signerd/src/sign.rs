//! The vaults' own thread: it syncs a file for each record, and nothing else may wait for that.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use countersign_ops::watchdog::Pulse;
use countersign_signer::{AcceptanceOrder, Event, OverrideReason};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, MockRequest, Override, OverrideRule, RejectionRequest,
    SignError,
};
use countersign_wire::message::{BlockRejected, BlockResponse, MockProposal, SignerMessage};
use countersign_wire::stackerdb::{Chunk, Lane};
use countersign_wire::{PublicKey, RewardCycle, SlotId};
use tokio::sync::{mpsc, oneshot};

use crate::clock::now;
use crate::facts::describe;
use crate::metrics::Metrics;
use crate::publish::{Outgoing, Publisher};
use crate::vaults::Vaults;

/// What a vault is asked for; each order names the key whose vault it is.
enum Order {
    Accept(AcceptanceOrder),
    Reject(Desk, Box<BlockRejected>),
    Mock(Desk, Box<MockProposal>),
    Chunk {
        key: PublicKey,
        request: Box<ChunkRequest>,
        reply: oneshot::Sender<Result<Chunk, SignError>>,
    },
}

/// Who says something, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk {
    /// The cycle whose contract it goes to.
    pub(crate) cycle: RewardCycle,
    /// Our slot.
    pub(crate) slot: SlotId,
    /// The key of ours that has the seat.
    pub(crate) key: PublicKey,
}

/// Asks the vaults. The queue has no bound of its own, since the loop must never wait: it holds at
/// most one order per step of the core and one per lane of the publisher.
#[derive(Clone)]
pub(crate) struct VaultHandle {
    orders: mpsc::UnboundedSender<Order>,
    pulse: Pulse,
}

/// How the vault's thread ended.
pub(crate) type VaultEnd = oneshot::Receiver<Result<(), SignError>>;

impl VaultHandle {
    /// Starts the thread. It ends when every handle is gone, or when the journal fails.
    pub(crate) fn start(
        vaults: impl Into<Vaults>,
        inbox: mpsc::Sender<Event>,
        publisher: Publisher,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, VaultEnd)> {
        let (orders, queue) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let pulse = Pulse::new("the vault");
        let mut vaults = vaults.into();
        for vault in vaults.all() {
            vault.count_outages(metrics.vault_outages.clone());
        }
        let clerk = Clerk { vaults, inbox, publisher, metrics, pulse: pulse.clone() };
        std::thread::Builder::new().name("vault".to_owned()).spawn(move || {
            // Nobody listens any more only when the daemon has ended already.
            let _ = ended.send(clerk.serve(queue));
        })?;
        Ok((Self { orders, pulse }, end))
    }

    /// The pulse of the thread: it rests while there is nothing to sign.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Asks for the signature of a block; the answer is an event.
    pub(crate) fn accept(&self, order: AcceptanceOrder) {
        self.order(Order::Accept(order));
    }

    /// Has a rejection signed and published.
    pub(crate) fn reject(&self, desk: Desk, rejection: Box<BlockRejected>) {
        self.order(Order::Reject(desk, rejection));
    }

    /// Has a mock proposal signed, and the mock signature published.
    pub(crate) fn mock(&self, desk: Desk, proposal: Box<MockProposal>) {
        self.order(Order::Mock(desk, proposal));
    }

    /// A signed chunk; nothing if the vault has ended.
    pub(crate) async fn chunk(
        &self,
        key: PublicKey,
        request: ChunkRequest,
    ) -> Option<Result<Chunk, SignError>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Chunk { key, request: Box::new(request), reply });
        answer.await.ok()
    }

    /// A vault that has ended ends the daemon, which needs no help here.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// Serves the queue on the vault's thread.
struct Clerk {
    vaults: Vaults,
    inbox: mpsc::Sender<Event>,
    publisher: Publisher,
    metrics: Arc<Metrics>,
    /// Beats with each order, and rests without one.
    pulse: Pulse,
}

impl Clerk {
    fn serve(mut self, mut queue: mpsc::UnboundedReceiver<Order>) -> Result<(), SignError> {
        loop {
            self.pulse.rest();
            let Some(order) = queue.blocking_recv() else { break };
            self.pulse.beat();
            let (payload, begun, is_last) =
                (order.label(), Instant::now(), order.ends_a_decision());
            self.carry_out(order)?;
            let seconds = self.metrics.vault_seconds.get_or_create(&vec![("payload", payload)]);
            seconds.observe(begun.elapsed().as_secs_f64());
            // After a signature its chunk is ordered at once, which must not wait.
            if is_last && queue.is_empty() {
                self.vaults.tidy()?;
            }
        }
        // Whoever asked has ended, and got every answer.
        self.vaults.close_cleanly()
    }

    fn carry_out(&mut self, order: Order) -> Result<(), SignError> {
        match order {
            Order::Accept(order) => self.accept(&order),
            Order::Reject(desk, rejection) => self.reject(desk, *rejection),
            Order::Mock(desk, proposal) => {
                let server_version = crate::release();
                let request = MockRequest { proposal: *proposal, server_version };
                match self.vaults.of(&desk.key).sign_mock(request) {
                    Ok(mock) => {
                        let message = SignerMessage::MockSignature(mock);
                        self.publisher.publish(Outgoing::new(desk, message));
                    }
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(error) => {
                        let error = describe(&error);
                        tracing::warn!(error, "the vault does not sign a mock proposal");
                    }
                }
                Ok(())
            }
            Order::Chunk { key, request, reply } => match self.vaults.of(&key).sign_chunk(&request)
            {
                Err(error) if error.is_fatal() => Err(error),
                signed => {
                    // A lane that has stopped waiting has no use for it.
                    let _ = reply.send(signed);
                    Ok(())
                }
            },
        }
    }

    fn accept(&mut self, order: &AcceptanceOrder) -> Result<(), SignError> {
        let sighash = order.sighash;
        let event = match self.vaults.of(&order.key).sign_acceptance(&request(order)) {
            Ok(signature) => Event::Signed { sighash, signature },
            Err(SignError::Conflict { rival, .. }) => Event::SigningRefused { sighash, rival },
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                // Names no rival but must be answered all the same: the core waits for it.
                tracing::error!(%sighash, error = describe(&error), "the vault does not sign a block");
                Event::SigningRefused { sighash, rival: sighash }
            }
        };
        // The loop is gone only when the daemon ends; the journal has the record.
        let _ = self.inbox.blocking_send(event);
        Ok(())
    }

    fn reject(&mut self, desk: Desk, mut rejection: BlockRejected) -> Result<(), SignError> {
        let (sighash, chain_id) = (rejection.sighash, rejection.chain_id);
        let request = RejectionRequest { sighash, chain_id, at: now().as_unix() };
        match self.vaults.of(&desk.key).sign_rejection(&request) {
            Ok(signature) => {
                rejection.signature = signature;
                let response = BlockResponse::Rejected(rejection);
                let message = SignerMessage::BlockResponse(response);
                self.publisher.publish(Outgoing::new(desk, message));
            }
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                tracing::warn!(%sighash, error = describe(&error), "the vault does not sign a rejection");
            }
        }
        Ok(())
    }
}

impl Order {
    /// Whether nothing more of the same block is to be signed.
    fn ends_a_decision(&self) -> bool {
        matches!(self, Self::Chunk { request, .. } if request.contract.lane == Lane::Responses)
    }

    const fn label(&self) -> &'static str {
        match self {
            Self::Accept(_) => "acceptance",
            Self::Reject(..) => "rejection",
            Self::Mock(..) => "mock",
            Self::Chunk { .. } => "chunk",
        }
    }
}

fn request(order: &AcceptanceOrder) -> AcceptanceRequest {
    let overriding = order.overriding.iter().map(|(sighash, reason)| Override {
        sighash: *sighash,
        rule: match reason {
            OverrideReason::Stale => OverrideRule::Stale,
            OverrideReason::NotLive => OverrideRule::NotLive,
            OverrideReason::Permitted => OverrideRule::Permitted,
        },
    });
    AcceptanceRequest {
        header: order.header.clone(),
        burn_height: order.burn_height,
        overriding: overriding.collect(),
        at: order.at.as_unix(),
    }
}

#[cfg(test)]
mod tests;
