//! What can be said of a backup without opening it: whether it is the file that was written.

use std::path::Path;
use std::time::Instant;

use super::{Fault, VerifyError};
use crate::Care;
use crate::child::ChildError;
use crate::digest::{Halt, sha256};
use crate::manifest::Manifest;

/// What a look at a backup's bytes came to. It proves no level: for the first one the file must open.
#[derive(Clone, Debug)]
pub struct Untouched {
    /// What is wrong with the file; none if it has the length and the SHA-256 of its manifest.
    pub fault: Option<Fault>,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Compares a backup with its manifest, for a machine that has no identity. A backup without a manifest has nothing
/// to be compared with, which is a [`Fault::NoManifest`].
pub fn untouched(backup: &Path, care: &mut Care<'_>) -> Result<Untouched, VerifyError> {
    let started = Instant::now();
    let manifest = Manifest::beside(backup)?;
    let (fault, bytes) = match (manifest, sha256(backup, "read", care)) {
        (_, Err(Halt::Stopped)) => return Err(ChildError::Stopped.into()),
        (_, Err(Halt::Io(error))) => (Some(Fault::Unreadable(error.to_string())), 0),
        (None, Ok((bytes, _))) => (Some(Fault::NoManifest), bytes),
        (Some(manifest), Ok((bytes, sha256))) => {
            (super::levels::bytes(&manifest, bytes, &hex::encode(sha256)).err(), bytes)
        }
    };
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Untouched { fault, bytes, took_ms })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use sha2::{Digest as _, Sha256};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::manifest::tests::manifest;

    fn look(text: &str, is_described: bool) -> Untouched {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("postgres-1.dump.age");
        fs::write(&backup, text).unwrap();
        if is_described {
            let sha256 = hex::encode(Sha256::digest("sealed"));
            let written = Manifest { bytes: 6, sha256, ..manifest("postgres-1.dump.age", 1) };
            written.write(folder.path()).unwrap();
        }
        let stop = CancellationToken::new();
        untouched(&backup, &mut Care { progress: &mut |_| {}, stop }).unwrap()
    }

    #[test]
    fn a_file_that_is_not_what_was_written_is_found_without_opening_it() {
        for (text, fault) in [
            ("sealed", None),
            ("seale", Some(Fault::Truncated { lengths: Some((6, 5)) })),
            ("sealeD", Some(Fault::Altered)),
            ("sealed and more", Some(Fault::Altered)),
        ] {
            let seen = look(text, true);
            assert_eq!((seen.fault, seen.bytes), (fault, text.len() as u64), "{text}");
        }
        assert_eq!(look("sealed", false).fault, Some(Fault::NoManifest));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_called_bad() {
        let folder = tempfile::tempdir().unwrap();
        let (stop, path) = (CancellationToken::new(), folder.path().join("none"));
        let seen = untouched(&path, &mut Care { progress: &mut |_| {}, stop }).unwrap();
        assert!(matches!(seen.fault, Some(Fault::Unreadable(_))), "{seen:?}");
    }
}
