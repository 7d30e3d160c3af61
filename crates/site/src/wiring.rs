//! Who listens where, and who asks whom: each address exists here once, and every generator takes it from here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::choices::{HostRole, Runtime};
use crate::places::Port;
use crate::site::{Link, Site};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The containers' network. Addresses in it are fixed, because the signer lets in by address.
pub const DOCKER_NETWORK: &str = "172.30.94.0/28";

/// The containers' bridge, which is the only way in and out of [`DOCKER_NETWORK`].
pub(crate) const DOCKER_BRIDGE: &str = "countersign-br";

/// A program with an address of its own inside [`DOCKER_NETWORK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// The host itself, as the containers see it.
    Gateway,
    /// `countersign run`.
    Signer,
    /// stacks-node.
    Node,
    /// bitcoind.
    Bitcoin,
    /// The sBTC signer.
    Sbtc,
    /// PostgreSQL.
    Postgres,
    /// `countersign link`.
    Link,
}

impl Container {
    /// Its address.
    pub const fn address(self) -> IpAddr {
        let last = match self {
            Self::Gateway => 1,
            Self::Signer => 2,
            Self::Node => 3,
            Self::Bitcoin => 4,
            Self::Sbtc => 5,
            Self::Postgres => 6,
            Self::Link => 7,
        };
        IpAddr::V4(Ipv4Addr::new(172, 30, 94, last))
    }
}

fn at(address: IpAddr, port: Port) -> SocketAddr {
    SocketAddr::new(address, port.get())
}

impl Site {
    /// The address of a program that only its own host is to reach.
    pub fn inside(&self, container: Container) -> IpAddr {
        match self.runtime {
            Runtime::Systemd => LOOPBACK,
            Runtime::Docker => container.address(),
        }
    }

    /// Where the host of a role is reached by the other host.
    pub fn peer_address(&self, role: HostRole) -> IpAddr {
        match (&self.link, role) {
            (Some(Link::Wireguard { signer_address, .. }), HostRole::Signer) => *signer_address,
            (Some(Link::Wireguard { node_address, .. }), HostRole::Node) => *node_address,
            _ => self.host(role).address,
        }
    }

    /// Whether what a program in `container` listens on is bound to an address that the other host reaches: with
    /// Docker the port is published there instead.
    fn bound(&self, container: Container, role: HostRole) -> IpAddr {
        match self.runtime {
            Runtime::Systemd => self.peer_address(role),
            Runtime::Docker => container.address(),
        }
    }

    /// Where the signer takes the node's callbacks (`endpoint`).
    pub fn signer_endpoint(&self) -> SocketAddr {
        let address = match self.link {
            None | Some(Link::Nginx | Link::Haproxy) => self.inside(Container::Signer),
            Some(Link::Countersign { .. } | Link::Wireguard { .. }) => {
                self.bound(Container::Signer, HostRole::Signer)
            }
        };
        at(address, self.ports.signer)
    }

    /// Whom the signer asks (`node_host`).
    pub fn node_host(&self) -> SocketAddr {
        let node = self.peer_address(HostRole::Node);
        match self.link {
            None => self.node_rpc(),
            Some(Link::Countersign { .. }) => at(node, self.ports.link_rpc),
            // nginx and HAProxy run on the host itself.
            Some(Link::Nginx | Link::Haproxy) => {
                at(self.inside(Container::Gateway), self.ports.local_rpc)
            }
            Some(Link::Wireguard { .. }) => at(node, self.ports.node_rpc),
        }
    }

    /// Where the node takes questions (`rpc_bind`).
    pub fn node_rpc(&self) -> SocketAddr {
        let address = match self.link {
            Some(Link::Wireguard { .. }) => self.bound(Container::Node, HostRole::Node),
            _ => self.inside(Container::Node),
        };
        at(address, self.ports.node_rpc)
    }

