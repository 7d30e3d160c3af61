//! Our messages to the StackerDB slots: one task per lane, each with its own queue, so that a slow
//! write of one kind of message never delays another.

mod courier;
mod lane;
mod queue;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};
use countersign_wire::{SlotId, SlotVersion};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::nodes::Nodes;
use crate::sign::{Desk, VaultHandle};
use courier::Courier;
pub(crate) use lane::LaneTask;

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    desk: Desk,
    message: SignerMessage,
    since: Instant,
    /// Once it is signed. It is the same chunk at every try, and at every node: that it was written before
    /// does no harm, and two messages under one version would.
    chunk: Option<Chunk>,
}

impl Outgoing {
    /// A message that begins its way now.
    pub(crate) fn new(desk: Desk, message: SignerMessage) -> Self {
        Self { desk, message, since: Instant::now(), chunk: None }
    }

    fn contract(&self, lane: Lane) -> SignersContract {
        SignersContract::new(self.desk.cycle, lane)
    }
}

/// Takes messages and brings each into its lane. The channels have no bound, since the loop must
/// never wait; each lane moves what arrives into its bounded queue at once.
#[derive(Clone)]
pub(crate) struct Publisher {
    lanes: [mpsc::UnboundedSender<Outgoing>; 3],
}

/// The other ends of a [`Publisher`]'s channels, in the order of [`Lane::ALL`].
pub(crate) struct Arrivals([mpsc::UnboundedReceiver<Outgoing>; 3]);

/// What every lane needs.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// The nodes, of which the active one is written to.
    pub(crate) nodes: Nodes,
    /// Signs the chunks.
    pub(crate) vault: VaultHandle,
    /// Versions that our slots had when another program wrote to them.
    pub(crate) floors: BTreeMap<SlotId, SlotVersion>,
    /// Whether to log instead of writing.
    pub(crate) is_dry_run: bool,
    /// Counts retries and losses.
    pub(crate) metrics: Arc<Metrics>,
}

impl Publisher {
    /// A publisher, and what arrives through it.
    pub(crate) fn new() -> (Self, Arrivals) {
        let (responses, first) = mpsc::unbounded_channel();
        let (updates, second) = mpsc::unbounded_channel();
        let (promises, third) = mpsc::unbounded_channel();
        (Self { lanes: [responses, updates, promises] }, Arrivals([first, second, third]))
    }

    /// Sends a message on its way. One that belongs into no lane of signers is a mistake of ours and
    /// is logged.
    pub(crate) fn publish(&self, outgoing: Outgoing) {
        let lane = outgoing.message.lane();
        let channel = Lane::ALL.iter().position(|candidate| Some(*candidate) == lane);
        let Some(channel) = channel.and_then(|index| self.lanes.get(index)) else {
            tracing::error!(kind = outgoing.message.label(), "no lane takes this message");
            return;
        };
        // A lane is gone only when the daemon ends.
        let _ = channel.send(outgoing);
    }
}

/// The tasks that bring messages into their lanes.
pub(crate) fn lanes(arrivals: Arrivals, delivery: &Delivery) -> [LaneTask; 3] {
    let Arrivals([responses, updates, promises]) = arrivals;
    let task = |lane, arrivals| LaneTask::new(arrivals, Courier::new(lane, delivery.clone()));
    [
        task(Lane::Responses, responses),
        task(Lane::StateUpdates, updates),
        task(Lane::PreCommits, promises),
    ]
}

/// A lane's name in logs and metrics.
const fn label(lane: Lane) -> &'static str {
    match lane {
        Lane::Responses => "responses",
        Lane::StateUpdates => "state_updates",
        Lane::PreCommits => "pre_commits",
    }
}

#[cfg(test)]
mod tests;
