//! `docs/operator/start.md`, carried out on an empty machine: this one's files under layers that are thrown away, with
//! its own processes, its own network and its own systemd.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::booted::Host;
use super::units::STAND_IN;
use crate::blocks::{blocks, steps};

/// Makes the machine and runs `/script` in it. Whatever it starts ends with it.
const MACHINE: &str = r#"
set -eu
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs none "$1/root/run"
mount -t tmpfs none "$1/root/tmp"
ip link set lo up
install -m 0755 "$2" "$1/root/root/countersign"
install -m 0755 "$3" "$1/root/script"
exec chroot "$1/root" /bin/bash -c 'cd /root && exec bash -eux /script'
"#;

/// Runs a script on an empty machine.
pub(super) fn on_an_empty_machine(script: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("script");
    fs::write(&path, script).unwrap();
    let root = folder.path().join("machine");
    fs::create_dir(&root).unwrap();
    Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "bash",
            "-c",
            MACHINE,
            "machine",
        ])
        .args([root.as_path(), env!("CARGO_BIN_EXE_countersign").as_ref(), &path])
        .output()
        .expect("unshare is installed")
}

const PAGE: &str = include_str!("../../../../../docs/operator/start.md");

/// What a fresh machine of the distribution has: a journal, sshd, a kernel as Debian sets it up. And what the newcomer
/// brings: the program, the public keys of two administrators, and what stands in for the two programs that are not ours.
const FRESH: &str = r#"
ip link set lo up
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
YAMA=/proc/sys/kernel/yama/ptrace_scope
if [ -e "$YAMA" ]; then
    # The kernel is the one of all machines here, and stays as it is.
    echo 0 > /run/ptrace_scope
    mount --bind /run/ptrace_scope "$YAMA"
fi
mkdir -p state /var/lib/countersign
mount --bind state /var/lib/countersign
ssh-keygen -A > /dev/null
systemctl start ssh.service
# Nothing newer can be fetched here than what is installed.
rm -rf /var/lib/apt/lists
for program in stacks-node bitcoind; do install -m 0755 stand-in "/usr/bin/$program"; done
for ADMIN in alice bob; do ssh-keygen -q -t ed25519 -N '' -f "$ADMIN"; done
set -x
"#;

/// Why a check is not well on a machine that the page was carried out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    /// The machine of this test may be too small, too slow, or set up otherwise. It may also be good.
    Machine,
    /// Nobody has a token in hardware here.
    Hardware,
    /// Nothing of the world is reached from here: no time server, no peers of two chains.
    Network,
    /// Hours or days must pass.
    Time,
    /// One machine is not two.
    SecondMachine,
}

/// The checks that are not well then, a line of the page's table for each line.
const NOT_WELL: [(Because, &[&str]); 12] = [
    (
        Because::Machine,
        &[
            "cpu",
            "memory",
            "memory-available",
            "disk-size",
            "disk-free",
            "disk-fsync",
            "database-file-system",
            "swap",
            "core-pattern",
            "ptrace",
            "time-zone",
        ],
    ),
    (Because::Hardware, &["ssh-hardware"]),
    (Because::Network, &["clock-offset", "clock-kept"]),
    (Because::Time, &["disk-days-left"]),
    (Because::Time, &["log-signer"]),
    (Because::Network, &["log-node", "log-bitcoin"]),
    (
        Because::Network,
        &[
            "node-answers",
            "node-rtt",
            "node-network",
            "node-version",
            "node-synced",
            "node-peers",
            "node-password-accepted",
            "node-password-required",
            "node-stackerdbs",
        ],
    ),
    (Because::Network, &["bitcoin-answers", "bitcoin-synced", "bitcoin-pruned", "bitcoin-version"]),
    (Because::Network, &["daemon-ready", "one-instance", "events-arrive"]),
    (
        Because::Network,
        &[
            "registered-now",
            "registered-next",
            "registered-manager",
            "voting-power",
            "concentration",
            "revocation-balance",
        ],
    ),
    (Because::Network, &["drill-alerts"]),
    (Because::SecondMachine, &["drill"]),
];

/// The ids in the first column of the page's last table, line by line.
fn table() -> Vec<Vec<&'static str>> {
    let (_, table) = PAGE.split_once("| check | why").unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    let ids = |line: &'static str| {
        let cell = line.trim_start_matches("| ").split(" | ").next().unwrap();
        cell.split(' ').map(|id| id.trim_matches('`')).collect()
    };
    lines.map(ids).collect()
}

#[test]
fn the_table_of_the_page_is_the_one_that_is_measured() {
    let named: Vec<Vec<&str>> = NOT_WELL.iter().map(|(_, ids)| ids.to_vec()).collect();
    assert_eq!(table(), named);
}

#[test]
#[ignore = "needs root: namespaces, systemd, sshd, nftables"]
fn a_newcomer_comes_from_an_empty_machine_to_a_doctor_that_is_well_with_the_commands_of_the_page_alone()
 {
    is_as_the_table_says(&comes_to_a_doctor("countersign", &blocks(&sections().0)), &[]);
}

