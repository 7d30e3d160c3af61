//! What can be watched without a signer: the node, the chain's word on a key, certificates, and what jobs left
//! behind. For hosts that run the reference's signers, which show none of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_node::{AuthPassword, ConfigError, Deadlines, NodeClient, NodeConfig, NodeError};
use countersign_ops::metrics::{MetricsServer, Pages, Readiness, page};
use countersign_wire::{Network, PublicKey, RewardCycle};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::metrics::{ChainMetrics, Housekeeping, NodeMetrics};

/// What is watched.
#[derive(Clone, Debug)]
pub struct ExporterConfig {
    /// Where the page is served.
    pub listen: SocketAddr,
    /// The node's RPC address; none if no node is looked at.
    pub node: Option<String>,
    /// The signers' keys, whose seats and blocks are looked for.
    pub keys: Vec<PublicKey>,
    /// The folder of the records of jobs.
    pub records: Option<PathBuf>,
    /// Certificates, by the names that they are shown with.
    pub certificates: BTreeMap<String, PathBuf>,
}

/// Why the exporter does not run.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    /// The node's address is none.
    #[error("the node cannot be asked")]
    Node(#[from] ConfigError),
    /// The address cannot be bound.
    #[error("{address} cannot be bound; free it, or name another one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Serves the page until `stop` is cancelled. `bound` is told the address once it listens.
pub async fn export(
    config: ExporterConfig,
    bound: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), ExporterError> {
    let address = config.listen;
    let client = config.node.as_ref().map(|host| client(host)).transpose()?;
    let server =
        MetricsServer::bind(address).map_err(|source| ExporterError::Bind { address, source })?;
    bound(server.local_addr());
    let (chain, nodes) = (ChainMetrics::new(), NodeMetrics::new());
    let mut registry = Registry::default();
    chain.register_shared(&mut registry);
    nodes.register_shared(&mut registry);
    let certificates = config.certificates.into_iter().collect();
    registry.register_collector(Box::new(Housekeeping::new(config.records, certificates)));
    let well = watch::Sender::new(client.is_none());
    let pages = ExporterPages { registry, well: well.subscribe() };
    let serve = server.run(pages, stop.clone());
    let look = async {
        let Some((host, client)) = config.node.zip(client) else { return stop.cancelled().await };
        let looker = Looker { host, client, keys: config.keys, chain, nodes, well };
        tokio::select! {
            () = looker.run() => {}
            () = stop.cancelled() => {}
        }
    };
    tokio::join!(serve, look);
    Ok(())
}

/// Nothing that is asked here needs the node's password.
fn client(host: &str) -> Result<NodeClient, ConfigError> {
    let call = Duration::from_secs(10);
    NodeClient::new(NodeConfig {
        host: host.to_owned(),
        tls: None,
        auth_password: AuthPassword::new(""),
        boot: Network::Mainnet,
        deadlines: Deadlines { call, ..Deadlines::default() },
        observer: None,
    })
}

/// Looks at the node.
struct Looker {
    host: String,
    client: NodeClient,
    keys: Vec<PublicKey>,
    chain: ChainMetrics,
    nodes: NodeMetrics,
    well: watch::Sender<bool>,
}

impl Looker {
    async fn run(self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let looked = self.look().await;
            self.nodes.show_health(&self.host, looked.is_ok());
            let was_well = self.well.send_replace(looked.is_ok());
            match looked {
                Err(error) if was_well => {
                    let error = countersign_ops::report::describe(&error);
                    tracing::warn!(
                        node = self.host,
                        error,
                        "the node does not answer; it is asked again"
                    );
                }
                Ok(()) if !was_well => tracing::info!(node = self.host, "the node answers again"),
                _ => {}
            }
        }
    }

    async fn look(&self) -> Result<(), NodeError> {
        let info = self.client.info().await?;
        self.nodes.show_tip(&self.host, info.burn_block_height, info.stacks_tip_height);
        let health = self.client.health().await;
        self.chain.show_behind_peers(health.ok().map(|health| health.difference_from_max_peer));
        let pox = self.client.pox().await?;
        let cycle = pox.cycle_of(info.burn_block_height);
        self.chain.show_blocks_left(pox.blocks_left(info.burn_block_height));
        if self.keys.is_empty() {
            return Ok(());
        }
        let next = RewardCycle::new(cycle.get().saturating_add(1));
        let (current, next) = (self.has_seat(cycle).await, self.has_seat(next).await);
        self.chain.show_registered(current, next);
        for key in &self.keys {
            // A node of before 3.1 does not count; then there is no gauge.
            if let Ok(counted) = self.client.signer_blocks(key, cycle).await {
                self.chain.show_signed(key, cycle, counted.blocks_signed);
            }
        }
        Ok(())
    }

    /// Whether one of the keys has a seat; none while the node cannot tell.
    async fn has_seat(&self, cycle: RewardCycle) -> Option<bool> {
        let set = self.client.stacker_set(cycle).await.ok()??;
        let signers = set.signers.unwrap_or_default();
        Some(signers.iter().any(|signer| self.keys.contains(&signer.signing_key)))
    }
}

/// What the endpoint says.
struct ExporterPages {
    registry: Registry,
    well: watch::Receiver<bool>,
}

impl Pages for ExporterPages {
    fn metrics(&self) -> String {
        page(&self.registry)
    }

    fn info(&self) -> String {
        serde_json::json!({ "version": crate::release() }).to_string()
    }

    async fn heartbeat(&self) -> bool {
        *self.well.borrow()
    }

    fn readiness(&self) -> Readiness {
        let is_ready = *self.well.borrow();
        let text = if is_ready { "the node answers\n" } else { "the node does not answer\n" };
        let json = serde_json::json!({ "ready": is_ready }).to_string();
        Readiness { is_ready, text: text.to_owned(), json }
    }

    fn stuck(&self) -> Option<&'static str> {
        None
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(15);
