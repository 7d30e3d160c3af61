//! One process per key on one machine, whatever its configuration, its journal and its user.
//!
//! Two locks, both of which the kernel takes back when the process ends, however it ends:
//!
//! * an abstract unix socket that is named after the public key: it needs no file system, and whoever
//!   finds it taken is told by the kernel whose it is. It holds within one network namespace;
//! * a locked file of that name in each of `/run/lock`, `/dev/shm` and `/tmp` where there can be one: it
//!   holds between network namespaces, too. Some services see a `/tmp` or `/run/lock` of their own, hence
//!   three.
//!
//! Who ends removes its files, for which it still has the lock; who takes a lock looks afterwards whether the name still
//! leads to the file that it has locked, and begins anew if not. So nobody relies on a file that was removed. What stays
//! is empty: the file of a process that was killed, and of one that may not remove it, such as a vault in its sandbox.
//!
//! Whoever can log in to the machine can take both before we do, and keep the signer from starting; it
//! says who that is.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

use countersign_wire::PublicKey;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::fs::OFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// Keeps every other process of this machine from signing with a key, for as long as it lives.
#[derive(Debug)]
pub struct HostLock {
    /// Named before the socket, because it is to be dropped before it.
    _files: Vec<LockedFile>,
    _socket: UnixListener,
}

/// A file that is ours alone, until it is dropped.
#[derive(Debug)]
struct LockedFile {
    path: PathBuf,
    file: File,
}

/// A process that has the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its id; none if it is out of our sight, as in another container.
    pub pid: Option<i32>,
    /// Its user.
    pub uid: Option<u32>,
}

/// Why the key cannot be had alone.
#[derive(Debug, thiserror::Error)]
pub enum HostLockError {
    /// Another process has it.
    #[error(
        "{holder} signs with the key {key} on this machine; a key has one signer: stop the other one \
         first, or run this one as `countersign standby`"
    )]
    Taken {
        /// The key.
        key: PublicKey,
        /// Who has it.
        holder: Holder,
    },
    /// Nobody can tell whether another process has it.
    #[error(
        "it cannot be told whether another process of this machine signs with this key: {what}"
    )]
    Unusable {
        /// What cannot be used, and the remedy.
        what: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl HostLock {
    /// Takes the key of this machine.
    pub fn take(key: &PublicKey) -> Result<Self, HostLockError> {
        Self::take_in(key, &FOLDERS.map(Path::new))
    }

    fn take_in(key: &PublicKey, folders: &[&Path]) -> Result<Self, HostLockError> {
        let name = format!("countersign-signer-{key}");
        let socket = take_socket(key, &name)?;
        let mut files = Vec::new();
        for folder in folders {
            files.extend(take_file(key, &folder.join(format!("{name}.lock")))?);
        }
        if files.is_empty() {
            return Err(HostLockError::Unusable {
                what: format!(
                    "no file can be made in {}; make one of them writable",
                    list(folders)
                ),
                source: ErrorKind::PermissionDenied.into(),
            });
        }
        Ok(Self { _socket: socket, _files: files })
    }
}

impl LockedFile {
    /// Whether the file's name leads to it.
    fn is_named(&self) -> io::Result<bool> {
        let named = match std::fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            named => named?,
        };
        let ours = self.file.metadata()?;
        Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino()))
    }
}

impl Drop for LockedFile {
    /// The lock is still ours. Somebody else's file of that name is left alone, and a file that may not be removed stays.
    fn drop(&mut self) {
        if self.is_named().unwrap_or(false) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, self.uid) {
            (Some(pid), Some(uid)) => write!(f, "process {pid} of user {uid}"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, Some(uid)) => write!(f, "another process of user {uid}, out of our sight,"),
            (None, None) => f.write_str("another process, out of our sight,"),
        }
    }
}

fn take_socket(key: &PublicKey, name: &str) -> Result<UnixListener, HostLockError> {
    let unusable = |source| HostLockError::Unusable {
        what: format!("the abstract unix socket @{name} cannot be bound"),
        source,
    };
    let address = SocketAddr::from_abstract_name(name).map_err(unusable)?;
    match UnixListener::bind_addr(&address) {
        Ok(socket) => Ok(socket),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(HostLockError::Taken { key: *key, holder: owner_of_socket(name) })
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Whoever connects is told who listens. Its queue may be full, or it may end right now: then nobody
/// says, and nobody waits.
fn owner_of_socket(name: &str) -> Holder {
    let ask = || {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        Ok::<_, io::Error>(getsockopt(&socket, PeerCredentials)?)
    };
    // A process in another container has no number here, and is process 0.
    ask().map_or_else(
        |_| Holder::default(),
        |peer| Holder { pid: Some(peer.pid()).filter(|pid| *pid != 0), uid: Some(peer.uid()) },
    )
}

/// The locked file; none if no file can be made there.
fn take_file(key: &PublicKey, path: &Path) -> Result<Option<LockedFile>, HostLockError> {
    let unusable = |source| HostLockError::Unusable {
        what: format!("{} cannot be locked; see who made it, and remove it", path.display()),
        source,
    };
    for _ in 0..TRIES {
        let Some(file) = open(path).map_err(unusable)? else { return Ok(None) };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HostLockError::Taken { key: *key, holder: owner_of_file(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // Its last owner may have removed it after it was opened here.
        let locked = LockedFile { path: path.to_owned(), file };
        if locked.is_named().map_err(unusable)? {
            return Ok(Some(locked));
        }
    }
    Err(unusable(vanishing()))
}

/// Another user may have made the file, in a folder that everybody may write to. So it is opened without
/// the flag that creates: the kernel refuses that for other people's files in such folders
/// (`fs.protected_regular`). No link is followed, and what is no file is not used.
fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    for _ in 0..TRIES {
        let found = OpenOptions::new().read(true).custom_flags(flags).open(path);
        match found {
            Ok(file) if file.metadata()?.is_file() => return Ok(Some(file)),
            Ok(_) => return Err(io::Error::other("it is no file")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let made = OpenOptions::new().write(true).create_new(true).custom_flags(flags).open(path);
        match made {
            // Whatever the mask of this process is: other users must be able to open it.
            Ok(file) => file.set_permissions(Permissions::from_mode(0o644))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // There is no such folder, or it is not for us.
            Err(_) => return Ok(None),
        }
    }
    Err(vanishing())
}

fn vanishing() -> io::Error {
    io::Error::other("somebody removes it again and again")
}

/// The kernel lists who has which lock. A process of another namespace is not in our list.
fn owner_of_file(file: &File) -> Holder {
    let listed = || {
        let found = file.metadata().ok()?;
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| flock_holder(line, found.dev(), found.ino()))
    };
    let pid = listed();
    let uid = pid
        .and_then(|pid| std::fs::metadata(PathBuf::from(format!("/proc/{pid}"))).ok())
        .map(|process| process.uid());
    Holder { pid, uid }
}

/// Who holds the lock of this file, if the line says it. Such as
/// `1: FLOCK  ADVISORY  WRITE 708 00:15:1025 0 EOF`, with the device in hex and the inode in decimal digits.
fn flock_holder(line: &str, dev: u64, ino: u64) -> Option<i32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, _, pid, place, ..] = words.as_slice() else { return None };
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    (*place == format!("{major:02x}:{minor:02x}:{ino}")).then(|| pid.parse().ok()).flatten()
}

fn list(folders: &[&Path]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

const FOLDERS: [&str; 3] = ["/run/lock", "/dev/shm", "/tmp"];
/// How often a file may vanish between two looks at it.
const TRIES: usize = 8;

#[cfg(test)]
mod tests;
