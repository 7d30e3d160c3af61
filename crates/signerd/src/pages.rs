//! The metrics endpoint's pages, and the gauges that follow the node.

use std::sync::Arc;
use std::time::Duration;

use countersign_ops::metrics::{Pages, Readiness as Page, page};
use countersign_wire::rpc::SignerBlocks;
use countersign_wire::{PublicKey, RewardCycle, StacksAddress};
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::keys::PublicKeys;
use crate::metrics::Metrics;
use crate::nodes::Nodes;
use crate::readiness::Readiness;

/// What `/metrics`, `/info` and `/heartbeat` say (`signer-wire.md` section 10).
pub(crate) struct SignerPages {
    registry: Registry,
    info: String,
    nodes: Nodes,
    readiness: Readiness,
    stuck: watch::Receiver<Option<&'static str>>,
}

/// The page `/info`, with the names of the reference, and the next key, if there is one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    network: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_signer_public_key: Option<String>,
    signer_public_key: String,
    stx_address: String,
    version: String,
}

impl SignerPages {
    /// The pages of this signer.
    pub(crate) fn new(
        registry: Registry,
        (config, keys): (&Config, &PublicKeys),
        nodes: Nodes,
        readiness: Readiness,
        stuck: watch::Receiver<Option<&'static str>>,
    ) -> Self {
        let info = Info {
            network: config.network.name(),
            next_signer_public_key: keys.next.map(|key| key.to_string()),
            signer_public_key: keys.first.to_string(),
            stx_address: config.address(&keys.first).to_string(),
            version: crate::release(),
        };
        let info = serde_json::to_string(&info).expect("texts are written without fail");
        Self { registry, info, nodes, readiness, stuck }
    }
}

impl Pages for SignerPages {
    fn metrics(&self) -> String {
        page(&self.registry)
    }

    fn info(&self) -> String {
        self.info.clone()
    }

    async fn heartbeat(&self) -> bool {
        self.nodes.active().info().await.is_ok()
    }

    fn readiness(&self) -> Page {
        let ladder = self.readiness.ladder();
        Page {
            is_ready: ladder.is_ready(),
            text: ladder.to_string(),
            json: ladder.to_json().to_string(),
        }
    }

    fn stuck(&self) -> Option<&'static str> {
        *self.stuck.borrow()
    }
}

/// Keeps the gauges that show the node up to date. What the node does not say stays as it was.
pub(crate) struct Follow {
    /// The node that is asked.
    pub(crate) nodes: Nodes,
    /// The signer's account.
    pub(crate) address: StacksAddress,
    /// Whose blocks are counted.
    pub(crate) keys: Vec<PublicKey>,
    /// Where it is shown.
    pub(crate) metrics: Arc<Metrics>,
}

impl Follow {
    /// Asks once a minute until `stop` is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(REFRESH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let follow = async {
            loop {
                ticks.tick().await;
                self.refresh().await;
            }
        };
        tokio::select! {
            () = follow => {}
            () = stop.cancelled() => {}
        }
    }

    async fn refresh(&self) {
        let (client, metrics) = (self.nodes.active(), &self.metrics);
        if let Ok(info) = client.info().await {
            metrics.node_height.set(info.stacks_tip_height.get());
            metrics.proposed.show_node(info.burn_block_height);
        }
        if let Ok(pox) = client.pox().await {
            metrics.reward_cycle.set(pox.reward_cycle_id);
            let cycle = RewardCycle::new(pox.reward_cycle_id);
            for key in &self.keys {
                if let Ok(SignerBlocks { blocks_signed }) = client.signer_blocks(key, cycle).await {
                    metrics.chain.show_signed(key, cycle, blocks_signed);
                }
            }
        }
        let health = client.health().await;
        metrics.chain.show_behind_peers(health.ok().map(|health| health.difference_from_max_peer));
        if let Ok(account) = client.account(&self.address).await {
            metrics.nonce.set(account.nonce);
            let digits = account.balance.trim_start_matches("0x");
            if let Ok(balance) = u128::from_str_radix(digits, 16) {
                metrics.stx_balance.set(u64::try_from(balance).unwrap_or(u64::MAX));
            }
        }
    }
}

const REFRESH_EVERY: Duration = Duration::from_mins(1);
