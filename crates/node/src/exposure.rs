//! Who can reach an address that is listened on.
//!
//! A signer's endpoints speak with whoever connects. That is fine on one machine and on a network of
//! one's own; on a routable address it would be everybody, so there something must stand in the door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who can reach an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A network that is not routed on the internet: private (RFC 1918), carrier-grade NAT (RFC 6598),
    /// link-local (RFC 3927, RFC 4291), unique local (RFC 4193).
    Private,
    /// Every address that the machine has, and will have: `0.0.0.0`, `::`.
    Unspecified,
    /// The internet, for all that is known: every other address.
    Global,
}

/// What to do about an address that is to be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Listen.
    Fine,
    /// Listen, and say in the log that everybody on that network can connect.
    Warn,
    /// Do not listen.
    Refuse,
}

impl Reach {
    /// Who can reach this address. An IPv4 address is the same when it is written as IPv6.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Loopback,
            address if address.is_unspecified() => Self::Unspecified,
            IpAddr::V4(address) if is_private_v4(address) => Self::Private,
            IpAddr::V6(address) if is_private_v6(address) => Self::Private,
            _ => Self::Global,
        }
    }

    /// What to do about an address with this reach.
    ///
    /// `is_guarded`: whether only known peers are let in. `is_development`: whether the network is one
    /// for development, where a container that listens on all its addresses is usual.
    pub const fn verdict(self, is_guarded: bool, is_development: bool) -> Verdict {
        match self {
            _ if is_guarded => Verdict::Fine,
            Self::Loopback => Verdict::Fine,
            Self::Private => Verdict::Warn,
            Self::Unspecified if is_development => Verdict::Warn,
            Self::Unspecified | Self::Global => Verdict::Refuse,
        }
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && second & 0b1100_0000 == 64;
    address.is_private() || address.is_link_local() || is_shared
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Reach::{Global, Loopback, Private, Unspecified};
    use super::*;

    #[test]
    fn every_address_has_its_reach() {
        let rows = [
            ("127.0.0.1", Loopback, "loopback"),
            ("127.255.255.254", Loopback, "its last address"),
            ("::1", Loopback, "loopback, IPv6"),
            ("::ffff:127.0.0.1", Loopback, "loopback, written as IPv6"),
            ("10.0.0.1", Private, "RFC 1918"),
            ("11.0.0.1", Global, "after it"),
            ("172.16.0.1", Private, "RFC 1918"),
            ("172.17.0.2", Private, "docker's bridge"),
            ("172.31.255.255", Private, "the last of RFC 1918"),
            ("172.32.0.1", Global, "after it"),
            ("172.15.0.1", Global, "before it"),
            ("192.168.1.1", Private, "RFC 1918"),
            ("192.169.1.1", Global, "after it"),
            ("100.64.0.1", Private, "carrier-grade NAT, and many overlay networks"),
            ("100.127.255.255", Private, "its last address"),
            ("100.128.0.1", Global, "after it"),
            ("100.63.255.255", Global, "before it"),
            ("169.254.10.10", Private, "link-local"),
            ("fe80::1", Private, "link-local, IPv6"),
            ("febf::1", Private, "its last"),
            ("fec0::1", Global, "after it: site-local, which is deprecated and may be routed"),
            ("fc00::1", Private, "unique local"),
            ("fd00:1234::1", Private, "unique local"),
            ("fe00::1", Global, "after it"),
            ("::ffff:10.0.0.1", Private, "RFC 1918, written as IPv6"),
            ("::ffff:172.17.0.2", Private, "docker's bridge, written as IPv6"),
            ("::ffff:8.8.8.8", Global, "a global address, written as IPv6"),
            ("0.0.0.0", Unspecified, "all addresses"),
            ("::", Unspecified, "all addresses, IPv6"),
            ("::ffff:0.0.0.0", Unspecified, "all addresses, written as IPv6"),
            ("8.8.8.8", Global, "global"),
            ("203.0.113.1", Global, "documentation: nobody's, so not known to be private"),
            ("2001:db8::1", Global, "documentation, IPv6"),
            ("2606:4700::1", Global, "global, IPv6"),
            ("64:ff9b::a00:1", Global, "10.0.0.1 behind NAT64: reached from elsewhere"),
            ("224.0.0.1", Global, "multicast"),
        ];
        for (address, reach, why) in rows {
            assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}: {why}");
        }
    }

    #[test]
    fn an_open_door_is_refused_where_everybody_passes() {
        let rows = [
            (Loopback, [Verdict::Fine, Verdict::Fine]),
            (Private, [Verdict::Warn, Verdict::Warn]),
            (Unspecified, [Verdict::Refuse, Verdict::Warn]),
            (Global, [Verdict::Refuse, Verdict::Refuse]),
        ];
        for (reach, [production, development]) in rows {
            assert_eq!(reach.verdict(false, false), production, "{reach:?}");
            assert_eq!(reach.verdict(false, true), development, "{reach:?}");
            assert_eq!(reach.verdict(true, false), Verdict::Fine, "{reach:?}");
        }
    }
}
