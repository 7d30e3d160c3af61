//! Where a journal may be: in a regular file of its own name, on a disk of this machine.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::log::log_of;
use crate::error::{JournalError, OpenError};

/// Whether there is a journal at `path`. Whatever else is there, or was, is refused.
pub(super) fn is_taken(path: &Path) -> Result<bool, OpenError> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound && log_of(path).exists() => {
            let finding = "the file is missing, and its log is still beside it".to_owned();
            return Err(OpenError::Damaged { path: path.to_owned(), finding });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unwritable(path, error)),
    };
    check_kind(path, &found)?;
    check_file_system(path, path)?;
    Ok(true)
}

/// A log and a lock belong to a name. A link gives the same file two.
fn check_kind(path: &Path, found: &Metadata) -> Result<(), OpenError> {
    if found.is_symlink() {
        return Err(OpenError::Symlink { path: path.to_owned() });
    }
    if !found.is_file() {
        return Err(OpenError::NotAJournal { path: path.to_owned() });
    }
    // A journal comes into being whole, so an empty one has lost what it had.
    if found.len() == 0 {
        let finding = "the file is empty".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), finding });
    }
    Ok(())
}

/// Refuses a file system of another machine, or one that several machines share: there, neither a lock
/// nor a sync holds what the journal needs.
pub(super) fn check_file_system(path: &Path, file_or_folder: &Path) -> Result<(), OpenError> {
    let magic = magic_of(file_or_folder).map_err(|error| unwritable(path, error))?;
    match remote_file_system(magic) {
        Some(name) => Err(OpenError::Remote { path: path.to_owned(), name }),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn magic_of(path: &Path) -> io::Result<u64> {
    #[expect(
        clippy::cast_sign_loss,
        reason = "its type differs between processors; it has 32 bits"
    )]
    let magic = rustix::fs::statfs(path)?.f_type as u64;
    Ok(magic & 0xffff_ffff)
}

#[cfg(not(target_os = "linux"))]
fn magic_of(_: &Path) -> io::Result<u64> {
    Ok(0)
}

/// The name of a file system that is not this machine's own, by the number that Linux gives it
/// (statfs(2)). FUSE does not say what is behind it, so it is let through.
pub(super) fn remote_file_system(magic: u64) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

const REMOTE: [(u64, &str); 13] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unwritable(path: &Path, error: io::Error) -> OpenError {
    OpenError::Unwritable { path: path.to_owned(), source: JournalError::Io(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_file_systems_of_this_machine_take_a_journal() {
        for (magic, name) in [(0x6969, "NFS"), (0xfe53_4d42, "SMB2"), (0x0102_1997, "9P")] {
            assert_eq!(remote_file_system(magic), Some(name));
        }
        let [ext4, xfs, btrfs, tmpfs, overlay, zfs, fuse] =
            [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0x6573_5546];
        for magic in [ext4, xfs, btrfs, tmpfs, overlay, zfs, fuse, 0] {
            assert_eq!(remote_file_system(magic), None, "{magic:x}");
        }
    }

    #[test]
    fn the_file_system_of_a_real_file_is_known() {
        let file = tempfile::NamedTempFile::new().expect("there is room for a file");
        check_file_system(file.path(), file.path()).expect("temporary files are on this machine");
        assert!(
            cfg!(not(target_os = "linux")) || magic_of(file.path()).is_ok_and(|magic| magic > 0)
        );
        assert!(magic_of(&file.path().join("missing")).is_err() || cfg!(not(target_os = "linux")));
    }
}
