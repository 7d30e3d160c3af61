//! Alerts about what the chain says: seats, blocks without our signature, the others.

use super::Group::{Countersign, Upkeep};
use super::Severity::{Info, Page, Ticket};
use super::{Alert, Runbook, cap, commands, sample};
use crate::promql::{Expr, series};
use crate::registry::own;

/// The share of the blocks that were missed for these causes.
fn missed(causes: &'static str, window: &'static str) -> Expr {
    let missed = series(&own::BLOCKS_MISSED).among("cause", causes).increase(window);
    let adopted = series(&own::BLOCKS_ADOPTED).increase(window).sum_by("job, instance");
    let many = series(&own::BLOCKS_ADOPTED).increase(window).sum_by("job, instance");
    missed.sum_by("job, instance").per(adopted).and_on("job, instance", many.at_least(10.0))
}

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "BlocksMissed",
        severity: Ticket,
        group: Countersign,
        topic: "blocks_missed",
        when: || missed(OURS_TO_MEND, "30m").above(0.1),
        minutes: 5,
        threshold: "more than a tenth of at least 10 blocks in 30 min lack our signature for a cause of ours",
        source: "Signer Sidekick: 3 of 5 proposals; a tenth of the blocks of a mainnet hour are 30",
        summary: "the signer {{ $labels.instance }} is missing from a tenth of the chain's blocks",
        runbook: Runbook {
            meaning: "Blocks became part of the chain without our signature, although this instance ran and may sign. The label `cause` of `countersign_blocks_missed` says why; signatures that were merely late do not count here.",
            look: &[
                "not_proposed, ignored: proposals do not arrive, or arrive too old.",
                "held, withheld: the signers did not agree, or an earlier signature binds us.",
                "validated_late: the node is too slow.",
                "rejected: which reason, and did the others see it so?",
                "docs/operator/watching.md has all causes, and what to do about each.",
            ],
            commands: &[commands::MISSED, commands::DECISIONS, commands::EXPLAIN],
            mend: &[],
            escalate: "If it lasts for a cycle's day, with the causes: to whoever runs the node, or to the developers.",
        },
        story: &[sample(&own::BLOCKS_MISSED, CAUSE_NOT_PROPOSED, "0+1x60")],
        fires_at: 45,
    },
    Alert {
        name: "MostBlocksMissed",
        severity: Page,
        group: Countersign,
        topic: "blocks_missed",
        when: || missed(OURS_TO_MEND, "15m").above(0.5),
        minutes: 5,
        threshold: "more than half of at least 10 blocks in 15 min lack our signature for a cause of ours",
        source: "own: half is beyond every hiccup; 30 % of the weight like this stops the network",
        summary: "the signer {{ $labels.instance }} is missing from most blocks of the chain",
        runbook: Runbook {
            meaning: "The chain goes on without this signer. Its weight counts as absent: a few more like it and nothing is signed any more.",
            look: &["The causes, as in BlocksMissed.md.", "The ladder of readiness."],
            commands: &[commands::MISSED, commands::STATUS, commands::DOCTOR],
            mend: &[],
            escalate: "After 15 minutes; if the standby is well, promote it (docs/operator/one-instance.md).",
        },
        story: &[sample(&own::BLOCKS_MISSED, CAUSE_VALIDATED_LATE, "0+5x60")],
        fires_at: 40,
    },
    Alert {
        name: "SignaturesLate",
        severity: Ticket,
        group: Countersign,
        topic: "signatures_late",
        when: || missed("signed_late", "1h").above(0.6),
        minutes: 10,
        threshold: "more than 60 % of at least 10 blocks in an hour were complete before our signature",
        source: "own: a miner takes the first 70 % of the weight, so 30 % come late on average if all are equally fast; twice that is slow",
        summary: "the signer {{ $labels.instance }} signs later than most",
        runbook: Runbook {
            meaning: "Our signatures are made, but the miner has enough without them. Nothing is lost as long as the others are there; when they are not, the network waits for us.",
            look: &[
                "How long validation takes.",
                "The way from node to signer, and the clock.",
                "`countersign_vault_seconds` and the disk of the journal.",
            ],
            commands: &[commands::STATUS, commands::MACHINE, commands::DISKS],
            mend: &[],
            escalate: "Not at night.",
        },
        story: &[sample(&own::BLOCKS_MISSED, CAUSE_LATE, "0+7x120")],
        fires_at: 90,
    },
    Alert {
        name: "PeersSilent",
        severity: Ticket,
        group: Countersign,
        topic: "peers",
        when: || {
            let silent = series(&own::PEER_WEIGHT).with("server_version", "unknown").now();
            let all = series(&own::PEER_WEIGHT).now().sum_by("job, instance");
            silent.per_on("job, instance", all).above(0.3)
        },
        minutes: 60,
        threshold: "more than 30 % of the weight has not been heard of for an hour",
        source: "the network needs 70 % of the weight",
        summary: "the signer {{ $labels.instance }} hears nothing of the signers that a majority needs",
        runbook: Runbook {
            meaning: "So many signers say nothing that no block can be approved, or their messages do not reach us.",
            look: &[
                "Whether the chain grows: then it is our node that does not get their chunks, and a restart of the node finds other peers.",
                "Which signers are silent.",
            ],
            commands: &[commands::HEALTH, commands::STATUS, commands::SIGNERS],
            mend: &[],
            escalate: "If the chain stands: in the signers' channel.",
        },
        story: &[sample(&own::PEER_WEIGHT, PEERS_UNKNOWN, "3000+0x100")],
        fires_at: 80,
    },
    Alert {
        name: "PeersChangeVersion",
        severity: Info,
        group: Countersign,
        topic: "upgrade",
        when: || {
            let named = || series(&own::PEER_WEIGHT).without("server_version", "unknown|other");
            let grown = named().now().minus(named().ago("6h"));
            // A version that nobody ran has no series to be compared with.
            let watched = series(&own::PEER_WEIGHT).ago("6h").sum_by("job, instance");
            let new = named()
                .now()
                .unless_on("job, instance, server_version", named().ago("6h"))
                .and_on("job, instance", watched);
            let all = series(&own::PEER_WEIGHT).now().sum_by("job, instance");
            grown.or(new).per_on_left("job, instance", all).above(0.1)
        },
        minutes: 10,
        threshold: "a version gained more than 10 % of the weight within 6 h",
        source: "row A12: urgency from what others run; most upgrades take days",
        summary: "many signers have changed to {{ $labels.server_version }}",
        runbook: Runbook {
            meaning: "The others upgrade in a hurry. There may be a reason that you have not heard of.",
            look: &[
                "The announcements of stacks-core and of this program.",
                "Whether the new version activates something, and at which height.",
            ],
            commands: &["countersign --version", commands::INFO],
            mend: &[],
            escalate: "If the release is marked as urgent: upgrade the same day.",
        },
        story: &[sample(&own::PEER_WEIGHT, PEERS_NEW, "_x370 1500+0x60")],
        fires_at: 390,
    },
    Alert {
        name: cap::NEAR,
        severity: Info,
        group: Countersign,
        topic: "weight",
        when: || cap::share_from(cap::SOFT),
        minutes: 60,
        threshold: "the key has 10 % of the weight of a cycle or more",
        source: "row A11: `voting_power.soft_percent` of countersign.toml",
        summary: "the signer {{ $labels.instance }} has so much of the weight in cycle {{ $labels.cycle }} that its cap is near",
        runbook: Runbook {
            meaning: "The more weight one key has, the closer the network comes to depending on it: with 30 % it can stop the chain alone.",
            look: &[
                "Which share the key has in this cycle, and how much was staked to its manager for the next one.",
            ],
            commands: &[commands::WEIGHT],
            mend: &[],
            escalate: "Not at night. Plan where further stackers go before the share reaches `voting_power.hard_percent`.",
        },
        story: &[
            sample(&own::SEAT_WEIGHT, SEAT, "1200+0x100"),
            sample(&own::TOTAL_WEIGHT, SEAT_TOTAL, "4000+0x100"),
        ],
        fires_at: 80,
    },
    Alert {
        name: cap::ABOVE,
        severity: Ticket,
        group: Countersign,
        topic: "weight",
        when: || cap::share_from(cap::HARD),
        minutes: 60,
        threshold: "the key has 15 % of the weight of a cycle or more",
        source: "row A11: `voting_power.hard_percent` of countersign.toml; with 30 % a single signer can stop the network",
        summary: "the signer {{ $labels.instance }} has more of the weight in cycle {{ $labels.cycle }} than its cap allows",
        runbook: Runbook {
            meaning: "If this one signer fails, the network is closer to standing still. That is a burden for you and a risk for all.",
            look: &[
                "Which share the key has in this cycle, and how much was staked to its manager for the next one.",
            ],
            commands: &[commands::WEIGHT],
            mend: &[],
            escalate: "Before the next prepare phase: send further stackers to another signer, or split the weight over two keys on two hosts.",
        },
        story: &[
            sample(&own::SEAT_WEIGHT, SEAT, "1200+0x100"),
            sample(&own::TOTAL_WEIGHT, SEAT_TOTAL, "4000+0x100"),
        ],
        fires_at: 80,
    },
    Alert {
        name: "NotRegistered",
        severity: Ticket,
        group: Upkeep,
        topic: "registration",
        when: || series(&own::REGISTERED).with("cycle", "current").now().is(0.0),
        minutes: 15,
        threshold: "the key has no seat in this cycle",
        source: "row E39; docs/operator/rotation.md",
        summary: "the key of {{ $labels.instance }} has no seat in this reward cycle",
        runbook: Runbook {
            meaning: "Nothing that this signer says counts before the next cycle. The set of a cycle is fixed in the prepare phase before it and cannot be changed.",
            look: &[
                "Was this expected: a new signer, a key that has just been changed?",
                "The stake of the signer's manager: at least 50,000 STX.",
                "The key that the manager has registered, all 66 digits of it.",
            ],
            commands: &[commands::SEATS, commands::STATUS],
            mend: &[],
            escalate: "If stackers expect rewards from this cycle: tell them the same day.",
        },
        story: &[sample(&own::REGISTERED, CYCLE_CURRENT, "1+0x5 0+0x30")],
        fires_at: 30,
    },
    Alert {
        name: "NotRegisteredForNextCycle",
        severity: Page,
        group: Upkeep,
        topic: "registration_next",
        when: || series(&own::REGISTERED).with("cycle", "next").now().is(0.0),
        minutes: 15,
        threshold: "the set of the next cycle is known, and the key has no seat in it",
        source: "row E39: the set is computed once, in the prepare phase",
        summary: "the key of {{ $labels.instance }} has no seat in the next reward cycle",
        runbook: Runbook {
            meaning: "In fewer than a hundred Bitcoin blocks this signer stops counting for two weeks. If a key change is under way, the other key must have the seat.",
            look: &[
                "Is a key being changed? Then the next key must be loaded: docs/operator/rotation.md.",
                "Was the stake extended in time, and is it above the minimum?",
                "Was the manager's key revoked?",
            ],
            commands: &[commands::SEATS, commands::STATUS],
            mend: &[],
            escalate: "At once, to whoever manages the stake: the next chance is the cycle after.",
        },
        story: &[sample(&own::REGISTERED, CYCLE_NEXT, "0+0x30")],
        fires_at: 20,
    },
    Alert {
        name: "ChainCountStands",
        severity: Page,
        group: Upkeep,
        topic: "blocks_missed",
        when: || {
            let none = series(&own::BLOCKS_SIGNED).delta("30m").sum_by("job, instance").is(0.0);
            let seat = series(&own::REGISTERED).with("cycle", "current").now().is(1.0);
            let grows = series(&own::NODE_STACKS_HEIGHT).delta("30m").max_by("job, instance");
            none.and_on("instance", seat).and_on("instance", grows.above(10.0))
        },
        minutes: 5,
        threshold: "the chain grew by more than 10 blocks in 30 min, and the node counts none with our signature",
        source: "Signer Sidekick: silent for 10 min while the node advances by 12 blocks",
        summary: "the chain has no new block with the signature of {{ $labels.instance }}",
        runbook: Runbook {
            meaning: "This is the chain's own word, whatever the signer says about itself: `/v3/signer` counts the blocks whose headers have the signature. It holds for the reference signer, too.",
            look: &[
                "Is the signer running and answering?",
                "Is it the key that has the seat?",
                "Are its signatures merely late for every block?",
            ],
            commands: &[commands::STATUS, commands::SIGNER_UNIT, commands::INFO],
            mend: &[],
            escalate: "After 15 minutes.",
        },
        story: &[
            sample(&own::BLOCKS_SIGNED, EXPORTER_SIGNED, "900+0x60"),
            sample(&own::REGISTERED, EXPORTER_CURRENT, "1+0x60"),
            sample(&own::NODE_STACKS_HEIGHT, EXPORTER_NODE, "100+2x60"),
        ],
        fires_at: 45,
    },
    Alert {
        name: "NodeBehindPeers",
        severity: Ticket,
        group: Upkeep,
        topic: "node_synced",
        when: || series(&own::NODE_BEHIND_PEERS).now().at_least(3.0),
        minutes: 3,
        threshold: "the node is at least 3 blocks behind its highest peer",
        source: "Signer Sidekick: 3 blocks behind peers, 6 samples in 25 s; the gauge is read once a minute",
        summary: "the node of {{ $labels.instance }} is {{ $value }} blocks behind its peers",
        runbook: Runbook {
            meaning: "The node itself says that others are further. It judges proposals against an old view.",
            look: &[
                "The node's disk, CPU and peers.",
                "Whether it does not get a block that all others have.",
            ],
            commands: &[commands::HEALTH, commands::NODE_LOG, commands::MACHINE],
            mend: &[commands::RESTART_NODE],
            escalate: "After an hour: restart the node; then restore the chainstate.",
        },
        story: &[sample(&own::NODE_BEHIND_PEERS, OURS, "0+0x5 5+0x20")],
        fires_at: 12,
    },
];

