//! Whether a node runs: who has files of its folder open, and who listens on its ports. Asked of the kernel, and not
//! of a service manager, which knows only what it has started itself.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What there is of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Processes that have files of the folder open or mapped.
    pub holders: Vec<Holder>,
    /// Ports of the node that somebody listens on.
    pub ports: Vec<SocketAddr>,
}

/// A process that uses the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// One of the files.
    pub file: PathBuf,
}

/// Why it cannot be told whether a node runs.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// `/proc` does not answer.
    #[error("{} cannot be read, so it cannot be told whether the node runs", path.display())]
    Proc {
        /// What was read.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A process of a user who may have the folder open shows nothing to us.
    #[error(
        "process {pid} ({name}) does not let this user see its files, so it cannot be told whether the node \
         runs; run this as root"
    )]
    Hidden {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
}

impl Activity {
    /// Whether nothing runs.
    pub const fn is_none(&self) -> bool {
        self.holders.is_empty() && self.ports.is_empty()
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holders = self.holders.iter().map(|Holder { pid, name, file }| {
            format!("process {pid} ({name}) has {} open", file.display())
        });
        let ports = self.ports.iter().map(|port| format!("somebody listens on {port}"));
        f.write_str(&holders.chain(ports).collect::<Vec<_>>().join(", "))
    }
}

/// What there is of a node with this folder and these ports. This process does not count.
pub fn activity(folder: &Path, ports: &[SocketAddr]) -> Result<Activity, ProcessError> {
    let (folder, owner) = match (folder.canonicalize(), folder.metadata()) {
        (Ok(folder), Ok(metadata)) => (Some(folder), metadata.uid()),
        // What is not there, nobody has open.
        _ => (None, 0),
    };
    let holders = folder.map_or(Ok(Vec::new()), |folder| holders(&folder, owner))?;
    Ok(Activity { holders, ports: listening(ports)? })
}

fn holders(folder: &Path, owner: u32) -> Result<Vec<Holder>, ProcessError> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).map_err(|source| unread(proc, source))?;
    let mut holders = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        let process = entry.path();
        match file_of(&process, folder) {
            Ok(Some(file)) => holders.push(Holder { pid, name: name_of(&process), file }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refuse_hidden(&process, pid, owner)?;
            }
            // It has ended in the meantime.
            Ok(None) | Err(_) => {}
        }
    }
    Ok(holders)
}

/// A file of `folder` that a process has open or has mapped. To be in the folder is no harm.
fn file_of(process: &Path, folder: &Path) -> io::Result<Option<PathBuf>> {
    let is_inside = |path: &PathBuf| path.starts_with(folder);
    for entry in fs::read_dir(process.join("fd"))?.flatten() {
        // One that is closed in the meantime is gone.
        if let Some(inside) = fs::read_link(entry.path()).ok().filter(is_inside) {
            return Ok(Some(inside));
        }
    }
    // A mapping stays when its descriptor is closed.
    let maps =
        String::from_utf8_lossy(&fs::read(process.join("maps")).unwrap_or_default()).into_owned();
    let mapped = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    Ok(mapped.map(PathBuf::from).find(is_inside))
}

/// Whoever is neither root nor the folder's owner has no business in it.
fn refuse_hidden(process: &Path, pid: u32, owner: u32) -> Result<(), ProcessError> {
    let Ok(metadata) = process.metadata() else { return Ok(()) };
    // Without a program it is a thread of the kernel, which has no files.
    let is_kernel = fs::read(process.join("cmdline")).is_ok_and(|line| line.is_empty());
    if metadata.uid() == owner && !is_kernel {
        return Err(ProcessError::Hidden { pid, name: name_of(process) });
    }
    Ok(())
}

fn name_of(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    name.trim().chars().filter(|letter| !letter.is_control()).collect()
}

/// Which of these ports somebody listens on, at whatever address.
fn listening(ports: &[SocketAddr]) -> Result<Vec<SocketAddr>, ProcessError> {
    let mut taken = BTreeSet::new();
    for (table, is_old) in [("/proc/net/tcp", true), ("/proc/net/tcp6", false)] {
        match fs::read_to_string(table) {
            Ok(text) => taken.extend(text.lines().skip(1).filter_map(listener)),
            // A host without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_old => {}
            Err(source) => return Err(unread(Path::new(table), source)),
        }
    }
    let is_taken = |port: &&SocketAddr| {
        taken.iter().any(|(ip, number)| {
            let meets = *ip == port.ip() || ip.is_unspecified() || port.ip().is_unspecified();
            *number == port.port() && meets
        })
    };
    Ok(ports.iter().filter(is_taken).copied().collect())
}

/// The local address in a line of `/proc/net/tcp`, if it listens.
fn listener(line: &str) -> Option<(IpAddr, u16)> {
    let mut words = line.split_whitespace().skip(1);
    let (local, state) = (words.next()?, words.nth(1)?);
    if state != LISTEN {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let bytes = hex::decode(address).ok()?;
    // Words of the machine's own order.
    let words = bytes.chunks_exact(4).flat_map(|word| {
        let word: [u8; 4] = word.try_into().expect("chunks of four");
        u32::from_be_bytes(word).to_ne_bytes()
    });
    let bytes: Vec<u8> = words.collect();
    let ip: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
    };
    Some((ip, port))
}

fn unread(path: &Path, source: io::Error) -> ProcessError {
    ProcessError::Proc { path: path.to_owned(), source }
}

/// The state of a socket that listens.
const LISTEN: &str = "0A";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_listener_is_seen_at_its_address_and_at_every_address() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let everywhere = SocketAddr::from(([0, 0, 0, 0], address.port()));
        let folder = tempfile::tempdir().unwrap();
        let seen = activity(folder.path(), &[address, everywhere]).unwrap();
        assert_eq!(seen.ports, [address, everywhere]);
        let elsewhere = SocketAddr::from(([127, 0, 0, 9], address.port()));
        assert!(listening(&[elsewhere]).unwrap().is_empty());
        drop(socket);
        // A program that another test is just starting has a copy of it until it runs.
        let begun = Instant::now();
        while !listening(&[address]).unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_line_of_the_kernels_table_is_read() {
        let line = "   0: 0100007F:4FDB 00000000:0000 0A 00000000:00000000 00:00000000 00000000";
        assert_eq!(listener(line), Some((Ipv4Addr::LOCALHOST.into(), 20443)));
        let connected = line.replace(" 0A ", " 01 ");
        assert_eq!(listener(&connected), None);
        for hostile in ["", "0:", "0: x:y 0:0 0A", "0: 01:4FDB 0:0 0A", "0: 0100007F:FFFFF 0:0 0A"]
        {
            assert_eq!(listener(hostile), None, "{hostile}");
        }
        let six = "0: 00000000000000000000000001000000:4FDB 0:0 0A";
        assert_eq!(listener(six), Some((Ipv6Addr::LOCALHOST.into(), 20443)));
    }
}
