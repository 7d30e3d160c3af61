//! The one owner of the chain that all nodes share, and what they post to their observers.
//!
//! Everything else holds a [`ChainHandle`] and asks: questions and changes run one after the other
//! in the shared chain's task, so that all callbacks leave in the order in which things happened.

mod feed;
mod stats;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use countersign_wire::event::{
    ContractId, ExecutionCost, ProposalResponse, StackerDbChunks, ValidationOk, ValidationReject,
};
use countersign_wire::stackerdb::{Chunk, ChunkAck, Lane};
use countersign_wire::{ChainId, NakamotoBlock, Network, UnixSeconds, Wire as _};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub(crate) use feed::NodeFeed;
pub(crate) use stats::Stats;

use crate::chain::{Chain, StackerDb, SubmitError, Winner};
use crate::dispatcher::Post;
use crate::event::DevnetEvent;
use crate::new_block;
use crate::view::{MAX_LAG, Validation, View};

/// The way to the shared chain.
#[derive(Clone, Debug)]
pub(crate) struct ChainHandle {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut SharedChain) + Send>;

/// The shared chain is gone: the devnet has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the devnet has stopped")]
pub struct Stopped;

impl ChainHandle {
    /// Runs `job` on the shared chain after everything asked before.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SharedChain) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |shared| {
            // Who asked may have gone away; what was to be done is done all the same.
            let _ = answer.send(job(shared));
        });
        self.jobs.send(job).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }
}

/// What the miners must hear of.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A signer wrote into a slot of this lane.
    Written(Lane, Chunk),
    /// A block became part of the chain.
    Adopted(Arc<NakamotoBlock>),
}

/// The chain, the nodes and who listens to them.
pub(crate) struct SharedChain {
    chain: Chain,
    /// The chain as it was before each of the newest burn blocks, newest first, for nodes that lag.
    past: VecDeque<Chain>,
    nodes: Vec<NodeFeed>,
    notices: mpsc::Sender<Notice>,
    subscribers: Vec<mpsc::Sender<DevnetEvent>>,
    /// What happened before anybody listened.
    untold: Vec<DevnetEvent>,
    stats: Stats,
}

impl SharedChain {
    /// Starts the task that owns the chain. It ends when the last handle is dropped.
    pub(crate) fn start(
        chain: Chain,
        nodes: Vec<NodeFeed>,
        notices: mpsc::Sender<Notice>,
    ) -> ChainHandle {
        let stats = Stats::new(nodes.len());
        let mut shared = Self {
            chain,
            past: VecDeque::new(),
            nodes,
            notices,
            subscribers: Vec::new(),
            untold: Vec::new(),
            stats,
        };
        let (jobs, mut inbox) = mpsc::channel::<Job>(JOB_QUEUE_LEN);
        tokio::spawn(async move {
            while let Some(job) = inbox.recv().await {
                job(&mut shared);
            }
        });
        ChainHandle { jobs }
    }

    /// The chain as it is.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The chain as this node sees it.
    pub(crate) fn seen_by(&self, node: usize) -> &Chain {
        let lag = self.nodes.get(node).map_or(0, NodeFeed::lag);
        let index = usize::try_from(lag).unwrap_or(usize::MAX).checked_sub(1);
        // A node that lags by more than there is sees the oldest that there is.
        let past = index.and_then(|index| self.past.get(index).or_else(|| self.past.back()));
        past.unwrap_or(&self.chain)
    }

    /// The nodes, to look at their callbacks or to change their views.
    pub(crate) fn nodes(&self) -> &[NodeFeed] {
        &self.nodes
    }

    /// Numbers for the summary.
    pub(crate) fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// Changes how a node differs from the others, and gives it what it may see now.
    pub(crate) fn set_view(&mut self, node: usize, view: View) {
        if let Some(feed) = self.nodes.get_mut(node) {
            feed.set_view(view);
        }
        self.release();
    }

    /// Adds a burn block to the tip and announces it.
    pub(crate) fn mine_burn_block(&mut self, winner: Option<Winner>) {
        self.past.push_front(self.chain.clone());
        self.past.truncate(usize::try_from(MAX_LAG).unwrap_or(usize::MAX));
        let announcement = self.chain.mine_burn_block(winner, now());
        self.post_to_all("/new_burn_block", &announcement);
        self.release();
    }