#[test]
#[ignore = "needs root: namespaces, systemd, sshd, nftables"]
fn a_newcomer_with_a_pool_comes_as_far_and_the_proof_of_the_keys_backup_is_written_down() {
    // Not every machine of a test lets root raise the limit of locked memory, which the unit does.
    let limit = "mkdir -p /etc/systemd/system/countersign-vault.service.d
        printf '[Service]\nCapabilityBoundingSet=CAP_IPC_LOCK\nAmbientCapabilities=CAP_IPC_LOCK\n' \\
            > /etc/systemd/system/countersign-vault.service.d/limit.conf\n";
    let report = comes_to_a_doctor("countersign-vault", &format!("{limit}{}", pool()));
    let one_more = "config-fallback-node";
    assert!(PAGE.contains(&format!("and `{one_more}`: a pool is")));
    is_as_the_table_says(&report, &[one_more]);
}

/// The page without its section about a pool, and that.
fn sections() -> (String, &'static str) {
    let (before, rest) = PAGE.split_once("\n## A pool\n").unwrap();
    let (pool, after) = rest.split_once("\n## ").unwrap();
    (format!("{before}\n## {after}"), pool)
}

/// What the page says of a pool: its own commands in the place of those of one process.
fn pool() -> String {
    let (page, section) = sections();
    let own = steps(section);
    let [key, start, grant] = own.as_slice() else { panic!("{own:?}") };
    let (describe, rest) = page.split_once("\n## 5. The key\n").unwrap();
    let (_, seal) = rest.split_once("\nSeal the passphrase").unwrap();
    let (seal, then) = seal.split_once("\n## 6. Start\n").unwrap();
    let without = |text: &str, line: &str, instead: &str| {
        assert!(text.contains(line), "{line}");
        text.replace(line, instead)
    };
    let describe =
        without(&blocks(describe), "--network mainnet", "--network mainnet --profile pool");
    let check = "countersign check-config --config /etc/countersign/signer-config.toml\n";
    [&describe, key, &without(&blocks(seal), check, ""), start, grant, &blocks(then)]
        .map(String::as_str)
        .concat()
}

/// Carries a script out on an empty machine, and gives what `doctor` says of it. The key is whose it should be.
fn comes_to_a_doctor(owner: &str, script: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("countersign");
    symlink(env!("CARGO_BIN_EXE_countersign"), program).unwrap();
    let host = Host::new("signer", None, folder.path());
    fs::write(folder.path().join("stand-in"), STAND_IN).unwrap();
    // The stand-ins say nothing that a node or Bitcoin would: they are as if they had not run.
    let start = "systemctl enable --now bitcoind.service stacks-node.service\n";
    assert_eq!(script.matches(start).count(), 1, "{script}");
    let stop = "systemctl is-active bitcoind stacks-node\nsystemctl stop bitcoind stacks-node\n";
    let page = script.replace(start, &format!("{start}{stop}"));
    let manager = "MANAGER=SP….manager\n";
    assert_eq!(page.matches(manager).count(), 1, "{page}");
    let page = page.replace(manager, "MANAGER=SP000000000000000000002Q6VF78.manager\n");
    let look = "countersign doctor --json --site /etc/countersign/countersign.toml > report.json \
                || [ $? = 18 ]
        stat -c '%n %U %a' /etc/countersign/key/* /etc/countersign/signer-config.toml
        countersign render && echo again: nothing
        ls -A /etc/countersign/key
        systemctl show --value -p ActiveState countersign.service countersign.socket \
            countersign-doctor.timer countersign-backup-signer.timer
        systemctl show --value -p ActiveState prometheus prometheus-alertmanager prometheus-node-exporter
        systemctl is-enabled countersign-firewall.service";
    let heard = host.run(folder.path(), &format!("exec 2>&1\n{FRESH}{page}\n{look}"));
    for line in [
        "The backup restores the key",
        &format!("/etc/countersign/key/signer.age {owner} 600"),
        "/etc/countersign/signer-config.toml countersign 600",
        "again: nothing",
        "the rules in table inet countersign_a are in force",
        "enabled",
    ] {
        assert!(heard.contains(line), "{line} is not in\n{heard}");
    }
    assert_eq!(heard.lines().filter(|line| *line == "active").count(), 9, "{heard}");
    assert!(!heard.contains("\nsigner-passphrase\n"), "{heard}");
    // The grant is of the key that was made.
    let key = heard.lines().find_map(|line| line.strip_prefix("Public key: ")).unwrap();
    let grant = format!("\nSigner Public Key: 0x{key}\nSigner Key Signature: 0x");
    assert!(heard.contains(&grant), "{grant} is not in\n{heard}");
    // Nothing of it is on this machine.
    assert!(!fs::exists("/etc/countersign/countersign.toml").unwrap());
    let report = fs::read(folder.path().join("report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

/// Everything is well but what the table lists, and this; and all that it lists is not, if it does not depend on the
/// machine.
fn is_as_the_table_says(report: &Value, more: &[&'static str]) {
    let mut expected: BTreeSet<&str> = more.iter().copied().collect();
    let mut perhaps: BTreeSet<&str> = BTreeSet::new();
    for (because, ids) in NOT_WELL {
        if because == Because::Machine { &mut perhaps } else { &mut expected }.extend(ids);
    }
    let checks = report["checks"].as_array().unwrap();
    let not_well = checks.iter().filter(|check| check["grade"] != "ok");
    let not_well = not_well.map(|check| check["id"].as_str().unwrap());
    let measured: BTreeSet<&str> = not_well.filter(|id| !perhaps.contains(id)).collect();
    assert_eq!(measured, expected, "{report:#}");
    assert!(checks.len() > 90, "{report:#}");
}
