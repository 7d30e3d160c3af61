//! Signed blocks on their way to the node: the task that offers them until the node has them.
//!
//! A node that cannot be reached is offered a block for as long as anybody could need it. A node that
//! refuses one may not know its parent yet, but not for that long. Whoever can call back can have
//! blocks offered that the node refuses, so these make room first.

use std::sync::Arc;
use std::time::Duration;

use countersign_node::{NodeClient, NodeError};
use countersign_signer::Event;
use countersign_wire::{NakamotoBlock, Sighash};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::facts::describe;
use crate::nodes::Nodes;
use crate::retry::{Backoff, is_transport};

/// Hands blocks to an [`Uploader`].
#[derive(Clone)]
pub(crate) struct UploaderHandle {
    blocks: mpsc::UnboundedSender<Arc<NakamotoBlock>>,
}

impl UploaderHandle {
    /// Has a block brought to the node; once it is there, [`Event::Uploaded`] says so.
    pub(crate) fn upload(&self, block: Arc<NakamotoBlock>) {
        // The task is gone only when the daemon ends.
        let _ = self.blocks.send(block);
    }
}

/// The task.
pub(crate) struct Uploader {
    /// Without a bound, since the loop must never wait; what arrives is taken at once.
    arrivals: mpsc::UnboundedReceiver<Arc<NakamotoBlock>>,
    nodes: Nodes,
    inbox: mpsc::Sender<Event>,
    waiting: Vec<Parcel>,
    underway: JoinSet<(Parcel, Result<(), NodeError>)>,
}

/// A block on its way.
struct Parcel {
    sighash: Sighash,
    block: Arc<NakamotoBlock>,
    since: Instant,
    due: Instant,
    backoff: Backoff,
    /// The node has answered, and did not take it.
    is_refused: bool,
}

impl Parcel {
    fn new(block: Arc<NakamotoBlock>) -> Self {
        let now = Instant::now();
        let sighash = block.sighash();
        let backoff = Backoff::up_to(MAX_PAUSE);
        Self { sighash, block, since: now, due: now, backoff, is_refused: false }
    }

    fn is_worth_another_try(&self, error: &NodeError) -> bool {
        let patience = if is_transport(error) { PATIENCE } else { PATIENCE_WITH_REFUSALS };
        !matches!(error, NodeError::TooLarge { .. }) && self.since.elapsed() < patience
    }
}

impl Uploader {
    /// A task that is not running yet, and the handle to it.
    pub(crate) fn new(nodes: Nodes, inbox: mpsc::Sender<Event>) -> (UploaderHandle, Self) {
        let (blocks, arrivals) = mpsc::unbounded_channel();
        let (waiting, underway) = (Vec::new(), JoinSet::new());
        (UploaderHandle { blocks }, Self { arrivals, nodes, inbox, waiting, underway })
    }

    /// Runs until `stop` is cancelled. What is under way then is not waited for: the core asks for it
    /// again after the next start.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.offer_what_is_due();
            let due = self.waiting.iter().map(|parcel| parcel.due).min();
            let has_room = self.underway.len() < MAX_UNDERWAY;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(done) = self.underway.join_next() => {
                    // A task that was cancelled with the runtime has nothing to say.
                    if let Ok((parcel, outcome)) = done {
                        self.settle(parcel, outcome).await;
                    }
                }
                Some(block) = self.arrivals.recv() => self.take_in(block),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() && has_room => {}
            }
        }
    }

    /// Keeps a block, instead of an earlier copy of it: the later one has more signatures.
    fn take_in(&mut self, block: Arc<NakamotoBlock>) {
        let parcel = Parcel::new(block);
        self.waiting.retain(|earlier| earlier.sighash != parcel.sighash);
        if self.waiting.len() >= MAX_WAITING {
            let useless = self.waiting.iter().position(|parcel| parcel.is_refused);
            let dropped = self.waiting.remove(useless.unwrap_or(0));
            tracing::warn!(sighash = %dropped.sighash, "too many blocks wait for the node; dropped one");
        }
        self.waiting.push(parcel);
    }

    fn offer_what_is_due(&mut self) {
        let now = Instant::now();
        while self.underway.len() < MAX_UNDERWAY {
            let Some(index) = self.waiting.iter().position(|parcel| parcel.due <= now) else {
                return;
            };
            let parcel = self.waiting.remove(index);
            let nodes = self.nodes.clone();
            self.underway.spawn(async move {
                let block = &parcel.block;
                let offer = |client: NodeClient| async move { client.upload_block(block).await };
                let outcome = nodes.with_any(offer).await.map(drop);
                (parcel, outcome)
            });
        }
    }

    async fn settle(&mut self, mut parcel: Parcel, outcome: Result<(), NodeError>) {
        let sighash = parcel.sighash;
        let Err(error) = outcome else {
            // The loop is gone only when the daemon ends.
            let _ = self.inbox.send(Event::Uploaded { sighash }).await;
            return;
        };
        if !parcel.is_worth_another_try(&error) {
            let error = describe(&error);
            tracing::warn!(%sighash, error, "Failed to broadcast block; others broadcast it too");
            return;
        }
        if self.waiting.iter().any(|later| later.sighash == sighash) {
            return;
        }
        parcel.is_refused = !is_transport(&error);
        parcel.due = Instant::now() + parcel.backoff.pause();
        self.waiting.push(parcel);
    }
}

/// How many blocks may wait. An honest network has one or two at a time.
const MAX_WAITING: usize = 16;
/// How many blocks are on the wire at once.
const MAX_UNDERWAY: usize = 4;
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How long a block is offered to a node that cannot be reached.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a block is offered to a node that refuses it.
const PATIENCE_WITH_REFUSALS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
