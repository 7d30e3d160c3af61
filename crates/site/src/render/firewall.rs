//! The firewall as it is loaded at boot, and the unit that loads it before the network is up.

use crate::firewall::{Force, Slot, ruleset};
use crate::rendered::Rendered;

use super::units::sandbox::{CALLS, HARDENED};
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
# The rules name users. And the distribution's own unit begins with `flush ruleset`, which would take these with it.
After=local-fs.target systemd-sysusers.service nftables.service
AssertFileNotEmpty={rules}

[Service]
Type=oneshot
RemainAfterExit=yes
# It is never stopped into an open host: without a line that stops it, the rules stay.
ExecStart=/usr/sbin/nft -f {rules}
ExecReload=/usr/sbin/nft -f {rules}

{SANDBOX}{HARDENED}{CALLS}# Added to none.
CapabilityBoundingSet=CAP_NET_ADMIN

[Install]
WantedBy=sysinit.target
"
    );
    vec![
        Rendered::public(rules, ruleset(site, role, Slot::A, Force::Permanent)),
        Rendered::public(fixed("/etc/systemd/system/countersign-firewall.service"), unit),
    ]
}

/// It changes the kernel's rules, and reads one file and the names of users.
const SANDBOX: &str = "RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressDeny=any
SocketBindDeny=any
UMask=0077
";
