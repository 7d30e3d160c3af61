//! Every connection that an installation needs, each way: what the firewall lets through, and what the doctor
//! compares with what listens. What is not here is not needed.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::choices::{HostRole, Runtime};
use crate::places::Port;
use crate::site::{DatabaseHost, Link, Site};
use crate::values::UserName;
use crate::wiring::Container;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its name in nftables and elsewhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What listens or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Administrators.
    Ssh,
    /// Callbacks of the node to the signer, between two hosts.
    SignerEvents,
    /// Questions of the signer to the node, between two hosts.
    NodeRpc,
    /// Peers of the node.
    NodePeers,
    /// Peers of bitcoind.
    BitcoinPeers,
    /// Questions of the sBTC signer to bitcoind, between two hosts.
    BitcoinRpc,
    /// Peers of the sBTC signer.
    SbtcPeers,
    /// Callbacks of the node to the sBTC signer, between two hosts.
    SbtcEvents,
    /// The tunnel between two hosts.
    Tunnel,
    /// Metrics, read from outside or sent there.
    Metrics,
    /// PostgreSQL on another host, asked by backups.
    Database,
    /// Names.
    Dns,
    /// Time.
    Time,
    /// HTTPS: alerts, the dead-man's switch, updates of the distribution, sBTC's services.
    Https,
    /// Mail.
    Mail,
}

/// The other side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Any address.
    Everyone,
    /// One of these networks; one address is a network with one member.
    Networks(Vec<IpNet>),
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::Networks(vec![IpNet::from(address)])
    }
}

/// A connection that a host takes.
pub type Inbound = Flow;

/// A connection that a host makes.
pub type Outbound = Flow;

/// A connection that a host takes or makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// What it is for.
    pub service: Service,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port of the side that listens; none is every port.
    pub port: Option<Port>,
    /// The other side.
    pub peer: Peer,
    /// Inside of the tunnel, and nowhere else.
    pub in_tunnel: bool,
    /// The only user that may make it; none is every user. Only for connections that a host makes.
    pub user: Option<UserName>,
}

impl Flow {
    fn new(service: Service, protocol: Protocol, port: Port, peer: Peer) -> Self {
        Self { service, protocol, port: Some(port), peer, in_tunnel: false, user: None }
    }

    fn tcp(service: Service, port: Port, peer: Peer) -> Self {
        Self::new(service, Protocol::Tcp, port, peer)
    }

    fn tunnelled(service: Service, port: Port, peer: Peer) -> Self {
        Self { in_tunnel: true, ..Self::tcp(service, port, peer) }
    }

    /// To any port of anybody, by one user: how peers of a network find each other.
    fn to_peers(service: Service, protocol: Protocol, user: &UserName) -> Self {
        let (peer, user) = (Peer::Everyone, Some(user.clone()));
        Self { service, protocol, port: None, peer, in_tunnel: false, user }
    }
}

const DNS: Port = Port::new(53).expect("it is not 0");
const NTP: Port = Port::new(123).expect("it is not 0");
const HTTPS: Port = Port::new(443).expect("it is not 0");

