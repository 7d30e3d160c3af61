//! Alerts about the programs around a signer: the node, the sBTC signer, the machine, the watching itself.

use super::Group::{Host, Node, Sbtc, Watching};
use super::Severity::{Heartbeat, Info, Page, Ticket};
use super::{Alert, Runbook, commands, jobs, part, sample};
use crate::promql::{Expr, buckets, series};
use crate::registry::foreign;

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "NodeDown",
        severity: Page,
        group: Node,
        topic: "node_up",
        when: || series(&foreign::UP).with("job", jobs::NODE).now().is(0.0),
        minutes: 2,
        threshold: "the node's metrics cannot be read",
        source: "Signer Sidekick: down after 3 samples; two minutes let a restart pass",
        summary: "the Stacks node {{ $labels.instance }} does not answer",
        runbook: Runbook {
            meaning: "Without the node the signer sees nothing and signs nothing.",
            look: &[
                "The unit, its last lines, the disk.",
                "`oom-kill` in the unit's status: MemoryLow.md.",
                "If it is starting or replaying, let it: a restart begins that anew.",
            ],
            commands: &[commands::NODE_UNIT, commands::NODE_LOG, commands::SPACE],
            mend: &[commands::RESTART_NODE],
            escalate: "After 10 minutes: to the fall-back node, then the archive.",
        },
        story: &[sample(&foreign::UP, NODE, "1+0x5 0+0x20")],
        fires_at: 12,
    },
    Alert {
        name: "NodeStands",
        severity: Page,
        group: Node,
        topic: "chain_stands",
        when: || series(&foreign::NODE_STACKS_TIP).changes("10m").is(0.0),
        minutes: 5,
        threshold: "the node's Stacks tip has not changed for 10 min",
        source: "Signer Sidekick: 180 s with two signals; one signal alone gets more time",
        summary: "the Stacks node {{ $labels.instance }} has no new block",
        runbook: Runbook {
            meaning: "Either the network stands, or this node does.",
            look: &[
                "What others see.",
                "Is it stuck delivering an event to an observer that does not answer?",
                "Its bitcoind.",
            ],
            commands: &[commands::HEALTH, commands::NODE_LOG, commands::BITCOIN],
            mend: &[commands::RESTART_NODE],
            escalate: "If the network stands: in the signers' channel at once.",
        },
        story: &[sample(&foreign::NODE_STACKS_TIP, NODE, "100+0x40")],
        fires_at: 20,
    },
    Alert {
        name: "NodeBurnStands",
        severity: Ticket,
        group: Node,
        topic: "burn_blocks",
        when: || series(&foreign::NODE_BURN_TIP).changes("2h").is(0.0),
        minutes: 5,
        threshold: "the node's Bitcoin tip has not changed for 2 h",
        source: "Bitcoin: a gap of 2 h comes once in 160,000 blocks",
        summary: "the Stacks node {{ $labels.instance }} has no new Bitcoin block",
        runbook: Runbook {
            meaning: "bitcoind stands, or the node does not reach it. A pruned bitcoind must not be away for more than 288 blocks.",
            look: &[
                "bitcoind's height against an explorer's.",
                "The node's `[burnchain]` section.",
            ],
            commands: &[commands::BITCOIN, commands::BITCOIN_LOG],
            mend: &[commands::RESTART_BITCOIN],
            escalate: "After an hour, to whoever runs bitcoind.",
        },
        story: &[sample(&foreign::NODE_BURN_TIP, NODE, "900+0x160")],
        fires_at: 140,
    },
    Alert {
        name: "NodeFewPeers",
        severity: Ticket,
        group: Node,
        topic: "node_peers",
        when: || {
            let inbound = series(&foreign::NODE_INBOUND).now();
            inbound.plus(series(&foreign::NODE_OUTBOUND).now()).below(4.0)
        },
        minutes: 15,
        threshold: "the node has fewer than 4 peers",
        source: "own: it dials 16; below 4 a single operator may be all that it sees",
        summary: "the Stacks node {{ $labels.instance }} has hardly any peers",
        runbook: Runbook {
            meaning: "The node learns of blocks late, or from one source only.",
            look: &[
                "Port 20444: open in both directions?",
                "The bootstrap nodes of its configuration.",
            ],
            commands: &[
                "curl -sS -m 10 http://127.0.0.1:20443/v2/neighbors",
                "ss -tn state established '( sport = :20444 or dport = :20444 )'",
            ],
            mend: &[],
            escalate: "Not at night, as long as it is in sync.",
        },
        story: &[
            sample(&foreign::NODE_INBOUND, NODE, "1+0x40"),
            sample(&foreign::NODE_OUTBOUND, NODE, "2+0x40"),
        ],
        fires_at: 25,
    },
    Alert {
        name: "NodeErrors",
        severity: Info,
        group: Node,
        topic: "node_errors",
        when: || series(&foreign::NODE_ERRORS).increase("30m").above(100.0),
        minutes: 5,
        threshold: "more than 100 error lines in 30 min",
        source: "own: a healthy node logs few; stacks-core logs some of its ordinary events as errors",
        summary: "the Stacks node {{ $labels.instance }} logs many errors",
        runbook: Runbook {
            meaning: "Something repeats, and nobody has said yet whether it matters.",
            look: &["Which line it is: `countersign logs explain` knows many."],
            commands: &[
                "journalctl -u stacks-node --since -1h -o cat --no-pager | grep -E 'ERRO|WARN' | countersign logs explain --program stacks-node | tail -n 60",
            ],
            mend: &[],
            escalate: "If the line is not known and the node is behind, too.",
        },
        story: &[sample(&foreign::NODE_ERRORS, NODE, "0+10x60")],
        fires_at: 50,
    },
    Alert {
        name: "SbtcSignerDown",
        severity: Page,
        group: Sbtc,
        topic: "sbtc_up",
        when: || series(&foreign::UP).with("job", jobs::SBTC).now().is(0.0),
        minutes: 2,
        threshold: "the sBTC signer's metrics cannot be read",
        source: "as for a Stacks signer, with time for a restart",
        summary: "the sBTC signer {{ $labels.instance }} does not answer",
        runbook: Runbook {
            meaning: "Deposits and withdrawals need ten signers of fourteen; one is missing.",
            look: &[
                "The unit or the container, and its last lines.",
                "PostgreSQL: is it running, is its disk full?",
            ],
            commands: &[
                "systemctl status --no-pager --full sbtc-signer",
                "journalctl -u sbtc-signer -n 100 --no-pager",
                "pg_isready -h 127.0.0.1 -p 5432",
                commands::SPACE,
            ],
            mend: &["systemctl restart sbtc-signer"],
            escalate: "After 30 minutes, in the sBTC signers' channel. Never start it elsewhere from an old backup of the database.",
        },
        story: &[sample(&foreign::UP, SBTC, "1+0x5 0+0x20")],
        fires_at: 12,
    },
    Alert {
        name: "SbtcSeesNoBlocks",
        severity: Page,
        group: Sbtc,
        topic: "sbtc_blocks",
        // A counter that is not there yet, or has one block only, grows by nothing: half an hour must say
        // so for another one and a half.
        when: || {
            let up = series(&foreign::UP).with("job", jobs::SBTC).now().is(1.0);
            up.unless_on("job, instance", series(&foreign::SBTC_BLOCKS).increase("30m").above(0.0))
        },
        minutes: 90,
        threshold: "it runs, and has seen no Bitcoin block in the last 30 min",
        source: "Bitcoin: a gap of 2 h comes once in 160,000 blocks",
        summary: "the sBTC signer {{ $labels.instance }} has seen no Bitcoin block for two hours",
        runbook: Runbook {
            meaning: "It takes part in nothing that needs a view of Bitcoin: no sweep, no withdrawal.",
            look: &[
                "bitcoind, and the endpoints that the sBTC signer is configured with.",
                "Its database: queries that take minutes keep it from going on.",
            ],
            commands: &[commands::BITCOIN, commands::SBTC_LOG],
            mend: &[],
            escalate: "After 30 minutes, in the sBTC signers' channel.",
        },
        story: &[sample(&foreign::SBTC_BLOCKS, SBTC, "_x160")],
        fires_at: 140,
    },
    Alert {
        name: "SbtcFewPeers",
        severity: Ticket,
        group: Sbtc,
        topic: "sbtc_peers",
        when: || series(&foreign::SBTC_PEERS).now().below(9.0),
        minutes: 10,
        threshold: "fewer than 9 other sBTC signers are connected",
        source: "bootstrap_signatures_required = 10: this one and nine others",
        summary: "the sBTC signer {{ $labels.instance }} is connected to {{ $value }} others",
        runbook: Runbook {
            meaning: "With those that it sees no signature can be completed.",
            look: &[
                "Port 4122, TCP and UDP, in both directions.",
                "Whether the others see each other: then it is your network.",
            ],
            commands: &[
                "ss -tulnp sport = :4122",
                "ss -tunp '( sport = :4122 or dport = :4122 )'",
                commands::FIREWALL,
            ],
            mend: &[],
            escalate: "If the others have the same: in the sBTC signers' channel.",
        },
        story: &[sample(&foreign::SBTC_PEERS, SBTC, "4+0x40")],
        fires_at: 20,
    },
    Alert {
        name: "SbtcRefusesToSign",
        severity: Ticket,
        group: Sbtc,
        topic: "sbtc_signing",
        when: || {
            let refused =
                series(&foreign::SBTC_SIGN_REQUESTS).without("status", "success").increase("1h");
            let all = series(&foreign::SBTC_SIGN_REQUESTS).increase("1h").sum_by("job, instance");
            refused.sum_by("job, instance").per(all).above(0.25)
        },
        minutes: 10,
        threshold: "more than a quarter of the requests to sign in an hour did not succeed",
        source: "by analogy to the Stacks signers' quarter of rejections",
        summary: "the sBTC signer {{ $labels.instance }} does not sign what it is asked to",
        runbook: Runbook {
            meaning: "Its view of the requests differs from the coordinator's, or its shares do not fit.",
            look: &[
                "The label `status`: improper, unknown or invalid sighash, or an unexpected failure.",
                "The current aggregate key against the chain's.",
            ],
            commands: &[
                commands::SBTC_LOG,
                "countersign doctor --site /etc/countersign/countersign.toml --verbose --only sbtc-aggregate-key",
                "curl -sS -m 10 http://127.0.0.1:8801/info",
            ],
            mend: &[],
            escalate: "If it lasts for an hour: in the sBTC signers' channel.",
        },
        story: &[sample(&foreign::SBTC_SIGN_REQUESTS, SBTC_REFUSED, "0+1x100")],
        fires_at: 80,
    },
    Alert {
        name: "SbtcRoundsSlow",
        severity: Ticket,
        group: Sbtc,
        topic: "sbtc_rounds",
        when: || buckets(&foreign::SBTC_ROUND_SECONDS).rate("1h").quantile(0.95).above(15.0),
        minutes: 10,
        threshold: "the 95th percentile of signing rounds in an hour is above 15 s",
        source: "signer_round_max_duration is 30 s: half of it",
        summary: "signing rounds of the sBTC signer {{ $labels.instance }} take long",
        runbook: Runbook {
            meaning: "Rounds come close to the time at which they are given up.",
            look: &["The connections to the other signers.", "Slow queries in PostgreSQL."],
            commands: &[
                commands::SBTC_LOG,
                "ss -tunp '( sport = :4122 or dport = :4122 )'",
                commands::MACHINE,
            ],
            mend: &[],
            escalate: "If rounds begin to fail: in the sBTC signers' channel.",
        },
        story: &[
            part(&foreign::SBTC_ROUND_SECONDS, "_bucket", ROUND_5, "0+0x100"),
            part(&foreign::SBTC_ROUND_SECONDS, "_bucket", ROUND_20, "0+1x100"),
            part(&foreign::SBTC_ROUND_SECONDS, "_bucket", ROUND_INF, "0+1x100"),
        ],
        fires_at: 80,
    },
    Alert {
        name: "DiskFillsUp",
        severity: Ticket,
        group: Host,
        topic: "disk_space",
        when: || {
            let soon = disk(false).predicted("6h", 4 * 86_400).below(0.0);
            let free = disk(false).now().per(disk(true).now()).below(0.3);
            soon.and_on(DISK, free)
        },
        minutes: 60,
        threshold: "at the rate of 6 h the disk is full within 4 days, and less than 30 % is free",
        source: "row A6: days to full; a weekend and two days",
        summary: "the disk {{ $labels.mountpoint }} of {{ $labels.instance }} will be full within four days",
        runbook: Runbook {
            meaning: "When the disk is full, node, signer and database stop.",
            look: &["What grows: chainstate, logs, backups."],
            commands: &[commands::SPACE, commands::FOLDERS, "journalctl --disk-usage"],
            mend: &[],
            escalate: "When two days are left.",
        },
        story: &[sample(&foreign::HOST_DISK_FREE, ROOT, "250000000000-500000000x440")],
        fires_at: 430,
    },
    Alert {
        name: "DiskAlmostFull",
        severity: Page,
        group: Host,
        topic: "disk_space",
        when: || disk(false).now().per(disk(true).now()).below(0.05),
        minutes: 5,
        threshold: "less than 5 % of the disk is free",
        source: "ext4 keeps 5 % for root",
        summary: "the disk {{ $labels.mountpoint }} of {{ $labels.instance }} is almost full",
        runbook: Runbook {
            meaning: "A signer that cannot write its record signs nothing, and a node with a full disk may damage its chainstate.",
            look: &[
                "What can go at once, in this order: packages that were downloaded, archives and backups that are elsewhere, too.",
                "The journal last: with it goes the past that LogsKeptTooShort.md is about.",
                "If it is the chainstate that grew: a larger disk.",
            ],
            commands: &[commands::SPACE, commands::FOLDERS, "journalctl --disk-usage"],
            mend: &["apt-get clean", "journalctl --vacuum-size=2G"],
            escalate: "At once. Never delete the signing journal.",
        },
        story: &[sample(&foreign::HOST_DISK_FREE, ROOT, "20000000000+0x40")],
        fires_at: 10,
    },
    Alert {
        name: "MemoryLow",
        severity: Ticket,
        group: Host,
        topic: "memory",
        when: || {
            let free = series(&foreign::HOST_MEMORY_FREE).now();
            free.per(series(&foreign::HOST_MEMORY).now()).below(0.05)
        },
        minutes: 10,
        threshold: "less than 5 % of the memory is available",
        source: "own: below it the kernel begins to end processes",
        summary: "{{ $labels.instance }} is short of memory",
        runbook: Runbook {
            meaning: "The kernel may end the largest process, which is the node or bitcoind.",
            look: &[
                "Which process grows.",
                "Whether the kernel has ended one: it is among the failed units, as `oom-kill`.",
                "The minimum: 16 GB with bitcoind, 4 more with sBTC.",
            ],
            commands: &[
                "free -m",
                "ps -eo pid,rss,unit,comm --sort=-rss | head -n 15",
                "systemctl list-units --failed --no-pager",
            ],
            mend: &[],
            escalate: "If a process was ended already.",
        },
        story: &[sample(&foreign::HOST_MEMORY_FREE, MACHINE, "500000000+0x40")],
        fires_at: 20,
    },
    Alert {
        name: "ClockUnsynced",
        severity: Ticket,
        group: Host,
        topic: "clock",
        when: || series(&foreign::HOST_CLOCK_SYNCED).now().is(0.0),
        minutes: 15,
        threshold: "nothing keeps the clock right",
        source: "own: signers judge the age of proposals by the clock",
        summary: "nobody keeps the clock of {{ $labels.instance }} right",
        runbook: Runbook {
            meaning: "A clock that is off by minutes makes fresh proposals look old, and certificates expired.",
            look: &[
                "Who keeps the clock, chrony or systemd-timesyncd, and whether it reaches its servers. If nobody does: install chrony.",
            ],
            commands: &[commands::CLOCK, commands::CLOCK_UNITS],
            mend: &[commands::RESTART_CLOCK],
            escalate: "When it is off by more than 10 s.",
        },
        story: &[sample(&foreign::HOST_CLOCK_SYNCED, MACHINE, "0+0x40")],
        fires_at: 20,
    },
    Alert {
        name: "ClockOff",
        severity: Page,
        group: Host,
        topic: "clock",
        // Not `node_timex_offset_seconds`: the kernel keeps it within half a second.
        when: || {
            let shown = series(&foreign::HOST_TIME).now();
            series(&foreign::HOST_TIME).read_at().minus(shown).magnitude().above(2.0)
        },
        minutes: 5,
        threshold: "the clock differs by more than 2 s from that of Prometheus",
        source: "own: tenure_idle_timeout_buffer_secs is 2",
        summary: "the clock of {{ $labels.instance }} is {{ $value }} s off",
        runbook: Runbook {
            meaning: "The signer times miners and tenures by this clock, and disagrees with the others. If all hosts show it, Prometheus's own clock is off. A Prometheus on the same host cannot see it: there only ClockUnsynced tells.",
            look: &[
                "Who keeps the clock, chrony or systemd-timesyncd, and whether it reaches its servers.",
                "Whether the virtual machine was moved or restored.",
            ],
            commands: &[commands::CLOCK, commands::CLOCK_UNITS],
            mend: &[commands::RESTART_CLOCK],
            escalate: "If the clock cannot be set right at once: stop the signer first.",
        },
        story: &[sample(&foreign::HOST_TIME, MACHINE, "-3+60x40")],
        fires_at: 10,
    },
    Alert {
        name: "ExporterDown",
        severity: Ticket,
        group: Watching,
        topic: "exporter_up",
        when: || series(&foreign::UP).with("job", jobs::EXPORTER).now().is(0.0),
        minutes: 5,
        threshold: "the exporter's metrics cannot be read",
        source: "own: nothing is signed by it",
        summary: "the exporter {{ $labels.instance }} does not answer",
        runbook: Runbook {
            meaning: "Certificates, backups, logs and the chain's count are not watched there.",
            look: &["Its unit and its last lines."],
            commands: &[
                "systemctl status --no-pager --full countersign-exporter",
                "journalctl -u countersign-exporter -n 50 --no-pager",
            ],
            mend: &["systemctl restart countersign-exporter"],
            escalate: "Not at night.",
        },
        story: &[sample(&foreign::UP, EXPORTER, "0+0x40")],
        fires_at: 10,
    },
    Alert {
        name: "ScrapesSlow",
        severity: Info,
        group: Watching,
        topic: "scrapes",
        when: || series(&foreign::SCRAPE_SECONDS).now().above(2.0),
        minutes: 10,
        threshold: "a scrape takes more than 2 s",
        source: "own: a page takes 5 ms; Prometheus gives up after 10 s",
        summary: "the metrics of {{ $labels.job }} on {{ $labels.instance }} come slowly",
        runbook: Runbook {
            meaning: "Soon there will be gaps, and alerts that say that something is down.",
            look: &["The machine's CPU.", "The network between Prometheus and the target."],
            commands: &[commands::MACHINE, commands::PROCESSES],
            mend: &[],
            escalate: "Not at night.",
        },
        story: &[sample(&foreign::SCRAPE_SECONDS, SIGNER, "3+0x40")],
        fires_at: 20,
    },
    Alert {
        name: "Watchdog",
        severity: Heartbeat,
        group: Watching,
        topic: "heartbeat",
        when: Expr::always,
        minutes: 0,
        threshold: "always",
        source: "a dead-man's switch: whoever watches cannot report his own death",
        summary: "Prometheus and Alertmanager work",
        runbook: Runbook {
            meaning: "This alert always fires. Alertmanager sends it to the heartbeat URL again and again; `countersign deadman` on another host raises the alarm when it no longer comes.",
            look: &[
                "If the dead-man's switch has called you: Prometheus, then Alertmanager, then the network of the host that they are on.",
            ],
            commands: &[
                "systemctl status --no-pager --full prometheus prometheus-alertmanager",
                "curl -sS -m 10 http://127.0.0.1:9090/-/ready",
                "curl -sS -m 10 http://127.0.0.1:9093/-/ready",
            ],
            mend: &[
                "systemctl restart prometheus prometheus-alertmanager",
                "curl -sS -m 10 --retry 10 --retry-delay 1 --retry-connrefused http://127.0.0.1:9093/-/ready",
                "countersign alerts test",
            ],
            escalate: "At once: until it beats again nobody would hear of anything else.",
        },
        story: &[],
        fires_at: 2,
    },
];

