//! A real network: put together, started, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_wire::{ChainId, Network};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::bitcoin::Bitcoin;
use super::chronicle::Chronicle;
use super::config::{RealConfig, RealConfigError};
use super::course::Course;
use super::failure;
use super::http::{self, Answers};
use super::narrator::{Narrator, Told};
use super::node::StacksNode;
use super::observer::{Heard, Observer};
use super::pace::Pace;
use super::programs::{self, Places, Program};
use super::schedule::Schedule;
use super::wallet::Wallet;
use crate::actors::{Actor, Keys};
use crate::chain::TransactionDomain;
use crate::config::DevnetConfig;
use crate::devnet::StartError;
use crate::dispatcher::Dispatcher;
use crate::event::{DevnetEvent, Summary};
use crate::shared::Stats;
use crate::signers::{NetworkFolder, SignerProcess};
use crate::watch::Watched;

/// A running network of a real bitcoind and a real stacks-node.
///
/// Dropping it kills every process; [`stop`](Self::stop) ends them in order.
#[derive(Debug)]
pub struct RealNetwork {
    bitcoind: Arc<SignerProcess>,
    node: Arc<SignerProcess>,
    signers: Arc<Vec<Actor>>,
    folder: NetworkFolder,
    narrator: mpsc::Sender<Told>,
    stop: CancellationToken,
}

