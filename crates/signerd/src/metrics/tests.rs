#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use countersign_node::QueueLimits;
use countersign_ops::metrics::page;
use countersign_wire::{BurnHeight, StacksHeight};

use super::*;

/// The page with the lines of a family in order: the families keep their labels in hash maps.
fn sorted_page() -> String {
    let (metrics, registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    metrics.rpc_latencies.get_or_create(&vec![("path", "/v2/info")]).observe(0.02);
    metrics.events.get_or_create(&vec![("kind", "deadline")]).inc();
    metrics.rejections.get_or_create(&vec![("reason", "no_signer_consensus")]).inc();
    metrics.vault_seconds.get_or_create(&vec![("payload", "chunk")]).observe(0.0002);
    let (burn, stacks) = (BurnHeight::new(3), StacksHeight::new(4));
    let seat = [("key", "02ab".to_owned()), ("cycle", "7".to_owned())];
    metrics.seats.get_or_create(&seat).set(20);
    metrics.nodes.show_active("127.0.0.1:20443", true);
    metrics.nodes.show_health("127.0.0.1:20443", true);
    metrics.nodes.show_tip("127.0.0.1:20443", burn, stacks);
    metrics.instance.show(crate::instance::GateState::Open);
    let mut lines: Vec<Vec<String>> = Vec::new();
    for line in page(&registry).lines() {
        if line.starts_with("# HELP") {
            lines.push(Vec::new());
        }
        lines.last_mut().unwrap().push(line.to_owned());
    }
    for family in &mut lines {
        if !family[1].ends_with("histogram") {
            family[2..].sort();
        }
    }
    lines.concat().join("\n")
}

#[test]
fn the_reference_names_types_and_labels_are_on_the_page() {
    let page = sorted_page();
    let reference: Vec<&str> = page
        .lines()
        .filter(|line| line.contains("stacks_signer_") && !line.starts_with("# HELP"))
        .filter(|line| !line.contains("_bucket") || line.contains("+Inf"))
        .collect();
    insta::assert_snapshot!(reference.join("\n"), @r#"
    # TYPE stacks_signer_stacks_node_height gauge
    stacks_signer_stacks_node_height 0
    # TYPE stacks_signer_current_reward_cycle gauge
    stacks_signer_current_reward_cycle 0
    # TYPE stacks_signer_stx_balance gauge
    stacks_signer_stx_balance 0
    # TYPE stacks_signer_nonce gauge
    stacks_signer_nonce 0
    # TYPE stacks_signer_block_proposals_received counter
    stacks_signer_block_proposals_received 0
    # TYPE stacks_signer_block_validation_responses counter
    stacks_signer_block_validation_responses{response_type="accepted"} 0
    stacks_signer_block_validation_responses{response_type="rejected"} 0
    # TYPE stacks_signer_block_responses_sent counter
    stacks_signer_block_responses_sent{response_type="accepted"} 0
    stacks_signer_block_responses_sent{response_type="rejected"} 0
    # TYPE stacks_signer_block_pre_commits_sent counter
    stacks_signer_block_pre_commits_sent 0
    # TYPE stacks_signer_agreement_state_change_reasons counter
    stacks_signer_agreement_state_change_reasons{reason="burn_block_arrival"} 0
    stacks_signer_agreement_state_change_reasons{reason="inactive_miner"} 0
    stacks_signer_agreement_state_change_reasons{reason="miner_parent_tenure_update"} 0
    stacks_signer_agreement_state_change_reasons{reason="miner_view_update"} 0
    stacks_signer_agreement_state_change_reasons{reason="protocol_upgrade"} 0
    stacks_signer_agreement_state_change_reasons{reason="stacks_block_arrival"} 0
    # TYPE stacks_signer_agreement_state_conflicts counter
    stacks_signer_agreement_state_conflicts{conflict="burn_block_delay"} 0
    stacks_signer_agreement_state_conflicts{conflict="miner_view"} 0
    stacks_signer_agreement_state_conflicts{conflict="stacks_block_delay"} 0
    # TYPE stacks_signer_node_rpc_call_latencies_histogram histogram
    stacks_signer_node_rpc_call_latencies_histogram_sum{path="/v2/info"} 0.02
    stacks_signer_node_rpc_call_latencies_histogram_count{path="/v2/info"} 1
    stacks_signer_node_rpc_call_latencies_histogram_bucket{le="+Inf",path="/v2/info"} 1
    # TYPE stacks_signer_block_validation_latencies_histogram histogram
    stacks_signer_block_validation_latencies_histogram_sum 0.0
    stacks_signer_block_validation_latencies_histogram_count 0
    stacks_signer_block_validation_latencies_histogram_bucket{le="+Inf"} 0
    # TYPE stacks_signer_block_response_latencies_histogram histogram
    stacks_signer_block_response_latencies_histogram_sum 0.0
    stacks_signer_block_response_latencies_histogram_count 0
    stacks_signer_block_response_latencies_histogram_bucket{le="+Inf"} 0
    # TYPE stacks_signer_agreement_capitulation_latencies_histogram histogram
    stacks_signer_agreement_capitulation_latencies_histogram_sum 0.0
    stacks_signer_agreement_capitulation_latencies_histogram_count 0
    stacks_signer_agreement_capitulation_latencies_histogram_bucket{le="+Inf"} 0
    "#);
}

#[test]
fn the_documentation_lists_every_metric_with_its_type() {
    let page = sorted_page();
    let doc = include_str!("../../../../docs/metrics.md");
    let shown: BTreeSet<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    let documented: BTreeSet<(String, String)> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned()))
        .collect();
    assert_eq!(documented, shown);
}

#[test]
fn histograms_have_the_buckets_of_the_reference() {
    let page = sorted_page();
    let bounds = |name: &str| -> Vec<String> {
        let start = format!("stacks_signer_{name}_bucket{{");
        let lines = page.lines().filter(|line| line.starts_with(&start));
        let bound =
            |line: &str| line.split("le=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        lines.map(bound).collect()
    };
    let rows = [
        ("node_rpc_call_latencies_histogram", ".005 .01 .025 .05 .1 .25 .5 1 2.5 5 10"),
        ("block_validation_latencies_histogram", ".005 .1 .25 .5 1 2.5 5 10 20"),
        ("block_response_latencies_histogram", ".005 .1 .25 .5 1 2.5 5 10 20 30 60 120"),
        ("agreement_capitulation_latencies_histogram", "0 1 3 5 10 20 30 60 120"),
    ];
    for (name, expected) in rows {
        let expected: Vec<f64> = expected.split(' ').map(|bound| bound.parse().unwrap()).collect();
        let found = bounds(name);
        assert_eq!(found.last().unwrap(), "+Inf", "{name}");
        let found: Vec<f64> =
            found[..found.len() - 1].iter().map(|bound| bound.parse().unwrap()).collect();
        assert_eq!(found, expected, "{name}");
    }
}
