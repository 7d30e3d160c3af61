//! Alerts about what our signer consists of: callbacks, disk, vault, lanes, nodes.

use super::Group::Countersign;
use super::Severity::{Page, Ticket};
use super::{Alert, Runbook, commands, part, sample};
use crate::promql::{buckets, series};
use crate::registry::{own, reference};

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "CallbacksWait",
        severity: Ticket,
        group: Countersign,
        topic: "callbacks",
        when: || series(&own::CALLBACK_WAIT).now().above(5.0),
        minutes: 1,
        threshold: "a callback has waited for more than 5 s",
        source: "own measurement: a callback is read within a millisecond; pain 5: old messages flood the queue",
        summary: "callbacks of the signer {{ $labels.instance }} wait",
        runbook: Runbook {
            meaning: "The deciding loop does not keep up with the node: it is stuck in the store, or flooded.",
            look: &[
                "`countersign_step_seconds` and the disk.",
                "`countersign_callbacks_received`: is there a flood?",
                "`/livez`: what is stuck, or OK.",
            ],
            commands: &[
                "curl -sS -m 10 http://127.0.0.1:30001/livez",
                commands::MACHINE,
                commands::DISKS,
            ],
            mend: &[commands::BUNDLE, commands::RESTART_SIGNER],
            escalate: "If it does not end by itself within 10 minutes: take the bundle, restart the signer, and send the bundle to the developers.",
        },
        story: &[sample(&own::CALLBACK_WAIT, OURS, "0+0x5 30+0x20")],
        fires_at: 10,
    },
    Alert {
        name: "CallbacksDropped",
        severity: Ticket,
        group: Countersign,
        topic: "callbacks",
        when: || {
            series(&own::CALLBACKS_DROPPED)
                .among("reason", "queue_full|no_room|superseded")
                .increase("10m")
                .sum_by("job, instance")
                .above(0.0)
        },
        minutes: 0,
        threshold: "a callback was dropped for want of room",
        source: "an honest node never fills the queue (4,096 callbacks)",
        summary: "the signer {{ $labels.instance }} dropped callbacks for want of room",
        runbook: Runbook {
            meaning: "More arrived than could wait. What was lost is read from the node again, so this is a delay and not a loss, but it should never happen.",
            look: &[
                "Who posts: nobody but the node should be, or have been, connected.",
                "Was the process stopped for minutes?",
            ],
            commands: &[commands::DROPPED, "ss -tanp sport = :30000", commands::DOCTOR],
            mend: &[],
            escalate: "If somebody else than the node posts: close the endpoint first.",
        },
        story: &[sample(&own::CALLBACKS_DROPPED, QUEUE_FULL, "0+0x10 4+0x20")],
        fires_at: 15,
    },
    Alert {
        name: "CallbacksFromStrangers",
        severity: Ticket,
        group: Countersign,
        topic: "strangers",
        when: || {
            series(&own::CALLBACKS_DROPPED)
                .among("reason", "not_allowed|handshake|unknown_path|wrong_method|not_http")
                .increase("15m")
                .sum_by("job, instance")
                .above(20.0)
        },
        minutes: 0,
        threshold: "more than 20 requests in 15 min that no node makes",
        source: "own: a scanner makes hundreds, a misconfigured proxy one a second; row D9",
        summary: "strangers knock at the endpoint of the signer {{ $labels.instance }}",
        runbook: Runbook {
            meaning: "Somebody who is not the node reaches the endpoint for callbacks. They are refused, but they should not reach it.",
            look: &[
                "The reason: `not_allowed` is another address, `handshake` another certificate, `unknown_path` a scanner.",
                "The firewall: rules that differ from the rendered ones (the check says nothing if none does), and whether Docker publishes the port past them.",
                "If rules are missing, put them in force. They hold for two minutes: log in again from another terminal, and have them stay from there, with `countersign firewall confirm`.",
            ],
            commands: &[
                commands::DROPPED,
                commands::SIGNER_LOG,
                "ss -tanp sport = :30000",
                commands::FIREWALL,
                "nft list ruleset",
            ],
            mend: &["countersign firewall apply --rollback-after 120"],
            escalate: "If the address is one of your own machines that has no business there.",
        },
        story: &[sample(&own::CALLBACKS_DROPPED, NOT_ALLOWED, "0+0x10 0+5x20")],
        fires_at: 25,
    },
    Alert {
        name: "NodePostsNothing",
        severity: Page,
        group: Countersign,
        topic: "callbacks",
        when: || series(&own::CALLBACK_GAP).with("path", "/stackerdb_chunks").now().above(600.0),
        minutes: 2,
        threshold: "no StackerDB chunks for 10 min",
        source: "every signer repeats its view at least every few minutes; Signer Sidekick: 10 min",
        summary: "the node has not posted chunks to the signer {{ $labels.instance }} for {{ $value }} s",
        runbook: Runbook {
            meaning: "The node does not deliver events: it is down, its observer points elsewhere, or it is stuck delivering to another observer.",
            look: &[
                "`[[events_observer]]` of the node.",
                "The node's log: does it repeat a delivery?",
                "Another observer that does not answer blocks all of them: take it out of the node's configuration, and restart the node.",
            ],
            commands: &[commands::NODE_UNIT, commands::NODE_LOG, commands::DOCTOR],
            mend: &[commands::RESTART_NODE],
            escalate: "After 15 minutes, to whoever runs the node.",
        },
        story: &[sample(&own::CALLBACK_GAP, PATH_CHUNKS, "1+0x5 700+60x20")],
        fires_at: 12,
    },
    Alert {
        name: "NoBurnBlock",
        severity: Ticket,
        group: Countersign,
        topic: "burn_blocks",
        when: || series(&own::CALLBACK_GAP).with("path", "/new_burn_block").now().above(7200.0),
        minutes: 5,
        threshold: "no Bitcoin block for 2 h",
        source: "Bitcoin: with a mean of 10 min a gap of 2 h comes once in 160,000 blocks",
        summary: "the signer {{ $labels.instance }} has heard of no Bitcoin block for two hours",
        runbook: Runbook {
            meaning: "bitcoind or the node's connection to it stands. New tenures will not be seen.",
            look: &[
                "bitcoind's height against an explorer's.",
                "The node's log about its burnchain.",
            ],
            commands: &[commands::BITCOIN, commands::BITCOIN_LOG, commands::NODE_LOG],
            mend: &[commands::RESTART_BITCOIN],
            escalate: "If Bitcoin itself goes on: to whoever runs bitcoind.",
        },
        story: &[sample(&own::CALLBACK_GAP, PATH_BURN, "60+60x200")],
        fires_at: 140,
    },
    Alert {
        name: "JournalSlow",
        severity: Ticket,
        group: Countersign,
        topic: "disk",
        when: || buckets(&own::JOURNAL_SECONDS).rate("15m").quantile(0.99).above(0.1),
        minutes: 10,
        threshold: "the 99th percentile of 15 min is above 0.1 s",
        source: "own: an NVMe takes 1 to 5 ms; at 100 ms each block loses a tenth of a second twice",
        summary: "the disk of the signer {{ $labels.instance }} is slow to keep records",
        runbook: Runbook {
            meaning: "Each signature waits until its record is on the disk. A slow disk makes every signature late.",
            look: &["What else writes to the disk.", "Is it a network disk, or a worn-out one?"],
            commands: &[commands::MACHINE, commands::DISKS],
            mend: &[],
            escalate: "If nothing else writes there: replace the disk, before it fails.",
        },
        story: &[
            part(&own::JOURNAL_SECONDS, "_bucket", JOURNAL_50, "0+0x60"),
            part(&own::JOURNAL_SECONDS, "_bucket", JOURNAL_250, "0+10x60"),
            part(&own::JOURNAL_SECONDS, "_bucket", JOURNAL_INF, "0+10x60"),
        ],
        fires_at: 40,
    },
    Alert {
        name: "DecisionsSlow",
        severity: Ticket,
        group: Countersign,
        topic: "decisions",
        when: || buckets(&own::STEP_SECONDS).rate("15m").quantile(0.99).above(0.1),
        minutes: 10,
        threshold: "the 99th percentile of 15 min is above 0.1 s",
        source: "own measurement: docs/performance.md, below 1 ms",
        summary: "the signer {{ $labels.instance }} decides slowly",
        runbook: Runbook {
            meaning: "Deciding and storing takes a hundred times as long as it should: the disk, or a machine without CPU.",
            look: &[
                "The disk of the store.",
                "CPU that others use, or that the host takes away (steal).",
            ],
            commands: &[commands::MACHINE, commands::PROCESSES, commands::DISKS],
            mend: &[],
            escalate: "With a support bundle to the developers, if the machine is idle.",
        },
        story: &[
            part(&own::STEP_SECONDS, "_bucket", STEP_50, "0+0x60"),
            part(&own::STEP_SECONDS, "_bucket", STEP_250, "0+100x60"),
            part(&own::STEP_SECONDS, "_bucket", STEP_INF, "0+100x60"),
        ],
        fires_at: 40,
    },
    Alert {
        name: "VaultAway",
        severity: Page,
        group: Countersign,
        topic: "vault",
        // An outage is counted once, however long it is.
        when: || {
            let outages = series(&own::VAULT_OUTAGES).increase("15m").above(0.0);
            let asked = series(&reference::PROPOSALS_RECEIVED).increase("2m").above(0.0);
            let accepted = series(&reference::RESPONSES_SENT).with("response_type", "accepted");
            let signed = accepted.increase("2m").above(0.0);
            outages.and_on("job, instance", asked).unless_on("job, instance", signed)
        },
        minutes: 2,
        threshold: "the vault's process went away in the last 15 min, and since then proposals were answered with no signature",
        source: "docs/operator/vault.md: a restart takes seconds",
        summary: "the vault of the signer {{ $labels.instance }} is away",
        runbook: Runbook {
            meaning: "The process that has the key does not answer, so nothing is signed.",
            look: &[
                "Is the vault's unit running, and with which exit code did it end? After 4 and 11 it is its journal or its key: read the last error, and do not restart.",
                "Its socket, and who may use it.",
            ],
            commands: &[
                "systemctl status --no-pager --full countersign-vault",
                "journalctl -u countersign-vault -n 100 --no-pager",
            ],
            mend: &["systemctl restart countersign-vault"],
            escalate: "At once if it ended because of its journal or its key.",
        },
        story: &[
            sample(&own::VAULT_OUTAGES, OURS, "0+0x5 1+0x30"),
            sample(&reference::RESPONSES_SENT, ACCEPTED, "0+10x5 50+0x30"),
        ],
        fires_at: 15,
    },
    Alert {
        name: "MessagesLost",
        severity: Ticket,
        group: Countersign,
        topic: "publishing",
        when: || series(&own::PUBLISH_DROPPED).increase("15m").above(0.0),
        minutes: 0,
        threshold: "a message was never delivered",
        source: "docs/metrics.md: it is written again until it is useless",
        summary: "the signer {{ $labels.instance }} could not deliver messages ({{ $labels.lane }})",
        runbook: Runbook {
            meaning: "A response, a promise or a view was signed and reached nobody: the node does not take chunks.",
            look: &[
                "The node's answers, in the signer's log.",
                "Whether the node is the one that has the key's slot.",
            ],
            commands: &[commands::SIGNER_LOG, commands::INFO],
            mend: &[],
            escalate: "If it repeats: to whoever runs the node.",
        },
        story: &[sample(&own::PUBLISH_DROPPED, LANE_RESPONSES, "0+0x10 2+0x30")],
        fires_at: 15,
    },
    Alert {
        name: "NodesFlap",
        severity: Ticket,
        group: Countersign,
        topic: "nodes",
        when: || {
            let switches = series(&own::NODE_SWITCHES).increase("1h");
            switches.sum_by("job, instance").above(4.0)
        },
        minutes: 0,
        threshold: "more than 4 changes of the node in an hour",
        source: "row A9: no flapping; hysteresis allows one change and its return for an outage",
        summary: "the signer {{ $labels.instance }} changes its node again and again",
        runbook: Runbook {
            meaning: "No node stays well. Each change makes every open decision begin anew.",
            look: &[
                "Which node fails, and why: the label `reason` of `countersign_node_switches`.",
            ],
            commands: &[commands::SIGNER_LOG_LONG, commands::DOCTOR],
            mend: &[],
            escalate: "If both nodes share something that fails: a host, a disk, a bitcoind.",
        },
        story: &[sample(&own::NODE_SWITCHES, SWITCH_SILENT, "0+0x10 0+1x30")],
        fires_at: 30,
    },
    Alert {
        name: "FallbackNodeDown",
        severity: Ticket,
        group: Countersign,
        topic: "nodes",
        when: || series(&own::NODE_HEALTHY).now().is(0.0),
        minutes: 15,
        threshold: "a node cannot be asked",
        source: "row A19: a fall-back that does not work is none",
        summary: "the node {{ $labels.host }} of the signer {{ $labels.instance }} is not well",
        runbook: Runbook {
            meaning: "The signer has one node less to change to.",
            look: &[
                "On the host that the alert names: is the node running, in sync, on the right network?",
            ],
            commands: &[commands::STATUS, commands::SIGNER_LOG],
            mend: &[],
            escalate: "Within the day, to whoever runs the node.",
        },
        story: &[sample(&own::NODE_HEALTHY, HOST, "0+0x30")],
        fires_at: 20,
    },
    Alert {
        name: "SignerRestarts",
        severity: Ticket,
        group: Countersign,
        topic: "signer_up",
        when: || series(&own::STARTED).with("job", "countersign").changes("1h").above(3.0),
        minutes: 0,
        threshold: "more than 3 starts in an hour",
        source: "row D13a: three failures in five minutes; a restart by hand is one",
        summary: "the signer {{ $labels.instance }} starts again and again",
        runbook: Runbook {
            meaning: "It ends soon after each start, or the watchdog ends it.",
            look: &[
                "The exit code and the last error of each run.",
                "Whether the watchdog found the loop or the vault stuck.",
            ],
            commands: &[commands::SIGNER_UNIT, commands::SIGNER_LOG_LONG],
            mend: &[commands::BUNDLE],
            escalate: "With a support bundle to the developers, if no error says what to do.",
        },
        story: &[sample(&own::STARTED, OURS, "0+0x10 1+60x30")],
        fires_at: 30,
    },
];

const OURS: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s")];
const QUEUE_FULL: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("reason", "queue_full")];
const NOT_ALLOWED: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("reason", "not_allowed")];
const PATH_CHUNKS: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("path", "/stackerdb_chunks")];
const PATH_BURN: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("path", "/new_burn_block")];
const JOURNAL_50: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("le", "0.05")];
const JOURNAL_250: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("le", "0.25")];
const JOURNAL_INF: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("le", "+Inf")];
const STEP_50: &[(&str, &str)] = JOURNAL_50;
const STEP_250: &[(&str, &str)] = JOURNAL_250;
const STEP_INF: &[(&str, &str)] = JOURNAL_INF;
const ACCEPTED: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("response_type", "accepted")];
const LANE_RESPONSES: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("lane", "responses")];
const SWITCH_SILENT: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("reason", "silent")];
const HOST: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("host", "10.0.0.2:20443")];
