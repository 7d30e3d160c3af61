//! The course of a real network: through the epochs.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_wire::{BurnHeight, PrivateKey, StacksAddress};
use tokio::sync::mpsc;

use super::bitcoin::{Bitcoin, BitcoinError};
use super::narrator::Told;
use super::node::{NodeError, StacksNode};
use super::pace::Pace;
use super::schedule::Schedule;
use super::stacking::Stacker;
use super::staking::{Deployer, PUBLISHED_NONCE, STAKE_NONCES};
use crate::actors::Actor;
use crate::chain::TransactionDomain;
use crate::event::DevnetEvent;
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
    /// Who prepares epoch 4.0, if it is to begin.
    pub(super) deployer: Option<Deployer>,
    pub(super) narrator: mpsc::Sender<Told>,
}

impl Course {
    /// Boots the network and keeps it going at this pace; ends only if that fails.
    pub(super) async fn run(self, pace: Pace) -> CourseError {
        if let Err(error) = self.boot().await {
            return error;
        }
        tokio::select! {
            error = pace.keep() => error.into(),
            error = self.prepare_epoch_4() => error,
        }
    }

    async fn boot(&self) -> Result<(), CourseError> {
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
    async fn pass_epoch_2(&self) -> Result<(), CourseError> {
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
                self.wait_for_locks("the signers' tokens to be locked").await?;
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

    async fn wait_for_locks(&self, what: &'static str) -> Result<(), CourseError> {
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
        self.wait_for(what, locked).await
    }

    async fn wait_for_signers(&self) -> Result<(), CourseError> {
        let (node, cycle) = (self.node, self.schedule.first_signed_cycle());
        let chosen = || node.signer_set(cycle);
        self.wait_for("the signer set of the first cycle", chosen).await
    }

    /// Publishes what epoch 4.0 must find, and stakes anew once it has begun. Does not end, unless
    /// that fails.
    async fn prepare_epoch_4(&self) -> CourseError {
        if let Some(deployer) = &self.deployer
            && let Err(error) = self.stake(deployer).await
        {
            return error;
        }
        std::future::pending().await
    }

    async fn stake(&self, deployer: &Deployer) -> Result<(), CourseError> {
        for transaction in deployer.publish(self.domain) {
            self.node.submit(&transaction).await?;
        }
        self.wait_for_nonce("the sBTC contracts", &deployer.address(), PUBLISHED_NONCE).await?;
        // One burn block later, what pox-4 has locked is free.
        let begun = self.schedule.epoch_4() + 1;
        let node = self.node;
        let height = loop {
            let height = node.info().await?.burn_block_height;
            if height >= begun {
                break height;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let calls = self.stackers.iter();
        let calls = calls.map(|(stacker, signer)| stacker.stake(self.domain, signer, height));
        let calls: Vec<_> = calls.collect();
        // A node refuses a call of a contract that it does not have yet.
        for (step, nonce) in (0..).zip(STAKE_NONCES) {
            for transaction in calls.iter().filter_map(|calls| calls.get(step)) {
                node.submit(transaction).await?;
            }
            for (stacker, _) in &self.stackers {
                self.wait_for_nonce(STAKE_STEPS, &stacker.address(), nonce + 1).await?;
            }
        }
        self.wait_for_locks("the signers' tokens to be locked by pox-5").await
    }

    async fn wait_for_nonce(
        &self,
        what: &'static str,
        address: &StacksAddress,
        nonce: u64,
    ) -> Result<(), CourseError> {
        let node = self.node;
        let mined = || async move {
            let at = node.account(address).await.map_err(|error| error.to_string())?.nonce;
            if at >= nonce { Ok(()) } else { Err(format!("{address} has nonce {at} of {nonce}")) }
        };
        self.wait_for(what, mined).await
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

const STAKE_STEPS: &str = "managers, enrolments and stakes";
const TELL_EVERY: Duration = Duration::from_secs(10);
/// A node on a busy machine needs seconds for what else takes tenths of them.
const PATIENCE: Duration = Duration::from_secs(90);
