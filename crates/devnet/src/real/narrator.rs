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
use crate::watch::{self, Patience, Watched};

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
        let mut patience = Patience::new(self.quiet_limit);
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
            let exit = signer.exit(was_failed);
            *count += u64::from(exit.is_some());
            exits.extend(exit);
        }
        for event in exits {
            self.emit(event);
        }
    }

    fn tell_silence(&mut self, patience: &mut Patience) {
        let since = self.due_since.map(|due| due.max(self.stats.last_block_at()));
        let quiet = since.map_or(Duration::ZERO, |since| since.elapsed());
        if !patience.is_over(quiet) {
            return;
        }
        let silent: Vec<_> = self.chronicle.silent().iter().map(ToString::to_string).collect();
        let health = |signer| self.observer.health(signer);
        let missing = watch::missing(&self.signers, health, &silent, "the node's and signers'");
        self.emit(DevnetEvent::Waiting { seconds: quiet.as_secs(), missing });
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
