//! The vault, and a second one beside it while a key is being changed: each key has a process of its own.

use crate::render::signer::vault_socket;
use crate::site::{SigningKey, Site, Turn};

use super::sandbox::{CALLS, HARDENED, OFFLINE};
use super::{DOCUMENTATION, HEAD, close, credential, identity, reader, sandbox_of, state};

pub(super) fn units(site: &Site) -> Vec<(&'static str, String)> {
    let of = |(turn, key)| {
        let (service_name, socket_name) = match turn {
            Turn::Now => ("countersign-vault.service", "countersign-vault.socket"),
            Turn::Next => ("countersign-vault-next.service", "countersign-vault-next.socket"),
        };
        [(service_name, service(site, turn, key)), (socket_name, socket(site, turn))]
    };
    site.signer.keys().flat_map(of).collect()
}

/// What its units are called, without their kind.
pub(super) const fn name(turn: Turn) -> &'static str {
    match turn {
        Turn::Now => "countersign-vault",
        Turn::Next => "countersign-vault-next",
    }
}

fn service(site: &Site, turn: Turn, key: &SigningKey) -> String {
    let (bin, config) = (&site.paths.bin, site.paths.vault_toml(turn));
    let (name, reader) = (name(turn), reader(key.token().into_iter()));
    let which = match turn {
        Turn::Now => "the signing key",
        Turn::Next => "the next signing key",
    };
    format!(
        "{HEAD}
[Unit]
Description=Countersign's vault, which holds {which}
{DOCUMENTATION}Wants={name}.socket{reader}
After={name}.socket time-sync.target{reader}
Before=countersign.service
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={config}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={bin}/countersign vault --config {config}
# A request would start what must stay down; see RestartPreventExitStatus.
{}WatchdogSec=30
TimeoutStopSec=15

# Sealed to this machine (and its TPM, if it has one): it is no use anywhere else.
{}{}{}UMask=0077
LimitCORE=0
# Its memory is locked, so that the key is never in swap.
LimitMEMLOCK=infinity

# No network at all: its callers are on this host, and the socket comes from systemd.
{OFFLINE}SocketBindDeny=any

# Not PrivateUsers: it would hide who calls.
{HARDENED}{}{CALLS}# It takes away more by itself, after its start.
SystemCallFilter=prlimit64 setrlimit mlock mlockall seccomp
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self

[Install]
WantedBy=multi-user.target
",
        close(&format!("{name}.socket")),
        credential(site, key),
        identity(&site.users.vault),
        state(&site.paths.vault_state, "0700"),
        key.token().map(sandbox_of).unwrap_or_default(),
    )
}

fn socket(site: &Site, turn: Turn) -> String {
    // An operator is in no group of ours, and everybody else is turned away by the vault.
    let mode = if site.signer.operators.is_empty() { "0660" } else { "0666" };
    let (of, config) = match turn {
        Turn::Now => ("", "vault.toml"),
        Turn::Next => (" of the next signing key", "vault-next.toml"),
    };
    format!(
        "{HEAD}# The vault itself asks the kernel who calls, and answers by {config}.

[Unit]
Description=Countersign's socket for requests to the vault{of}
{DOCUMENTATION}
[Socket]
ListenStream={}
FileDescriptorName=vault
SocketUser={}
SocketGroup={}
SocketMode={mode}
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
",
        vault_socket(turn),
        site.users.vault,
        site.users.signer,
    )
}
