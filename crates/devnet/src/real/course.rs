//! The course of a real network: through the epochs, and then on at its pace.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_wire::{BurnHeight, Network, PrivateKey};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::bitcoin::{Bitcoin, BitcoinError};
use super::narrator::Told;
use super::node::{NodeError, StacksNode};
use super::schedule::Schedule;
use super::stacking::Stacker;
use crate::actors::Actor;
use crate::chain::{Faucet, TransactionDomain};
use crate::config::DevnetConfig;
use crate::event::DevnetEvent;
use crate::seed::Dice;
use crate::signers::{ProcessError, SignerProcess};

/// Why the network does not get to epoch 3, or not on.
#[derive(Debug, thiserror::Error)]
pub(super) enum CourseError {
    /// Something that was waited for does not happen.
    #[error("waited {} s in vain for {what}: {last}", PATIENCE.as_secs())]
    Timeout {
        /// What.
        what: &'static str,
        /// How it stood at the end.
        last: String,
    },
    /// bitcoind.
    #[error(transparent)]
    Bitcoin(#[from] BitcoinError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node or a signer cannot be started.
    #[error("{what}: {source}")]
    Start {
        /// Which.
        what: String,
        /// Why.
        source: ProcessError,
    },
}

/// Leads the network.
pub(super) struct Course {
    pub(super) schedule: Schedule,
    pub(super) bitcoin: Bitcoin,
    pub(super) node: StacksNode,
    pub(super) bitcoind_process: Arc<SignerProcess>,
    pub(super) node_process: Arc<SignerProcess>,
    pub(super) signers: Arc<Vec<Actor>>,
    /// Who stacks, and the key of the signer that it is for.
    pub(super) stackers: Vec<(Stacker, PrivateKey)>,
    pub(super) domain: TransactionDomain,
    pub(super) pace: Pace,
    pub(super) narrator: mpsc::Sender<Told>,
}

/// What happens how often once epoch 3 has begun.
#[derive(Debug)]
pub(super) struct Pace {
    faucet: Faucet,
    dice: Dice,
    burn_interval: Duration,
    block_interval: Duration,
    /// One in this many burn blocks has no winner; none if zero.
    empty_sortition_in: u64,
}

impl Pace {
    /// The pace that a configuration asks for.
    pub(super) fn of(config: &DevnetConfig) -> Self {
        Self {
            faucet: config.faucet(),
            dice: config.seed.dice("sortitions"),
            burn_interval: config.burn_interval,
            block_interval: config.block_interval,
            empty_sortition_in: config.empty_sortition_in,
        }
    }
}

impl Course {
    /// Boots the network and keeps it going; ends only if that fails.
    pub(super) async fn run(mut self) -> CourseError {
        if let Err(error) = self.boot().await {
            return error;
        }
        self.go_on().await
    }

    async fn boot(&mut self) -> Result<(), CourseError> {
        start("bitcoind", &self.bitcoind_process).await?;
        self.say(0, "bitcoind starts", "its RPC").await;
        self.wait_for("bitcoind to answer", || self.bitcoin.height()).await?;
        // A node does not start on an empty chain.
        self.bitcoin.mine().await?;

        start("stacks-node", &self.node_process).await?;
        self.say(1, "stacks-node starts and its miner is paid", "its RPC").await;
        let node = self.node;
        self.wait_for("stacks-node to answer", || node.info()).await?;
        for actor in self.signers.iter() {
            if let Some(process) = &actor.process {
                start(&format!("signer {}", actor.place.signer), process).await?;
            }
        }
        self.pass_epoch_2().await
    }

    /// Mines burn blocks, each as soon as the node is ready for it, up to the first of epoch 3.
    async fn pass_epoch_2(&mut self) -> Result<(), CourseError> {
        let mut has_stacked = false;
        loop {
            let height = self.bitcoin.height().await?;
            if height >= self.schedule.epoch_3() {
                return Ok(());
            }
            self.say(height, &self.next_milestone(height, has_stacked), "the miner's commitment")
                .await;
            self.wait_for_commitment(height).await?;
            let can_stack =
                height > self.schedule.funded_at() && self.node.info().await?.stacks_tip_height > 0;
            if can_stack && !has_stacked {
                self.stack(height).await?;
                has_stacked = true;
            }
            if height + 1 == self.schedule.prepare_start() {
                self.wait_for_stacks().await?;
            }
            if height + 1 == self.schedule.epoch_3() {
                self.wait_for_signers().await?;
            }
            self.bitcoin.mine().await?;
        }
    }

    fn next_milestone(&self, height: u64, has_stacked: bool) -> String {
        let (prepare, three) = (self.schedule.prepare_start(), self.schedule.epoch_3());
        if height + 1 >= prepare {
            format!("epoch 3.0 at {three}")
        } else if has_stacked {
            format!("signers are chosen from {prepare} on")
        } else {
            "the signers stack with the first Stacks block".to_owned()
        }
    }

