//! A node that misbehaves: named in the log once, asked again, and forgiven.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use system_tests::daemons::{Daemon, Interposer, Manner, Network, post, quick, within};

const LIMIT: Duration = Duration::from_secs(20);
/// How long a signer waits for an answer before it says that there is none, and some more.
const SILENCE: Duration = Duration::from_secs(45);

const IS_GONE: &str = "the node does not answer; it is asked again";
const IS_BACK: &str = "the node answers again";

/// One signer at work, with a node that can be told to misbehave.
struct Stage {
    network: Network,
    daemon: Daemon,
    node: Interposer,
}

impl Stage {
    async fn set() -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
        let mut network = Network::start(config).await;
        let settings = network.settings(0);
        let node = Interposer::before(settings.address("node_host")).await;
        let settings = settings.with("node_host", node.address().to_string());
        let (daemon, _) = Daemon::ready(&network.write(0, &settings)).await;
        network.adopts(1, "the signer works").await;
        Self { network, daemon, node }
    }

    /// The node behaves in this manner until the signer says `says`, and well again then.
    async fn misbehaves(&mut self, manner: Manner, says: &str, limit: Duration) {
        let start = self.daemon.log().len();
        self.node.behave(manner);
        let named = self.daemon.log().wait_for(start, IS_GONE, limit).await;
        assert!(named.text.contains(says), "{manner:?}: {}", named.text);
        assert!(named.text.contains(" WARN "), "{manner:?}: {}", named.text);
        // Another burn block, so that there is something to ask for again.
        self.network.mines(2).await;
        self.is_said_once(start, manner);

        self.node.behave(Manner::Honest);
        self.daemon.log().wait_for(named.number, IS_BACK, LIMIT).await;
        self.network.skip_to_now();
        self.network.adopts(2, "the node behaves again").await;
    }

    /// Each question's failure is named once, however often it is asked, until it is answered.
    fn is_said_once(&self, start: usize, manner: Manner) {
        let mut failing = BTreeSet::new();
        for line in self.daemon.log().since(start) {
            if let Some((_, what)) = line.split_once(IS_GONE) {
                assert!(failing.insert(what.to_owned()), "{manner:?}: said twice: {what}");
            } else if let Some((_, what)) = line.split_once(IS_BACK) {
                failing.retain(|known| !known.starts_with(what));
            }
        }
        // What is asked about a tenure or a burn block is in the path, not in the name.
        assert!(failing.len() <= 10, "{manner:?}: {failing:#?}");
    }

    async fn ends(self) {
        assert!(self.daemon.is_running());
        let log = self.daemon.log().text();
        assert!(!log.contains("panicked"), "{log}");
        self.network.devnet.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_answers_nonsense_is_named_once_and_forgiven() {
    let mut stage = Stage::set().await;
    for (manner, says) in [
        (Manner::Failing, "with status 500"),
        (Manner::WebPage, "is not understood"),
        (Manner::Half, "the node broke off its answer"),
    ] {
        stage.misbehaves(manner, says, LIMIT).await;
    }
    stage.ends().await;
}

#[tokio::test]
async fn a_silent_node_is_named_once_and_forgiven() {
    let mut stage = Stage::set().await;
    stage.misbehaves(Manner::Silent, "the node has not answered", SILENCE).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_slow_node_gets_its_callbacks_answered_at_once_and_keeps_its_signer() {
    let mut stage = Stage::set().await;
    stage.node.behave(Manner::Slow(Duration::from_millis(700)));
    let endpoint = stage.network.settings(0).address("endpoint");
    for _ in 0..2 {
        stage.network.mines(1).await;
        let answer = post(endpoint, "/stackerdb_chunks", b"{}");
        let answer = within(Duration::from_secs(1), "an answer to a callback", answer).await;
        assert_eq!(answer.status, 200);
    }
    stage.node.behave(Manner::Honest);
    stage.network.skip_to_now();
    stage.network.adopts(2, "the node is quick again").await;
    stage.ends().await;
}

#[tokio::test]
async fn nothing_is_signed_for_a_node_of_another_chain_until_it_is_the_right_one() {
    let mut stage = Stage::set().await;
    let start = stage.daemon.log().len();
    stage.node.behave(Manner::OtherChain);
    let says = "the node is on chain 0x80000002 and the signer is configured for 0x80000000";
    let named = stage.daemon.log().wait_for(start, says, LIMIT).await;
    assert!(named.text.contains("ERROR"), "{}", named.text);

    stage.network.skip_to_now();
    stage.network.proposes(1, "the last that may have been answered before").await;
    let height = stage.network.devnet.chain().await.unwrap().stacks_tip().header.chain_length;
    stage.network.proposes(3, "nobody answers").await;
    let chain = stage.network.devnet.chain().await.unwrap();
    assert_eq!(chain.stacks_tip().header.chain_length, height);
    let said = stage.daemon.log().since(start);
    assert_eq!(said.iter().filter(|line| line.contains(says)).count(), 1);

    stage.node.behave(Manner::Honest);
    stage.network.skip_to_now();
    stage.network.adopts(2, "it is the right node again").await;
    stage.ends().await;
}
