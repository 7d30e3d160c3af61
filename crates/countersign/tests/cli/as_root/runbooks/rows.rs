//! What each command of a runbook shows on a host that is well but for what was spoiled.

/// A command as it is printed.
pub(super) struct Row {
    pub(super) command: &'static str,
    /// The codes that it may end with. Beside 0, those of docs/exit-codes.md, or `systemctl`'s.
    pub(super) ends: &'static [i32],
    /// What must be in its output.
    pub(super) shows: &'static [&'static str],
}

const fn row(command: &'static str, shows: &'static [&'static str]) -> Row {
    Row { command, ends: &[0], shows }
}

/// A command of `doctor`, whose code is the worst grade.
const fn graded(command: &'static str, shows: &'static [&'static str]) -> Row {
    Row { command, ends: &[0, 16, 17, 18], shows }
}

const RUNS: &str = "Active: active (running)";

/// What looks, and changes nothing.
pub(super) const LOOK: &[Row] = &[
    row("countersign --version", &["countersign 0."]),
    row(
        "countersign backup postgres list --site /etc/countersign/countersign.toml",
        &[".dump.age"],
    ),
    row(
        "countersign check-config --config /etc/countersign/signer-config.toml",
        &["Network: mocknet", "Stacks node host: 127.0.0.1:20443"],
    ),
    graded("countersign doctor --site /etc/countersign/countersign.toml", &["are well"]),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only bitcoin-answers,bitcoin-synced,bitcoin-pruned",
        &["bitcoin-answers", "bitcoin-synced", "53"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --certificate /etc/countersign/tls/signer.crt --verbose --only certificates",
        &["certificates", "/etc/countersign/tls/signer.crt"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only clock-offset,clock-kept",
        &["clock-offset", "clock-kept"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only disk-fsync,disk-free,disk-writable",
        &["disk-fsync", "disk-free", " ms"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only drill,drill-restore,drill-alerts",
        &["drill-restore", "drill-alerts"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only jobs",
        &["jobs"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only registered-now,registered-next,registered-manager",
        &["registered-now", "registered-next"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only sbtc-aggregate-key",
        &["sbtc-aggregate-key"],
    ),
    graded(
        "countersign doctor --site /etc/countersign/countersign.toml --verbose --only voting-power,concentration",
        &["voting-power", "concentration"],
    ),
    row(
        "countersign explain BLOCK --config /etc/countersign/signer-config.toml",
        &["outcome", "proposed to us", "signer  weight  said"],
    ),
    // It says what differs, and nothing does.
    row("countersign firewall check", &[]),
    row(
        "countersign logs decisions --since 30m --config /etc/countersign/signer-config.toml",
        &["our signature is published"],
    ),
    row(
        "countersign logs decisions --since 2h --what rejection-sent --config /etc/countersign/signer-config.toml",
        &[],
    ),
    Row {
        command: "countersign logs retention --site /etc/countersign/countersign.toml --config /etc/countersign/signer-config.toml",
        ends: &[0, 1],
        shows: &["stacks-node", "days"],
    },
    row(
        "countersign status --config /etc/countersign/signer-config.toml",
        &["SIGNING", "allowed_to_sign", "weight 40 of 100"],
    ),
    row("countersign tls pin /etc/countersign/tls/signer.crt", &["sha256/"]),
    row(
        "curl -sS -m 10 http://127.0.0.1:20443/v2/info",
        &["\"burn_block_height\":", "\"network_id\":", "\"server_version\":"],
    ),
    row("curl -sS -m 10 http://127.0.0.1:20443/v2/neighbors", &["\"outbound\":[{"]),
    row("curl -sS -m 10 http://127.0.0.1:20443/v3/health", &["\"difference_from_max_peer\":"]),
    row("curl -sS -m 10 http://127.0.0.1:30001/livez", &["OK"]),
    row(
        "curl -sS -m 10 http://127.0.0.1:30001/metrics | grep countersign_blocks_missed",
        &["cause=\"not_proposed\"", "cause=\"validated_late\""],
    ),
    row(
        "curl -sS -m 10 http://127.0.0.1:30001/metrics | grep countersign_callbacks_dropped",
        &["reason=\"not_allowed\"", "reason=\"queue_full\""],
    ),
    row("curl -sS -m 10 http://127.0.0.1:8801/info", &["\"stacks\":"]),
    row("curl -sS -m 10 http://127.0.0.1:9090/-/ready", &["Ready"]),
    row("curl -sS -m 10 http://127.0.0.1:9093/-/ready", &["OK"]),
    // It ends with 1 if a file system of anybody's is dead, and shows the others all the same.
    Row { command: "df -h", ends: &[0, 1], shows: &["Filesystem", "Mounted on", "% /"] },
    row("free -m", &["Mem:", "available"]),
    row("journalctl --disk-usage", &["take up"]),
    row(
        "journalctl --since -1d -p err -n 100 --no-pager",
        &["Failed to start countersign-spoiled.service"],
    ),
    row("journalctl -u bitcoind -n 100 --no-pager", &["UpdateTip: new best=00ab height=53"]),
    row("journalctl -u countersign --since -2h --no-pager", &["Signer runloop"]),
    row("journalctl -u countersign --since -30min --no-pager", &["Signer runloop"]),
    row("journalctl -u countersign -n 100 --no-pager", &["countersign[", "Signer"]),
    row(
        "journalctl -u countersign-backup -u countersign-backup-signer -n 50 --no-pager",
        &["backup made: postgres-", "/var/backups/countersign-signer/signer-"],
    ),
    row("journalctl -u countersign-backup-verify -n 50 --no-pager", &[".dump.age"]),
    row("journalctl -u countersign-exporter -n 50 --no-pager", &["Exporter ready"]),
    row("journalctl -u countersign-logs -n 50 --no-pager", &["stacks-node"]),
    row("journalctl -u countersign-vault -n 100 --no-pager", &["the vault answers"]),
    row("journalctl -u sbtc-signer --since -2h --no-pager", &["INFO signer: begins"]),
    row("journalctl -u sbtc-signer -n 100 --no-pager", &["INFO signer: begins"]),
    row(
        "journalctl -u stacks-node --since -1h -o cat --no-pager | grep -E 'ERRO|WARN' | countersign logs explain --program stacks-node | tail -n 60",
        &["Event dispatcher: connection or request failed", "    > "],
    ),
    row("journalctl -u stacks-node -n 200 --no-pager", &["[main] begins"]),
    row("ls -la /etc/countersign/tls", &["signer.crt", "signer.key", "countersign"]),
    row(
        "ls -la /var/lib/countersign/records",
        &["backup.sbtc.json", "backup.signer.json", "countersign"],
    ),
    row("nft list ruleset", &["table inet countersign", "dport 4122"]),
    row("pg_isready -h 127.0.0.1 -p 5432", &["accepting connections"]),
    row(
        "ps -eo pid,rss,unit,comm --sort=-rss | head -n 15",
        &["PID", "RSS", "prometheus.service", "countersign"],
    ),
    row("ss -tanp sport = :30000", &["LISTEN", "127.0.0.1:30000"]),
    row("ss -tn state established '( sport = :20444 or dport = :20444 )'", &["127.0.0.1:20444"]),
    row("ss -tulnp sport = :4122", &["udp", "tcp", "0.0.0.0:4122"]),
    row("ss -tunp '( sport = :4122 or dport = :4122 )'", &["ESTAB", "127.0.0.1:4122"]),
    row(
        "systemctl list-timers --all --no-pager 'countersign-*'",
        &[
            "countersign-backup-signer.timer",
            "countersign-backup-verify.timer",
            "countersign-doctor.timer",
            "countersign-logs.timer",
        ],
    ),
    row("systemctl list-units --failed --no-pager", &["countersign-spoiled.service"]),
    row(
        "systemctl status --no-pager --full 'chrony*' 'systemd-timesyncd*'",
        &["chrony.service", RUNS],
    ),
    row(
        "systemctl status --no-pager --full countersign",
        &["countersign.service", RUNS, "Main PID:"],
    ),
    row(
        "systemctl status --no-pager --full countersign-backup countersign-backup-signer.timer",
        &["countersign-backup.service", RUNS, "Active: active (waiting)", "Trigger:"],
    ),
    row(
        "systemctl status --no-pager --full countersign-exporter",
        &["countersign-exporter.service", RUNS],
    ),
    row(
        "systemctl status --no-pager --full countersign-vault",
        &["countersign-vault.service", RUNS],
    ),
    row(
        "systemctl status --no-pager --full prometheus prometheus-alertmanager",
        &["prometheus.service", "prometheus-alertmanager.service", RUNS],
    ),
    row("systemctl status --no-pager --full sbtc-signer", &["sbtc-signer.service", RUNS]),
    row("systemctl status --no-pager --full stacks-node", &["stacks-node.service", RUNS]),
    row(
        "timeout --preserve-status 5 countersign monitor-signers --interval 2 --host 127.0.0.1:20443",
        &["cycle 2: watching 2 signers"],
    ),
    row(
        "timeout 120 du -sh /var/lib/* /var/backups/* /var/log/journal | sort -h | tail -n 20",
        &["/var/log/journal", "/var/lib/"],
    ),
    row("top -b -n 1 | head -n 20", &["load average", "%CPU", "st"]),
    row("vmstat -w 1 5", &["swpd", "wa", "st"]),
];

/// What mends, in the order in which it is carried out.
pub(super) const MEND: &[Row] = &[
    row(
        "runuser -u countersign-backup -- countersign backup postgres run --site /etc/countersign/countersign.toml",
        &[".dump.age"],
    ),
    row("systemctl start countersign-backup-signer", &[]),
    row("systemctl start --no-block countersign-backup-verify", &[]),
    row("systemctl start countersign-logs", &[]),
    row(
        "countersign support-bundle --config /etc/countersign/signer-config.toml --out /root/bundle-$(date +%s).tar.gz",
        &["/root/bundle-"],
    ),
    row(
        "runuser -u countersign -- countersign tls new --out /etc/countersign/tls --name signer-new",
        &["/etc/countersign/tls/signer-new.crt", "Pin: sha256/"],
    ),
    row("countersign firewall apply --rollback-after 120", &["on trial"]),
    row("systemctl restart bitcoind", &[]),
    row("systemctl restart stacks-node", &[]),
    row("systemctl restart sbtc-signer", &[]),
    row("systemctl restart countersign-vault", &[]),
    row("systemctl restart countersign", &[]),
    row("systemctl restart countersign-exporter", &[]),
    row("systemctl restart 'chrony*' 'systemd-timesyncd*'", &[]),
    row("systemctl restart prometheus prometheus-alertmanager", &[]),
    row(
        "curl -sS -m 10 --retry 10 --retry-delay 1 --retry-connrefused http://127.0.0.1:9093/-/ready",
        &["OK"],
    ),
    row("countersign alerts test", &["Alertmanager"]),
    row("apt-get clean", &[]),
    row("journalctl --vacuum-size=2G", &[]),
];
