#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use countersign_node::QueueLimits;
use countersign_ops::metrics::page;
use countersign_ops::records::{self, Outcome as Ending, Record};
use countersign_signer::{Support, Timestamp};
use countersign_watch::registry;
use countersign_wire::codec::{Reader, Wire as _};
use countersign_wire::message::RejectReason;
use countersign_wire::{BurnHeight, PrivateKey, RewardCycle, StacksHeight, Weight};

use super::*;
use crate::instance::{GateState, Outcome};
use crate::intake::Skipped;
use crate::nodes::SwitchReason;
use crate::readiness::Rung;

/// The page with the lines of a family in order: the families keep their labels in hash maps.
fn sorted_page() -> String {
    let (metrics, mut registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let records = tempfile::tempdir().unwrap();
    for record in records_of_every_kind() {
        records::write(records.path(), &record).unwrap();
    }
    let folder = Some(records.path().to_owned());
    let housekeeping = Housekeeping::new(folder, vec![("tls".to_owned(), "/nowhere".into())]);
    registry.register_collector(Box::new(housekeeping));
    show_the_chain(&metrics);
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

fn records_of_every_kind() -> Vec<Record> {
    let record = |job: &str| Record::new(job, 1000, Ending::Ok);
    vec![
        record("backup.sbtc"),
        record("backup-verify.sbtc").with("level", 4_u64).with("taken_at", 900_u64),
        record("logs.stacks-node").with("oldest", 500_u64),
        record("drill.failover"),
        record("certificate.link").with("not_after", 9_000_u64),
        Record::new("upgrade", 1001, Ending::Failed),
    ]
}

fn show_the_chain(metrics: &Metrics) {
    let (key, cycle) = (PrivateKey::from_bytes([7; 32]).unwrap().public_key(), RewardCycle::new(7));
    metrics.chain.show_signed(&key, cycle, 12);
    metrics.chain.show_registered(Some(true), Some(false));
    metrics.proposed.show_registered(Some(true), Some(false));
    metrics.proposed.show_view(BurnHeight::new(3), Timestamp::from_millis(1_764_266_400_123));
    metrics.proposed.show_node(BurnHeight::new(4));
    let [total, known, greatest] = [4001, 3500, 2999].map(Weight::new);
    metrics.proposed.show_core(2, Some(Support { total, known, greatest, is_agreed: true }));
    metrics.chain.show_blocks_left(100);
    metrics.chain.show_behind_peers(Some(0));
    metrics.chain.show_total(cycle, Some(4000));
    metrics.chain.show_peers(&BTreeMap::from([("stacks-signer 4.0.2", 3000)]));
    metrics.journal_seconds.observe(0.004);
}

#[test]
fn what_jobs_left_behind_is_on_the_page() {
    let page = sorted_page();
    for line in [
        r#"countersign_backup_timestamp_seconds{of="sbtc"} 1000"#,
        r#"countersign_backup_verified_timestamp_seconds{of="sbtc"} 1000"#,
        r#"countersign_backup_verified_level{of="sbtc"} 4"#,
        r#"countersign_log_oldest_timestamp_seconds{service="stacks-node"} 500"#,
        r#"countersign_drill_timestamp_seconds{drill="failover"} 1000"#,
        r#"countersign_certificate_expiry_timestamp_seconds{certificate="link"} 9000"#,
        r#"countersign_certificate_expiry_timestamp_seconds{certificate="tls"} 0"#,
        r#"countersign_job_succeeded{task="upgrade"} 0"#,
        r#"countersign_job_timestamp_seconds{task="upgrade"} 1001"#,
        "countersign_records_faulty 0",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }
}

#[test]
fn a_record_that_is_called_what_something_else_is_makes_no_series_twice() {
    let records = tempfile::tempdir().unwrap();
    for record in [
        Record::new("certificate.tls", 1000, Ending::Ok).with("not_after", 9_000_u64),
        Record::new("drill", 1000, Ending::Ok),
        Record::new("drill.drill", 999, Ending::Ok),
    ] {
        records::write(records.path(), &record).unwrap();
    }
    let (_, mut registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let certificates = vec![("tls".to_owned(), "/nowhere".into())];
    let housekeeping = Housekeeping::new(Some(records.path().to_owned()), certificates);
    registry.register_collector(Box::new(housekeeping));
    let page = page(&registry);
    let of =
        |metric: &str| page.lines().filter(|line| line.starts_with(metric)).collect::<Vec<_>>();
    let certificate = r#"countersign_certificate_expiry_timestamp_seconds{certificate="tls"} 0"#;
    assert_eq!(of("countersign_certificate_expiry_timestamp_seconds{"), [certificate]);
    let drill = r#"countersign_drill_timestamp_seconds{drill="drill"} 999"#;
    assert_eq!(of("countersign_drill_timestamp_seconds{"), [drill]);
}

#[test]
fn gauges_that_nobody_can_tell_are_absent_and_not_zero() {
    let (metrics, registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    show_the_chain(&metrics);
    metrics.chain.show_registered(Some(true), None);
    metrics.proposed.show_registered(Some(true), None);
    metrics.proposed.show_core(0, None);
    metrics.chain.show_behind_peers(None);
    metrics.chain.show_total(RewardCycle::new(7), None);
    let page = page(&registry);
    assert!(page.contains("countersign_registered{cycle=\"current\"} 1"), "{page}");
    for series in [
        "countersign_registered{cycle=\"next\"",
        "\ncountersign_node_behind_peers ",
        "\nstacks_signer_registered_for_next_reward_cycle ",
        "\nstacks_signer_global_state_available ",
        "\nstacks_signer_global_state_canonical_threshold_weight ",
        "\ncountersign_total_weight{",
    ] {
        assert!(!page.contains(series), "{series}\n{page}");
    }
}

#[test]
fn a_full_page_takes_less_than_five_milliseconds() {
    let (metrics, mut registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let records = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let job = format!("drill.number-{number}");
        records::write(records.path(), &Record::new(job, 1, Ending::Ok)).unwrap();
    }
    let housekeeping = Housekeeping::new(Some(records.path().to_owned()), Vec::new());
    registry.register_collector(Box::new(housekeeping));
    show_the_chain(&metrics);
    let fastest = (0..20).map(|_| {
        let begun = std::time::Instant::now();
        let text = page(&registry);
        assert!(text.len() > 10_000);
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    // Unoptimised, and beside other tests.
    assert!(fastest < std::time::Duration::from_millis(5), "{fastest:?}");
}

/// The types and the series of these metrics on the page; of a histogram one bucket.
fn lines_of(metrics: &[&Entry]) -> String {
    let page = sorted_page();
    let is_of_them = |line: &&str| metrics.iter().any(|metric| line.contains(metric.name));
    let lines: Vec<&str> = page
        .lines()
        .filter(is_of_them)
        .filter(|line| !line.starts_with("# HELP"))
        .filter(|line| !line.contains("_bucket") || line.contains("+Inf"))
        .collect();
    lines.join("\n")
}

#[test]
fn the_names_that_are_proposed_for_the_reference_are_on_the_page() {
    insta::assert_snapshot!(lines_of(registry::proposed::ALL), @r#"
    # TYPE stacks_signer_runloop_ready gauge
    stacks_signer_runloop_ready 0
    # TYPE stacks_signer_pending_block_validations gauge
    stacks_signer_pending_block_validations 2
    # TYPE stacks_signer_registered_for_current_reward_cycle gauge
    stacks_signer_registered_for_current_reward_cycle 1
    # TYPE stacks_signer_registered_for_next_reward_cycle gauge
    stacks_signer_registered_for_next_reward_cycle 0
    # TYPE stacks_signer_state_burn_block_height gauge
    stacks_signer_state_burn_block_height 3
    # TYPE stacks_signer_state_last_changed_timestamp_seconds gauge
    stacks_signer_state_last_changed_timestamp_seconds 1764266400
    # TYPE stacks_signer_companion_burn_block_height gauge
    stacks_signer_companion_burn_block_height 4
    # TYPE stacks_signer_global_state_available gauge
    stacks_signer_global_state_available 1
    # TYPE stacks_signer_global_state_total_weight gauge
    stacks_signer_global_state_total_weight 4001
    # TYPE stacks_signer_global_state_known_weight gauge
    stacks_signer_global_state_known_weight 3500
    # TYPE stacks_signer_global_state_maximum_view_weight gauge
    stacks_signer_global_state_maximum_view_weight 2999
    # TYPE stacks_signer_global_state_evaluator_threshold_weight gauge
    stacks_signer_global_state_evaluator_threshold_weight 2800
    # TYPE stacks_signer_global_state_canonical_threshold_weight gauge
    stacks_signer_global_state_canonical_threshold_weight 2801
    "#);
}

#[test]
fn the_reference_names_types_and_labels_are_on_the_page() {
    insta::assert_snapshot!(lines_of(registry::reference::ALL), @r#"
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
fn the_page_shows_what_the_registry_says_and_nothing_else() {
    let page = sorted_page();
    let declared = |line: &str, word: &str| -> Option<(String, String)> {
        let (name, rest) = line.strip_prefix(word)?.split_once(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let kinds: BTreeMap<_, _> = page.lines().filter_map(|line| declared(line, "# TYPE ")).collect();
    let helps: BTreeMap<_, _> = page.lines().filter_map(|line| declared(line, "# HELP ")).collect();
    let entries: Vec<&Entry> = registry::on_the_daemons_page().collect();
    let expected = entries.iter().map(|m| (m.name.to_owned(), m.kind.word().to_owned()));
    assert_eq!(kinds, expected.collect::<BTreeMap<_, _>>());
    let expected = entries.iter().map(|m| (m.name.to_owned(), format!("{}.", m.help)));
    assert_eq!(helps, expected.collect::<BTreeMap<_, _>>());
}

/// The labels of each series on the page, by the entry that it belongs to.
fn series(page: &str) -> Vec<(&'static Entry, Vec<(String, String)>)> {
    let mut series = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let entry = registry::find_series(name).unwrap_or_else(|| panic!("{name} is no entry"));
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
        let pairs = labels.split("\",").filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once("=\"").unwrap();
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        series.push((entry, pairs.filter(|(name, _)| name != "le").collect()));
    }
    series
}

#[test]
fn every_series_has_the_labels_of_its_entry() {
    for (entry, labels) in series(&sorted_page()) {
        let mut names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
        let mut expected: Vec<&str> = entry.labels.iter().map(|label| label.name).collect();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{}", entry.name);
        for (name, value) in &labels {
            let values = entry.values(name);
            assert!(
                values.is_empty() || values.contains(&value.as_str()),
                "{}: {value}",
                entry.name
            );
        }
    }
}

#[test]
fn what_the_code_can_say_is_what_the_registry_lists() {
    let rows: [(&Entry, &str, Vec<&str>); 7] = [
        (&own::CALLBACKS_DROPPED, "reason", DropReason::ALL.map(DropReason::label).to_vec()),
        (&own::CHUNKS_SKIPPED, "reason", Skipped::ALL.map(Skipped::label).to_vec()),
        (&own::INSTANCE, "state", GateState::ALL.map(GateState::label).to_vec()),
        (&own::STANDBY_DECISIONS, "outcome", Outcome::ALL.map(Outcome::label).to_vec()),
        (&own::NODE_SWITCHES, "reason", SwitchReason::ALL.map(SwitchReason::label).to_vec()),
        (&own::READINESS, "rung", Rung::ALL.map(Rung::label).to_vec()),
        (&own::REJECTIONS_SENT, "reason", reject_labels()),
    ];
    for (entry, label, values) in rows {
        assert_eq!(entry.values(label), values, "{}", entry.name);
    }
}

/// The name of each reason, in the order of the numbers on the wire.
fn reject_labels() -> Vec<&'static str> {
    let numbers = (0..=17).chain([254, 255]);
    let reason = |number| {
        let bytes = [&[number][..], &[0; 64]].concat();
        RejectReason::decode(&mut Reader::new(&bytes)).unwrap().label()
    };
    numbers.map(reason).collect()
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
