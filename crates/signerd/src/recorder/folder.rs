//! Where recordings are, and how many stay.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_signer::Timestamp;
use countersign_wire::PublicKey;

use super::frame::MAGIC;

/// How many older recordings of a key stay when a new one is begun.
pub(super) const MAX_OLD: usize = 8;

const ENDING: &str = ".countersign-recording";

/// Begins a file for the signer of `key`, for its owner's eyes only, and deletes this signer's oldest.
pub(super) fn begin(folder: &Path, key: &PublicKey, at: Timestamp) -> io::Result<(PathBuf, File)> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let ending = format!("-{key}{ENDING}");
    prune(folder, &ending)?;
    // Fixed width, so that the order of names is the order of time.
    let path = folder.join(format!("{:015}{ending}", at.as_millis()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

/// Deletes the oldest files that have this ending and that are recordings.
fn prune(folder: &Path, ending: &str) -> io::Result<()> {
    let mut ours = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_named_so =
            path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending));
        if is_named_so && is_recording(&path) {
            ours.push(path);
        }
    }
    ours.sort_unstable();
    let surplus = ours.len().saturating_sub(MAX_OLD);
    ours.iter().take(surplus).try_for_each(fs::remove_file)
}

fn is_recording(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use countersign_wire::PrivateKey;

    use super::*;

    fn key(byte: u8) -> PublicKey {
        PrivateKey::from_bytes([byte; 32]).unwrap().public_key()
    }

    #[test]
    fn the_oldest_recordings_of_the_same_key_are_deleted_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new");
        let begin = |byte: u8, at: u64| {
            let (path, _) = begin(&folder, &key(byte), Timestamp::from_millis(at)).unwrap();
            fs::write(&path, MAGIC).unwrap();
            path
        };
        let other = begin(2, 1);
        let not_ours = folder.join(format!("0-{}{ENDING}", key(1)));
        fs::write(&not_ours, "a letter").unwrap();
        let ours: Vec<_> = (0..12).map(|at| begin(1, at)).collect();
        let left: Vec<bool> = ours.iter().map(|path| path.exists()).collect();
        assert_eq!(left.iter().filter(|exists| **exists).count(), MAX_OLD + 1);
        assert!(left.iter().skip(3).all(|exists| *exists), "{left:?}");
        assert!(other.exists() && not_ours.exists());
    }

    #[test]
    fn a_recording_is_for_its_owner_and_never_overwrites_another() {
        let dir = tempfile::tempdir().unwrap();
        let at = Timestamp::from_millis(5);
        let (path, file) = begin(dir.path(), &key(1), at).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(path.exists());
        assert!(begin(dir.path(), &key(1), at).is_err());
    }
}
