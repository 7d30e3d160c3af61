//! What is on the dashboards.

use super::Look::{Lines, Number, States};
use super::{Dashboard, Panel};
use crate::promql::{buckets, series};
use crate::registry::{Unit, foreign, own, reference};

/// Every dashboard.
pub const DASHBOARDS: &[Dashboard] = &[
    Dashboard { name: "signer", title: "signer", panels: SIGNER },
    Dashboard { name: "node", title: "node and machine", panels: NODE },
    Dashboard { name: "sbtc", title: "sBTC signer", panels: SBTC },
    Dashboard { name: "fleet", title: "fleet", panels: FLEET },
];

const SIGNER: &[Panel] = &[
    Panel {
        title: "Ladder of readiness",
        description: "Each rung that holds. The first that does not is what to look at.",
        unit: Unit::Truth,
        look: States,
        lines: &[(|| series(&own::READINESS).now(), "{{instance}} {{rung}}")],
    },
    Panel {
        title: "Responses a second",
        description: "Blocks that were accepted and rejected.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(
            || series(&reference::RESPONSES_SENT).rate("5m").sum_by("instance, response_type"),
            "{{instance}} {{response_type}}",
        )],
    },
    Panel {
        title: "Rejections by reason, 15 min",
        description: "A quarter of the responses is too much.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(
            || series(&own::REJECTIONS_SENT).increase("15m").sum_by("reason").above(0.0),
            "{{reason}}",
        )],
    },
    Panel {
        title: "Blocks without our signature, 15 min",
        description: "By cause. `signed_late` alone means that others were faster.",
        unit: Unit::Count,
        look: Lines,
        lines: &[
            (
                || series(&own::BLOCKS_MISSED).increase("15m").sum_by("cause").above(0.0),
                "{{cause}}",
            ),
            (
                || series(&own::BLOCKS_ADOPTED).increase("15m").sum_by("instance"),
                "{{instance}}: all",
            ),
        ],
    },
    Panel {
        title: "Blocks signed in this cycle",
        description: "The node's count of blocks whose headers have our signature.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(|| series(&own::BLOCKS_SIGNED).now(), "{{instance}} cycle {{cycle}}")],
    },
    Panel {
        title: "Validation and response, 95th percentile",
        description: "How long the node validates, and how old a block is when we answer.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[
            (
                || buckets(&reference::VALIDATION_LATENCIES).rate("15m").quantile(0.95),
                "{{instance}} validation",
            ),
            (
                || buckets(&reference::RESPONSE_LATENCIES).rate("15m").quantile(0.95),
                "{{instance}} response",
            ),
        ],
    },
    Panel {
        title: "Journal and decisions, 99th percentile",
        description: "How long a record takes to be on the disk, and a decision to be stored.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[
            (|| buckets(&own::JOURNAL_SECONDS).rate("15m").quantile(0.99), "{{instance}} journal"),
            (|| buckets(&own::STEP_SECONDS).rate("15m").quantile(0.99), "{{instance}} decision"),
        ],
    },
    Panel {
        title: "Since the last callback",
        description: "By path. A Bitcoin block comes every ten minutes, chunks every few seconds.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[
            (|| series(&own::CALLBACK_GAP).now(), "{{path}}"),
            (|| series(&own::CALLBACK_WAIT).now(), "{{instance}}: the oldest that waits"),
        ],
    },
    Panel {
        title: "The others, by version",
        description: "Weight of this cycle's signers by what they run.",
        unit: Unit::Weight,
        look: Lines,
        lines: &[(
            || series(&own::PEER_WEIGHT).now().max_by("server_version"),
            "{{server_version}}",
        )],
    },
];

const NODE: &[Panel] = &[
    Panel {
        title: "Stacks tip",
        description: "Where the nodes are.",
        unit: Unit::Height,
        look: Lines,
        lines: &[
            (|| series(&foreign::NODE_STACKS_TIP).now(), "{{instance}}"),
            (|| series(&own::NODE_STACKS_HEIGHT).now(), "{{host}}, as seen by {{instance}}"),
        ],
    },
    Panel {
        title: "Bitcoin tip",
        description: "Where the nodes' burn chains are.",
        unit: Unit::Height,
        look: Lines,
        lines: &[(|| series(&foreign::NODE_BURN_TIP).now(), "{{instance}}")],
    },
    Panel {
        title: "Behind its peers",
        description: "Stacks blocks, by the node's own word.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(|| series(&own::NODE_BEHIND_PEERS).now(), "{{instance}}")],
    },
    Panel {
        title: "Peers",
        description: "Connections in both directions.",
        unit: Unit::Count,
        look: Lines,
        lines: &[
            (|| series(&foreign::NODE_INBOUND).now(), "{{instance}} inbound"),
            (|| series(&foreign::NODE_OUTBOUND).now(), "{{instance}} outbound"),
        ],
    },
    Panel {
        title: "The node's answers, 95th percentile",
        description: "How long the signer waits for each question.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[(
            || buckets(&reference::RPC_LATENCIES).rate("15m").quantile(0.95),
            "{{instance}}",
        )],
    },
    Panel {
        title: "Lines logged, 15 min",
        description: "Errors and warnings of the node.",
        unit: Unit::Count,
        look: Lines,
        lines: &[
            (|| series(&foreign::NODE_ERRORS).increase("15m"), "{{instance}} errors"),
            (|| series(&foreign::NODE_WARNINGS).increase("15m"), "{{instance}} warnings"),
        ],
    },
    Panel {
        title: "Disk that is free",
        description: "By file system.",
        unit: Unit::Bytes,
        look: Lines,
        lines: &[(
            || {
                series(&foreign::HOST_DISK_FREE)
                    .without("fstype", "tmpfs|overlay|squashfs|ramfs")
                    .now()
            },
            "{{instance}} {{mountpoint}}",
        )],
    },
    Panel {
        title: "Memory that is free",
        description: "What programs can still have.",
        unit: Unit::Bytes,
        look: Lines,
        lines: &[(|| series(&foreign::HOST_MEMORY_FREE).now(), "{{instance}}")],
    },
    Panel {
        title: "Clock",
        description: "Seconds that it is off.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[(|| series(&foreign::HOST_CLOCK_OFFSET).now().magnitude(), "{{instance}}")],
    },
];

