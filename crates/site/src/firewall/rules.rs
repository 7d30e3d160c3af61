//! The text of the rules. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use ipnet::IpNet;

use crate::choices::{HostRole, Runtime};
use crate::flows::{Flow, Peer, Protocol, Service};
use crate::places::Port;
use crate::site::{Link, Site};
use crate::values::UserName;
use crate::wiring::{Container, DOCKER_BRIDGE, DOCKER_NETWORK};

/// The interface of the tunnel between two hosts.
pub const TUNNEL: &str = "countersign0";

/// One of the two tables that take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The table's name, in the family `inet`.
    pub const fn table(self) -> &'static str {
        match self {
            Self::A => "countersign_a",
            Self::B => "countersign_b",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// For how long rules refuse anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Until they are removed.
    Permanent,
    /// For this long, unless they are confirmed. Whole seconds.
    For(Duration),
}

impl Force {
    /// The elements that stand for both families, for as long.
    pub(super) fn elements(self) -> String {
        match self {
            Self::Permanent => "{ ipv4, ipv6 }".to_owned(),
            Self::For(time) => {
                let seconds = time.as_secs().max(1);
                format!("{{ ipv4 timeout {seconds}s, ipv6 timeout {seconds}s }}")
            }
        }
    }
}

/// The rules of the host of a role, as one transaction for `nft -f`: whatever stood in `slot` before is replaced,
/// and by rules that stay whatever stood in the other one, too.
pub fn ruleset(site: &Site, role: HostRole, slot: Slot, force: Force) -> String {
    let text = Text { site, role, out: String::new() };
    text.write(slot, force)
}

/// The text as it grows.
struct Text<'a> {
    site: &'a Site,
    role: HostRole,
    out: String,
}

