//! A signer with two nodes: it leaves the one that is not well, returns when that is, and signs with both.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use system_tests::daemons::{Daemon, Interposer, Manner, Metrics, Network, quick};
use toml::{Table, Value};

/// Long enough for what takes many looks at nodes that answer late.
const LIMIT: Duration = Duration::from_mins(1);

/// A network of one signer, whose two nodes are at the same tip and can be told to misbehave.
struct Stage {
    network: Network,
    daemon: Daemon,
    metrics: SocketAddr,
    preferred: Option<Interposer>,
    fallback: Interposer,
    hosts: [String; 2],
}

impl Stage {
    /// The fall-back behaves in this manner from the start.
    async fn set(of_fallback: Manner) -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
        let mut network = Network::start(config).await;
        let settings = network.settings(0);
        let node = settings.address("node_host");
        let (preferred, fallback) =
            (Interposer::before(node).await, Interposer::before(node).await);
        fallback.behave(of_fallback);
        let hosts = [&preferred, &fallback].map(|node| node.address().to_string());
        let settings = settings
            .with("node_host", hosts[0].as_str())
            .with("countersign", with_fallback(&hosts[1]));
        let (daemon, _) = Daemon::ready(&network.write(0, &settings)).await;
        network.adopts(1, "the signer works").await;
        let metrics = settings.address("metrics_endpoint");
        Self { network, daemon, metrics, preferred: Some(preferred), fallback, hosts }
    }

    fn preferred(&self) -> &Interposer {
        self.preferred.as_ref().unwrap()
    }

    /// Waits for the switch to this node, for a reason that begins like this.
    async fn switches_to(&mut self, node: usize, reason: &str) {
        let (from, to) = (&self.hosts[1 - node], &self.hosts[node]);
        let says = format!("switching from {from} to {to} because {reason}");
        self.daemon.log().wait_for(0, &says, LIMIT).await;
        self.network.skip_to_now();
        self.network.adopts(2, "the other node is asked").await;
        let page = Metrics::of(self.metrics).await;
        let is_active =
            |host: &str| page.value(&format!("countersign_node_active{{host=\"{host}\"}}")) > 0.0;
        assert!(is_active(&self.hosts[node]) && !is_active(&self.hosts[1 - node]));
    }

    async fn ends(self) {
        assert!(self.daemon.is_running());
        let log = self.daemon.log().text();
        assert!(!log.contains("panicked"), "{log}");
        self.network.devnet.stop().await;
    }
}

fn with_fallback(host: &str) -> Table {
    let node = Table::from_iter([("host".to_owned(), Value::from(host))]);
    Table::from_iter([
        ("fallback_nodes".to_owned(), Value::from(vec![node])),
        ("node_probe_ms".to_owned(), Value::from(100)),
    ])
}

#[tokio::test]
async fn a_node_that_is_killed_is_left_and_signing_goes_on() {
    let mut stage = Stage::set(Manner::Honest).await;
    stage.preferred = None;
    let reason = format!("{} is silent", stage.hosts[0]);
    stage.switches_to(1, &reason).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_node_that_fails_is_left_and_returned_to_when_it_is_well_again() {
    let mut stage = Stage::set(Manner::Honest).await;
    stage.preferred().behave(Manner::Failing);
    let silent = format!("{} is silent", stage.hosts[0]);
    stage.switches_to(1, &silent).await;
    stage.preferred().behave(Manner::Honest);
    let well = format!("{} is well again", stage.hosts[0]);
    stage.switches_to(0, &well).await;
    let page = Metrics::of(stage.metrics).await;
    for reason in ["silent", "preferred"] {
        let series = format!("countersign_node_switches{{reason=\"{reason}\"}}");
        assert!(page.value(&series) > 0.0, "{reason}");
    }
    let log = stage.daemon.log().text();
    assert_eq!(log.matches("switching from").count(), 2, "{log}");
    stage.ends().await;
}

#[tokio::test]
async fn a_node_that_hangs_is_left() {
    let mut stage = Stage::set(Manner::Honest).await;
    stage.preferred().behave(Manner::Silent);
    let reason = format!("{} is silent", stage.hosts[0]);
    stage.switches_to(1, &reason).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_node_that_says_it_is_on_another_network_is_left() {
    let mut stage = Stage::set(Manner::Honest).await;
    stage.preferred().behave(Manner::OtherChain);
    let reason = format!("{} is on another network", stage.hosts[0]);
    stage.switches_to(1, &reason).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_node_whose_tip_stays_behind_is_left() {
    let mut stage = Stage::set(Manner::Honest).await;
    stage.preferred().behave(Manner::Stale);
    let reason = format!("{} stays behind", stage.hosts[0]);
    stage.switches_to(1, &reason).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_fall_back_on_another_network_is_never_asked() {
    let mut stage = Stage::set(Manner::OtherChain).await;
    stage.preferred().behave(Manner::Failing);
    let told = format!("a node is silent node=\"{}\"", stage.hosts[0]);
    stage.daemon.log().wait_for(0, &told, LIMIT).await;
    stage.preferred().behave(Manner::Honest);
    stage.network.skip_to_now();
    stage.network.adopts(2, "the preferred node is well again").await;
    let log = stage.daemon.log().text();
    assert!(!log.contains("switching from"), "{log}");
    assert!(log.contains("a node is on another network and is not used"), "{log}");
    stage.fallback.behave(Manner::Honest);
    stage.ends().await;
}