    /// Waits until the node has processed a burn block and its miner takes part in the next one.
    async fn wait_for_commitment(&self, height: u64) -> Result<(), CourseError> {
        let node = self.node;
        let processed = || async move {
            let at = node.info().await.map_err(|error| error.to_string())?.burn_block_height;
            if at >= height { Ok(()) } else { Err(format!("it is at {at} of {height}")) }
        };
        self.wait_for("stacks-node to process a burn block", processed).await?;
        let bitcoin = &self.bitcoin;
        let committed = || async move {
            match bitcoin.mempool().await {
                Ok(pool) if pool.is_empty() => Err("no transaction waits in bitcoind".to_owned()),
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        };
        self.wait_for("the miner to commit to a block", committed).await
    }

    async fn stack(&self, height: u64) -> Result<(), CourseError> {
        let cycle = self.schedule.stacking_cycle();
        for (stacker, signer) in &self.stackers {
            let transaction = stacker.stack(self.domain, signer, cycle, height);
            self.node.submit(&transaction).await?;
        }
        Ok(())
    }

    async fn wait_for_stacks(&self) -> Result<(), CourseError> {
        let locked = || async {
            for (signer, (stacker, _)) in self.stackers.iter().enumerate() {
                let account = self.node.account(&stacker.address()).await;
                let account = account.map_err(|error| error.to_string())?;
                if !account.is_locked() {
                    let nonce = account.nonce;
                    return Err(format!("nothing is locked for signer {signer} (nonce {nonce})"));
                }
            }
            Ok(())
        };
        self.wait_for("the signers' tokens to be locked", locked).await
    }

    async fn wait_for_signers(&self) -> Result<(), CourseError> {
        let (node, cycle) = (self.node, self.schedule.first_signed_cycle());
        let chosen = || node.signer_set(cycle);
        self.wait_for("the signer set of the first cycle", chosen).await
    }

    /// Burn blocks and transfers, each at its pace.
    async fn go_on(mut self) -> CourseError {
        let mut burn_blocks = ticks(self.pace.burn_interval);
        let mut transfers = ticks(self.pace.block_interval);
        // The first tick is at once, and the first burn block of epoch 3 has just been mined.
        burn_blocks.tick().await;
        let mut account = 0;
        loop {
            tokio::select! {
                _ = burn_blocks.tick() => {
                    if let Err(error) = self.mine().await {
                        return error;
                    }
                }
                _ = transfers.tick() => {
                    self.transfer(account).await;
                    account = (account + 1) % self.pace.faucet.addresses(Network::Testnet).len().max(1);
                }
            }
        }
    }

    /// A burn block: with the miner's commitment, or now and then without any, but not where the
    /// next signers are chosen, for that takes blocks with winners.
    async fn mine(&mut self) -> Result<(), CourseError> {
        let next = BurnHeight::new(self.bitcoin.height().await? + 1);
        let cycles = self.schedule.cycles();
        let may_be_empty = !cycles.is_prepare_phase(next) && cycles.position(next) > 1;
        let is_empty = self.pace.empty_sortition_in > 0
            && self.pace.dice.below(self.pace.empty_sortition_in) == 0
            && may_be_empty;
        Ok(if is_empty { self.bitcoin.mine_empty().await } else { self.bitcoin.mine().await }?)
    }

    /// Something for the miner to put into a block. That a transfer is refused, because the one
    /// before is not mined yet, is no harm: the next account is tried next.
    async fn transfer(&self, account: usize) {
        let addresses = self.pace.faucet.addresses(self.domain.network);
        let Some(address) = addresses.get(account) else { return };
        let Ok(state) = self.node.account(address).await else { return };
        let transfer =
            self.pace.faucet.transfer(self.domain, account, state.nonce, TRANSFERRED_USTX);
        if let Some(transfer) = transfer {
            let _ = self.node.submit(&transfer).await;
        }
    }

    /// Asks ten times a second until it is so, and says now and then how it stands.
    async fn wait_for<T, E, F>(
        &self,
        what: &'static str,
        ask: impl Fn() -> F,
    ) -> Result<(), CourseError>
    where
        F: Future<Output = Result<T, E>>,
        E: Display,
    {
        let since = Instant::now();
        let mut told = TELL_EVERY;
        loop {
            let last = match ask().await {
                Ok(_) => return Ok(()),
                Err(error) => error.to_string(),
            };
            let waited = since.elapsed();
            if waited > PATIENCE {
                return Err(CourseError::Timeout { what, last });
            }
            if waited > told {
                told += TELL_EVERY;
                let missing = vec![format!("{what}: {last}")];
                let waiting = DevnetEvent::Waiting { seconds: waited.as_secs(), missing };
                let _ = self.narrator.send(Told::Event(waiting)).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn say(&self, height: u64, next: &str, waiting_for: &str) {
        let event = DevnetEvent::Booting {
            burn_height: BurnHeight::new(height),
            epoch: self.schedule.epoch_at(height + 1),
            next: next.to_owned(),
            waiting_for: waiting_for.to_owned(),
        };
        // At the end of the network nobody listens any more.
        let _ = self.narrator.send(Told::Event(event)).await;
    }
}

async fn start(what: &str, process: &SignerProcess) -> Result<(), CourseError> {
    let started = process.start().await;
    started.map_err(|source| CourseError::Start { what: what.to_owned(), source })
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

const TELL_EVERY: Duration = Duration::from_secs(10);
/// A node on a busy machine needs seconds for what else takes tenths of them.
const PATIENCE: Duration = Duration::from_secs(90);
const TRANSFERRED_USTX: u64 = 1000;
