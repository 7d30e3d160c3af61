//! Units of systemd: one for each program of the host, each under a user of its own and in a sandbox.
//!
//! `docs/operator/systemd.md` says why each line is here. With Docker the programs are containers (`compose`), and
//! only jobs of the host itself have units.

use crate::choices::{BitcoinMode, HostRole, Runtime};
use std::fmt;

use crate::render::Put as _;
use crate::rendered::Rendered;
use crate::site::{Link, SigningKey, Site, Token};
use crate::values::{AbsPath, UserName};

use super::{View, fixed};

mod chain;
mod jobs;
mod proxy;
pub(super) mod sandbox;
mod vault;

use sandbox::{CALLS, HARDENED};

const HEAD: &str = super::HEAD;

/// Where the units are described.
const DOCUMENTATION: &str = "Documentation=https://docs.stacks.co/operate/run-a-signer\n";

/// After these a human must look first: `docs/exit-codes.md`.
const FINAL: &str = "2 4 6 8 11 12";

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let mut units = jobs::units(view);
    units.extend(proxy::units(view));
    if view.site.runtime == Runtime::Systemd {
        units.extend(programs(view));
    }
    let place = |(name, text): (&str, String)| {
        Rendered::public(fixed("/etc/systemd/system").join(name), text)
    };
    units.into_iter().map(place).collect()
}

fn programs(View { site, role, .. }: View<'_>) -> Vec<(&'static str, String)> {
    let mut units = Vec::new();
    if site.has_signer(role) {
        units.push(("countersign.service", signer(site)));
        units.push(("countersign.socket", signer_socket(site)));
        if site.signer.vault {
            units.extend(vault::units(site));
        }
        if site.sbtc.is_some() {
            units.push(("sbtc-signer.service", chain::sbtc(site)));
        }
    }
    if site.has_node(role) {
        units.push(("stacks-node.service", chain::node(site)));
        if site.bitcoin.mode != BitcoinMode::External {
            units.push(("bitcoind.service", chain::bitcoin(site)));
        }
        if let Some(Link::Countersign { .. }) = site.link {
            units.push(("countersign-link.service", link(site)));
        }
    }
    units
}

/// `StateDirectory=` if the folder is where systemd makes them, else a hole in the read-only system.
fn state(folder: &AbsPath, mode: &str) -> String {
    match folder.as_path().strip_prefix("/var/lib") {
        Ok(name) => format!("StateDirectory={}\nStateDirectoryMode={mode}\n", name.display()),
        Err(_) => format!("ReadWritePaths={folder}\n"),
    }
}

fn identity(user: &UserName) -> String {
    format!("User={user}\nGroup={user}\n")
}

/// What systemd hands to the process that opens the key.
fn credential(site: &Site, key: &SigningKey) -> String {
    let name = key.credential();
    let file = site.paths.credstore().join(&name);
    format!("LoadCredentialEncrypted={name}:{file}\n")
}

/// What the library of a token needs of the sandbox that it works in. Written below [`HARDENED`]: what is said last
/// counts.
fn sandbox_of(token: &Token) -> String {
    let mut out = String::from("# For the library of the token.\n");
    let mut line = |key: &str, value: &dyn fmt::Display| out.put(format_args!("{key}={value}\n"));
    line("ReadOnlyPaths", &token.module);
    for folder in &token.folders {
        line("ReadWritePaths", folder);
    }
    for group in &token.groups {
        line("SupplementaryGroups", group);
    }
    for device in &token.devices {
        line("DeviceAllow", &format_args!("{device} rw"));
    }
    if !token.devices.is_empty() {
        line("PrivateDevices", &"no");
    }
    out
}

/// The service that reaches a token's reader, as a unit is ordered after it.
fn reader<'a>(mut tokens: impl Iterator<Item = &'a Token>) -> &'static str {
    if tokens.any(|token| token.pcscd) { " pcscd.socket" } else { "" }
}

/// A request on the socket would start what must stay down.
fn close(socket: &str) -> String {
    let codes = FINAL.replace(' ', "|");
    format!(
        "ExecStopPost=+/bin/sh -c 'case \"$$EXIT_STATUS\" in {codes}) exec systemctl --no-block stop \
         {socket};; esac'\nRestart=always\nRestartSec=5\n# A human must look first: \
         docs/exit-codes.md.\nRestartPreventExitStatus={FINAL}\n"
    )
}

