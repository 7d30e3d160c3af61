//! An hour in which all is well, told as series.

use crate::alert::{Sample, part, sample};
use crate::registry::{foreign, own, reference};

type Labels = &'static [(&'static str, &'static str)];

const ONE: &str = "1+0x440";
const ZERO: &str = "0+0x440";
/// Ten a minute.
const TEN: &str = "0+10x440";

const REFERENCE: Labels = &[("job", "stacks-signer"), ("instance", "r")];
const REFERENCE_ACCEPTED: Labels =
    &[("job", "stacks-signer"), ("instance", "r"), ("response_type", "accepted")];
const REFERENCE_REJECTED: Labels =
    &[("job", "stacks-signer"), ("instance", "r"), ("response_type", "rejected")];
const REFERENCE_CONFLICT: Labels =
    &[("job", "stacks-signer"), ("instance", "r"), ("conflict", "miner_view")];
const REFERENCE_LE_5: Labels = &[("job", "stacks-signer"), ("instance", "r"), ("le", "5")];
const REFERENCE_LE_10: Labels = &[("job", "stacks-signer"), ("instance", "r"), ("le", "10")];
const REFERENCE_LE_INF: Labels = &[("job", "stacks-signer"), ("instance", "r"), ("le", "+Inf")];
const OURS: Labels = &[("job", "countersign"), ("instance", "s")];
const STANDBY: Labels = &[("job", "countersign"), ("instance", "t")];
const STANDBY_ACCEPTED: Labels =
    &[("job", "countersign"), ("instance", "t"), ("response_type", "accepted")];
const EXPORTER: Labels = &[("job", "countersign-exporter"), ("instance", "e")];
const NODE: Labels = &[("job", "stacks-node"), ("instance", "n")];
const SBTC: Labels = &[("job", "sbtc-signer"), ("instance", "b")];
const MACHINE: Labels = &[("job", "host"), ("instance", "h")];

macro_rules! ours {
    ($name:literal, $value:literal) => {
        &[("job", "countersign"), ("instance", "s"), ($name, $value)]
    };
}

