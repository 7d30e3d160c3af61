//! WireGuard as the link: a tunnel of two, for `wg-quick`. What goes through it is plain HTTP between two hosts that
//! know each other by their keys; what may go through it is the firewall's matter.

use std::net::SocketAddr;

use crate::choices::HostRole;
use crate::site::{Link, Site};

/// The configuration of the tunnel on the host of this role, if WireGuard is the link. The private key is not in it:
/// `wg-quick` reads it from a file of root's.
pub fn wireguard(site: &Site, role: HostRole) -> Option<String> {
    let Some(Link::Wireguard { signer, node, prefix, .. }) = &site.link else { return None };
    let (other, other_key) = match role {
        HostRole::Signer => (HostRole::Node, node),
        HostRole::Node => (HostRole::Signer, signer),
    };
    let inside = site.peer_address(other);
    let whole = if inside.is_ipv4() { 32 } else { 128 };
    let outside = SocketAddr::new(site.host(other).address, site.ports.wireguard.get());
    Some(format!(
        "[Interface]
Address = {}/{prefix}
ListenPort = {}
# Made on this host with `wg genkey`; it stays here.
PostUp = wg set %i private-key {}

[Peer]
PublicKey = {other_key}
# Nothing else is taken from it, and nothing else is sent to it.
AllowedIPs = {inside}/{whole}
Endpoint = {outside}
# So that the age of the last handshake says whether the tunnel is up.
PersistentKeepalive = 25
",
        site.peer_address(role),
        site.ports.wireguard,
        site.paths.wireguard_key(),
    ))
}
