//! The units of stacks-node, bitcoind and the sBTC signer, which talk to peers all over the world.

use crate::choices::BitcoinMode;
use crate::firewall::TUNNEL;
use crate::site::{Link, Site};

use super::sandbox::{CALLS, HARDENED};
use super::{DOCUMENTATION, HEAD, identity, state};

/// What a program with peers needs beside its files.
const PEERS: &str = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SocketBindDeny=any
SocketBindAllow=ipv4
SocketBindAllow=ipv6

PrivateUsers=yes
";

const TAIL: &str = "SystemCallFilter=prlimit64 setrlimit

[Install]
WantedBy=multi-user.target
";

pub(super) fn node(site: &Site) -> String {
    let (bin, config) = (&site.paths.bin, site.paths.node_toml());
    // A node whose observer is not there yet repeats its events and stands still meanwhile (row E41).
    let first = match &site.link {
        None => "countersign.socket",
        Some(Link::Countersign { .. } | Link::Nginx | Link::Haproxy) => "countersign-link.service",
        Some(Link::Wireguard { .. }) => &format!("wg-quick@{TUNNEL}.service"),
    };
    let bitcoin = match site.bitcoin.mode {
        BitcoinMode::External => "",
        BitcoinMode::Full | BitcoinMode::Pruned => " bitcoind.service",
    };
    format!(
        "{HEAD}
[Unit]
Description=Stacks node of this signer
{DOCUMENTATION}Wants=network-online.target {first}{bitcoin}
After=network-online.target time-sync.target {first}{bitcoin}
AssertFileIsExecutable={bin}/stacks-node
AssertFileNotEmpty={config}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={bin}/stacks-node start --config {config}
Restart=always
RestartSec=15
TimeoutStopSec=120
KillSignal=SIGTERM

{}{}UMask=0077
LimitCORE=0
LimitNOFILE=65536

{PEERS}{HARDENED}{CALLS}{TAIL}",
        identity(&site.users.node),
        state(&site.paths.node_state, "0700"),
    )
}

pub(super) fn bitcoin(site: &Site) -> String {
    let (bin, config, data) =
        (&site.paths.bin, site.paths.bitcoin_conf(), &site.paths.bitcoin_state);
    format!(
        "{HEAD}
[Unit]
Description=Bitcoin node of this signer's Stacks node
Documentation=https://github.com/bitcoin/bitcoin/blob/master/doc/init.md
Wants=network-online.target
After=network-online.target time-sync.target
AssertFileIsExecutable={bin}/bitcoind
AssertFileNotEmpty={config}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={bin}/bitcoind -conf={config} -datadir={data}
Restart=always
RestartSec=15
# It writes out what it holds in memory.
TimeoutStopSec=600

{}{}UMask=0077
LimitCORE=0
LimitNOFILE=65536

{PEERS}{HARDENED}{CALLS}{TAIL}",
        identity(&site.users.bitcoin),
        state(data, "0700"),
    )
}

pub(super) fn sbtc(site: &Site) -> String {
    let (bin, config, secrets) =
        (&site.paths.bin, site.paths.sbtc_toml(), site.paths.sbtc_secrets());
    format!(
        "{HEAD}
[Unit]
Description=sBTC signer
Documentation=https://docs.stacks.co/operate/run-a-signer
Wants=network-online.target postgresql.service
After=network-online.target time-sync.target postgresql.service
AssertFileIsExecutable={bin}/sbtc-signer
AssertFileNotEmpty={config}
AssertFileNotEmpty={secrets}
StartLimitIntervalSec=0

[Service]
Type=exec
# The private key and the key for Emily: root's file, with mode 0600.
EnvironmentFile={secrets}
ExecStart={bin}/sbtc-signer --config {config} --migrate-db
Restart=always
RestartSec=15
TimeoutStopSec=60

{}{}UMask=0077
LimitCORE=0
LimitNOFILE=16384

{PEERS}{HARDENED}{CALLS}{TAIL}",
        identity(&site.users.sbtc),
        state(&site.paths.sbtc_state, "0700"),
    )
}
