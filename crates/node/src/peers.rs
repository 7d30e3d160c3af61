//! From which addresses connections are taken.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// The addresses that may connect: those of its networks, or all if it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPeers(Arc<[IpNet]>);

/// A text that is no address and no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// It cannot be read.
    #[error("`{0}` is not an IP address or network; write one such as 10.0.0.2 or 10.0.0.0/24")]
    Unreadable(String),
    /// It names an address in a network, and it is not clear which of the two is meant.
    #[error("`{text}` has bits after its prefix; write {network} for the network, or {address}")]
    HostBits {
        /// As it is written.
        text: String,
        /// The network.
        network: IpNet,
        /// The address.
        address: IpAddr,
    },
}

impl AllowedPeers {
    /// The peers in a list of addresses and networks.
    pub fn parse<T: AsRef<str>>(list: &[T]) -> Result<Self, NotANetwork> {
        list.iter().map(|text| network(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether everybody may connect.
    pub fn is_everybody(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `peer` may connect. An IPv4 address is the same when an IPv6 socket shows it.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.is_everybody() || self.0.iter().any(|network| network.contains(&peer))
    }
}

/// The networks, separated by commas.
impl fmt::Display for AllowedPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

fn network(text: &str) -> Result<IpNet, NotANetwork> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| NotANetwork::Unreadable(text.chars().take(MAX_SHOWN).collect()))?;
    if network != network.trunc() {
        let (text, address) = (text.to_owned(), network.addr());
        return Err(NotANetwork::HostBits { text, network: network.trunc(), address });
    }
    Ok(canonical(network))
}

/// A network of IPv4 addresses that is written as one of IPv6 addresses is the former.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let four = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(MAPPED_PREFIX));
    four.and_then(|(address, prefix)| IpNet::new(address.into(), prefix).ok()).unwrap_or(network)
}

/// How many bits `::ffff:0:0/96` has before the IPv4 address.
const MAPPED_PREFIX: u8 = 96;

/// Longer than every address, in characters.
const MAX_SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn admits(list: &[&str], peer: &str) -> bool {
        AllowedPeers::parse(list).unwrap().admits(peer.parse().unwrap())
    }

    #[test]
    fn peers_are_admitted_by_address_and_by_network() {
        let list =
            ["10.0.0.2", "10.1.0.0/24", "fd00::/8", "::ffff:192.0.2.1", "::ffff:10.2.0.0/112"];
        let rows = [
            ("10.0.0.2", true, "an address"),
            ("10.0.0.3", false, "its neighbour"),
            ("10.1.0.255", true, "in the network"),
            ("10.1.1.0", false, "after the network"),
            ("::ffff:10.0.0.2", true, "the same address on an IPv6 socket"),
            ("::ffff:10.0.0.3", false, "its neighbour there"),
            ("fd12::1", true, "an IPv6 network"),
            ("fe80::1", false, "outside of it"),
            ("192.0.2.1", true, "an IPv4 address that the list writes as IPv6"),
            ("10.2.0.9", true, "a network that it writes as IPv6"),
            ("10.3.0.9", false, "after that network"),
            ("127.0.0.1", false, "this machine, which is not in the list"),
        ];
        for (peer, is_admitted, why) in rows {
            assert_eq!(admits(&list, peer), is_admitted, "{peer}: {why}");
        }
    }

    #[test]
    fn an_empty_list_admits_everybody() {
        assert!(admits(&[], "203.0.113.9") && AllowedPeers::default().is_everybody());
    }

    #[test]
    fn what_is_no_network_is_refused_with_a_remedy() {
        let refusal = |text: &str| AllowedPeers::parse(&[text]).unwrap_err().to_string();
        assert_eq!(
            refusal("10.1.0.5/24"),
            "`10.1.0.5/24` has bits after its prefix; write 10.1.0.0/24 for the network, or 10.1.0.5"
        );
        for text in ["node", "10.0.0.2:20443", "10.0.0.0/33", "10.0.0", "", "10.0.0.0/-1"] {
            assert!(refusal(text).contains("is not an IP address or network"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_or_written_the_same(text in "[0-9a-f:./]{0,24}|.*") {
            if let Ok(peers) = AllowedPeers::parse(&[&text]) {
                let again = AllowedPeers::parse(&[peers.to_string()]).unwrap();
                prop_assert_eq!(again, peers);
            }
        }
    }
}