const DISK: &str = "job, instance, mountpoint, fstype";

/// The space of real file systems: all of it, or what is free.
fn disk(is_size: bool) -> crate::promql::Series {
    let metric = if is_size { &foreign::HOST_DISK_SIZE } else { &foreign::HOST_DISK_FREE };
    series(metric).without("fstype", "tmpfs|overlay|squashfs|ramfs")
}

const NODE: &[(&str, &str)] = &[("job", "stacks-node"), ("instance", "n")];
const SBTC: &[(&str, &str)] = &[("job", "sbtc-signer"), ("instance", "b")];
const SBTC_REFUSED: &[(&str, &str)] = &[
    ("job", "sbtc-signer"),
    ("instance", "b"),
    ("blockchain", "bitcoin"),
    ("kind", "sweep"),
    ("status", "invalid-sighash"),
];
const ROUND_5: &[(&str, &str)] = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "5")];
const ROUND_20: &[(&str, &str)] = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "20")];
const ROUND_INF: &[(&str, &str)] = &[("job", "sbtc-signer"), ("instance", "b"), ("le", "+Inf")];
const ROOT: &[(&str, &str)] =
    &[("job", "host"), ("instance", "h"), ("mountpoint", "/"), ("fstype", "ext4")];
const MACHINE: &[(&str, &str)] = &[("job", "host"), ("instance", "h")];
const EXPORTER: &[(&str, &str)] = &[("job", "countersign-exporter"), ("instance", "e")];
const SIGNER: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s")];