/// Causes that are not the others' speed, a stop that somebody asked for, or a standby's part.
const OURS_TO_MEND: &str = "not_proposed|ignored|held|validated_late|rejected|withheld";

const OURS: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s")];
const CAUSE_NOT_PROPOSED: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("cause", "not_proposed")];
const CAUSE_VALIDATED_LATE: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("cause", "validated_late")];
const CAUSE_LATE: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("cause", "signed_late")];
const PEERS_UNKNOWN: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("server_version", "unknown")];
const PEERS_NEW: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("server_version", "stacks-signer 4.0.3")];
const SEAT: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("key", "02ab"), ("cycle", "141")];
const SEAT_TOTAL: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("cycle", "141")];
const CYCLE_CURRENT: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("cycle", "current")];
const CYCLE_NEXT: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("cycle", "next")];
const EXPORTER_SIGNED: &[(&str, &str)] =
    &[("job", "countersign-exporter"), ("instance", "e"), ("key", "02ab"), ("cycle", "141")];
const EXPORTER_CURRENT: &[(&str, &str)] =
    &[("job", "countersign-exporter"), ("instance", "e"), ("cycle", "current")];
const EXPORTER_NODE: &[(&str, &str)] =
    &[("job", "countersign-exporter"), ("instance", "e"), ("host", "127.0.0.1:20443")];
