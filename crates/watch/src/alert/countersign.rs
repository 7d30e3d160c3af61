//! Alerts about our own signer: its ladder, its instance, its standby.

use super::Group::Countersign;
use super::Severity::{Page, Ticket};
use super::{Alert, Runbook, commands, sample};
use crate::promql::series;
use crate::registry::own;

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "SignerFrozen",
        severity: Page,
        group: Countersign,
        topic: "one_instance",
        when: || series(&own::FROZEN).now().is(1.0),
        minutes: 0,
        threshold: "another process signed with this key",
        source: "row A23: exactly one running instance for a key",
        summary: "the signer {{ $labels.instance }} froze: somebody else signs with its key",
        runbook: Runbook {
            meaning: "A message in our own slot was signed by another process. Either a second signer of yours runs with the same key, or the key is stolen. This instance has stopped signing for good.",
            look: &[
                "Which other machine of yours has this key, and is a signer running there?",
                "What the log says about the foreign message: its version, its time.",
                "If no other machine of yours can have written it, the key is stolen.",
                "If it was yours: stop it for good, then `countersign promote --config /etc/countersign/signer-config.toml --peer-is-lost` has this one sign again after ten minutes (docs/operator/one-instance.md).",
            ],
            commands: &[commands::STATUS, commands::SIGNER_LOG_LONG],
            mend: &[],
            escalate: "At once. If the key may be stolen, rotate it as docs/operator/rotation.md says and revoke the grant.",
        },
        story: &[sample(&own::FROZEN, OURS, "0+0x5 1+0x10")],
        fires_at: 8,
    },
    Alert {
        name: "SignerNodeSilent",
        severity: Page,
        group: Countersign,
        topic: "node_reached",
        when: || series(&own::READINESS).with("rung", "node_reached").now().is(0.0),
        minutes: 2,
        threshold: "the node does not answer",
        source: "Signer Sidekick: endpoint down; two minutes let a restart pass",
        summary: "the signer {{ $labels.instance }} does not reach its node",
        runbook: Runbook {
            meaning: "Without the node nothing can be validated, so nothing is signed.",
            look: &[
                "Is the node running?",
                "Is the link up: the TLS proxy or `countersign link`, certificates, firewall?",
                "Does `node_host` name the right address and port?",
            ],
            commands: &[commands::NODE_UNIT, commands::INFO, commands::DOCTOR],
            mend: &[commands::RESTART_NODE],
            escalate: "After 10 minutes, to whoever runs the node; with a fall-back node the signer changes to it by itself.",
        },
        story: &[sample(&own::READINESS, RUNG_NODE, "1+0x5 0+0x20")],
        fires_at: 12,
    },
    Alert {
        name: "SignerWrongNetwork",
        severity: Page,
        group: Countersign,
        topic: "node_network",
        when: || series(&own::READINESS).with("rung", "right_network").now().is(0.0),
        minutes: 5,
        threshold: "the node is on another chain than the signer, or has not said which",
        source: "row E7: a wrong network makes every signature worthless",
        summary: "the node of the signer {{ $labels.instance }} is on another network",
        runbook: Runbook {
            meaning: "The node's chain id is not the configured one. The signer signs nothing until it is.",
            look: &[
                "`network` and `chain_id` of the signer's configuration.",
                "Which node answers at `node_host`: a proxy may lead to another one.",
            ],
            commands: &[
                "countersign check-config --config /etc/countersign/signer-config.toml",
                commands::INFO,
            ],
            mend: &[],
            escalate: "If nobody has changed the configuration: somebody else answers in the node's place.",
        },
        story: &[sample(&own::READINESS, RUNG_NETWORK, "1+0x5 0+0x20")],
        fires_at: 14,
    },
    Alert {
        name: "SignerNodeBehind",
        severity: Ticket,
        group: Countersign,
        topic: "node_synced",
        when: || series(&own::READINESS).with("rung", "in_sync").now().is(0.0),
        minutes: 5,
        threshold: "the node is behind the chain",
        source: "Signer Sidekick: 3 blocks behind over 2 min; five let a burst pass",
        summary: "the node of the signer {{ $labels.instance }} is behind",
        runbook: Runbook {
            meaning: "The node has not reached what the others or its own announcements say. Proposals are judged against an old view, or not at all.",
            look: &[
                "bitcoind's height against an explorer's.",
                "The node's disk and its peers.",
                "Whether the node was just started: it catches up by itself, and its log names the heights.",
            ],
            commands: &[commands::HEALTH, commands::NODE_LOG, commands::BITCOIN],
            mend: &[],
            escalate: "After an hour: switch to the fall-back node, or restore the chainstate from an archive (docs/operator/chainstate.md).",
        },
        story: &[sample(&own::READINESS, RUNG_SYNC, "1+0x5 0+0x20")],
        fires_at: 14,
    },
    Alert {
        name: "SignerNotDeciding",
        severity: Page,
        group: Countersign,
        topic: "signer_answers",
        when: || {
            let idle = series(&own::READINESS).with("rung", "deciding").now().is(0.0);
            let may = series(&own::SIGNING_ALLOWED).now().is(1.0);
            let seat = series(&own::REGISTERED).with("cycle", "current").now().is(1.0);
            idle.and_on("instance", may).and_on("instance", seat)
        },
        minutes: 10,
        threshold: "a signer with a seat that may sign has judged nothing for long",
        source: "Signer Sidekick: an expected signer silent for 10 min",
        summary: "the signer {{ $labels.instance }} has a seat and decides nothing",
        runbook: Runbook {
            meaning: "All the other rungs of the ladder hold, and yet no proposal is judged. Either none arrives, or the network stands.",
            look: &[
                "Whether callbacks arrive: below Queues, `status` says how long ago the last one came.",
                "Whether the chain grows at all.",
                "Whether the other signers are silent, too: then it is the network.",
            ],
            commands: &[
                commands::STATUS,
                commands::DECISIONS,
                commands::SIGNER_LOG,
                commands::SIGNERS,
            ],
            mend: &[],
            escalate: "After 15 minutes, in the signers' channel if others see the same, otherwise to whoever runs the node.",
        },
        story: &[sample(&own::READINESS, RUNG_DECIDING, "1+0x5 0+0x30")],
        fires_at: 20,
    },
    Alert {
        name: "SignerWaits",
        severity: Ticket,
        group: Countersign,
        topic: "one_instance",
        when: || series(&own::INSTANCE).among("state", "listening|waiting").now().is(1.0),
        minutes: 60,
        threshold: "the instance has listened or waited for an hour before it signs",
        source: "docs/operator/one-instance.md: the longest wait after a lost instance",
        summary: "the signer {{ $labels.instance }} still waits before it signs ({{ $labels.state }})",
        runbook: Runbook {
            meaning: "After a start without a clean stop, or after a promotion without the other's journal, the signer waits until nothing that may have been signed before can be in conflict.",
            look: &[
                "Why it waits, and for how long: `countersign status`. It ends by itself.",
                "Whether the other instance can be demoted, so that its journal ends the wait.",
            ],
            commands: &[commands::STATUS],
            mend: &[],
            escalate: "If the other instance cannot be proven to have stopped.",
        },
        story: &[sample(&own::INSTANCE, STATE_WAITING, "1+0x100")],
        fires_at: 70,
    },
    Alert {
        name: "StandbyDiffers",
        severity: Ticket,
        group: Countersign,
        topic: "standby",
        when: || {
            series(&own::STANDBY_DECISIONS).with("outcome", "differs").increase("1h").above(0.0)
        },
        minutes: 0,
        threshold: "a standby decided otherwise than the active instance",
        source: "row A15: agreement of at least 99 %; a difference is rare enough to be looked at",
        summary: "the standby {{ $labels.instance }} decides otherwise than the active signer",
        runbook: Runbook {
            meaning: "The two have other versions, other configurations, or nodes with other views. After a promotion this one would have signed otherwise.",
            look: &[
                "Versions and configurations of both: run the commands on both hosts.",
                "The block: what each of them says about it.",
            ],
            commands: &[
                commands::STATUS,
                commands::DECISIONS,
                commands::EXPLAIN,
                "countersign --version",
            ],
            mend: &[],
            escalate: "Before any upgrade or promotion: to the developers, with both explanations.",
        },
        story: &[sample(&own::STANDBY_DECISIONS, DIFFERS, "0+0x30 1+0x30")],
        fires_at: 35,
    },
];

const OURS: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s")];
const RUNG_NODE: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("rung", "node_reached")];
const RUNG_NETWORK: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("rung", "right_network")];
const RUNG_SYNC: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("rung", "in_sync")];
const RUNG_DECIDING: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("rung", "deciding")];
const STATE_WAITING: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("state", "waiting")];
const DIFFERS: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("outcome", "differs")];
