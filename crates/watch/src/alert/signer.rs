//! Alerts about any Stacks signer, by the metrics of stacks-signer 4.0.2.

use super::Group::Signer;
use super::Severity::{Page, Ticket};
use super::{Alert, Runbook, commands, part, sample};
use crate::promql::{buckets, count, series};
use crate::registry::{foreign, own, reference};

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "SignerDown",
        severity: Page,
        group: Signer,
        topic: "signer_up",
        when: || series(&foreign::UP).among("job", "countersign|stacks-signer").now().is(0.0),
        minutes: 1,
        threshold: "the signer's metrics cannot be read",
        source: "Signer Sidekick: down after 3 samples in 10 s, calibrated on mainnet in August 2026",
        summary: "the signer {{ $labels.instance }} does not answer",
        runbook: Runbook {
            meaning: "The process is down, or its metrics endpoint cannot be reached. Without it your weight is missing from every block; a dozen like you stop the network.",
            look: &[
                "Is the unit running, and with which exit code did it end? After 2, 4, 6, 8, 11 and 12 read the last error first: a restart does not help (docs/exit-codes.md). Otherwise restart it, once.",
                "Is it running but the endpoint is not reachable: firewall, address in `metrics_endpoint`?",
                "Did the machine run out of memory or disk?",
            ],
            commands: &[
                commands::SIGNER_UNIT,
                "journalctl -u countersign -n 100 --no-pager",
                commands::STATUS,
                commands::SPACE,
            ],
            mend: &[commands::RESTART_SIGNER],
            escalate: "At once if the unit does not stay up after one restart, or if it ended with a code that needs a human. Never start a second signer with the same key to gain time: promote the standby as docs/operator/one-instance.md says.",
        },
        story: &[sample(&foreign::UP, ANY, "1+0x10 0+0x10")],
        fires_at: 15,
    },
    Alert {
        name: "SignerSilent",
        severity: Page,
        group: Signer,
        topic: "signer_answers",
        when: || {
            let answers =
                series(&reference::RESPONSES_SENT).increase("15m").sum_by("job, instance");
            let proposals = series(&reference::PROPOSALS_RECEIVED).increase("15m");
            let silent = proposals.at_least(5.0).unless_on("job, instance", answers.at_least(1.0));
            silent.unless_on("job, instance", series(&own::SIGNING_ALLOWED).now().is(0.0))
        },
        minutes: 2,
        threshold: "at least 5 proposals in 15 min and no response, and it is no standby",
        source: "Signer Sidekick: 3 unanswered of 5 proposals in 15 min",
        summary: "the signer {{ $labels.instance }} gets proposals and answers none",
        runbook: Runbook {
            meaning: "Proposals arrive and are neither accepted nor rejected: the node does not validate them, or the signers do not agree. What says of itself that it may not sign, as a standby does, is not meant.",
            look: &[
                "The ladder of readiness: which rung is missing?",
                "Does the node answer `/v3/block_proposal`, or does it refuse the password (401)?",
                "What became of each proposal, and why.",
            ],
            commands: &[
                commands::STATUS,
                commands::DECISIONS,
                commands::EXPLAIN,
                commands::DOCTOR,
                commands::SIGNER_LOG,
            ],
            mend: &[],
            escalate: "After 15 minutes, to whoever runs the node; if several signers are silent at once, in the signers' channel.",
        },
        story: &[
            // The reference shows no counter before it has counted.
            sample(&reference::RESPONSES_SENT, ACCEPTED, "_x60"),
            sample(&reference::RESPONSES_SENT, REJECTED, "_x60"),
        ],
        fires_at: 40,
    },
    Alert {
        name: "SignerNoProposals",
        severity: Page,
        group: Signer,
        topic: "signer_answers",
        when: || {
            let advance = series(&reference::STACKS_NODE_HEIGHT).delta("10m");
            let proposals = series(&reference::PROPOSALS_RECEIVED).increase("10m");
            let unasked = advance.at_least(12.0);
            let unasked = unasked.unless_on("job, instance", proposals.at_least(1.0));
            let seat = series(&own::REGISTERED).with("cycle", "current").now();
            unasked.unless_on("job, instance", seat.is(0.0))
        },
        minutes: 2,
        threshold: "the node's chain grew by at least 12 blocks in 10 min and no proposal arrived",
        source: "Signer Sidekick: silent for 10 min while the node advances by 12 blocks",
        summary: "the chain of the signer {{ $labels.instance }} grows without its being asked",
        runbook: Runbook {
            meaning: "The node follows the chain, but no proposal reaches the signer: its event observer points elsewhere, the node does not replicate StackerDBs, or the key has no seat in this cycle.",
            look: &[
                "`[[events_observer]]` of the node: the endpoint is the signer's, the keys are stackerdb, block_proposal and burn_blocks.",
                "`stacker = true` in the node's configuration.",
                "The seat: `countersign_registered` or the line about the reward cycle in the log.",
            ],
            commands: &[commands::STATUS, commands::DOCTOR],
            mend: &[],
            escalate: "After 15 minutes, to whoever runs the node.",
        },
        story: &[
            sample(&reference::PROPOSALS_RECEIVED, ANY, "_x60"),
            sample(&reference::STACKS_NODE_HEIGHT, ANY, "100+5x60"),
        ],
        fires_at: 30,
    },
    Alert {
        name: "SignerRejectsMuch",
        severity: Ticket,
        group: Signer,
        topic: "signer_rejects",
        when: || {
            let rejected = series(&reference::RESPONSES_SENT)
                .with("response_type", "rejected")
                .increase("15m")
                .sum_by("job, instance");
            let all = || series(&reference::RESPONSES_SENT).increase("15m").sum_by("job, instance");
            rejected.per(all()).at_least(0.25).and_on("job, instance", all().at_least(20.0))
        },
        minutes: 1,
        threshold: "at least a quarter of at least 20 responses in 15 min are rejections",
        source: "Signer Sidekick: 25 % of 20 in 15 min; alexlmiller: 6 rejections in 10 min are normal",
        summary: "the signer {{ $labels.instance }} rejects a quarter of the blocks",
        runbook: Runbook {
            meaning: "A miner misbehaves, or this signer's view of the chain differs from the others'. If the others accept the same blocks, it is this one.",
            look: &[
                "The reasons: the first command lists each rejection with its own.",
                "Whether the node is behind: `difference_from_max_peer`.",
                "Whether the other signers reject the same blocks: a block's story lists their votes.",
            ],
            commands: &[commands::REJECTIONS, commands::EXPLAIN, commands::HEALTH],
            mend: &[],
            escalate: "If the others accept what this one rejects for more than an hour: to the developers of this signer, with a support bundle.",
        },
        story: &[
            sample(&reference::RESPONSES_SENT, ACCEPTED, "0+2x60"),
            sample(&reference::RESPONSES_SENT, REJECTED, "0+1x60"),
        ],
        fires_at: 30,
    },
    Alert {
        name: "SignerViewDiffers",
        severity: Ticket,
        group: Signer,
        topic: "signer_view",
        when: || {
            let conflicts = series(&reference::STATE_CONFLICTS).increase("15m");
            conflicts.sum_by("job, instance").at_least(3.0)
        },
        minutes: 0,
        threshold: "at least 3 conflicts in 15 min",
        source: "Signer Sidekick: 3 agreement conflicts in 15 min",
        summary: "the signer {{ $labels.instance }} does not agree with the others about the chain",
        runbook: Runbook {
            meaning: "The signer looked for a majority's view to follow, and there is none, or it needs something that the node does not have. The label `conflict` says which: burn_block_delay, stacks_block_delay or miner_view.",
            look: &[
                "burn_block_delay: is bitcoind behind, or slow?",
                "stacks_block_delay: does the node lack a block that the others build on?",
                "miner_view: do the others disagree among themselves?",
            ],
            commands: &[commands::STATUS, commands::INFO, commands::BITCOIN],
            mend: &[],
            escalate: "If the chain does not grow either: in the signers' channel, because others see the same.",
        },
        story: &[sample(
            &reference::STATE_CONFLICTS,
            &[("job", "stacks-signer"), ("instance", "r"), ("conflict", "miner_view")],
            "0+1x60",
        )],
        fires_at: 30,
    },
    Alert {
        name: "SignerValidationSlow",
        severity: Ticket,
        group: Signer,
        topic: "validation",
        when: || {
            let slow = buckets(&reference::VALIDATION_LATENCIES).rate("15m").quantile(0.95);
            let many = count(&reference::VALIDATION_LATENCIES).increase("15m").at_least(20.0);
            slow.above(7.5).and_on("job, instance", many)
        },
        minutes: 5,
        threshold: "the 95th percentile of at least 20 validations in 15 min is above 7.5 s",
        source: "Signer Sidekick alerts above 5 s and measured 5.4 s on mainnet; a miner waits 20 s before others go on",
        summary: "the node of the signer {{ $labels.instance }} validates slowly",
        runbook: Runbook {
            meaning: "Blocks reach the signer, but the node takes so long to validate them that the others decide first.",
            look: &[
                "The node's disk: is it an NVMe, is it full, is something else writing?",
                "The node's CPU, and whether anybody else asks it: it should serve the signer only.",
                "Whether a backup or a snapshot is running: the timers that have just run.",
            ],
            commands: &[commands::MACHINE, commands::PROCESSES, commands::DISKS, commands::TIMERS],
            mend: &[],
            escalate: "If it stays for a day after everything else was moved away: the machine is too small.",
        },
        story: &[
            part(&reference::VALIDATION_LATENCIES, "_bucket", LE_5, "0+0x60"),
            part(&reference::VALIDATION_LATENCIES, "_bucket", LE_10, "0+4x60"),
            part(&reference::VALIDATION_LATENCIES, "_bucket", LE_INF, "0+4x60"),
            part(&reference::VALIDATION_LATENCIES, "_count", ANY, "0+4x60"),
        ],
        fires_at: 40,
    },
    Alert {
        name: "SignerHeightStands",
        severity: Ticket,
        group: Signer,
        topic: "chain_stands",
        when: || series(&reference::STACKS_NODE_HEIGHT).changes("15m").is(0.0),
        minutes: 5,
        threshold: "the node's height has not changed for 15 min",
        source: "Signer Sidekick: 180 s; the reference reads the height once a minute and Bitcoin blocks take 10 min",
        summary: "the chain of the signer {{ $labels.instance }} does not grow",
        runbook: Runbook {
            meaning: "Either the whole network stands, or this node does. Nobody can tell from one node alone.",
            look: &[
                "The height that others see: `difference_from_max_peer` of the node is what it knows itself, an explorer is a second opinion.",
                "If only this node stands: its peers, its bitcoind, its disk.",
                "If all stand: which signers are missing, and what they reject.",
            ],
            commands: &[commands::HEALTH, commands::SIGNERS, commands::BITCOIN],
            mend: &[],
            escalate: "If the network stands: in the signers' channel at once, with the time of the last block.",
        },
        story: &[sample(&reference::STACKS_NODE_HEIGHT, ANY, "100+0x60")],
        fires_at: 30,
    },
];

const ANY: &[(&str, &str)] = &[("job", "stacks-signer"), ("instance", "r")];
const ACCEPTED: &[(&str, &str)] =
    &[("job", "stacks-signer"), ("instance", "r"), ("response_type", "accepted")];
const REJECTED: &[(&str, &str)] =
    &[("job", "stacks-signer"), ("instance", "r"), ("response_type", "rejected")];
const LE_5: &[(&str, &str)] = &[("job", "stacks-signer"), ("instance", "r"), ("le", "5")];
const LE_10: &[(&str, &str)] = &[("job", "stacks-signer"), ("instance", "r"), ("le", "10")];
const LE_INF: &[(&str, &str)] = &[("job", "stacks-signer"), ("instance", "r"), ("le", "+Inf")];