impl Text<'_> {
    fn write(mut self, slot: Slot, force: Force) -> String {
        let table = slot.table();
        self.line(&format!(
            "# The firewall of {}: default deny, in, out and through.",
            self.host()
        ));
        self.line(
            "# Rendered from countersign.toml; `countersign firewall apply` puts it in force.",
        );
        self.remove(slot);
        if force == Force::Permanent {
            self.remove(slot.other());
        }
        self.line(&format!("table inet {table} {{"));
        self.sets(force);
        self.chain("input", Self::input, "drop");
        self.chain("forward", Self::forward, "drop");
        self.chain("output", Self::output, "reject with icmpx admin-prohibited");
        self.line("}");
        self.out
    }

    /// A table that is not there cannot be deleted, so it is made first.
    fn remove(&mut self, slot: Slot) {
        let table = slot.table();
        self.line(&format!("table inet {table} {{}}"));
        self.line(&format!("delete table inet {table}"));
    }

    fn host(&self) -> String {
        self.site.host(self.role).name.to_string()
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn rule(&mut self, rule: &str) {
        if !rule.is_empty() {
            self.out.push_str("\t\t");
        }
        self.line(rule);
    }

    fn note(&mut self, note: &str) {
        self.rule(&format!("# {note}"));
    }

    fn sets(&mut self, force: Force) {
        let elements = force.elements();
        self.line("\t# These rules refuse only while this set has elements.");
        self.line(&format!(
            "\tset in_force {{ typeof meta nfproto; flags timeout; elements = {elements}; }}"
        ));
        self.line("\t# And they let everything pass while this one has.");
        self.line("\tset suspended { typeof meta nfproto; flags timeout; }");
        self.line("\t# Who knocks how often.");
        for family in [Family::V4, Family::V6] {
            for service in self.paced() {
                let (set, address) = (pace_set(service, family), family.address());
                self.line(&format!(
                    "\tset {set} {{ typeof {address}; size 65536; flags dynamic,timeout; timeout 10m; }}"
                ));
            }
        }
    }

    /// What everybody may reach, and nobody may reach too often.
    fn paced(&self) -> Vec<Service> {
        let flows = self.site.inbound(self.role);
        let mut paced: Vec<Service> =
            flows.iter().filter(|flow| is_paced(flow)).map(|flow| flow.service).collect();
        paced.sort_unstable();
        paced.dedup();
        paced
    }

    fn chain(&mut self, hook: &str, rules: fn(&mut Self), refusal: &str) {
        self.line(&format!("\tchain {hook} {{"));
        self.rule(&format!("type filter hook {hook} priority filter; policy accept;"));
        self.rule("meta nfproto @suspended accept");
        self.rule("meta nfproto != @in_force accept");
        self.rule("ct state established,related accept");
        self.rule("ct state invalid drop");
        rules(self);
        let log = format!("log prefix \"countersign refuses {hook}: \"");
        self.rule(&format!("limit rate 6/minute burst 10 packets {log}"));
        self.rule(&format!("counter {refusal}"));
        self.line("\t}");
    }

    fn input(&mut self) {
        self.rule("iifname \"lo\" accept");
        self.note("What the network itself needs: errors, neighbours, an address by DHCP.");
        self.rule(&format!("icmp type {ICMP_ERRORS} accept"));
        self.rule(&format!("icmpv6 type {ICMPV6_NEEDED} accept"));
        self.rule("icmp type echo-request limit rate 10/second accept");
        self.rule("icmpv6 type echo-request limit rate 10/second accept");
        self.rule("udp sport 67 udp dport 68 accept");
        self.rule("ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept");
        if let Some(port) = self.asked_by_containers() {
            self.note("Containers reach the link, which runs on the host itself.");
            let (source, gateway) = (from_container(DOCKER_NETWORK), Container::Gateway.address());
            self.rule(&format!("{source} ip daddr {gateway} tcp dport {port} accept"));
        }
        for flow in self.site.inbound(self.role) {
            if is_paced(&flow) {
                self.pace(flow.service, &port(&flow), &[Family::V4, Family::V6]);
            }
            for peer in peers(&flow.peer, "saddr") {
                self.rule(&join(&[&through(&flow, "iifname"), &peer, &port(&flow), "accept"]));
            }
        }
    }

    fn forward(&mut self) {
        if self.site.runtime != Runtime::Docker {
            return;
        }
        self.note("Among the containers.");
        self.rule(&format!("{} ip daddr {DOCKER_NETWORK} accept", from_container(DOCKER_NETWORK)));
        self.note("Published ports: Docker has changed address and port by now.");
        for flow in self.site.inbound(self.role).iter().filter(|flow| is_published(flow)) {
            let Some(port) = flow.port else { continue };
            let protocol = flow.protocol.name();
            let door = format!(
                "ip daddr {DOCKER_NETWORK} meta l4proto {protocol} ct status dnat ct original proto-dst {port}"
            );
            if is_paced(flow) {
                self.pace(flow.service, &door, &[Family::V4]);
            }
            for peer in peers(&flow.peer, "saddr").iter().filter(|peer| is_of_containers(peer)) {
                self.rule(&join(&[&through(flow, "iifname"), peer, &door, "accept"]));
            }
        }
        self.note("What the containers ask for.");
        for flow in self.site.outbound(self.role) {
            let source = match container(flow.service).filter(|_| flow.user.is_some()) {
                Some(container) => container.address().to_string(),
                None => DOCKER_NETWORK.to_owned(),
            };
            for peer in peers(&flow.peer, "daddr").iter().filter(|peer| is_of_containers(peer)) {
                let (way, port) = (through(&flow, "oifname"), port(&flow));
                self.rule(&join(&[&way, &from_container(&source), peer, &port, "accept"]));
            }
        }
    }

    fn output(&mut self) {
        self.rule("oifname \"lo\" accept");
        self.rule(&format!("icmp type {ICMP_ERRORS} accept"));
        self.rule("icmp type echo-request accept");
        self.rule(&format!("icmpv6 type {ICMPV6_NEEDED} accept"));
        self.rule("icmpv6 type { echo-request, nd-router-solicit, mld2-listener-report } accept");
        self.rule("udp sport 68 udp dport 67 accept");
        self.rule("udp sport 546 udp dport 547 accept");
        if self.site.runtime == Runtime::Docker {
            self.rule(&format!("ip daddr {DOCKER_NETWORK} accept"));
        }
        for flow in self.site.outbound(self.role) {
            let user = match (&flow.user, self.site.runtime) {
                // In a container the user is another one, and what it sends is forwarded.
                (Some(_), Runtime::Docker) => continue,
                (user, _) => user.as_ref().map(by_user).unwrap_or_default(),
            };
            for peer in peers(&flow.peer, "daddr") {
                let (way, port) = (through(&flow, "oifname"), port(&flow));
                self.rule(&join(&[&way, &user, &peer, &port, "accept"]));
            }
        }
    }

    /// A source that opens connections faster than anybody who means well is not heard for a while.
    fn pace(&mut self, service: Service, door: &str, families: &[Family]) {
        for family in families {
            let (set, source) = (pace_set(service, *family), family.source());
            let pace = pace_of(service);
            self.rule(&format!(
                "{door} ct state new update @{set} {{ {source} limit rate over {pace} }} counter drop"
            ));
        }
    }

    /// The port of the host itself that containers need: that of a link that runs on the host.
    fn asked_by_containers(&self) -> Option<Port> {
        let site = self.site;
        let is_here = site.runtime == Runtime::Docker
            && matches!(site.link, Some(Link::Nginx | Link::Haproxy));
        is_here.then_some(match self.role {
            HostRole::Signer => site.ports.local_rpc,
            HostRole::Node => site.ports.local_events,
        })
    }
}

