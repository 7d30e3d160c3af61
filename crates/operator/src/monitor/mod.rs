//! A watch over the signers of the current reward cycle: whether each of them answers proposals.
//!
//! It looks at the response lane of the signers' StackerDB at an interval. At a change of cycle it
//! starts over with the new signers and their slots, once the node knows them, and keeps watching the
//! old ones until then. A node that fails is reported and asked again; only what is wrong from the
//! start ends the watch.

mod news;
mod roster;
mod watch;

use std::io;
use std::time::{Duration, Instant};

use countersign_node::{ConfigError, NodeClient, NodeError, StackerDb};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{ChainId, Network, RewardCycle};
use tokio_util::sync::CancellationToken;

pub use news::{News, Round, WatchedSigner};

use crate::chunks::node;
use roster::Roster;
use watch::{Phase, Watch};

/// What is watched, and how closely.
#[derive(Clone, Debug)]
pub struct MonitorConfig {
    /// The node's RPC address, `host:port`.
    pub host: String,
    /// Between two looks.
    pub interval: Duration,
    /// A signer that has written nothing for longer is stale.
    pub max_age: Duration,
    /// How long a call to a StackerDB may take.
    pub stackerdb_timeout: Duration,
}

/// Why the watch ended.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The host is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node fails at the first look, or in a way that does not heal.
    #[error("the signers cannot be watched")]
    Node(#[from] NodeError),
    /// The chain has no signers yet.
    #[error("signers write nothing before epoch 2.5, and the node is in {0}")]
    TooEarly(String),
    /// The news cannot be written.
    #[error("the report cannot be written")]
    Output(#[source] io::Error),
}

/// Looks at the signers until `stop` is cancelled, and tells what there is to tell.
pub async fn monitor(
    config: &MonitorConfig,
    tell: &mut dyn FnMut(&News) -> io::Result<()>,
    stop: &CancellationToken,
) -> Result<(), MonitorError> {
    let mut monitor = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        started = Monitor::start(config) => started?,
    };
    let mut ticks = tokio::time::interval(config.interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut has_looked = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let looked = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            looked = monitor.look() => looked,
        };
        let news = match looked {
            Ok(news) => news,
            Err(MonitorError::Node(error)) if has_looked && error.is_transient() => {
                vec![News::NodeFailed(error)]
            }
            Err(error) => return Err(error),
        };
        has_looked = true;
        for item in &news {
            tell(item).map_err(MonitorError::Output)?;
        }
    }
}

struct Monitor {
    node: NodeClient,
    max_age: Duration,
    started: Instant,
    network: Network,
    watch: Option<Watch>,
}

impl Monitor {
    /// Asks the node for its network: the contracts' address depends on it.
    async fn start(config: &MonitorConfig) -> Result<Self, MonitorError> {
        let open = |network| node(config.host.clone(), network, config.stackerdb_timeout);
        let info = open(Network::Testnet)?.info().await?;
        let is_mainnet = info.network_id == ChainId::MAINNET;
        let network = if is_mainnet { Network::Mainnet } else { Network::Testnet };
        let (max_age, started) = (config.max_age, Instant::now());
        Ok(Self { node: open(network)?, max_age, started, network, watch: None })
    }

    /// One look at everybody.
    async fn look(&mut self) -> Result<Vec<News>, MonitorError> {
        let mut news = Vec::new();
        let pox = self.node.pox().await?;
        let Some(phase) = Phase::of_epoch(&pox.current_epoch) else {
            return Err(MonitorError::TooEarly(pox.current_epoch));
        };
        let cycle = pox.cycle_of(pox.current_burnchain_block_height);
        if self.watch.as_ref().is_none_or(|watch| watch.cycle() != cycle) {
            match self.roster(cycle).await? {
                Some(roster) => {
                    news.push(News::watching(&roster, self.contract(cycle)));
                    self.watch = Some(Watch::new(roster, self.started.elapsed()));
                }
                None => news.push(News::NotReady { cycle }),
            }
        }
        if let Some(mut watch) = self.watch.take() {
            let looked = self.look_at(&mut watch, phase).await;
            let round = watch.round(self.started.elapsed(), self.max_age);
            self.watch = Some(watch);
            looked?;
            news.push(News::Round(round));
        }
        Ok(news)
    }

    /// Reads what has changed in the slots.
    async fn look_at(&self, watch: &mut Watch, phase: Phase) -> Result<(), NodeError> {
        let lane = SignersContract::new(watch.cycle(), Lane::Responses);
        let db = StackerDb::Signers(lane);
        for slot in self.node.slot_metadata(db).await? {
            if watch.knows(&slot) {
                continue;
            }
            let data = self.node.latest_chunk_data(db, slot.slot_id).await?;
            watch.take_in(&slot, data.as_deref(), phase, self.started.elapsed());
        }
        Ok(())
    }

    /// The signers of a cycle; nothing while the node does not know them all with their slots.
    ///
    /// The slots of the contracts are those of the last cycle of the same parity that was written, so
    /// that they may still be those of two cycles ago.
    async fn roster(&self, cycle: RewardCycle) -> Result<Option<Roster>, NodeError> {
        if self.node.last_set_cycle().await? < cycle {
            return Ok(None);
        }
        let Some(set) = self.node.stacker_set(cycle).await? else { return Ok(None) };
        let slots = self.node.signer_slots(cycle).await?;
        let Ok(set) = set.signer_set() else { return Ok(None) };
        Ok(Roster::new(cycle, self.network, &set, &slots))
    }

    fn contract(&self, cycle: RewardCycle) -> String {
        let lane = SignersContract::new(cycle, Lane::Responses);
        format!("{}.{lane}", self.network.boot_address())
    }
}
