//! The vaults' own thread: it syncs a file for each record, and nothing else may wait for that.
//!
//! The gate stands here, too (`crate::instance`): every order passes it, one after the other, so that none
//! is still on its way when it closes.

mod turn;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use countersign_ops::exit::Exit;
use countersign_ops::watchdog::Pulse;
use countersign_signer::{AcceptanceOrder, Event, OverrideReason};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, HostLock, JournalExport, MockRequest, Override, OverrideRule,
    RejectionRequest, SignError,
};
use countersign_wire::message::{BlockRejected, BlockResponse, MockProposal, SignerMessage};
use countersign_wire::stackerdb::{Chunk, Lane};
use countersign_wire::{PublicKey, RewardCycle, SlotId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::backup::Kept;
use crate::clock::now;
use crate::facts::describe;
use crate::hand::Hand;
use crate::instance::{BookError, Decision, InstanceView, Seen, Warden, decision};
use crate::metrics::Metrics;
use crate::publish::{Outgoing, Publisher};
use crate::vaults::Vaults;
pub use turn::Promotion;
use turn::{Host, is_for_now};
pub(crate) use turn::{Turn, TurnError, Turned, check_demotion, gate_of};

/// What a vault is asked for; each order names the key whose vault it is.
enum Order {
    Accept(AcceptanceOrder),
    Reject(Desk, Box<BlockRejected>),
    Mock(Desk, Box<MockProposal>),
    Chunk {
        key: PublicKey,
        request: Box<ChunkRequest>,
        reply: oneshot::Sender<Option<Result<Chunk, SignError>>>,
    },
    /// A key of ours was seen to have signed this.
    Heard(Box<Seen>),
    /// Our slots were read, beginning at this time.
    Looked {
        begun: Instant,
        seen: Vec<Seen>,
    },
    /// The process stood still.
    StoodStill,
    /// Somebody makes a backup.
    BackUp {
        reply: oneshot::Sender<Vec<Kept>>,
    },
    /// Somebody says who is to sign.
    Turn {
        turn: Turn,
        reply: oneshot::Sender<Result<Turned, TurnError>>,
    },
}

/// Whether this instance may sign, at first.
pub(crate) struct Post {
    /// Keeps the gate.
    pub(crate) warden: Warden,
    /// The keys to be had alone on this machine; none where that does not matter, as in a dry run.
    pub(crate) keys: Vec<PublicKey>,
    /// The locks on them, if they are held.
    pub(crate) locks: Vec<HostLock>,
}

#[cfg(test)]
impl Post {
    /// With an open gate, for tests that are about something else.
    pub(crate) fn open(metrics: &Arc<Metrics>) -> Self {
        use crate::instance::{Book, Gate};
        let permission = watch::Sender::new(crate::readiness::Permission::Active);
        let warden = Warden::new(Gate::Open, Book::in_memory(), Arc::clone(metrics), permission);
        Self { warden, keys: Vec::new(), locks: Vec::new() }
    }
}

/// What the vaults' thread cannot go on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClerkError {
    /// A journal failed.
    #[error(transparent)]
    Vault(#[from] SignError),
    /// What is written into our slots cannot be remembered.
    #[error(transparent)]
    Book(#[from] BookError),
    /// Somebody else signs with our key, and the vault's process has not recorded that nothing may be signed any more.
    #[error(
        "this signer was to be frozen and its vault did not record it ({reason}): stop the other signer \
         before this one is started, which freezes at what it finds in its slots"
    )]
    Unfrozen {
        /// What was seen.
        reason: String,
        /// Why it is not recorded.
        #[source]
        source: SignError,
    },
}

impl ClerkError {
    /// The code that the process should end with. A service manager starts a signer again that could not write, and
    /// none that must not sign.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Vault(_) | Self::Book(_) => Exit::Store,
            Self::Unfrozen { .. } => Exit::Instance,
        }
    }
}

