//! The one task that tells what happens on a real network.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_wire::BurnHeight;
use countersign_wire::event::{Callback, NewBurnBlock};
use countersign_wire::rpc::Sortition;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::chronicle::{Chronicle, NewBlockSurplus};
use super::node::{NodeError, StacksNode};
use super::observer::{Heard, Observer};
use super::schedule::Schedule;
use crate::event::{DevnetEvent, Summary};
use crate::shared::Stats;
use crate::signers::ProcessStatus;
use crate::watch::{REPEAT_AT_MOST, TOLERATED_FAILURES, Watched};

/// What the narrator is told by others than the node.
#[derive(Debug)]
pub(super) enum Told {
    /// Something to pass on.
    Event(DevnetEvent),
    /// The network stops: what was there?
    Summarize(Option<PathBuf>, oneshot::Sender<Summary>),
}

/// Owns all that is known about the run.
pub(super) struct Narrator {
    pub(super) schedule: Schedule,
    pub(super) chronicle: Chronicle,
    pub(super) stats: Stats,
    pub(super) node: StacksNode,
    pub(super) observer: Arc<Observer>,
    pub(super) signers: Vec<Watched>,
    /// How often each signer ended by itself.
    pub(super) exits: Vec<u64>,
    pub(super) quiet_limit: Duration,
    pub(super) listener: mpsc::Sender<DevnetEvent>,
    /// Since when epoch 3 has begun and blocks are due.
    pub(super) due_since: Option<Instant>,
}

impl Narrator {
    /// Tells until nobody can tell it anything any more.
    pub(super) async fn run(
        mut self,
        mut heard: mpsc::UnboundedReceiver<Heard>,
        mut told: mpsc::Receiver<Told>,
    ) {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = vec![false; self.signers.len()];
        let mut patience = self.quiet_limit;
        loop {
            tokio::select! {
                message = told.recv() => match message {
                    None => return,
                    Some(Told::Event(event)) => self.emit(event),
                    Some(Told::Summarize(folder, answer)) => {
                        // Who asked may have gone away.
                        let _ = answer.send(self.summary(folder));
                    }
                },
                Some(heard) = heard.recv() => self.on_heard(&heard).await,
                _ = ticks.tick() => {
                    self.tell_exits(&mut failed);
                    self.tell_silence(&mut patience);
                }
            }
        }
    }

    fn emit(&mut self, event: DevnetEvent) {
        self.stats.on_event(&event);
        // Who does not read loses the rest.
        let _ = self.listener.try_send(event);
    }

    fn summary(&self, folder: Option<PathBuf>) -> Summary {
        let mut records = self.chronicle.records();
        for (record, exits) in records.iter_mut().zip(&self.exits) {
            record.exits = *exits;
        }
        let signatures = records.iter().map(|record| record.signed).collect();
        Summary { signatures, signers: records, ..self.stats.summary(folder) }
    }

    async fn on_heard(&mut self, heard: &Heard) {
        // What cannot be read is the signers' matter too: they count it.
        let Ok(callback) = Callback::parse(heard.post.path, &heard.post.body) else { return };
        match callback {
            Callback::NewBurnBlock(block) => self.on_burn_block(&block).await,
            Callback::StackerDbChunks(chunks) => {
                for event in self.chronicle.on_chunks(heard.at, &chunks) {
                    self.emit(event);
                }
            }
            Callback::NewBlock(block) => {
                let Ok(surplus) = serde_json::from_slice::<NewBlockSurplus>(&heard.post.body)
                else {
                    return;
                };
                if let Some(event) = self.chronicle.on_block(heard.at, &block, &surplus) {
                    self.emit(event);
                }
            }
            Callback::ProposalResponse(_) => {}
        }
    }

    async fn on_burn_block(&mut self, block: &NewBurnBlock) {
        let height = block.burn_block_height;
        if height.get() < self.schedule.epoch_3() {
            return;
        }
        self.due_since.get_or_insert_with(Instant::now);
        let cycles = self.schedule.cycles();
        let cycle = cycles.cycle_of(height);
        if !self.chronicle.knows(cycle) {
            let node = self.node;
            if let Ok(set) = patiently(|| node.signer_set(cycle)).await {
                let event = self.chronicle.on_cycle(cycle, cycles.first_height(cycle), set);
                self.emit(event);
            }
        }
        let sortition = self.sortition(height).await;
        let miner = sortition.ok().and_then(|sortition| sortition.was_sortition.then_some(0));
        let consensus_hash = block.consensus_hash;
        self.emit(DevnetEvent::BurnBlock { height, consensus_hash, miner, cycle });
    }

    /// The callback may come before the node can be asked about its burn block.
    async fn sortition(&self, height: BurnHeight) -> Result<Sortition, NodeError> {
        let node = self.node;
        patiently(|| node.sortition(height)).await
    }

    fn tell_exits(&mut self, failed: &mut [bool]) {
        let mut exits = Vec::new();
        for ((signer, was_failed), count) in self.signers.iter().zip(failed).zip(&mut self.exits) {
            let status = match signer.status() {
                Some(ProcessStatus::Failed(status)) => Some(status),
                _ => None,
            };
            let is_new = status.is_some() && !*was_failed;
            *was_failed = status.is_some();
            if let Some(status) = status.filter(|_| is_new) {
                *count += 1;
                let (signer, log) = (signer.place.signer, signer.place.log.clone());
                exits.push(DevnetEvent::SignerExited { signer, status, log });
            }
        }
        for event in exits {
            self.emit(event);
        }
    }

    fn tell_silence(&mut self, patience: &mut Duration) {
        let since = self.due_since.map(|due| due.max(self.stats.last_block_at()));
        let quiet = since.map_or(Duration::ZERO, |since| since.elapsed());
        if quiet < self.quiet_limit {
            *patience = self.quiet_limit;
            return;
        }
        if quiet < *patience {
            return;
        }
        *patience = quiet + quiet.min(REPEAT_AT_MOST);
        let mut missing: Vec<_> = self.signers.iter().filter_map(Watched::complaint).collect();
        missing.extend(self.signers.iter().filter_map(|signer| self.unheard(signer)));
        let silent: Vec<_> = self.chronicle.silent().iter().map(ToString::to_string).collect();
        if !silent.is_empty() {
            missing.push(format!("no answer to the proposal from signers {}", silent.join(", ")));
        }
        if missing.is_empty() {
            missing.push(
                "nothing that the devnet knows of; see the node's and signers' logs".to_owned(),
            );
        }
        self.emit(DevnetEvent::Waiting { seconds: quiet.as_secs(), missing });
    }

    /// Whether a signer that runs does not take its callbacks.
    fn unheard(&self, signer: &Watched) -> Option<String> {
        if signer.complaint().is_some() {
            return None;
        }
        let (number, endpoint) = (signer.place.signer, &signer.place.endpoint);
        let health = self.observer.health(number)?;
        let reason = health.last_failure.filter(|_| health.failures >= TOLERATED_FAILURES)?;
        Some(format!("signer {number} does not take callbacks at {endpoint}: {reason}"))
    }
}

/// Asks again for up to two seconds.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    for _ in 0..20 {
        if let Ok(answer) = ask().await {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ask().await
}
