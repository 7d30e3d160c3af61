//! `/proc/net/{tcp,tcp6,udp,udp6}`: sockets that listen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::facts::Protocol;

/// A socket that listens, with the number by which its owner is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The transport.
    pub protocol: Protocol,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The inode, which its owner has among its descriptors.
    pub inode: u64,
}

/// The sockets of a table that listen; of UDP those that are connected to nobody.
pub fn listening(table: &str, protocol: Protocol) -> Vec<Socket> {
    let wanted = match protocol {
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if *fields.get(3)? != wanted {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = fields.get(9)?.parse().ok()?;
        Some(Socket { protocol, address: parse(address)?, port, inode })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Words of 32 bits, each in the machine's own order, which is little-endian on all that we build for.
fn parse(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = text.get(at..at.checked_add(8)?)?;
        u32::from_str_radix(word, 16).ok().map(u32::swap_bytes)
    };
    match text.len() {
        8 => Some(Ipv4Addr::from_bits(word(0)?).into()),
        32 => {
            let mut bits = 0_u128;
            for at in [0, 8, 16, 24] {
                bits = bits << 32 | u128::from(word(at)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_both_families_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:7530 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 4711 1 0 100 0 0 10 0\n\
             1: 0100007F:7530 0100007F:A000 01 00000000:00000000 00:00000000 00000000   999        0 4712 1\n\
             x: garbage\n";
        let found = listening(table, Protocol::Tcp);
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(
            found,
            [Socket { protocol: Protocol::Tcp, address, port: 30_000, inode: 4_711 }]
        );
        let six = "head\n 0: 00000000000000000000000001000000:0016 0:0 0A 0 0 0 0 0 9\n";
        let found = listening(six, Protocol::Tcp);
        assert_eq!(found.first().map(|socket| socket.address), Some(Ipv6Addr::LOCALHOST.into()));
        let mapped = "head\n 0: 0000000000000000FFFF00000100007F:0016 0:0 07 0 0 0 0 0 9\n";
        let found = listening(mapped, Protocol::Udp);
        assert_eq!(found.first().map(|socket| socket.address.to_canonical()), Some(address));
    }
}
