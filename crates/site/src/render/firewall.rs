//! The firewall as it is loaded at boot, and the unit that loads it before the network is up.

use crate::firewall::{Force, Slot, ruleset};
use crate::rendered::Rendered;

use super::{HEAD, View, fixed};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, .. } = view;
    let rules = site.paths.firewall();
    let unit = format!(
        "{HEAD}
[Unit]
Description=Firewall of this signer: nothing passes but its own flows
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
# The rules name users.
After=local-fs.target systemd-sysusers.service
AssertFileNotEmpty={rules}

[Service]
Type=oneshot
RemainAfterExit=yes
# It is never stopped into an open host: without a line that stops it, the rules stay.
ExecStart=/usr/sbin/nft -f {rules}
ExecReload=/usr/sbin/nft -f {rules}

{SANDBOX}
[Install]
WantedBy=sysinit.target
"
    );
    vec![
        Rendered::public(rules, ruleset(site, role, Slot::A, Force::Permanent)),
        Rendered::public(fixed("/etc/systemd/system/countersign-firewall.service"), unit),
    ]
}

/// It changes the kernel's rules and reads one file and the names of users.
const SANDBOX: &str = "CapabilityBoundingSet=CAP_NET_ADMIN
AmbientCapabilities=
NoNewPrivileges=yes
PrivateMounts=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateIPC=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressDeny=any
SocketBindDeny=any
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
KeyringMode=private
UMask=0077
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
";