const SBTC: &[Panel] = &[
    Panel {
        title: "Peers",
        description: "Other sBTC signers that are connected; nine are needed.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(|| series(&foreign::SBTC_PEERS).now(), "{{instance}}")],
    },
    Panel {
        title: "Bitcoin blocks seen, 1 h",
        description: "About six.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(|| series(&foreign::SBTC_BLOCKS).increase("1h"), "{{instance}}")],
    },
    Panel {
        title: "Requests to sign, 1 h",
        description: "By the verdict on their sighash.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(
            || series(&foreign::SBTC_SIGN_REQUESTS).increase("1h").sum_by("instance, status"),
            "{{instance}} {{status}}",
        )],
    },
    Panel {
        title: "Signing rounds, 95th percentile",
        description: "They are given up after 30 s.",
        unit: Unit::Seconds,
        look: Lines,
        lines: &[(
            || buckets(&foreign::SBTC_ROUND_SECONDS).rate("1h").quantile(0.95),
            "{{instance}}",
        )],
    },
    Panel {
        title: "Deposits, 1 h",
        description: "Requests by what became of them, and deposits that were swept.",
        unit: Unit::Count,
        look: Lines,
        lines: &[
            (
                || series(&foreign::SBTC_DEPOSIT_REQUESTS).increase("1h").sum_by("status"),
                "{{status}}",
            ),
            (
                || series(&foreign::SBTC_DEPOSITS_SWEPT).increase("1h").sum_by("instance"),
                "{{instance}} swept",
            ),
        ],
    },
    Panel {
        title: "Transactions, 1 h",
        description: "That this signer submitted, by chain and kind.",
        unit: Unit::Count,
        look: Lines,
        lines: &[(
            || {
                series(&foreign::SBTC_TRANSACTIONS)
                    .increase("1h")
                    .sum_by("blockchain, kind, status")
            },
            "{{blockchain}} {{kind}} {{status}}",
        )],
    },
];

const FLEET: &[Panel] = &[
    Panel {
        title: "Up",
        description: "Every target.",
        unit: Unit::Truth,
        look: States,
        lines: &[(|| series(&foreign::UP).now(), "{{job}} {{instance}}")],
    },
    Panel {
        title: "Who signs",
        description: "The state of each instance; exactly one per key is active.",
        unit: Unit::Truth,
        look: States,
        lines: &[(|| series(&own::INSTANCE).now().is(1.0), "{{instance}} {{state}}")],
    },
    Panel {
        title: "Seats",
        description: "Weight by cycle.",
        unit: Unit::Weight,
        look: Number,
        lines: &[(
            || series(&own::SEAT_WEIGHT).now().sum_by("instance, cycle"),
            "{{instance}} cycle {{cycle}}",
        )],
    },
    Panel {
        title: "Until the next cycle",
        description: "Bitcoin blocks.",
        unit: Unit::Count,
        look: Number,
        lines: &[(|| series(&own::CYCLE_BLOCKS_LEFT).now().max_by("instance"), "{{instance}}")],
    },
    Panel {
        title: "Backups",
        description: "When they were last taken and verified.",
        unit: Unit::Timestamp,
        look: Number,
        lines: &[
            (|| series(&own::BACKUP_TAKEN).now().times(1000.0), "{{instance}} {{of}} taken"),
            (|| series(&own::BACKUP_VERIFIED).now().times(1000.0), "{{instance}} {{of}} verified"),
        ],
    },
    Panel {
        title: "Oldest log entries",
        description: "A week for all, 90 days for sBTC.",
        unit: Unit::Timestamp,
        look: Number,
        lines: &[(|| series(&own::LOG_OLDEST).now().times(1000.0), "{{instance}} {{service}}")],
    },
    Panel {
        title: "Certificates expire",
        description: "The next to expire is the first to look at.",
        unit: Unit::Timestamp,
        look: Number,
        lines: &[(
            || series(&own::CERTIFICATE_EXPIRY).now().times(1000.0),
            "{{instance}} {{certificate}}",
        )],
    },
    Panel {
        title: "Drills",
        description: "When each was last done.",
        unit: Unit::Timestamp,
        look: Number,
        lines: &[(|| series(&own::DRILL_DONE).now().times(1000.0), "{{instance}} {{drill}}")],
    },
    Panel {
        title: "Versions",
        description: "Of our programs.",
        unit: Unit::Truth,
        look: Number,
        lines: &[(|| series(&own::BUILD).now(), "{{instance}} {{version}}")],
    },
];
