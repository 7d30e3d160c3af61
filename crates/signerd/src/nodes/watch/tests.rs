#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_ops::metrics::page;
use countersign_wire::{BurnHeight, ConsensusHash, StacksHeight};

use super::*;
use crate::test_node::{self, Asked, Reply};

const OURS: u32 = 1;

fn hash(tip: u8) -> String {
    format!("{tip:02x}").repeat(20)
}

/// `/v2/info` of a node at a burn block with its number as its hash.
fn info(tip: u8, chain: u32) -> Reply {
    let info = serde_json::json!({
        "burn_block_height": tip,
        "pox_consensus": hash(tip),
        "stacks_tip": "00".repeat(32),
        "stacks_tip_consensus_hash": "00".repeat(20),
        "stacks_tip_height": 7,
        "server_version": "test",
        "network_id": chain,
    });
    Reply::Json(200, info.to_string())
}

fn sortition(tip: u8) -> Reply {
    let hash32 = format!("0x{}", format!("{tip:02x}").repeat(32));
    let sortition = serde_json::json!([{
        "burn_block_hash": hash32,
        "burn_block_height": tip,
        "burn_header_timestamp": 0,
        "sortition_id": hash32,
        "parent_sortition_id": hash32,
        "consensus_hash": format!("0x{}", hash(tip)),
        "was_sortition": false,
        "miner_pk_hash160": null,
        "stacks_parent_ch": null,
        "last_sortition_ch": null,
        "committed_block_hash": null,
        "vrf_seed": null,
    }]);
    Reply::Json(200, sortition.to_string())
}

fn node(host: &str, script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Node {
    let (client, _) = test_node::start(script);
    Node { host: host.to_owned(), glance: client.clone(), client }
}

fn watch(nodes: &Nodes) -> (NodeWatch, prometheus_client::registry::Registry) {
    let (metrics, registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let chain = ChainId::new(OURS);
    let pause = Duration::from_millis(1);
    (NodeWatch::new(nodes.clone(), chain, pause, Arc::new(metrics)), registry)
}

#[tokio::test]
async fn a_look_says_where_each_node_is_and_whether_those_further_on_have_the_active_nodes_tip() {
    let nodes = Nodes::new(
        node("active", |_| info(5, OURS)),
        [
            node("level", |_| info(5, OURS)),
            node("behind", |_| info(4, OURS)),
            node("ahead", |asked| match asked.line.as_str() {
                "GET /v2/info" => info(6, OURS),
                line if line.ends_with(&hash(5)) => sortition(5),
                _ => Reply::HangUp,
            }),
            node("apart", |asked| match asked.line.as_str() {
                "GET /v2/info" => info(7, OURS),
                _ => Reply::Json(404, "not found".to_owned()),
            }),
            node("liar", |asked| match asked.line.as_str() {
                "GET /v2/info" => info(8, OURS),
                _ => sortition(8),
            }),
            node("elsewhere", |_| info(5, OURS + 1)),
            node("gone", |_| Reply::HangUp),
            node("broken", |_| Reply::Json(500, "no".to_owned())),
        ],
    );
    let (watch, _) = watch(&nodes);
    let looks = watch.look(&Scores::of(9)).await;
    let at = |tip: u8| {
        Sight::At(Tip {
            burn_height: BurnHeight::new(u64::from(tip)),
            consensus_hash: ConsensusHash::new([tip; 20]),
            stacks_height: StacksHeight::new(7),
        })
    };
    let seen: Vec<_> = looks.iter().map(|look| (look.sight, look.has_active_tip)).collect();
    let expected = [
        (at(5), None),
        (at(5), None),
        (at(4), None),
        (at(6), Some(true)),
        (at(7), Some(false)),
        (at(8), Some(false)),
        (Sight::Elsewhere, None),
        (Sight::Silent, None),
        (Sight::Silent, None),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_silent_node_is_switched_from_and_the_page_shows_it() {
    let nodes = Nodes::new(node("one", |_| Reply::HangUp), [node("two", |_| info(5, OURS))]);
    let (watch, registry) = watch(&nodes);
    assert!(page(&registry).contains("countersign_node_active{host=\"one\"} 1"));
    let mut wishes = nodes.wishes();
    let stop = CancellationToken::new();
    let running = tokio::spawn(watch.run(stop.clone()));
    wishes.changed().await.unwrap();
    assert_eq!(*wishes.borrow_and_update(), 1);
    assert_eq!(nodes.active_index(), 0, "only the loop switches");
    stop.cancel();
    running.await.unwrap();
    let page = page(&registry);
    for line in [
        "countersign_node_active{host=\"one\"} 0",
        "countersign_node_active{host=\"two\"} 1",
        "countersign_node_switches{reason=\"silent\"} 1",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
}

#[tokio::test]
async fn a_single_node_is_not_looked_at() {
    let (client, mut asked) = test_node::start(|_| info(5, OURS));
    let nodes = Nodes::only(client);
    let (watch, _) = watch(&nodes);
    let stop = CancellationToken::new();
    stop.cancel();
    watch.run(stop).await;
    assert!(asked.try_recv().is_err());
}
