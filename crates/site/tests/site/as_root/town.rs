//! Hosts in network namespaces, on one switch: a signer's, a node's, an administrator's, and somebody else's.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use countersign_site::Protocol;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Whoever is heard of within this time is let through.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many knock at once.
const CROWD: usize = 100;

/// Namespaces that are gone when it is dropped.
pub(crate) struct Town {
    prefix: String,
    hosts: Vec<String>,
}

impl Town {
    /// Hosts with these names and addresses, each in one network with all others.
    pub(crate) fn new(hosts: &[(&str, &[&str])]) -> Self {
        static TOWNS: AtomicU32 = AtomicU32::new(0);
        let number = TOWNS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("cs{}x{number}", std::process::id());
        let mut town = Self { prefix, hosts: Vec::new() };
        town.build("switch");
        town.does("switch", "ip link add bridge type bridge");
        town.does("switch", "ip link set bridge up");
        for (host, addresses) in hosts {
            town.build(host);
            let there = town.space(host);
            town.does(
                "switch",
                &format!("ip link add {host} type veth peer name eth0 netns {there}"),
            );
            town.does("switch", &format!("ip link set {host} master bridge up"));
            town.does(host, "ip link set eth0 up");
            for address in *addresses {
                // An address that is ready at once.
                let nodad = if address.contains(':') { "nodad" } else { "" };
                town.does(host, &format!("ip address add {address} dev eth0 {nodad}"));
            }
        }
        town
    }

    /// One more host, beside the switch.
    pub(crate) fn build(&mut self, host: &str) {
        run(&format!("ip netns add {}", self.space(host)));
        self.hosts.push(host.to_owned());
        self.does(host, "ip link set lo up");
    }

    pub(crate) fn space(&self, host: &str) -> String {
        format!("{}{host}", self.prefix)
    }

    /// Runs a command on a host.
    pub(crate) fn does(&self, host: &str, command: &str) {
        run(&format!("ip netns exec {} {command}", self.space(host)));
    }

    /// Runs on a host, with its network.
    pub(crate) fn on<T: Send>(&self, host: &str, work: impl FnOnce() -> T + Send) -> T {
        let space = File::open(format!("/run/netns/{}", self.space(host))).unwrap();
        let there = || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(there).join().unwrap())
    }

    /// At which of these doors anybody says something: yes, or that nobody is in. Silence is the firewall's.
    pub(crate) fn open(
        &self,
        from: &str,
        to: IpAddr,
        doors: &[(Protocol, u16)],
    ) -> Vec<(Protocol, u16)> {
        let mut open = Vec::new();
        for crowd in doors.chunks(CROWD) {
            let knocks = |door: &(Protocol, u16)| {
                let (protocol, port) = *door;
                self.on(from, || is_open(protocol, SocketAddr::new(to, port)))
            };
            let heard: Vec<bool> = thread::scope(|scope| {
                let threads: Vec<_> =
                    crowd.iter().map(|door| scope.spawn(move || knocks(door))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            open.extend(crowd.iter().zip(heard).filter(|(_, heard)| *heard).map(|(door, _)| *door));
        }
        open
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for host in &self.hosts {
            let space = self.space(host);
            let _ = Command::new("ip").args(["netns", "delete", &space]).status();
        }
    }
}

/// Whether a connection to this address gets past every firewall on its way. With nobody listening, the host
/// itself refuses; a firewall says nothing, or that it is forbidden.
pub(crate) fn is_open(protocol: Protocol, to: SocketAddr) -> bool {
    let error = match protocol {
        Protocol::Tcp => match TcpStream::connect_timeout(&to, PATIENCE) {
            Ok(_) => return true,
            Err(error) => error,
        },
        Protocol::Udp => {
            let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
            let socket = UdpSocket::bind((any, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let asked = socket.connect(to).and_then(|()| socket.send(b"?"));
            match asked.and_then(|_| socket.recv(&mut [0])) {
                Ok(_) => return true,
                Err(error) => error,
            }
        }
    };
    match error.kind() {
        ErrorKind::ConnectionRefused => true,
        ErrorKind::TimedOut
        | ErrorKind::WouldBlock
        | ErrorKind::HostUnreachable
        | ErrorKind::PermissionDenied => false,
        other => panic!("{protocol:?} {to}: {other:?} {error}"),
    }
}

fn run(command: &str) {
    let mut words = command.split_whitespace();
    let done = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
}
