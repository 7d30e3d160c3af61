//! The unit of nginx or HAProxy as the link, on both hosts and with Docker, too: an instance of its own, without root,
//! that speaks to nobody but the other host and this one.

use crate::choices::{HostRole, Runtime};
use crate::render::{Put as _, View};
use crate::site::Link;
use crate::wiring::DOCKER_NETWORK;

use super::sandbox::{CALLS, HARDENED};
use super::{DOCUMENTATION, HEAD, identity};

pub(super) fn units(View { site, role, .. }: View<'_>) -> Vec<(&'static str, String)> {
    let paths = &site.paths;
    let proxy = match site.link {
        Some(Link::Nginx) => Proxy {
            name: "nginx",
            kind: "exec",
            program: "/usr/sbin/nginx",
            options: "-e stderr -c",
            config: paths.nginx_conf(),
        },
        Some(Link::Haproxy) => Proxy {
            name: "HAProxy",
            kind: "notify",
            program: "/usr/sbin/haproxy",
            options: "-Ws -f",
            config: paths.haproxy_cfg(),
        },
        _ => return Vec::new(),
    };
    let before = if role == HostRole::Node { "Before=stacks-node.service\n" } else { "" };
    let mut peers = String::new();
    for role in HostRole::ALL {
        peers.put(format_args!("IPAddressAllow={}\n", site.host(*role).address));
    }
    if site.runtime == Runtime::Docker {
        peers.put(format_args!("IPAddressAllow={DOCKER_NETWORK}\n"));
    }
    vec![("countersign-link.service", proxy.unit(before, &identity(&site.users.link), &peers))]
}

struct Proxy {
    name: &'static str,
    kind: &'static str,
    program: &'static str,
    options: &'static str,
    config: crate::values::AbsPath,
}

impl Proxy {
    fn unit(&self, before: &str, identity: &str, peers: &str) -> String {
        let Self { name, kind, program, options, config } = self;
        format!(
            "{HEAD}
[Unit]
Description={name} between the Stacks node and its signer
{DOCUMENTATION}Wants=network-online.target
After=network-online.target time-sync.target
{before}AssertFileIsExecutable={program}
AssertFileNotEmpty={config}
# Never give up: without it the node stands still.
StartLimitIntervalSec=0

[Service]
Type={kind}
ExecStart={program} {options} {config}
Restart=always
RestartSec=5
TimeoutStopSec=15

{identity}RuntimeDirectory=countersign-link
RuntimeDirectoryMode=0700
UMask=0077
LimitCORE=0
LimitNOFILE=4096

# The other host, and this one.
IPAddressDeny=any
IPAddressAllow=localhost
{peers}RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any
SocketBindAllow=ipv4:tcp
SocketBindAllow=ipv6:tcp

PrivateUsers=yes
{HARDENED}{CALLS}SystemCallFilter=prlimit64 setrlimit

[Install]
WantedBy=multi-user.target
"
        )
    }
}