fn signer(site: &Site) -> String {
    let (bin, config) = (&site.paths.bin, site.paths.signer_config());
    let (vaults, reader) = if site.signer.vault {
        let sockets = site.signer.keys().map(|(turn, _)| format!(" {}.socket", vault::name(turn)));
        (sockets.collect(), "")
    } else {
        (String::new(), reader(site.signer.tokens()))
    };
    let mut out = format!(
        "{HEAD}
[Unit]
Description=Countersign, a block signer for Stacks
{DOCUMENTATION}Wants=network-online.target countersign.socket{reader}
After=network-online.target time-sync.target countersign.socket{vaults}{reader}
# Assert, not Condition: a condition that is not met skips the start, and nobody hears of it.
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={config}
# Never give up: a signer that stays down after a few failures is down until somebody looks.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={bin}/countersign run --config {config}
ExecReload={bin}/countersign reload --config {config}
# A callback would start what must stay down; see RestartPreventExitStatus.
{}WatchdogSec=30
TimeoutStartSec=300
TimeoutStopSec=15

",
        close("countersign.socket"),
    );
    if !site.signer.vault {
        out.extend(site.signer.keys().map(|(_, key)| credential(site, key)));
    }
    out.push_str(&identity(&site.users.signer));
    out.push_str(&state(&site.paths.state, "0711"));
    out.push_str("UMask=0077\nLimitCORE=0\nLimitNOFILE=4096\n\n# Its node, and who reads its metrics.\nIPAddressDeny=any\n");
    for peer in signer_peers(site) {
        out.put(format_args!("IPAddressAllow={peer}\n"));
    }
    out.push_str(
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\nSocketBindDeny=any\n\
         SocketBindAllow=ipv4:tcp\nSocketBindAllow=ipv6:tcp\n\nPrivateUsers=yes\n",
    );
    let tokens = site.signer.tokens().filter(|_| !site.signer.vault).map(sandbox_of);
    let mut tokens = tokens.collect::<Vec<_>>();
    // Both keys may be in one.
    tokens.dedup();
    let tokens = tokens.concat();
    out.put(format_args!("{HARDENED}{tokens}{CALLS}SystemCallFilter=prlimit64 setrlimit\n\n[Install]\nWantedBy=multi-user.target\n"));
    out
}

/// Whom the signer talks to.
fn signer_peers(site: &Site) -> Vec<String> {
    let mut peers = vec!["localhost".to_owned()];
    if site.has_two_hosts() {
        peers.push(site.peer_address(HostRole::Node).to_string());
        peers.push(site.peer_address(HostRole::Signer).to_string());
    }
    if site.shows_metrics() {
        peers.push(site.host(HostRole::Signer).address.to_string());
        peers.extend(site.monitoring.sources.iter().map(ToString::to_string));
    }
    peers.dedup();
    peers
}

fn signer_socket(site: &Site) -> String {
    // An address of a tunnel may come later than the socket.
    let free = if site.signer_endpoint().ip().is_loopback() { "" } else { "FreeBind=yes\n" };
    format!(
        "{HEAD}# It outlives the signer: while that restarts, callbacks wait here instead of being refused.

[Unit]
Description=Countersign's endpoint for callbacks of the Stacks node
{DOCUMENTATION}
[Socket]
ListenStream={}
FileDescriptorName=endpoint
{free}NoDelay=yes
Backlog=1024

[Install]
WantedBy=sockets.target
",
        site.signer_endpoint(),
    )
}

fn link(site: &Site) -> String {
    let (bin, config) = (&site.paths.bin, site.paths.link_toml());
    let signer = site.host(HostRole::Signer).address;
    let node = site.host(HostRole::Node).address;
    format!(
        "{HEAD}
[Unit]
Description=Countersign's link between the node and its signer
{DOCUMENTATION}Wants=network-online.target
After=network-online.target time-sync.target
Before=stacks-node.service
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={config}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={bin}/countersign link --config {config}
Restart=always
RestartSec=1
# A human must look first: docs/exit-codes.md.
RestartPreventExitStatus={FINAL}
WatchdogSec=30
TimeoutStopSec=15

{}UMask=0077
LimitCORE=0
LimitNOFILE=4096

IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow={signer}
IPAddressAllow={node}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any
SocketBindAllow=ipv4:tcp
SocketBindAllow=ipv6:tcp

PrivateUsers=yes
{HARDENED}{CALLS}SystemCallFilter=prlimit64 setrlimit

[Install]
WantedBy=multi-user.target
",
        identity(&site.users.link),
    )
}
