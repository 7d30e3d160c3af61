//! Good files, of which a test spoils one thing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_site::{Secrets, Site};
use tempfile::TempDir;

/// The files of secrets, and what is in them.
pub(crate) const SECRETS: [(&str, &str); 3] = [
    ("auth-token", "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"),
    ("bitcoin-rpc-password", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"),
    ("database-password", "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
];

/// Always the same secrets, as `init` leaves them.
pub(crate) fn drawn_secrets(site: &Site) -> Secrets {
    let folder = TempDir::new().unwrap();
    for (name, value) in SECRETS {
        if name == "bitcoin-rpc-password" && site.bitcoin.external.is_some() {
            continue;
        }
        let path = folder.path().join(name);
        fs::write(&path, format!("{value}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    Secrets::load(folder.path(), site).unwrap()
}

/// The least that a file must say.
pub(crate) const LEAST: &str = r#"network = "mainnet"
[hosts.signer]
name = "signer-1"
"#;

/// A pool on two hosts, with everything that can be said.
pub(crate) const FULL: &str = r#"network = "mainnet"
profile = "pool"
runtime = "systemd"

[hosts.signer]
name = "signer-1"
address = "10.0.0.2"
public_address = "192.0.2.2"

[hosts.node]
name = "node-1"
address = "10.0.0.1"
public_address = "192.0.2.1"

[signer]
key = "age"
vault = true
operators = ["carol", "alice"]

[node]
bootstrap = ["02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893@seed.mainnet.hiro.so:20444"]

[bitcoin]
mode = "full"
prune_mb = 1024
dbcache_mb = 8192
rpc_user = "countersign"

[sbtc]
signers = [
    "02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893",
    "02539449ad94e6e6392d8c1deb2b4e61f80ae2a18964349bc14336d8b903c46a8c",
]
signatures_required = 2
deployer = "SM3VDXK3WZZSA84XXFKAFAF15NNZX32CTSG82JFQ4"
seeds = ["192.0.2.9:4122"]
blocklist_url = "http://127.0.0.1:3032"

[link]
kind = "wireguard"
signer_wireguard_key = "qp0dqZ0QuvYwGWR9GmrLHuyhP8E5EWIQDWzWBRXWwmM="
node_wireguard_key = "Vvd0zVaczM5bS6NL1ZDJdfyPS4jOzIEOcgwbWvKmwGY="
tunnel = "10.73.0.0/30"

[ports]
signer = 31001
bitcoin_rpc = 8332

[logs]
retention_days = 120
max_disk_gb = 200

[alerts.webhook]
url_file = "/etc/countersign/secrets/webhook-url"
[alerts.smtp]
server = "mail.example.org:587"
from = "signer@example.org"
to = ["ops@example.org"]
user = "signer@example.org"
password_file = "/etc/countersign/secrets/smtp-password"
[alerts.telegram]
chat = "-1001234567890"
token_file = "/etc/countersign/secrets/telegram-token"
[alerts.pagerduty]
key_file = "/etc/countersign/secrets/pagerduty-key"
[alerts.deadman]
url_file = "/etc/countersign/secrets/deadman-url"
every_secs = 60

[backups]
recipients = [
    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
]
folder = "/var/backups/countersign"
daily = 7
weekly = 5
monthly = 12
off_host = ["/usr/local/bin/carry", "--to", "backup.example.org"]
[backups.verify]
identity = "/etc/countersign/credstore/backup-identity"
key = "/etc/countersign/credstore/sbtc-key"
[backups.database]
host = "/run/postgresql"
name = "sbtc"
user = "countersign_backup"
password_file = "/etc/countersign/secrets/backup-password"

[access]
ssh_port = 2222
admin_networks = ["10.9.0.0/24", "fd00:9::/64"]
admins = ["alice", "bob"]
hardware_keys = true

[voting_power]
soft_percent = 8
hard_percent = 12

[time]
servers = ["ntp.example.org"]

[monitoring]
sources = ["10.0.0.9"]
remote_write_url = "https://metrics.example.org/api/v1/push"
remote_write_user = "signer-1"
remote_write_password_file = "/etc/countersign/secrets/remote-write-password"

[images]
countersign = "registry.example.org/countersign:0.1@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
"#;

/// A key in a token, for a file without `[signer]`.
pub(crate) const TOKEN: &str = r#"[signer]
key = "pkcs11"
vault = true
[signer.token]
module = "/usr/lib/softhsm/libsofthsm2.so"
label = "signer"
key_label = "block 1"
pcscd = true
folders = ["/var/lib/softhsm"]
devices = ["/dev/tpmrm0"]
groups = ["softhsm"]
"#;

/// The text with `from` replaced by `to`, which must be in it.
pub(crate) fn spoiled(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the sample");
    text.replacen(from, to, 1)
}
