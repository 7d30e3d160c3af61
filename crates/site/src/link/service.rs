//! The unit of nginx or HAProxy as the link: an instance of its own, without root, that sees its folder of
//! certificates and speaks to nobody but the other host and this one.

use crate::choices::{HostRole, Runtime};
use crate::site::{Link, Site};
use crate::wiring::DOCKER_NETWORK;

use super::is_proxied;

/// `countersign-link.service` on the host of this role, if nginx or HAProxy is the link. `config` is the file that
/// [`super::nginx`] or [`super::haproxy`] made.
pub fn service(site: &Site, role: HostRole, config: &crate::values::AbsPath) -> Option<String> {
    if !is_proxied(site) {
        return None;
    }
    let (kind, program, arguments, name) = match site.link {
        Some(Link::Nginx) => ("exec", "/usr/sbin/nginx", "-e stderr -c", "nginx"),
        _ => ("notify", "/usr/sbin/haproxy", "-Ws -f", "HAProxy"),
    };
    let own = site.host(role).address;
    let other_role = if role == HostRole::Signer { HostRole::Node } else { HostRole::Signer };
    let other = site.host(other_role).address;
    let containers = match site.runtime {
        Runtime::Systemd => String::new(),
        Runtime::Docker => format!("IPAddressAllow={DOCKER_NETWORK}\n"),
    };
    let before = if role == HostRole::Node { "Before=stacks-node.service\n" } else { "" };
    let user = &site.users.link;
    Some(format!(
        "[Unit]
Description={name} between the Stacks node and its signer
Documentation=https://docs.stacks.co/operate/run-a-signer
Wants=network-online.target
After=network-online.target time-sync.target
{before}AssertFileIsExecutable={program}
AssertFileNotEmpty={config}
# Never give up: without it the node stands still.
StartLimitIntervalSec=0

[Service]
Type={kind}
ExecStart={program} {arguments} {config}
Restart=always
RestartSec=5
TimeoutStopSec=15

User={user}
Group={user}
RuntimeDirectory=countersign-link
RuntimeDirectoryMode=0700
UMask=0077
LimitCORE=0
LimitNOFILE=4096

# The other host, and this one.
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow={own}
IPAddressAllow={other}
{containers}RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any
SocketBindAllow=ipv4:tcp
SocketBindAllow=ipv6:tcp

PrivateUsers=yes
{}SystemCallFilter=prlimit64 setrlimit

[Install]
WantedBy=multi-user.target
",
        super::sandbox::SANDBOX,
    ))
}
