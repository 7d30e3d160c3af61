//! Addresses on the loopback interface that stay free while their program is down.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::seed::Dice;

/// Hands out loopback addresses below the range that operating systems use for outgoing connections.
///
/// Signers and nodes here stop and return on the same port while others keep trying to reach them.
/// On a port of the ephemeral range such an attempt may itself take the port, or even connect to
/// itself; binding port 0 gives exactly such ports.
#[derive(Debug)]
pub(crate) struct Ports {
    dice: Dice,
    taken: BTreeSet<u16>,
}

impl Ports {
    /// No address handed out yet.
    pub(crate) fn new(dice: Dice) -> Self {
        Self { dice, taken: BTreeSet::new() }
    }

    /// An address that nobody listens on now and that was not handed out before.
    pub(crate) fn free(&mut self) -> io::Result<SocketAddr> {
        let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for _ in 0..ATTEMPTS {
            let offset = self.dice.below(u64::from(END - START));
            let port =
                START + u16::try_from(offset).expect("the offset is below the span of ports");
            if !self.taken.insert(port) {
                continue;
            }
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match TcpListener::bind(address) {
                Ok(_) => return Ok(address),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }
}

const START: u16 = 10_240;
/// Linux hands out outgoing ports from 32768 on, other systems from 49152 on.
const END: u16 = 32_768;
const ATTEMPTS: u32 = 200;
