//! The vault's own thread: it syncs a file for each record, and nothing else may wait for that.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use countersign_signer::{AcceptanceOrder, Event, OverrideReason};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, MockRequest, Override, OverrideRule, RejectionRequest,
    SignError,
};
use countersign_wire::message::{BlockRejected, BlockResponse, MockProposal, SignerMessage};
use countersign_wire::stackerdb::{Chunk, Lane};
use countersign_wire::{RewardCycle, SlotId};
use tokio::sync::{mpsc, oneshot};

use crate::clock::now;
use crate::facts::describe;
use crate::hand::Hand;
use crate::metrics::Metrics;
use crate::publish::{Outgoing, Publisher};

/// What the vault is asked for.
enum Order {
    Accept(AcceptanceOrder),
    Reject { cycle: RewardCycle, slot: SlotId, rejection: Box<BlockRejected> },
    Mock { cycle: RewardCycle, slot: SlotId, proposal: Box<MockProposal> },
    Chunk { request: Box<ChunkRequest>, reply: oneshot::Sender<Result<Chunk, SignError>> },
}

/// Asks the vault. The queue has no bound of its own, since the loop must never wait: it holds at
/// most one order per step of the core and one per lane of the publisher.
#[derive(Clone)]
pub(crate) struct VaultHandle {
    orders: mpsc::UnboundedSender<Order>,
}

/// How the vault's thread ended.
pub(crate) type VaultEnd = oneshot::Receiver<Result<(), SignError>>;

impl VaultHandle {
    /// Starts the thread. It ends when every handle is gone, or when the journal fails.
    pub(crate) fn start(
        vault: impl Into<Hand>,
        inbox: mpsc::Sender<Event>,
        publisher: Publisher,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, VaultEnd)> {
        let (orders, queue) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let clerk = Clerk { vault: vault.into(), inbox, publisher, metrics };
        std::thread::Builder::new().name("vault".to_owned()).spawn(move || {
            // Nobody listens any more only when the daemon has ended already.
            let _ = ended.send(clerk.serve(queue));
        })?;
        Ok((Self { orders }, end))
    }

    /// Asks for the signature of a block; the answer is an event.
    pub(crate) fn accept(&self, order: AcceptanceOrder) {
        self.order(Order::Accept(order));
    }

    /// Has a rejection signed and published.
    pub(crate) fn reject(&self, cycle: RewardCycle, slot: SlotId, rejection: Box<BlockRejected>) {
        self.order(Order::Reject { cycle, slot, rejection });
    }

    /// Has a mock proposal signed, and the mock signature published.
    pub(crate) fn mock(&self, cycle: RewardCycle, slot: SlotId, proposal: Box<MockProposal>) {
        self.order(Order::Mock { cycle, slot, proposal });
    }

    /// A signed chunk; nothing if the vault has ended.
    pub(crate) async fn chunk(&self, request: ChunkRequest) -> Option<Result<Chunk, SignError>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Chunk { request: Box::new(request), reply });
        answer.await.ok()
    }

    /// A vault that has ended ends the daemon, which needs no help here.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// Serves the queue on the vault's thread.
struct Clerk {
    vault: Hand,
    inbox: mpsc::Sender<Event>,
    publisher: Publisher,
    metrics: Arc<Metrics>,
}

impl Clerk {
    fn serve(mut self, mut queue: mpsc::UnboundedReceiver<Order>) -> Result<(), SignError> {
        while let Some(order) = queue.blocking_recv() {
            let (payload, begun, is_last) =
                (order.label(), Instant::now(), order.ends_a_decision());
            self.carry_out(order)?;
            let seconds = self.metrics.vault_seconds.get_or_create(&vec![("payload", payload)]);
            seconds.observe(begun.elapsed().as_secs_f64());
            // After a signature its chunk is ordered at once, which must not wait.
            if is_last && queue.is_empty() {
                self.vault.tidy()?;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, order: Order) -> Result<(), SignError> {
        match order {
            Order::Accept(order) => self.accept(&order),
            Order::Reject { cycle, slot, rejection } => self.reject(cycle, slot, *rejection),
            Order::Mock { cycle, slot, proposal } => {
                let server_version = crate::release();
                let request = MockRequest { proposal: *proposal, server_version };
                match self.vault.sign_mock(request) {
                    Ok(mock) => {
                        let message = SignerMessage::MockSignature(mock);
                        self.publisher.publish(Outgoing::new(cycle, slot, message));
                    }
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(error) => {
                        let error = describe(&error);
                        tracing::warn!(error, "the vault does not sign a mock proposal");
                    }
                }
                Ok(())
            }
            Order::Chunk { request, reply } => match self.vault.sign_chunk(&request) {
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
        let event = match self.vault.sign_acceptance(&request(order)) {
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

    fn reject(
        &mut self,
        cycle: RewardCycle,
        slot: SlotId,
        mut rejection: BlockRejected,
    ) -> Result<(), SignError> {
        let (sighash, chain_id) = (rejection.sighash, rejection.chain_id);
        match self.vault.sign_rejection(&RejectionRequest {
            sighash,
            chain_id,
            at: now().as_unix(),
        }) {
            Ok(signature) => {
                rejection.signature = signature;
                let response = BlockResponse::Rejected(rejection);
                let message = SignerMessage::BlockResponse(response);
                self.publisher.publish(Outgoing::new(cycle, slot, message));
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
            Self::Reject { .. } => "rejection",
            Self::Mock { .. } => "mock",
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
