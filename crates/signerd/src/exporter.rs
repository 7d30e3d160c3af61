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

    /// What only the node can tell is not told while it does not answer.
    async fn look(&self) -> Result<(), NodeError> {
        let looked = self.ask().await;
        if looked.is_err() {
            self.chain.show_behind_peers(None);
            self.chain.show_registered(None, None);
        }
        looked
    }

    async fn ask(&self) -> Result<(), NodeError> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use countersign_wire::PrivateKey;
    use serde_json::json;

    use super::*;
    use crate::test_node::{self, Reply};

    /// A node that says where it is until it is told to hang up, and that `key` has a seat.
    fn node(key: &PublicKey, is_gone: Arc<AtomicBool>) -> NodeClient {
        let set = json!({ "stacker_set": { "signers": [
            { "signing_key": key.to_string(), "stacked_amt": 1, "weight": 1 },
        ] } });
        let (client, _) = test_node::start(move |asked| {
            if is_gone.load(Ordering::SeqCst) {
                return Reply::HangUp;
            }
            let said = match asked.line.as_str() {
                "GET /v2/info" => json!({
                    "burn_block_height": 1020, "pox_consensus": "11".repeat(20),
                    "stacks_tip": "22".repeat(32), "stacks_tip_consensus_hash": "33".repeat(20),
                    "stacks_tip_height": 4567, "server_version": "stacks-node 4.0.2",
                    "network_id": 1,
                }),
                "GET /v2/pox" => json!({
                    "first_burnchain_block_height": 0, "current_burnchain_block_height": 1020,
                    "reward_phase_block_length": 90, "prepare_phase_block_length": 10,
                    "reward_cycle_id": 10,
                }),
                "GET /v3/health" => json!({ "difference_from_max_peer": 2 }),
                "GET /v3/stacker_set/10" | "GET /v3/stacker_set/11" => set.clone(),
                _ => json!({}),
            };
            Reply::Json(200, said.to_string())
        });
        client
    }

    #[tokio::test]
    async fn what_only_the_node_can_tell_is_not_told_while_it_is_silent() {
        let key = PrivateKey::from_bytes([7; 32]).unwrap().public_key();
        let is_gone = Arc::new(AtomicBool::new(false));
        let (chain, nodes) = (ChainMetrics::new(), NodeMetrics::new());
        let mut registry = Registry::default();
        chain.register_shared(&mut registry);
        let looker = Looker {
            host: "node".to_owned(),
            client: node(&key, Arc::clone(&is_gone)),
            keys: vec![key],
            chain,
            nodes,
            well: watch::Sender::new(true),
        };
        let told = [
            "\ncountersign_registered{cycle=\"current\"} 1",
            "\ncountersign_registered{cycle=\"next\"} 1",
            "\ncountersign_node_behind_peers 2",
        ];
        looker.look().await.unwrap();
        let shown = page(&registry);
        assert!(told.iter().all(|line| shown.contains(line)), "{shown}");
        is_gone.store(true, Ordering::SeqCst);
        looker.look().await.unwrap_err();
        let shown = page(&registry);
        assert!(!told.iter().any(|line| shown.contains(line)), "{shown}");
    }
}