/// What became of the wish for a signed chunk.
#[derive(Debug)]
pub(crate) enum Sealed {
    /// Here it is.
    Chunk(Chunk),
    /// This instance does not sign at the moment.
    Withheld,
    /// The vault does not sign it, now or ever.
    Refused(SignError),
    /// The vault has ended.
    Closed,
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
#[derive(Clone, Debug)]
pub(crate) struct VaultHandle {
    orders: mpsc::UnboundedSender<Order>,
    view: watch::Receiver<InstanceView>,
    pulse: Pulse,
}

/// How the vault's thread ended.
pub(crate) type VaultEnd = oneshot::Receiver<Result<(), ClerkError>>;

impl VaultHandle {
    /// Starts the thread. It ends when every handle is gone, or when the journal fails.
    pub(crate) fn start(
        vaults: impl Into<Vaults>,
        post: Post,
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
        let Post { warden, keys, locks } = post;
        let (view, host) = (warden.view(), Host { keys, locks });
        let pulse_of_clerk = pulse.clone();
        let clerk =
            Clerk { vaults, warden, host, inbox, publisher, metrics, pulse: pulse_of_clerk };
        std::thread::Builder::new().name("vault".to_owned()).spawn(move || {
            // Nobody listens any more only when the daemon has ended already.
            let _ = ended.send(clerk.serve(queue));
        })?;
        Ok((Self { orders, view, pulse }, end))
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

    /// A signed chunk. Its version is the one that was asked for or, if we have signed that one or a later
    /// one for any slot, the next.
    pub(crate) async fn chunk(&self, key: PublicKey, request: ChunkRequest) -> Sealed {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Chunk { key, request: Box::new(request), reply });
        match answer.await {
            Ok(Some(Ok(chunk))) => Sealed::Chunk(chunk),
            Ok(Some(Err(error))) => Sealed::Refused(error),
            Ok(None) => Sealed::Withheld,
            Err(_) => Sealed::Closed,
        }
    }

    /// Tells of a chunk that a key of ours signed.
    pub(crate) fn heard(&self, seen: Seen) {
        self.order(Order::Heard(Box::new(seen)));
    }

    /// Tells that our slots were read, beginning at `begun`, and what is new in them.
    pub(crate) fn looked(&self, begun: Instant, seen: Vec<Seen>) {
        self.order(Order::Looked { begun, seen });
    }

    /// Tells that the process stood still for a while: what is ordered from now on is signed only after our slots
    /// were read.
    pub(crate) fn stood_still(&self) {
        self.order(Order::StoodStill);
    }

    /// Has the gate turned; nothing if the vault has ended.
    pub(crate) async fn turn(&self, turn: Turn) -> Option<Result<Turned, TurnError>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Turn { turn, reply });
        answer.await.ok()
    }

    /// What each key has signed, for a backup; nothing if the vault has ended.
    pub(crate) async fn back_up(&self) -> Option<Vec<Kept>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::BackUp { reply });
        answer.await.ok()
    }

    /// Whether this instance signs, as it is and as it will be.
    pub(crate) fn instance(&self) -> watch::Receiver<InstanceView> {
        self.view.clone()
    }

    /// A vault that has ended ends the daemon, which needs no help here.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// Serves the queue on the vault's thread.
struct Clerk {
    vaults: Vaults,
    warden: Warden,
    host: Host,
    inbox: mpsc::Sender<Event>,
    publisher: Publisher,
    metrics: Arc<Metrics>,
    /// Beats with each order, and rests without one.
    pulse: Pulse,
}

impl Clerk {
    fn serve(mut self, mut queue: mpsc::UnboundedReceiver<Order>) -> Result<(), ClerkError> {
        loop {
            self.pulse.rest();
            let Some(order) = queue.blocking_recv() else { break };
            self.pulse.beat();
            let (payload, begun, is_last) =
                (order.label(), Instant::now(), order.ends_a_decision());
            self.carry_out(order)?;
            if let Some(payload) = payload {
                let seconds = self.metrics.vault_seconds.get_or_create(&vec![("payload", payload)]);
                seconds.observe(begun.elapsed().as_secs_f64());
            }
            for took in self.vaults.all().filter_map(Hand::take_slowest_commit) {
                self.metrics.journal_seconds.observe(took.as_secs_f64());
            }
            // After a signature its chunk is ordered at once, which must not wait.
            if is_last && queue.is_empty() {
                self.vaults.tidy()?;
                self.warden.tidy()?;
            }
        }
        // Whoever asked has ended, and got every answer: nothing of ours is on its way any more.
        self.warden.end()?;
        Ok(self.vaults.close_cleanly()?)
    }

    fn carry_out(&mut self, order: Order) -> Result<(), ClerkError> {
        let Some(order) = self.pass(order) else { return Ok(()) };
        match order {
            Order::Accept(order) => Ok(self.accept(&order)?),
            Order::Reject(desk, rejection) => Ok(self.reject(desk, *rejection)?),
            Order::Mock(desk, proposal) => Ok(self.mock(desk, *proposal)?),
            Order::Chunk { key, request, reply } => {
                let signed = self.chunk(&key, *request)?;
                // A lane that has stopped waiting has no use for it.
                let _ = reply.send(signed);
                Ok(())
            }
            Order::Heard(seen) => self.hear(&seen),
            Order::Looked { begun, seen } => self.look_ended(begun, &seen),
            Order::StoodStill => {
                self.warden.stood_still();
                Ok(())
            }
            Order::BackUp { reply } => {
                let kept = self.back_up()?;
                let _ = reply.send(kept);
                Ok(())
            }
            Order::Turn { turn, reply } => {
                let turned = self.turn(turn)?;
                // Whoever asked may have gone away; what was asked is done.
                let _ = reply.send(turned);
                Ok(())
            }
        }
    }