    /// Writes a chunk if the rules allow it, and tells everybody, its writer included.
    pub(crate) fn put_chunk(&mut self, db: StackerDb, chunk: Chunk) -> ChunkAck {
        let ack = self.chain.put_chunk(db, &chunk);
        if ack.accepted {
            let issuer = Network::Testnet.boot_address();
            let event = StackerDbChunks {
                contract_id: ContractId { issuer, name: db.name() },
                modified_slots: vec![chunk.clone()],
            };
            let post = post("/stackerdb_chunks", &event);
            for node in &self.nodes {
                node.post_now(post.clone());
            }
            if let StackerDb::Signers(contract) = db {
                self.notify_miners(Notice::Written(contract.lane, chunk));
            }
        }
        ack
    }

    /// Adds a signed block to the chain if its signatures suffice. Gives whether it is new.
    pub(crate) fn submit(&mut self, block: &NakamotoBlock) -> Result<bool, SubmitError> {
        let outcome = self.chain.submit(block)?;
        for facts in outcome.processed {
            self.post_to_all("/new_block", &new_block::payload(&facts));
            self.notify_miners(Notice::Adopted(facts.block));
        }
        Ok(outcome.accepted)
    }

    /// Posts a node's verdict on a block to its observer.
    pub(crate) fn conclude_validation(
        &mut self,
        node: usize,
        block: &NakamotoBlock,
        chain_id: ChainId,
        took: Duration,
    ) {
        let verdict = self.validate(node, block, chain_id, took);
        if let Some(feed) = self.nodes.get(node) {
            feed.post_now(post("/proposal_response", &verdict));
        }
    }

    fn validate(
        &self,
        node: usize,
        block: &NakamotoBlock,
        chain_id: ChainId,
        took: Duration,
    ) -> ProposalResponse {
        let sighash = block.sighash();
        let validation_time_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let validation = self.nodes.get(node).map(NodeFeed::validation).unwrap_or_default();
        match validation {
            Validation::AlwaysOk => ProposalResponse::Ok(ValidationOk {
                sighash,
                cost: ExecutionCost::default(),
                size: u64::try_from(block.to_bytes().len()).unwrap_or(u64::MAX),
                validation_time_ms,
                replay_tx_hash: None,
                replay_tx_exhausted: false,
            }),
            Validation::AlwaysReject(code) => ProposalResponse::Reject(ValidationReject {
                sighash,
                reason: "the node was told to reject every block".to_owned(),
                code,
                failed_txid: None,
            }),
            Validation::Honest | Validation::Stalled => {
                match self.seen_by(node).validate(block, chain_id, now()) {
                    Ok(ok) => ProposalResponse::Ok(ValidationOk { validation_time_ms, ..ok }),
                    Err(refusal) => ProposalResponse::Reject(refusal),
                }
            }
        }
    }

    /// Tells everybody who listens.
    pub(crate) fn emit(&mut self, event: &DevnetEvent) {
        self.stats.on_event(event);
        if self.subscribers.is_empty() && self.untold.len() < EVENT_QUEUE_LEN {
            self.untold.push(event.clone());
        }
        // Who does not read loses the rest; who is gone is forgotten.
        self.subscribers.retain(|subscriber| subscriber.try_send(event.clone()).is_ok());
    }

    /// Everything that happens from now on, and what nobody has been told yet.
    pub(crate) fn subscribe(&mut self) -> mpsc::Receiver<DevnetEvent> {
        let (subscriber, events) = mpsc::channel(EVENT_QUEUE_LEN);
        for event in self.untold.drain(..) {
            // There is room for all of them.
            let _ = subscriber.try_send(event);
        }
        self.subscribers.push(subscriber);
        events
    }

    /// Since when no block was adopted.
    pub(crate) fn quiet_since(&self) -> Instant {
        self.stats.last_block_at()
    }

    fn post_to_all(&mut self, path: &'static str, payload: &impl Serialize) {
        let post = post(path, payload);
        let height = self.chain.burn_tip().height;
        for node in &mut self.nodes {
            node.post_when_seen(height, post.clone());
        }
        self.release();
    }

    fn release(&mut self) {
        let height = self.chain.burn_tip().height;
        for node in &mut self.nodes {
            node.release(height);
        }
    }

    /// The miners drain this at once; if ever they do not, they read the slots again when they
    /// propose again.
    fn notify_miners(&self, notice: Notice) {
        let _ = self.notices.try_send(notice);
    }
}

fn post(path: &'static str, payload: &impl Serialize) -> Post {
    let body = serde_json::to_vec(payload).expect("callbacks have string keys");
    Post { path, body: Bytes::from(body) }
}

/// The time of this machine.
pub(crate) fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds::new(since.as_secs())
}

const JOB_QUEUE_LEN: usize = 1024;
const EVENT_QUEUE_LEN: usize = 4096;