/// What Prometheus has collected while all is well.
pub(super) const HEALTHY: &[Sample] = &[
    // Any Stacks signer.
    sample(&foreign::UP, REFERENCE, ONE),
    sample(&reference::PROPOSALS_RECEIVED, REFERENCE, TEN),
    sample(&reference::RESPONSES_SENT, REFERENCE_ACCEPTED, TEN),
    sample(&reference::RESPONSES_SENT, REFERENCE_REJECTED, "0+0.5x440"),
    sample(&reference::STACKS_NODE_HEIGHT, REFERENCE, "100+10x440"),
    sample(&reference::STATE_CONFLICTS, REFERENCE_CONFLICT, "0+0.01x440"),
    part(&reference::VALIDATION_LATENCIES, "_bucket", REFERENCE_LE_5, TEN),
    part(&reference::VALIDATION_LATENCIES, "_bucket", REFERENCE_LE_10, TEN),
    part(&reference::VALIDATION_LATENCIES, "_bucket", REFERENCE_LE_INF, TEN),
    part(&reference::VALIDATION_LATENCIES, "_count", REFERENCE, TEN),
    // Ours.
    sample(&foreign::UP, OURS, ONE),
    sample(&foreign::SCRAPE_SECONDS, OURS, "0.004+0x440"),
    sample(&reference::PROPOSALS_RECEIVED, OURS, TEN),
    sample(&reference::RESPONSES_SENT, ours!("response_type", "accepted"), TEN),
    sample(&own::FROZEN, OURS, ZERO),
    sample(&own::SIGNING_ALLOWED, OURS, ONE),
    sample(&own::INSTANCE, ours!("state", "active"), ONE),
    sample(&own::INSTANCE, ours!("state", "waiting"), ZERO),
    sample(&own::READINESS, ours!("rung", "node_reached"), ONE),
    sample(&own::READINESS, ours!("rung", "right_network"), ONE),
    sample(&own::READINESS, ours!("rung", "in_sync"), ONE),
    sample(&own::READINESS, ours!("rung", "deciding"), ONE),
    sample(&own::STANDBY_DECISIONS, ours!("outcome", "differs"), ZERO),
    sample(&own::CALLBACK_WAIT, OURS, ZERO),
    sample(&own::CALLBACK_GAP, ours!("path", "/stackerdb_chunks"), ONE),
    sample(&own::CALLBACK_GAP, ours!("path", "/new_burn_block"), "600+0x440"),
    sample(&own::CALLBACKS_DROPPED, ours!("reason", "queue_full"), ZERO),
    sample(&own::CALLBACKS_DROPPED, ours!("reason", "not_allowed"), ZERO),
    part(&own::JOURNAL_SECONDS, "_bucket", ours!("le", "0.05"), TEN),
    part(&own::JOURNAL_SECONDS, "_bucket", ours!("le", "0.25"), TEN),
    part(&own::JOURNAL_SECONDS, "_bucket", ours!("le", "+Inf"), TEN),
    part(&own::STEP_SECONDS, "_bucket", ours!("le", "0.05"), TEN),
    part(&own::STEP_SECONDS, "_bucket", ours!("le", "0.25"), TEN),
    part(&own::STEP_SECONDS, "_bucket", ours!("le", "+Inf"), TEN),
    // The vault has just been restarted.
    sample(&own::VAULT_OUTAGES, OURS, "0+0x417 1+0x22"),
    sample(&own::PUBLISH_DROPPED, ours!("lane", "responses"), ZERO),
    sample(&own::NODE_SWITCHES, ours!("reason", "silent"), "0+0x100 1+0x340"),
    sample(&own::NODE_HEALTHY, ours!("host", "10.0.0.2:20443"), ONE),
    sample(&own::STARTED, OURS, ONE),
    // A standby.
    sample(&own::SIGNING_ALLOWED, STANDBY, ZERO),
    sample(&reference::PROPOSALS_RECEIVED, STANDBY, TEN),
    sample(&reference::RESPONSES_SENT, STANDBY_ACCEPTED, ZERO),
    // The chain.
    sample(&own::BLOCKS_ADOPTED, OURS, TEN),
    sample(&own::BLOCKS_MISSED, ours!("cause", "not_proposed"), "0+0.1x440"),
    sample(&own::BLOCKS_MISSED, ours!("cause", "validated_late"), "0+0.1x440"),
    // As fast as the others: the miner does not wait for the last 30 % of the weight.
    sample(&own::BLOCKS_MISSED, ours!("cause", "signed_late"), "0+3.5x440"),
    sample(&own::PEER_WEIGHT, ours!("server_version", "stacks-signer 4.0.2"), "3500+0x440"),
    sample(&own::PEER_WEIGHT, ours!("server_version", "stacks-signer 4.0.3"), "100+0x440"),
    sample(&own::PEER_WEIGHT, ours!("server_version", "unknown"), "400+0x440"),
    sample(
        &own::SEAT_WEIGHT,
        &[("job", "countersign"), ("instance", "s"), ("key", "02ab"), ("cycle", "141")],
        // Below any cap.
        "20+0x440",
    ),
    sample(&own::TOTAL_WEIGHT, ours!("cycle", "141"), "4000+0x440"),
    sample(&own::REGISTERED, ours!("cycle", "current"), ONE),
    sample(&own::REGISTERED, ours!("cycle", "next"), ONE),
    sample(&own::NODE_BEHIND_PEERS, OURS, ZERO),
    sample(
        &own::BLOCKS_SIGNED,
        &[("job", "countersign-exporter"), ("instance", "e"), ("key", "02ab"), ("cycle", "141")],
        TEN,
    ),
    sample(
        &own::REGISTERED,
        &[("job", "countersign-exporter"), ("instance", "e"), ("cycle", "current")],
        ONE,
    ),
    sample(
        &own::NODE_STACKS_HEIGHT,
        &[("job", "countersign-exporter"), ("instance", "e"), ("host", "127.0.0.1:20443")],
        "100+10x440",
    ),
    // What must be done again and again.
    sample(&own::CERTIFICATE_EXPIRY, ours!("certificate", "tls"), "9000000+0x440"),
    sample(&own::BACKUP_TAKEN, ours!("of", "sbtc"), "-3600+0x440"),
    sample(&own::BACKUP_VERIFIED, ours!("of", "sbtc"), "-86400+0x440"),
    sample(&own::BACKUP_LEVEL, ours!("of", "sbtc"), "4+0x440"),
    sample(&own::LOG_OLDEST, ours!("service", "stacks-node"), "-9000000+60x440"),
    sample(&own::JOB_DONE, ours!("task", "logs.stacks-node"), "-3600+0x440"),
    sample(&own::JOB_SUCCEEDED, ours!("task", "backup.sbtc"), ONE),
    sample(&own::DRILL_DONE, ours!("drill", "failover"), "-86400+0x440"),
    sample(&own::RECORDS_FAULTY, OURS, ZERO),
    // The programs around it.
    sample(&foreign::UP, EXPORTER, ONE),
    sample(&foreign::UP, NODE, ONE),
    sample(&foreign::NODE_STACKS_TIP, NODE, "100+10x440"),
    sample(&foreign::NODE_BURN_TIP, NODE, "900+0.1x440"),
    sample(&foreign::NODE_INBOUND, NODE, "20+0x440"),
    sample(&foreign::NODE_OUTBOUND, NODE, "16+0x440"),
    sample(&foreign::NODE_ERRORS, NODE, "0+0.5x440"),
    sample(&foreign::UP, SBTC, ONE),
    sample(&foreign::SBTC_BLOCKS, SBTC, "0+0.1x440"),
    sample(&foreign::SBTC_PEERS, SBTC, "13+0x440"),
    sample(
        &foreign::SBTC_SIGN_REQUESTS,
        &[
            ("job", "sbtc-signer"),
            ("instance", "b"),
            ("blockchain", "bitcoin"),
            ("kind", "sweep"),
            ("status", "success"),
        ],
        "0+1x440",
    ),
    part(&foreign::SBTC_ROUND_SECONDS, "_bucket", SBTC_LE_5, "0+1x440"),
    part(&foreign::SBTC_ROUND_SECONDS, "_bucket", SBTC_LE_20, "0+1x440"),
    part(&foreign::SBTC_ROUND_SECONDS, "_bucket", SBTC_LE_INF, "0+1x440"),
    sample(&foreign::HOST_DISK_FREE, ROOT, "900000000000-1000x440"),
    sample(&foreign::HOST_DISK_SIZE, ROOT, "1000000000000+0x440"),
    sample(&foreign::HOST_MEMORY_FREE, MACHINE, "8000000000+0x440"),
    sample(&foreign::HOST_MEMORY, MACHINE, "16000000000+0x440"),
    sample(&foreign::HOST_CLOCK_SYNCED, MACHINE, ONE),
    sample(&foreign::HOST_TIME, MACHINE, "0.001+60x440"),
];

const SBTC_LE_5: Labels = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "5")];
const SBTC_LE_20: Labels = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "20")];
const SBTC_LE_INF: Labels = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "+Inf")];
const ROOT: Labels = &[("job", "host"), ("instance", "h"), ("mountpoint", "/"), ("fstype", "ext4")];