    /// The order, if it may go on to the vault. One that may not is answered, and compared.
    fn pass(&mut self, order: Order) -> Option<Order> {
        let Some(payload) = order.label() else { return Some(order) };
        if order.is_old() {
            // It waited for as long as a process waits that was stopped: who signs may have changed.
            self.warden.stood_still();
        }
        if self.warden.lets_pass(payload) {
            return Some(order);
        }
        match order {
            Order::Accept(AcceptanceOrder { sighash, .. }) => {
                self.warden.compare_ours(sighash, Decision::Accept);
                // It names no rival but must be answered all the same: the core waits for it.
                let _ = self.inbox.blocking_send(Event::SigningRefused { sighash, rival: sighash });
            }
            Order::Reject(_, rejection) => {
                self.warden.compare_ours(rejection.sighash, Decision::Reject);
            }
            Order::Chunk { request, reply, .. } => {
                if let Some((sighash, decision)) = decision(&request.message) {
                    self.warden.compare_ours(sighash, decision);
                }
                let _ = reply.send(None);
            }
            Order::Mock(..)
            | Order::Heard(_)
            | Order::Looked { .. }
            | Order::StoodStill
            | Order::BackUp { .. }
            | Order::Turn { .. } => {}
        }
        None
    }

    /// What each key has signed. A vault in another process does not say so while its key signs.
    fn back_up(&mut self) -> Result<Vec<Kept>, SignError> {
        let at = now().as_unix();
        let kept = self.vaults.all().map(|vault| {
            let key = vault.public_key();
            match vault.export_journal(at) {
                Err(error) if error.is_fatal() => Err(error),
                journal => Ok(Kept { key, journal: journal.map(JournalExport::for_backup) }),
            }
        });
        kept.collect()
    }

    fn mock(&mut self, desk: Desk, proposal: MockProposal) -> Result<(), SignError> {
        let request = MockRequest { proposal, server_version: crate::release() };
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

    /// Signs a chunk and notes it in the book; it leaves only when both are done. Nothing if the vault
    /// does not sign for now.
    fn chunk(
        &mut self,
        key: &PublicKey,
        mut request: ChunkRequest,
    ) -> Result<Option<Result<Chunk, SignError>>, ClerkError> {
        request.slot_version = self.warden.next_version(request.slot_version);
        match self.vaults.of(key).sign_chunk(&request) {
            Err(error) if error.is_fatal() => Err(error.into()),
            Err(error) if is_for_now(&error) => {
                tracing::debug!(error = describe(&error), "the vault does not sign a chunk");
                Ok(None)
            }
            Err(error) => Ok(Some(Err(error))),
            Ok(chunk) => {
                self.warden.write(&chunk)?;
                Ok(Some(Ok(chunk)))
            }
        }
    }

    fn accept(&mut self, order: &AcceptanceOrder) -> Result<(), SignError> {
        let sighash = order.sighash;
        let event = match self.vaults.of(&order.key).sign_acceptance(&request(order)) {
            Ok(signature) => Event::Signed { sighash, signature },
            Err(SignError::Conflict { rival, .. }) => Event::SigningRefused { sighash, rival },
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) if is_for_now(&error) => {
                tracing::info!(%sighash, reason = describe(&error), "a block is not signed");
                Event::SigningRefused { sighash, rival: sighash }
            }
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
    /// Whether what it goes by is so old that it must be decided anew.
    fn is_old(&self) -> bool {
        matches!(self, Self::Accept(order) if now().since(order.at).get() > MAX_AGE_MS)
    }

    /// Whether nothing more of the same block is to be signed.
    fn ends_a_decision(&self) -> bool {
        matches!(self, Self::Chunk { request, .. } if request.contract.lane == Lane::Responses)
    }

    /// What is to be signed; nothing if nothing is.
    const fn label(&self) -> Option<&'static str> {
        match self {
            Self::Accept(_) => Some("acceptance"),
            Self::Reject(..) => Some("rejection"),
            Self::Mock(..) => Some("mock"),
            Self::Chunk { .. } => Some("chunk"),
            Self::Heard(_)
            | Self::Looked { .. }
            | Self::StoodStill
            | Self::BackUp { .. }
            | Self::Turn { .. } => None,
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

/// How old a decision to sign may be, in milliseconds. One waits for a sync of the journal before it, or for a vault
/// that is away: a second or three. One that is as old as this is of no use to a miner any more.
const MAX_AGE_MS: u64 = 10_000;

#[cfg(test)]
mod tests;
