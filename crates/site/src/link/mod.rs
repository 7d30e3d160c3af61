//! The link between two hosts by programs of the distribution: nginx, HAProxy or WireGuard.
//!
//! A stacks-node speaks plain HTTP only. nginx and HAProxy speak for it as `countersign link` does, with one instance
//! on each host:
//!
//! ```text
//!   node's host                                        signer's host
//!   stacks-node ──plain──▶ [outgoing] ──mutual TLS──▶ [incoming] ──plain──▶ signer       callbacks
//!   stacks-node ◀──plain── [incoming] ◀──mutual TLS── [outgoing] ◀──plain── signer       questions
//! ```
//!
//! Each side trusts one certificate, the other's own, which that side signed itself: there is no authority that could
//! sign a second one. What passes is checked by method and whole target on both hosts (`passes`).

mod haproxy;
mod nginx;
mod passes;
mod wireguard;

use std::net::{IpAddr, SocketAddr};

use crate::choices::HostRole;
use crate::places::Port;
use crate::site::Site;
use crate::values::AbsPath;

pub use haproxy::haproxy;
pub use nginx::nginx;
pub use wireguard::wireguard;

/// Where nginx has its process id and the folders that it insists on, none of which it uses.
const RUNTIME_FOLDER: &str = "/run/countersign-link";

/// The longest body, either way, in MiB. A chunk has up to 16 MiB and travels as hex; nginx allows 1 MiB unless it is
/// told otherwise (fact F9).
const MAX_BODY_MIB: u64 = 64;

/// How long a request may stand still, in seconds: longer than a signer waits for a StackerDB (120 s), so that it is
/// the signer that gives up and says so.
const PATIENCE_SECS: u32 = 150;

/// How long connecting to the other side may take, in seconds.
const CONNECT_SECS: u32 = 5;

/// How long a connection that was answered is kept for the next request, in seconds: less than either end keeps it,
/// so that no request is sent into a connection that ends.
const KEPT_SECS: u32 = 5;

/// What one host carries: one direction out, one in.
struct Ends {
    /// The name in this host's certificate, and of its files.
    own: &'static str,
    /// The name in the other host's certificate.
    other: &'static str,
    /// The other host.
    other_address: IpAddr,
    /// The folder with certificates and this host's key.
    tls: AbsPath,
    outgoing: Leg,
    incoming: Leg,
}

/// One direction on one host.
struct Leg {
    direction: passes::Direction,
    listen: SocketAddr,
    to: SocketAddr,
}

impl Ends {
    fn of(site: &Site, role: HostRole) -> Self {
        use passes::Direction::{Events, Rpc};
        let at = |role: HostRole, port: Port| SocketAddr::new(site.host(role).address, port.get());
        let events = at(HostRole::Signer, site.ports.link_events);
        let rpc = at(HostRole::Node, site.ports.link_rpc);
        let leg = |direction, listen, to| Leg { direction, listen, to };
        let (own, other, other_role, outgoing, incoming) = match role {
            HostRole::Node => (
                "link",
                "signer",
                HostRole::Signer,
                leg(Events, site.observer(), events),
                leg(Rpc, rpc, site.node_rpc()),
            ),
            HostRole::Signer => (
                "signer",
                "link",
                HostRole::Node,
                leg(Rpc, site.node_host(), rpc),
                leg(Events, events, site.signer_endpoint()),
            ),
        };
        let other_address = site.host(other_role).address;
        Self { own, other, other_address, tls: site.paths.tls(), outgoing, incoming }
    }

    fn certificate(&self) -> AbsPath {
        self.tls.join(&format!("{}.crt", self.own))
    }

    fn key(&self) -> AbsPath {
        self.tls.join(&format!("{}.key", self.own))
    }

    fn pinned(&self) -> AbsPath {
        self.tls.join(&format!("{}.crt", self.other))
    }
}