impl Site {
    /// Every connection that the host of this role takes.
    pub fn inbound(&self, role: HostRole) -> Vec<Inbound> {
        let ports = &self.ports;
        let admins = match self.access.admin_networks.as_slice() {
            [] => Peer::Everyone,
            networks => Peer::Networks(networks.to_vec()),
        };
        let mut flows = vec![Flow::tcp(Service::Ssh, self.access.ssh_port, admins)];
        if self.has_node(role) {
            flows.push(Flow::tcp(Service::NodePeers, ports.node_p2p, Peer::Everyone));
        }
        if self.has_signer(role) && self.sbtc.is_some() {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let peer = Peer::Everyone;
                flows.push(Flow::new(Service::SbtcPeers, protocol, ports.sbtc_p2p, peer));
            }
        }
        flows.extend(self.between(role));
        flows.extend(self.metrics(role));
        flows
    }

    /// Every connection that the host of this role makes.
    pub fn outbound(&self, role: HostRole) -> Vec<Outbound> {
        let mut flows = vec![
            Flow::tcp(Service::Dns, DNS, Peer::Everyone),
            Flow::new(Service::Dns, Protocol::Udp, DNS, Peer::Everyone),
            Flow::new(Service::Time, Protocol::Udp, NTP, Peer::Everyone),
            Flow::tcp(Service::Https, HTTPS, Peer::Everyone),
        ];
        if let Some(smtp) = &self.alerts.smtp {
            let port =
                smtp.server.as_str().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            flows.extend(port.map(|port| Flow::tcp(Service::Mail, port, Peer::Everyone)));
        }
        if let Some(remote) = &self.monitoring.remote_write {
            let port = Port::new(remote.url.port()).filter(|port| *port != HTTPS);
            flows.extend(port.map(|port| Flow::tcp(Service::Metrics, port, Peer::Everyone)));
        }
        flows.extend(self.database(role));
        if self.has_node(role) {
            flows.push(Flow::to_peers(Service::NodePeers, Protocol::Tcp, &self.users.node));
        }
        if self.has_bitcoin(role) {
            flows.push(Flow::to_peers(Service::BitcoinPeers, Protocol::Tcp, &self.users.bitcoin));
        }
        if self.has_signer(role) && self.sbtc.is_some() {
            let user = &self.users.sbtc;
            flows.push(Flow::to_peers(Service::SbtcPeers, Protocol::Tcp, user));
            flows.push(Flow::to_peers(Service::SbtcPeers, Protocol::Udp, user));
        }
        // What the other host takes from this one.
        for other in self.roles().iter().filter(|other| **other != role) {
            let there = self.between(*other).into_iter();
            flows.extend(there.map(|flow| Flow { peer: self.other_side(*other, &flow), ..flow }));
        }
        flows
    }

    /// What backups ask, if PostgreSQL is not on this host.
    fn database(&self, role: HostRole) -> Option<Flow> {
        let backups =
            self.backups.as_ref().filter(|_| self.sbtc.is_some() && self.has_signer(role))?;
        let DatabaseHost::Host(host) = &backups.database.host else { return None };
        let address = host.as_str().parse::<IpAddr>().ok();
        let is_here = |ip: IpAddr| ip.is_loopback() || ip == self.inside(Container::Postgres);
        if host.as_str() == "localhost" || address.is_some_and(is_here) {
            return None;
        }
        let peer = address.map_or(Peer::Everyone, Peer::from);
        // They run on the host itself, with Docker, too, where rules by user are those of containers.
        let user = (self.runtime == Runtime::Systemd).then(|| self.users.backup.clone());
        Some(Flow { user, ..Flow::tcp(Service::Database, self.ports.postgres, peer) })
    }

    fn other_side(&self, other: HostRole, flow: &Flow) -> Peer {
        if flow.in_tunnel {
            self.peer_address(other).into()
        } else {
            self.host(other).address.into()
        }
    }

    /// What this host takes from the other one.
    fn between(&self, role: HostRole) -> Vec<Flow> {
        let (Some(link), ports) = (&self.link, &self.ports) else { return Vec::new() };
        let other = if role == HostRole::Signer { HostRole::Node } else { HostRole::Signer };
        let peer = Peer::from(self.host(other).address);
        let inside = Peer::from(self.peer_address(other));
        match (link, role) {
            (Link::Countersign { .. }, HostRole::Signer) => {
                vec![Flow::tcp(Service::SignerEvents, ports.signer, peer)]
            }
            (Link::Nginx | Link::Haproxy, HostRole::Signer) => {
                vec![Flow::tcp(Service::SignerEvents, ports.link_events, peer)]
            }
            (Link::Countersign { .. } | Link::Nginx | Link::Haproxy, HostRole::Node) => {
                vec![Flow::tcp(Service::NodeRpc, ports.link_rpc, peer)]
            }
            (Link::Wireguard { .. }, _) => {
                let mut flows =
                    vec![Flow::new(Service::Tunnel, Protocol::Udp, ports.wireguard, peer)];
                let tunnelled = |(service, port)| Flow::tunnelled(service, port, inside.clone());
                flows.extend(self.through_tunnel(role).into_iter().map(tunnelled));
                flows
            }
        }
    }

    fn through_tunnel(&self, role: HostRole) -> Vec<(Service, Port)> {
        let ports = &self.ports;
        let (first, with_sbtc): (_, &[(Service, Port)]) = match role {
            HostRole::Signer => {
                ((Service::SignerEvents, ports.signer), &[(Service::SbtcEvents, ports.sbtc_events)])
            }
            HostRole::Node => {
                ((Service::NodeRpc, ports.node_rpc), &[(Service::BitcoinRpc, ports.bitcoin_rpc)])
            }
        };
        let mut flows = vec![first];
        if self.sbtc.is_some() {
            flows.extend(with_sbtc);
        }
        flows
    }

    fn metrics(&self, role: HostRole) -> Vec<Flow> {
        if !self.shows_metrics() {
            return Vec::new();
        }
        let ports = &self.ports;
        let mut shown = vec![ports.host_metrics];
        if self.has_signer(role) {
            shown.extend([ports.signer_metrics, ports.exporter]);
            shown.extend(self.sbtc.as_ref().map(|_| ports.sbtc_metrics));
        }
        if self.has_node(role) {
            shown.push(ports.node_metrics);
        }
        let sources = Peer::Networks(self.monitoring.sources.clone());
        shown.into_iter().map(|port| Flow::tcp(Service::Metrics, port, sources.clone())).collect()
    }
}