/// Why a real network cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RealStartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] RealConfigError),
    /// What embedded networks need too.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl RealNetwork {
    /// Starts a network and gives what happens in it. The way to epoch 3 takes a while and is part of
    /// what happens. It belongs to the Tokio runtime that this runs on.
    pub async fn start(
        config: RealConfig,
    ) -> Result<(Self, mpsc::Receiver<DevnetEvent>), RealStartError> {
        let plan = config.plan()?;
        let network = &config.network;
        let folder = NetworkFolder::open(network.folder.as_deref()).map_err(StartError::from)?;
        let places = Places::choose(network.signers.len())?;
        let secret = network.auth_password();
        let keys = Keys::derive(network);
        let signers = Arc::new(keys.actors(network, &places.signers, &folder, &secret)?);
        let stackers = programs::stackers(&config, &plan);
        let bitcoind = programs::bitcoind(&config, &places, &folder, &secret)?;
        let node = programs::stacks_node(&config, &plan, &places, &folder, &stackers)?;
        let (narrator, told) = mpsc::channel(QUEUE_LEN);
        let running = Self {
            bitcoind: Arc::clone(&bitcoind.process),
            node: Arc::clone(&node.process),
            signers: Arc::clone(&signers),
            folder,
            narrator: narrator.clone(),
            stop: CancellationToken::new(),
        };
        let bitcoin = Bitcoin::new(places.bitcoin_rpc, &secret);
        let wallet = Wallet::new(bitcoin.clone(), plan.schedule.funded_at());
        running.serve(places.wallet, wallet).await?;
        let (observer, heard) = Observer::new(dispatchers(&config, &places));
        running.serve(places.observer, Arc::clone(&observer)).await?;

        let stacks_node = StacksNode::new(places.node_rpc);
        let (listener, events) = mpsc::channel(QUEUE_LEN);
        let teller = Narrator {
            schedule: plan.schedule,
            chronicle: Chronicle::new(keys.signer_hashes()),
            stats: Stats::new(signers.len()),
            node: stacks_node,
            observer,
            signers: signers.iter().map(watched).collect(),
            exits: vec![0; signers.len()],
            quiet_limit: network.quiet_limit,
            listener,
            due_since: None,
        };
        running.narrate(teller, heard, told).await;
        let pace = pace(network, plan.schedule, bitcoin.clone(), stacks_node);
        let course = Course {
            schedule: plan.schedule,
            bitcoin,
            node: stacks_node,
            bitcoind_process: Arc::clone(&bitcoind.process),
            node_process: Arc::clone(&node.process),
            signers,
            stackers,
            domain: DOMAIN,
            deployer: config.epoch_4.then(|| programs::deployer(&config)),
            narrator,
        };
        running.lead(course, pace, bitcoind, node);
        running.mend(config.restart_after);
        Ok((running, events))
    }

    /// Serves until the network stops.
    async fn serve<A: Answers>(
        &self,
        address: SocketAddr,
        answers: Arc<A>,
    ) -> Result<(), StartError> {
        let listener = TcpListener::bind(address).await.map_err(StartError::Address)?;
        let serving = http::serve(listener, answers);
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(serving));
        Ok(())
    }

    /// Starts the narrator; the first thing that it tells is who is there.
    async fn narrate(
        &self,
        narrator: Narrator,
        heard: mpsc::UnboundedReceiver<Heard>,
        told: mpsc::Receiver<Told>,
    ) {
        tokio::spawn(narrator.run(heard, told));
        let started = DevnetEvent::Started {
            folder: self.folder.path().to_owned(),
            folder_is_kept: self.folder.is_kept(),
            signers: self.signers.iter().map(|actor| actor.place.clone()).collect(),
        };
        // The narrator has just been started.
        let _ = self.narrator.send(Told::Event(started)).await;
    }

    /// Leads the network until it fails or is stopped.
    fn lead(&self, course: Course, pace: Pace, bitcoind: Program, node: Program) {
        let narrator = self.narrator.clone();
        let leading = async move {
            let failed = tokio::select! {
                status = failure::ended(&bitcoind.process) =>
                    failure::of_program("bitcoind", &status, &bitcoind.log),
                status = failure::ended(&node.process) =>
                    failure::of_program("stacks-node", &status, &node.log),
                error = course.run(pace) => failure::of_course(&error, &bitcoind.log, &node.log),
            };
            // At the end of the network nobody listens any more.
            let _ = narrator.send(Told::Event(failed)).await;
        };
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(leading));
    }

    /// Starts signers that end by themselves again, if that is wished.
    fn mend(&self, restart_after: Option<Duration>) {
        let Some(pause) = restart_after else { return };
        for signer in 0..self.signers.len() {
            let (signers, narrator) = (Arc::clone(&self.signers), self.narrator.clone());
            let mending = async move {
                let process = signers.get(signer).and_then(|actor| actor.process.as_ref());
                let Some(process) = process else { return };
                loop {
                    failure::ended(process).await;
                    tokio::time::sleep(pause).await;
                    if process.start().await.is_ok() {
                        let restarted = DevnetEvent::SignerRestarted { signer };
                        let _ = narrator.send(Told::Event(restarted)).await;
                    }
                }
            };
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(mending));
        }
    }

    /// Ends everything in order, and tells what there was.
    pub async fn stop(self) -> Summary {
        self.stop.cancel();
        let folder = self.folder.is_kept().then(|| self.folder.path().to_owned());
        let (answer, answered) = oneshot::channel();
        let asked = self.narrator.send(Told::Summarize(folder, answer)).await;
        let summary = if asked.is_ok() { answered.await.ok() } else { None };
        let mut endings = tokio::task::JoinSet::new();
        for signer in 0..self.signers.len() {
            let signers = Arc::clone(&self.signers);
            endings.spawn(async move {
                if let Some(process) = signers.get(signer).and_then(|actor| actor.process.as_ref())
                {
                    // What cannot even be killed is not ours to wait for.
                    let _ = process.stop(GRACE).await;
                }
            });
        }
        while endings.join_next().await.is_some() {}
        // The node writes to bitcoind until it ends.
        let _ = self.node.stop(GRACE).await;
        let _ = self.bitcoind.stop(GRACE).await;
        summary.unwrap_or_default()
    }
}

impl Drop for RealNetwork {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn dispatchers(config: &RealConfig, places: &Places) -> Vec<Dispatcher> {
    let signers = (0_u64..).zip(&places.signers);
    signers
        .map(|(index, addresses)| {
            let dice = config.network.seed.dice(&format!("jitter {index}"));
            Dispatcher::start(addresses.endpoint, config.network.patience, dice)
        })
        .collect()
}

fn pace(config: &DevnetConfig, schedule: Schedule, bitcoin: Bitcoin, node: StacksNode) -> Pace {
    Pace {
        bitcoin,
        node,
        schedule,
        domain: DOMAIN,
        faucet: config.faucet(),
        dice: config.seed.dice("sortitions"),
        burn_interval: config.burn_interval,
        block_interval: config.block_interval,
        empty_sortition_in: config.empty_sortition_in,
    }
}

fn watched(actor: &Actor) -> Watched {
    Watched {
        place: actor.place.clone(),
        status: actor.process.as_ref().map(SignerProcess::status),
    }
}

const DOMAIN: TransactionDomain =
    TransactionDomain { network: Network::Testnet, chain_id: ChainId::TESTNET };
/// How long a program may take to end.
const GRACE: Duration = Duration::from_secs(8);
/// Events of some minutes.
const QUEUE_LEN: usize = 4096;
