//! The whole network: started, disturbed, stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use countersign_wire::NakamotoBlock;
use countersign_wire::stackerdb::{Chunk, ChunkAck};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::actors::{Actor, Addresses, Keys};
use crate::chain::{self, Chain};
use crate::config::{ConfigError, Deliver, DevnetConfig};
use crate::dispatcher::{Dispatcher, Mode};
use crate::event::{DevnetEvent, SignerPlace, Summary};
use crate::facade::{Endpoint, Node};
use crate::miners::{Actors, Miners, Pace, announce_cycle};
use crate::ports::Ports;
use crate::seed::Seed;
use crate::shared::{ChainHandle, NodeFeed, Notice, SharedChain, Stopped};
use crate::signers::{EndSignal, FolderError, NetworkFolder, ProcessError, SignerProcess};
use crate::traffic::{Tap, Traffic};
use crate::view::View;
use crate::watch::{self, Watched};

/// A Stacks network on this machine: nodes, miners, and signers as child processes.
///
/// Dropping it kills the signers; [`stop`](Self::stop) ends them in order.
#[derive(Debug)]
pub struct Devnet {
    chain: ChainHandle,
    nodes: Vec<Node>,
    taps: Vec<Tap>,
    signers: Vec<Actor>,
    folder: NetworkFolder,
    deliver: Deliver,
    stop: CancellationToken,
}

