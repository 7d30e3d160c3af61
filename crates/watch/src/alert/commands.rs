//! Commands that more than one page prints, for root on the host that the alert names.
//!
//! Each ends by itself, says why it failed, and waits for nobody: no pager, and a limit of time for whoever may hang.
//! They need no package that docs/operator/start.md does not install. A test carries out every one of them on a host
//! that was installed so.

/// What is not as it should be on this host, with the commands that mend it.
pub(super) const DOCTOR: &str = "countersign doctor --site /etc/countersign/countersign.toml";
/// Whether the signer is ready, and which rung is missing.
pub(super) const STATUS: &str = "countersign status --config /etc/countersign/signer-config.toml";
/// What was decided, with the blocks' hashes.
pub(super) const DECISIONS: &str =
    "countersign logs decisions --since 30m --config /etc/countersign/signer-config.toml";
/// What was rejected, with the blocks' hashes.
pub(super) const REJECTIONS: &str = "countersign logs decisions --since 2h --what rejection-sent --config /etc/countersign/signer-config.toml";
/// One block's story.
pub(super) const EXPLAIN: &str =
    "countersign explain BLOCK --config /etc/countersign/signer-config.toml";
/// Who is silent, in the eyes of the node.
pub(super) const SIGNERS: &str =
    "timeout --preserve-status 5 countersign monitor-signers --interval 2 --host 127.0.0.1:20443";
/// What the signer needs to know later, before a restart takes it away.
pub(super) const BUNDLE: &str = "countersign support-bundle --config /etc/countersign/signer-config.toml --out /root/bundle-$(date +%s).tar.gz";

/// The node's network, version and tips.
pub(super) const INFO: &str = "curl -sS -m 10 http://127.0.0.1:20443/v2/info";
/// How far the node is behind its highest peer.
pub(super) const HEALTH: &str = "curl -sS -m 10 http://127.0.0.1:20443/v3/health";
/// The causes of missed blocks, each with its count.
pub(super) const MISSED: &str =
    "curl -sS -m 10 http://127.0.0.1:30001/metrics | grep countersign_blocks_missed";
/// Why requests were dropped or refused, each reason with its count.
pub(super) const DROPPED: &str =
    "curl -sS -m 10 http://127.0.0.1:30001/metrics | grep countersign_callbacks_dropped";

/// bitcoind, asked with the node's own password. `bitcoin-cli` of root knows neither its folder nor a password.
pub(super) const BITCOIN: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only bitcoin-answers,bitcoin-synced,bitcoin-pruned";
/// How long a record takes until it is on the disk, and how full the disks are.
pub(super) const DISKS: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only disk-fsync,disk-free,disk-writable";
/// The clock against a time server, and who keeps it.
pub(super) const CLOCK: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only clock-offset,clock-kept";
/// Which seats the key has, and if none, why.
pub(super) const SEATS: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only registered-now,registered-next,registered-manager";
/// How much of the weight the key has.
pub(super) const WEIGHT: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only voting-power,concentration";
/// When the certificates end.
pub(super) const CERTIFICATES: &str = "countersign doctor --site /etc/countersign/countersign.toml --certificate /etc/countersign/tls/signer.crt --verbose --only certificates";
/// How each regular job ended.
pub(super) const JOBS: &str =
    "countersign doctor --site /etc/countersign/countersign.toml --verbose --only jobs";
/// When each drill was done.
pub(super) const DRILLS: &str = "countersign doctor --site /etc/countersign/countersign.toml --verbose --only drill,drill-restore,drill-alerts";
/// How far back each log reaches, and how far it will.
pub(super) const RETENTION: &str = "countersign logs retention --site /etc/countersign/countersign.toml --config /etc/countersign/signer-config.toml";
/// Whether the rules in force are the rendered ones.
pub(super) const FIREWALL: &str = "countersign firewall check";

/// The signer's unit: whether it runs, and the code with which it ended.
pub(super) const SIGNER_UNIT: &str = "systemctl status --no-pager --full countersign";
/// What the signer said lately.
pub(super) const SIGNER_LOG: &str = "journalctl -u countersign --since -30min --no-pager";
/// What the signer said in the last hours.
pub(super) const SIGNER_LOG_LONG: &str = "journalctl -u countersign --since -2h --no-pager";
/// The node's unit.
pub(super) const NODE_UNIT: &str = "systemctl status --no-pager --full stacks-node";
/// The node's last lines.
pub(super) const NODE_LOG: &str = "journalctl -u stacks-node -n 200 --no-pager";
/// bitcoind's last lines: `UpdateTip` names the height and the time of each block.
pub(super) const BITCOIN_LOG: &str = "journalctl -u bitcoind -n 100 --no-pager";
/// What the sBTC signer said in the last hours.
pub(super) const SBTC_LOG: &str = "journalctl -u sbtc-signer --since -2h --no-pager";
/// What the verification of backups said.
pub(super) const VERIFY_LOG: &str = "journalctl -u countersign-backup-verify -n 50 --no-pager";
/// When each regular job runs next, and ran last.
pub(super) const TIMERS: &str = "systemctl list-timers --all --no-pager 'countersign-*'";
/// Whoever keeps the clock here: chrony or systemd-timesyncd.
pub(super) const CLOCK_UNITS: &str =
    "systemctl status --no-pager --full 'chrony*' 'systemd-timesyncd*'";
/// The records of jobs.
pub(super) const RECORDS: &str = "ls -la /var/lib/countersign/records";

/// Five seconds of the machine: who waits (`b`), swapping (`si`, `so`), writing (`bo`), waiting for disks (`wa`), and
/// what the host takes away (`st`).
pub(super) const MACHINE: &str = "vmstat -w 1 5";
/// Who uses the processors.
pub(super) const PROCESSES: &str = "top -b -n 1 | head -n 20";
/// How full each disk is.
pub(super) const SPACE: &str = "df -h";
/// What takes it.
pub(super) const FOLDERS: &str =
    "timeout 120 du -sh /var/lib/* /var/backups/* /var/log/journal | sort -h | tail -n 20";

/// Starts the signer again.
pub(super) const RESTART_SIGNER: &str = "systemctl restart countersign";
/// Starts the node again; it keeps its events for the signer meanwhile.
pub(super) const RESTART_NODE: &str = "systemctl restart stacks-node";
/// Starts bitcoind again, which writes out what it holds in memory first.
pub(super) const RESTART_BITCOIN: &str = "systemctl restart bitcoind";
/// Starts whoever keeps the clock here again, which sets it at once.
pub(super) const RESTART_CLOCK: &str = "systemctl restart 'chrony*' 'systemd-timesyncd*'";
/// Proves the newest backup now; its log says how it ended.
pub(super) const VERIFY: &str = "systemctl start --no-block countersign-backup-verify";