    /// Where the node posts what happens (`endpoint` of its `[[events_observer]]`).
    pub fn observer(&self) -> SocketAddr {
        match self.link {
            None => self.signer_endpoint(),
            Some(Link::Countersign { .. }) => {
                at(self.inside(Container::Link), self.ports.local_events)
            }
            Some(Link::Nginx | Link::Haproxy) => {
                at(self.inside(Container::Gateway), self.ports.local_events)
            }
            Some(Link::Wireguard { .. }) => {
                at(self.peer_address(HostRole::Signer), self.ports.signer)
            }
        }
    }

    /// Where the signer shows metrics and readiness.
    pub fn signer_metrics(&self) -> SocketAddr {
        let address = if self.shows_metrics() {
            self.metrics_address(Container::Signer, HostRole::Signer)
        } else {
            self.inside(Container::Signer)
        };
        at(address, self.ports.signer_metrics)
    }

    /// Where the status page is, for a browser on the signer's host. With Docker it is bound inside, for the host alone,
    /// because a container's loopback is reached by nobody; and published on the host's.
    pub fn status_page(&self) -> SocketAddr {
        at(self.inside(Container::Signer), self.ports.status_page)
    }

    /// Where the node shows metrics.
    pub fn node_metrics(&self) -> SocketAddr {
        let address = self.metrics_address(Container::Node, self.node_role());
        at(address, self.ports.node_metrics)
    }

    /// Where the sBTC signer shows metrics.
    pub fn sbtc_metrics(&self) -> SocketAddr {
        at(self.metrics_address(Container::Sbtc, HostRole::Signer), self.ports.sbtc_metrics)
    }

    /// Where the sBTC signer takes the node's callbacks.
    pub fn sbtc_events(&self) -> SocketAddr {
        let address = if self.has_two_hosts() {
            self.bound(Container::Sbtc, HostRole::Signer)
        } else {
            self.inside(Container::Sbtc)
        };
        at(address, self.ports.sbtc_events)
    }

    /// Where bitcoind takes the node's questions, if it is part of this installation.
    pub fn bitcoin_rpc(&self) -> SocketAddr {
        at(self.bitcoin_address(), self.ports.bitcoin_rpc)
    }

    /// Only the sBTC signer asks bitcoind from another host, through the tunnel.
    fn bitcoin_address(&self) -> IpAddr {
        if self.has_two_hosts() && self.sbtc.is_some() {
            self.bound(Container::Bitcoin, HostRole::Node)
        } else {
            self.inside(Container::Bitcoin)
        }
    }

    /// Where the sBTC signer asks bitcoind.
    pub fn bitcoin_rpc_for_sbtc(&self) -> SocketAddr {
        let address = if self.has_two_hosts() {
            self.peer_address(HostRole::Node)
        } else {
            self.inside(Container::Bitcoin)
        };
        at(address, self.ports.bitcoin_rpc)
    }

    /// Where the node posts what concerns sBTC.
    pub fn sbtc_observer(&self) -> SocketAddr {
        let address = if self.has_two_hosts() {
            self.peer_address(HostRole::Signer)
        } else {
            self.inside(Container::Sbtc)
        };
        at(address, self.ports.sbtc_events)
    }

    /// Where the link on the node's host takes the signer's questions.
    pub fn link_rpc(&self) -> SocketAddr {
        at(self.bound(Container::Link, HostRole::Node), self.ports.link_rpc)
    }

    /// The name of sBTC's database.
    pub fn database_name(&self) -> &str {
        self.backups.as_ref().map_or("sbtc", |backups| backups.database.name.as_str())
    }

    /// The role of the host with the node.
    pub const fn node_role(&self) -> HostRole {
        if self.has_two_hosts() { HostRole::Node } else { HostRole::Signer }
    }

    fn metrics_address(&self, container: Container, role: HostRole) -> IpAddr {
        match self.runtime {
            Runtime::Systemd if self.shows_metrics() => self.host(role).address,
            _ => self.inside(container),
        }
    }
}