/// Why a devnet cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The chain's part of the configuration.
    #[error(transparent)]
    Chain(#[from] chain::ConfigError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No address is free.
    #[error("no address on the loopback interface can be had: {0}")]
    Address(io::Error),
    /// A node cannot listen.
    #[error("node {node} cannot listen on {address}: {source}")]
    Listen {
        /// The node.
        node: usize,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A signer cannot be started.
    #[error("signer {signer}: {source}")]
    Signer {
        /// The signer.
        signer: usize,
        /// Why.
        source: ProcessError,
    },
    /// Everything ended at once.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a devnet cannot be disturbed as asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such signer or node.
    #[error("there is no signer {0}")]
    NoSuchSigner(usize),
    /// The signer is not a process of this devnet.
    #[error("signer {0} is not a process of this devnet")]
    NotAProcess(usize),
    /// The process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The node cannot listen again.
    #[error("the node cannot listen again: {0}")]
    Listen(#[from] io::Error),
    /// The nodes refuse a block.
    #[error(transparent)]
    Submit(#[from] chain::SubmitError),
    /// The network has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Devnet {
    /// Starts a network. It belongs to the Tokio runtime that this runs on.
    pub async fn start(config: DevnetConfig) -> Result<Self, StartError> {
        config.check()?;
        let keys = Keys::derive(&config);
        let chain = Chain::new(keys.chain_config(&config))?;
        let folder = NetworkFolder::open(config.folder.as_deref())?;
        // Not from the configured seed: two devnets of one seed can run side by side.
        let dice = Seed::from_os().map_err(StartError::Address)?.dice("ports");
        let addresses = Addresses::choose(config.signers.len(), &mut Ports::new(dice))
            .map_err(StartError::Address)?;

        let (taps, ears): (Vec<_>, Vec<_>) = addresses.iter().map(|_| Tap::new()).unzip();
        let (feeds, views): (Vec<_>, Vec<_>) = (0_u64..)
            .zip(&addresses)
            .zip(&ears)
            .map(|((index, address), ear)| {
                let dice = config.seed.dice(&format!("jitter {index}"));
                let (observer, ear) = (address.endpoint, Some(ear.clone()));
                NodeFeed::new(Dispatcher::start_heard(observer, config.patience, dice, ear))
            })
            .unzip();
        let (notices, heard) = mpsc::channel(NOTICE_QUEUE_LEN);
        let chain = SharedChain::start(chain, feeds, notices);

        let password = config.auth_password();
        let mut nodes = Vec::new();
        for (node, ((address, view), ear)) in addresses.iter().zip(views).zip(ears).enumerate() {
            let endpoint = Endpoint {
                node,
                chain: chain.clone(),
                auth_password: password.clone(),
                validation_delay: config.validation_delay,
                view,
                validation: Arc::new(Semaphore::new(1)),
                ear,
                lives: AtomicU64::new(0),
            };
            let mut server = Node::new(address.node, endpoint);
            let listening = server.start().await;
            let address = address.node;
            listening.map_err(|source| StartError::Listen { node, address, source })?;
            nodes.push(server);
        }
        let signers = keys.actors(&config, &addresses, &folder, &password)?;
        let devnet = Self {
            chain,
            nodes,
            taps,
            signers,
            folder,
            deliver: config.deliver,
            stop: CancellationToken::new(),
        };
        devnet.set_going(&config, Arc::new(keys.into_actors()), heard).await?;
        Ok(devnet)
    }

    /// Starts the signers, the miners and the watch.
    async fn set_going(
        &self,
        config: &DevnetConfig,
        actors: Arc<Actors>,
        heard: mpsc::Receiver<Notice>,
    ) -> Result<(), StartError> {
        let started = DevnetEvent::Started {
            folder: self.folder.path().to_owned(),
            folder_is_kept: self.folder.is_kept(),
            signers: self.signers.iter().map(|actor| actor.place.clone()).collect(),
        };
        self.chain.ask(move |shared| shared.emit(&started)).await?;
        for (signer, actor) in self.signers.iter().enumerate() {
            if let Some(process) = &actor.process {
                let started = process.start().await;
                started.map_err(|source| StartError::Signer { signer, source })?;
            }
        }
        let announced = Arc::clone(&actors);
        self.chain.ask(move |shared| announce_cycle(shared, &announced)).await?;
        if config.is_mining {
            let pace = Pace {
                burn_interval: config.burn_interval,
                block_interval: config.block_interval,
                empty_sortition_in: config.empty_sortition_in,
                transfers: config.transfers,
            };
            let dice = config.seed.dice("sortitions");
            let miners = Miners::new(actors, pace, dice, self.chain.clone(), heard);
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(miners.run()));
        }
        let watched = self.signers.iter().map(|actor| Watched {
            place: actor.place.clone(),
            status: actor.process.as_ref().map(SignerProcess::status),
        });
        let watch = watch::run(self.chain.clone(), watched.collect(), config.quiet_limit);
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(watch));
        Ok(())
    }

    /// Where a signer and its node are.
    pub fn place(&self, signer: usize) -> Result<&SignerPlace, ControlError> {
        self.actor(signer).map(|actor| &actor.place)
    }

    /// Everything that happens from now on, and what happened while nobody listened. A subscriber that does not read for 4,096 events is
    /// forgotten, and its receiver ends.
    pub async fn subscribe(&self) -> Result<mpsc::Receiver<DevnetEvent>, Stopped> {
        self.chain.ask(SharedChain::subscribe).await
    }

    /// Everything that a node and its signer say to each other from now on. Whoever listened before
    /// hears no more. What is not read is kept.
    pub fn listen(&self, node: usize) -> Result<mpsc::UnboundedReceiver<Traffic>, ControlError> {
        Ok(self.taps.get(node).ok_or(ControlError::NoSuchSigner(node))?.listen())
    }

    /// Writes a chunk as any of the network's signers and miners may, for a test that plays one.
    pub async fn put_chunk(&self, db: chain::StackerDb, chunk: Chunk) -> Result<ChunkAck, Stopped> {
        self.chain.ask(move |shared| shared.put_chunk(db, chunk)).await
    }

    /// Adds a signed block to the chain, for a test that plays a miner. Gives whether it is new.
    pub async fn submit(&self, block: NakamotoBlock) -> Result<bool, ControlError> {
        Ok(self.chain.ask(move |shared| shared.submit(&block)).await??)
    }

    /// A copy of the chain as it is now.
    pub async fn chain(&self) -> Result<Chain, Stopped> {
        self.chain.ask(|shared| shared.chain().clone()).await
    }

    /// Ends a signer with a signal and waits until it is gone.
    pub async fn kill_signer(&self, signer: usize, signal: EndSignal) -> Result<(), ControlError> {
        self.process(signer)?.end(signal).await?;
        self.note_signer_is_up(signer, false).await
    }

    /// Starts a signer again with the same files.
    pub async fn start_signer(&self, signer: usize) -> Result<(), ControlError> {
        self.note_signer_is_up(signer, true).await?;
        Ok(self.process(signer)?.start().await?)
    }

    /// Stops a signer where it stands, so that it answers nothing and remembers everything.
    pub async fn pause_signer(&self, signer: usize) -> Result<(), ControlError> {
        self.process(signer)?.pause().await?;
        self.note_signer_is_up(signer, false).await
    }

    /// Lets a paused signer go on.
    pub async fn resume_signer(&self, signer: usize) -> Result<(), ControlError> {
        self.process(signer)?.resume().await?;
        self.note_signer_is_up(signer, true).await
    }

    /// Takes a node away. Its callbacks wait for its return, as a real node keeps them on disk.
    pub async fn stop_node(&mut self, node: usize) -> Result<(), ControlError> {
        self.set_mode(node, Mode::Hold).await?;
        self.nodes.get_mut(node).ok_or(ControlError::NoSuchSigner(node))?.stop().await;
        Ok(())
    }

    /// Brings a node back on the same address.
    pub async fn restart_node(&mut self, node: usize) -> Result<(), ControlError> {
        self.nodes.get_mut(node).ok_or(ControlError::NoSuchSigner(node))?.start().await?;
        self.set_mode(node, Mode::Deliver).await
    }

    /// Changes how a node differs from the others.
    pub async fn set_view(&self, node: usize, view: View) -> Result<(), ControlError> {
        self.actor(node)?;
        Ok(self.chain.ask(move |shared| shared.set_view(node, view)).await?)
    }

    /// Mines a burn block now, whether or not the miners mine.
    pub async fn mine_burn_block(&self, winner: Option<chain::Winner>) -> Result<(), Stopped> {
        self.chain.ask(move |shared| shared.mine_burn_block(winner)).await
    }

    /// Ends everything in order, and tells what there was.
    pub async fn stop(mut self) -> Summary {
        self.stop.cancel();
        let mut endings = tokio::task::JoinSet::new();
        for actor in &mut self.signers {
            if let Some(process) = actor.process.take() {
                endings.spawn(async move { process.stop(GRACE).await });
            }
        }
        // A signer that cannot even be killed is not ours to wait for.
        while endings.join_next().await.is_some() {}
        for node in &mut self.nodes {
            node.stop().await;
        }
        let folder = self.folder.is_kept().then(|| self.folder.path().to_owned());
        let summary = self.chain.ask(move |shared| shared.stats().summary(folder)).await;
        summary.unwrap_or_default()
    }

    async fn note_signer_is_up(&self, signer: usize, is_up: bool) -> Result<(), ControlError> {
        let is_node_up = self.nodes.get(signer).is_some_and(Node::is_up);
        let mode = match (is_up, self.deliver) {
            (false, Deliver::DropWhileDown) => Mode::Discard,
            _ if is_node_up => Mode::Deliver,
            _ => Mode::Hold,
        };
        self.set_mode(signer, mode).await
    }

    async fn set_mode(&self, node: usize, mode: Mode) -> Result<(), ControlError> {
        let set = move |shared: &mut SharedChain| {
            if let Some(feed) = shared.nodes().get(node) {
                feed.set_mode(mode);
            }
        };
        Ok(self.chain.ask(set).await?)
    }

    fn actor(&self, signer: usize) -> Result<&Actor, ControlError> {
        self.signers.get(signer).ok_or(ControlError::NoSuchSigner(signer))
    }

    fn process(&self, signer: usize) -> Result<&SignerProcess, ControlError> {
        self.actor(signer)?.process.as_ref().ok_or(ControlError::NotAProcess(signer))
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// How long a signer may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// A hundred signers write a few hundred chunks for each block.
const NOTICE_QUEUE_LEN: usize = 8192;
