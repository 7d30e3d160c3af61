//! Secrets in memory and on disk.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error as _};
use tempfile::NamedTempFile;
use zeroize::{Zeroize, Zeroizing};

/// A value that is erased when dropped and never printed: `Debug` says `Secret(..)`, and there is no
/// `Display`.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes charge of a secret. Copies that were made before are not erased.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The secret, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Of what a value should have been, errors say only that it is not: they never quote it.
impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer)
            .map(Self::new)
            .map_err(|_| D::Error::custom("it is a secret, so its value is not shown"))
    }
}

/// Forbids core dumps of this process, in which its keys would be: by its limit, and on Linux by a flag
/// that also keeps other processes of the same user from reading its memory. Call it before the first
/// secret is read.
pub fn forbid_core_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // The limit does not bind a program that the kernel pipes dumps into; this does.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}

/// Writes `bytes` into a file that only its owner can read (mode 0600), replacing what was there.
///
/// Whoever looks sees the old file or the whole new one, with these permissions from the start; when
/// this returns, the file survives a power cut.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    draft(folder, bytes)?.persist(path)?;
    File::open(folder)?.sync_all()
}

/// The same, but what was there stays: it is [`io::ErrorKind::AlreadyExists`] then.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    draft(folder, bytes)?.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file without its final name, which is on disk. A temporary file has mode 0600.
fn draft(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut draft = tempfile::Builder::new().prefix(".private-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Secret, create_private, forbid_core_dumps, write_private};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_forbids_core_dumps_has_none() {
        use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

        forbid_core_dumps().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "Secret(..) Some(\n    Secret(..),\n)"
        );
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_quoted() {
        let error = serde_json::from_str::<Secret<String>>("271828").unwrap_err().to_string();
        assert!(error.contains("is not shown") && !error.contains("271828"), "{error}");
        let secret: Secret<String> = serde_json::from_str("\"horse\"").unwrap();
        assert_eq!(secret.expose(), "horse");
    }

    #[test]
    fn a_private_file_replaces_what_was_there_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signer.toml");
        fs::write(&path, "old and public").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_private_file_that_is_created_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signer.key");
        create_private(&path, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = create_private(&path, b"second").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        write_private(&path, b"new").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_private(&folder.path().join("missing/file"), b"new").unwrap_err();
    }
}
