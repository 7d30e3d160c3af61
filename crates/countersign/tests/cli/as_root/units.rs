//! Every unit that is rendered for a host with everything, started by a booted systemd inside of its full sandbox; and
//! `doctor --site` on what is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::booted::Host;
use crate::ceremony::Ceremony;
use crate::cluster::{Database, PASSWORD};

/// Does what stacks-node, bitcoind and sbtc-signer do and a sandbox can forbid: reads its configuration, writes to its
/// folder and to no other, listens, speaks, asks for names and routes, has children. It says so in `alive`.
pub(super) const STAND_IN: &str = r#"#!/usr/bin/perl
use strict; use warnings; use Socket; use IO::Socket::INET; use IO::Handle; use Fcntl qw(:flock);
my ($name) = $0 =~ m{([^/]+)$};
my ($path) = grep { -f } map { s/^-conf=//r } @ARGV;
open(my $file, '<', $path) or die "$path: $!";
my $config = join '', <$file>;
my %of = (
    'stacks-node' => [qr/^working_dir = "(.*)"/m, qr/^(?:rpc|p2p|prometheus)_bind = ".*:(\d+)"/m],
    'bitcoind'    => [undef, qr/^(?:rpcport=|bind=.*:)(\d+)/m],
    'sbtc-signer' => [undef, qr/(?:tcp:\/\/0\.0\.0\.0:|^bind = ".*:|exporter_endpoint = ".*:)(\d+)/m],
);
my ($dir, $ports) = @{ $of{$name} };
my ($data) = $dir ? $config =~ $dir : map { s/^-datadir=//r } grep { /^-datadir=/ } @ARGV;
$data //= $ENV{STATE_DIRECTORY};
die 'no key' if $name eq 'sbtc-signer' && !$ENV{SIGNER_SIGNER__PRIVATE_KEY};
my @listening = map {
    IO::Socket::INET->new(LocalAddr => $_, Listen => 5, ReuseAddr => 1) or die "port $_: $!"
} map { (/^(20444|4122)$/ ? '0.0.0.0' : '127.0.0.1') . ":$_" } $config =~ /$ports/g;
@listening > 1 or die 'no ports';
IO::Socket::INET->new(Proto => 'udp', LocalPort => 0) or die "UDP: $!";
socket(my $routes, 16, SOCK_RAW, 0) or die "netlink: $!";
gethostbyname('localhost') or die 'names';
IO::Socket::INET->new('127.0.0.1:' . $listening[0]->sockport) or die "itself: $!";
-d "$data/blocks" or mkdir "$data/blocks" or die "$data: $!";
open(my $lock, '>', "$data/.lock") or die $!;
flock($lock, LOCK_EX | LOCK_NB) or die "lock: $!";
for my $closed ('/etc/stand-in', '/usr/bin/stand-in', '/var/lib/stand-in', '/home/stand-in') {
    open(my $escaped, '>', $closed) and die "it can write $closed";
}
system('/bin/sh', '-c', 'ulimit -n 1024 && echo > /tmp/stand-in') == 0 or die 'a child';
$SIG{TERM} = sub { unlink "$data/alive"; exit 0 };
open(my $alive, '>', "$data/.new") or die $!;
print $alive "$name\n"; $alive->flush; $alive->sync or die "sync: $!"; close $alive;
rename "$data/.new", "$data/alive" or die $!;
sleep 1 while 1;
"#;

/// Everything on one host. `$1` is the folder with PostgreSQL's socket.
const INSTALL: &str = r#"
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
ip link set lo up
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
systemctl start ssh.service
for admin in alice bob; do
    useradd --create-home --groups sudo "$admin"
    install -D -m 0600 -o "$admin" key.pub "/home/$admin/.ssh/authorized_keys"
done
mkdir /run/postgresql
mount --bind "$SOCKET" /run/postgresql
for program in stacks-node bitcoind sbtc-signer; do install -m 0755 stand-in "/usr/bin/$program"; done
countersign init --yes --network mainnet --sbtc-signatures 2 \
    --sbtc-signer 02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893 \
    --sbtc-signer 02539449ad94e6e6392d8c1deb2b4e61f80ae2a18964349bc14336d8b903c46a8c
cat backups.toml >> /etc/countersign/countersign.toml
countersign render
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
install -m 0600 -o countersign-backup pgpass /etc/countersign/pgpass-backup
(umask 077 && echo SIGNER_SIGNER__PRIVATE_KEY=00 > /etc/sbtc-signer/secrets.env)
KEY_DIR=/etc/countersign/key
as_holder() { runuser -u countersign -- env CREDENTIALS_DIRECTORY="$KEY_DIR" "$@"; }
(umask 077 && head -c 24 /dev/urandom | base64 > "$KEY_DIR/signer-passphrase")
chown countersign: "$KEY_DIR/signer-passphrase"
as_holder countersign keys new --to "age:$KEY_DIR/signer.age" \
    --passphrase-file "$KEY_DIR/signer-passphrase" --config /etc/countersign/signer-config.toml
systemd-creds encrypt --name=signer-passphrase "$KEY_DIR/signer-passphrase" \
    /etc/countersign/credstore/signer-passphrase
systemctl daemon-reload
until_there() {
    for turn in $(seq 400); do compgen -G "$1" > /dev/null && return; sleep 0.05; done
    echo "$1 is not there" >&2
    journalctl --no-pager -n 60 >&2
    exit 1
}
start() { systemctl start "$@" || { journalctl --no-pager -n 60 >&2; exit 1; }; }
state() { systemctl show -p Id -p ActiveState -p Result -p ExecMainStatus -p NRestarts "$@"; }
"#;

fn host() -> (Host, TempDir, Database) {
    let database = Database::of_signer(&[&Ceremony::new("units", 850_000, 3, 2)]);
    let role = crate::support::countersign(&["backup", "postgres", "role", "--owner", "sbtc"])
        .args(["--user", "backup", "--database", &database.name])
        .output()
        .unwrap();
    database.sql(&String::from_utf8(role.stdout).unwrap());
    let folder = TempDir::new().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("stand-in", STAND_IN);
    put("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== somebody\n");
    let page = include_str!("../../../../../docs/operator/watching.md");
    let block = |kind: &str, number: usize| {
        let after = page.split(&format!("```{kind}\n")).nth(number).unwrap();
        after.split("```").next().unwrap()
    };
    put("deadman.toml", block("toml", 1));
    put("deadman.ini", block("ini", 1));
    put("exporter.ini", block("ini", 2));
    put("pgpass", &format!("*:*:*:*:{PASSWORD}\n"));
    let recipient = || age::x25519::Identity::generate().to_public();
    put(
        "backups.toml",
        &format!(
            "\n[backups]\nrecipients = [\"{}\", \"{}\"]\n[backups.database]\nname = \"{}\"\n\
             user = \"backup\"\npassword_file = \"/etc/countersign/pgpass-backup\"\n",
            recipient(),
            recipient(),
            database.name
        ),
    );
    let host = Host::new("signer", None, folder.path());
    (host, folder, database)
}

/// What `systemctl show` says of each unit.
fn states(text: &str) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let units = text.split("\n\n").map(|unit| unit.lines().filter_map(|line| line.split_once('=')));
    units.map(Iterator::collect::<BTreeMap<_, _>>).map(|unit| (unit["Id"], unit)).collect()
}

#[test]
#[ignore = "needs root: namespaces, systemd, PostgreSQL, nftables"]
fn every_unit_of_a_host_with_everything_works_inside_of_its_sandbox() {
    let (host, folder, database) = host();
    let script = format!(
        "SOCKET={}\nSERVICES='{}'\nexec 3>&1 > install.log\n{INSTALL}{START}",
        database.cluster.socket().display(),
        SERVICES.join(" ")
    );
    let told = host.run(folder.path(), &script);
    let (running, stopped) = told.split_once("-- stopped\n").unwrap();
    let (running, doctor) = (states(running), report(&folder.path().join("doctor.json")));
    for unit in SERVICES {
        let state = &running[unit];
        assert_eq!((state["ActiveState"], state["NRestarts"]), ("active", "0"), "{unit}: {told}");
    }
    for (unit, state) in states(stopped) {
        assert_eq!((state["ActiveState"], state["Result"]), ("inactive", "success"), "{unit}");
    }
    // The timer's doctor is a user who reads everything and is told less of processes and the packet filter. What it
    // does judge, it judges as root does; and what it could not measure is no failure of the unit.
    let by_root = report(&folder.path().join("root.json"));
    for (id, grade) in grades(&doctor) {
        assert!(grade == "unknown" || grade == grades(&by_root)[&id], "{id}: {doctor:#}");
    }
    let unmeasured = grades(&doctor).into_values().filter(|grade| grade == "unknown").count();
    let unmeasured_by_root =
        grades(&by_root).into_values().filter(|grade| grade == "unknown").count();
    assert!(unmeasured <= unmeasured_by_root + BLIND, "{doctor:#}");
}

/// How many checks more than root's the doctor of the timer may leave open.
const BLIND: usize = 12;

/// What stays up.
const SERVICES: [&str; 8] = [
    "bitcoind.service",
    "countersign-backup.service",
    "countersign-deadman.service",
    "countersign-exporter.service",
    "countersign-firewall.service",
    "countersign.service",
    "sbtc-signer.service",
    "stacks-node.service",
];

const START: &str = r#"
start countersign.socket countersign.service bitcoind.service stacks-node.service sbtc-signer.service
start countersign-firewall.service countersign-backup.service countersign-backup-signer.service
for user in bitcoin stacks-node sbtc-signer; do until_there "/var/lib/$user/alive"; done
until_there '/var/backups/countersign/*.dump.age'
until_there '/var/backups/countersign-signer/signer-*.age'
until_there /var/lib/countersign/records/backup.sbtc.json
grep -q '"outcome": *"ok"' /var/lib/countersign/records/backup.sbtc.json
grep -q '"outcome": *"ok"' /var/lib/countersign/records/backup.signer.json
[ "$(stat -c %U /var/lib/stacks-node/alive)" = stacks-node ]
# Its report, and then once more with what it alone of all cannot look at.
UNIT=/etc/systemd/system/countersign-doctor.service
mkdir "$UNIT.d"
with() { printf '[Service]\nExecStart=\n%s %s\n%s\n' "$(grep ^ExecStart= "$UNIT")" "$1" "${2:-}" > "$UNIT.d/1.conf"; systemctl daemon-reload; }
touch doctor.json
with --json "StandardError=journal
StandardOutput=truncate:$PWD/doctor.json"
systemctl start countersign-doctor.service || [ "$(systemctl show --value -p ExecMainStatus countersign-doctor)" = 18 ]
countersign doctor --site /etc/countersign/countersign.toml --json > root.json || true
with '--only files-rendered,firewall-in'
start countersign-doctor.service
journalctl --sync
journalctl -o cat -u countersign-doctor | grep -q '0 failed, 1 could not be measured, 0 warn, 1 are well'
# Those of docs/operator/watching.md, whose files are where it says.
install -m 0644 exporter.ini /etc/systemd/system/countersign-exporter.service
install -m 0644 deadman.ini /etc/systemd/system/countersign-deadman.service
sed 's/10.0.0.9/127.0.0.1/' deadman.toml > /etc/countersign/deadman.toml
(umask 077 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > /etc/countersign/deadman-token)
(umask 077 && echo http://127.0.0.1:9/alarm > /etc/countersign/deadman-webhook)
systemctl daemon-reload
start countersign-exporter.service countersign-deadman.service
for port in 30002 9095; do
    for turn in $(seq 400); do (exec 4<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && continue 2; sleep 0.05; done
    journalctl --no-pager -n 60 >&2
    exit 1
done
systemd-analyze security --offline=yes --no-pager --threshold=15 /etc/systemd/system/*.service
exec >&3
state $SERVICES
echo -- stopped
systemctl stop countersign.socket $SERVICES
state $SERVICES
"#;

fn report(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn grades(report: &Value) -> BTreeMap<String, String> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap().to_owned();
            (text("id"), text("grade"))
        })
        .collect()
}

/// What `doctor --site` says of an installed host, and of what somebody then changes by hand.
#[test]
#[ignore = "needs root: namespaces, systemd"]
fn what_is_changed_by_hand_is_found_and_named_and_rendering_mends_it() {
    let folder = TempDir::new().unwrap();
    let host = Host::new("signer", None, folder.path());
    let told = host.run(
        folder.path(),
        r#"ip link set lo up
        countersign init --yes --network mainnet > /dev/null
        countersign render > /dev/null
        doctor() { code=0; countersign doctor --site /etc/countersign/countersign.toml --json \
            --only files-rendered || code=$?; echo "$code"; }
        doctor
        sed -i s/txindex=1/txindex=0/ /etc/bitcoin/bitcoin.conf
        chmod 0644 /etc/countersign/signer-config.toml
        chown root /etc/stacks-node/Config.toml
        rm /etc/systemd/system/countersign.service
        doctor
        countersign render > /dev/null
        doctor
        sed -i '/timer/d' /etc/countersign/rendered.list
        echo /etc/systemd/system/old.service >> /etc/countersign/rendered.list
        touch /etc/systemd/system/old.service
        doctor
        rm /etc/countersign/secrets/auth-token
        doctor"#,
    );
    let lines: Vec<&str> = told.lines().collect();
    let said: Vec<(String, String)> = lines
        .chunks(2)
        .map(|lines| {
            let report: Value = serde_json::from_str(lines[0]).unwrap();
            let check = &report["checks"][0];
            assert_eq!(check["id"], "files-rendered");
            (
                format!("{} {}", check["grade"].as_str().unwrap(), lines[1]),
                check["measured"].to_string(),
            )
        })
        .collect();
    let grades: Vec<&str> = said.iter().map(|(grade, _)| grade.as_str()).collect();
    assert_eq!(grades, ["ok 0", "fail 18", "ok 0", "warn 16", "unknown 17"], "{told}");
    for named in [
        "/etc/bitcoin/bitcoin.conf: other contents",
        "/etc/countersign/signer-config.toml: other permissions",
        "/etc/stacks-node/Config.toml: another owner",
        "/etc/systemd/system/countersign.service: missing",
    ] {
        assert!(said[1].1.contains(named), "{named} is not in {}", said[1].1);
    }
    assert!(said[3].1.contains("/etc/systemd/system/old.service: not rendered any more"), "{told}");
    assert!(said[4].1.contains("auth-token"), "{told}");
}

/// What our own rendering leaves to be desired on each host, and nothing more. Hosts of two, and of a pool.
#[test]
#[ignore = "needs root: namespaces, systemd"]
fn what_is_rendered_for_two_hosts_is_well_before_anything_runs() {
    let folder = TempDir::new().unwrap();
    for role in ["signer", "node"] {
        let host = Host::new(role, None, folder.path());
        let told = host.run(
            folder.path(),
            &format!(
                r"ip link set lo up
                countersign init --yes --network mainnet --profile pool --signer-name s \
                    --signer-address 10.0.0.2 --node-name n --node-address 10.0.0.1 --link nginx > /dev/null
                countersign render --host {role} > /dev/null
                systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
                countersign doctor --site /etc/countersign/countersign.toml --host {role} --json || true"
            ),
        );
        let report: Value = serde_json::from_str(&told).unwrap();
        let is_rendered = |id: &str| {
            ["config", "node-config", "bitcoin-config", "files-", "unit-"]
                .iter()
                .any(|start| id.starts_with(start))
        };
        let not_well: Vec<(String, String)> = grades(&report)
            .into_iter()
            .filter(|(id, grade)| is_rendered(id) && grade != "ok")
            .collect();
        let expected: &[(&str, &str)] = match role {
            // Only whoever has a second node can name it.
            "signer" => &[("config-fallback-node", "warn")],
            _ => &[],
        };
        let not_well: Vec<(&str, &str)> =
            not_well.iter().map(|(id, grade)| (id.as_str(), grade.as_str())).collect();
        assert_eq!(not_well, expected, "{role}: {report:#}");
    }
}