/// IPv4 or IPv6.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// What is looked at.
    const fn address(self) -> &'static str {
        match self {
            Self::V4 => "ip saddr",
            Self::V6 => "ip6 saddr",
        }
    }

    /// What counts as one source. Whoever has an IPv6 address has 2^64 of them.
    const fn source(self) -> &'static str {
        match self {
            Self::V4 => "ip saddr",
            Self::V6 => "ip6 saddr and ffff:ffff:ffff:ffff::",
        }
    }
}

fn is_paced(flow: &Flow) -> bool {
    flow.peer == Peer::Everyone && flow.protocol == Protocol::Tcp
}

fn pace_set(service: Service, family: Family) -> &'static str {
    match (service, family) {
        (Service::Ssh, Family::V4) => "pace_ssh4",
        (Service::Ssh, Family::V6) => "pace_ssh6",
        (Service::NodePeers, Family::V4) => "pace_node4",
        (Service::NodePeers, Family::V6) => "pace_node6",
        (Service::SbtcPeers, Family::V4) => "pace_sbtc4",
        (Service::SbtcPeers, Family::V6) => "pace_sbtc6",
        (_, Family::V4) => "pace_other4",
        (_, Family::V6) => "pace_other6",
    }
}

/// New connections of one source. Peers find each other again after a restart; people type.
const fn pace_of(service: Service) -> &'static str {
    match service {
        Service::Ssh => "10/minute burst 20 packets",
        _ => "60/minute burst 120 packets",
    }
}

/// What runs in a container is reached by a changed address. The host has SSH, the tunnel and its own metrics.
const fn is_published(flow: &Flow) -> bool {
    !matches!(flow.service, Service::Ssh | Service::Tunnel)
}

/// What a container sends: elsewhere anybody can write a container's address for his own.
fn from_container(source: &str) -> String {
    format!("iifname \"{DOCKER_BRIDGE}\" ip saddr {source}")
}

/// The containers' network has IPv4 alone: whoever comes by IPv6 speaks to Docker's proxy on the host. nft refuses
/// all rules for one that asks for both families.
fn is_of_containers(peer: &str) -> bool {
    !peer.starts_with("ip6 ")
}

const fn container(service: Service) -> Option<Container> {
    match service {
        Service::NodePeers => Some(Container::Node),
        Service::BitcoinPeers => Some(Container::Bitcoin),
        Service::SbtcPeers => Some(Container::Sbtc),
        _ => None,
    }
}

/// The other side as nftables has it: a line for each family, or an empty one for everybody.
fn peers(peer: &Peer, side: &str) -> Vec<String> {
    let Peer::Networks(networks) = peer else { return vec![String::new()] };
    let of_family = |is_v6: bool| {
        let (mut text, family) = (String::new(), if is_v6 { "ip6" } else { "ip" });
        for network in networks.iter().filter(|net| matches!(net, IpNet::V6(_)) == is_v6) {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing into a string cannot fail.
            let _ = write!(text, "{comma}{}", network.trunc());
        }
        (!text.is_empty()).then(|| format!("{family} {side} {{ {text} }}"))
    };
    [false, true].into_iter().filter_map(of_family).collect()
}

fn port(flow: &Flow) -> String {
    let protocol = flow.protocol.name();
    match flow.port {
        Some(port) => format!("{protocol} dport {port}"),
        None => format!("meta l4proto {protocol}"),
    }
}

fn through(flow: &Flow, side: &str) -> String {
    if flow.in_tunnel { format!("{side} \"{TUNNEL}\"") } else { String::new() }
}

fn by_user(user: &UserName) -> String {
    format!("meta skuid \"{user}\"")
}

fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

const ICMP_ERRORS: &str = "{ destination-unreachable, time-exceeded, parameter-problem }";
const ICMPV6_NEEDED: &str = "{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem, \
                             nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query }";
