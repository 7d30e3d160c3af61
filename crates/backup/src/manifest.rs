//! What is known of a backup without opening it: a JSON file beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::write_for_owner;
use crate::retention::Entry;

/// What is known of a backup. It holds no secret, and nothing in it is trusted more than the backup itself:
/// whoever can change one can change the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format, 1.
    pub format: u32,
    /// The name of the backup's file, in the same folder.
    pub file: String,
    /// When it was begun, in seconds since 1970.
    pub made_at: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it was made.
    pub reason: Reason,
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// The length of what is encrypted in it, in bytes.
    pub plain_bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Who can open it (`age1…`).
    pub recipients: Vec<String>,
    /// The release of pg_dump that made it, such as `15.18`.
    pub dump_version: String,
    /// The release of the server, such as `15.18`.
    pub server_version: String,
    /// What was in the database at the same moment.
    pub contents: Contents,
    /// That a copy is off this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsite: Option<Acknowledgement>,
    /// What the last verification came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
}

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody asked for it.
    Asked,
    /// The time of the day had come.
    Daily,
    /// A key was made or changed its status.
    NewShares,
}

/// What was in the database: read in the snapshot that the dump was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The name of the database.
    pub database: String,
    /// Rows by table, such as `sbtc_signer.dkg_shares`.
    pub tables: BTreeMap<String, u64>,
    /// The migrations that were run, by the names of their files.
    pub migrations: Vec<String>,
    /// The rows of `dkg_shares`, the newest first.
    pub shares: Vec<ShareFact>,
    /// The newest row of `bitcoin_blocks`.
    pub newest_block: Option<BlockFact>,
}

/// A row of `dkg_shares`, without what is secret in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShareFact {
    /// The aggregate key, in hex.
    pub aggregate_key: String,
    /// `unverified`, `verified` or `failed`.
    pub status: String,
    /// The height of the Bitcoin block at which its making began.
    pub height: u64,
}

/// A row of `bitcoin_blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockFact {
    /// Its height.
    pub height: u64,
    /// When the row was written, in seconds since 1970; none if the table does not say.
    pub created_at: Option<u64>,
}

/// What the program said that carried a backup off the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The program.
    pub program: String,
    /// The first line that it printed.
    pub said: String,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The highest level that was reached; none if not even the file is intact.
    pub level: Option<u8>,
    /// The name of the verdict.
    pub verdict: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read or written.
    #[error("the manifest {} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is no manifest.
    #[error("{} is not the manifest of a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Another version wrote it.
    #[error("{} has format {found}, and this program knows {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It names a file outside of its folder.
    #[error("{} names the file `{file}`, which is not a name in its folder", path.display())]
    Elsewhere {
        /// The manifest.
        path: PathBuf,
        /// What it names.
        file: String,
    },
}

impl Manifest {
    /// Where the manifest of a backup is.
    pub fn path_of(backup: &Path) -> PathBuf {
        let mut name = backup.file_name().unwrap_or_default().to_owned();
        name.push(".json");
        backup.with_file_name(name)
    }

    /// Reads a manifest.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let unread = |source| ManifestError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(unread)?;
        let mut bytes = Vec::new();
        file.take(MAX_LEN).read_to_end(&mut bytes).map_err(unread)?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|source| ManifestError::Malformed { path: path.to_owned(), source })?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { path: path.to_owned(), found: manifest.format });
        }
        let name = Path::new(&manifest.file);
        if name.file_name() != Some(name.as_os_str()) {
            let file = manifest.file.clone();
            return Err(ManifestError::Elsewhere { path: path.to_owned(), file });
        }
        Ok(manifest)
    }

    /// The manifest beside a backup, if there is one.
    pub fn beside(backup: &Path) -> Result<Option<Self>, ManifestError> {
        match Self::read(&Self::path_of(backup)) {
            Err(ManifestError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            manifest => manifest.map(Some),
        }
    }

    /// Writes it into the folder of its backup, whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<(), ManifestError> {
        let path = Self::path_of(&folder.join(&self.file));
        let mut text =
            serde_json::to_string_pretty(self).expect("a manifest is strings and numbers");
        text.push('\n');
        write_for_owner(&path, text.as_bytes()).map_err(|source| ManifestError::Io { path, source })
    }

    /// The highest migration that was run.
    pub fn migration_level(&self) -> Option<u32> {
        self.contents.migrations.iter().filter_map(|name| migration_number(name)).max()
    }

    /// What counts of it for the retention.
    pub fn entry(&self) -> Entry {
        let is_verified = self.verified.as_ref().is_some_and(Verified::is_good);
        Entry { made_at: self.made_at, is_verified }
    }

    /// The newest key that the signers have verified, in hex.
    pub fn aggregate_key(&self) -> Option<&str> {
        let verified = self.contents.shares.iter().find(|share| share.status == VERIFIED);
        verified.map(|share| share.aggregate_key.as_str())
    }
}

impl Verified {
    /// Whether it was restored, its rows were counted, and nothing was wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == GOOD && self.level.is_some_and(|level| level >= RESTORED)
    }
}

/// The number that a migration's file name begins with.
pub(crate) fn migration_number(name: &str) -> Option<u32> {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    name.get(..digits)?.parse().ok()
}

/// The verdict of a verification that reached what was asked for.
pub(crate) const GOOD: &str = "good";
/// The least level of a verification that restored it and counted its rows.
const RESTORED: u8 = 2;
/// The format of manifests that this program writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The status of a key that all signers have signed with once.
pub(crate) const VERIFIED: &str = "verified";
/// Far more than a manifest with a thousand keys.
const MAX_LEN: u64 = 1 << 20;

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    pub(crate) fn manifest(file: &str, made_at: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            file: file.to_owned(),
            made_at,
            took_ms: 1,
            reason: Reason::Asked,
            bytes: 3,
            plain_bytes: 2,
            sha256: "00".repeat(32),
            recipients: vec!["age1a".to_owned(), "age1b".to_owned()],
            dump_version: "15.18".to_owned(),
            server_version: "15.18".to_owned(),
            contents: Contents::default(),
            offsite: None,
            verified: None,
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut written = manifest("postgres-1.dump.age", 1);
        written.contents.tables.insert("sbtc_signer.dkg_shares".to_owned(), 2);
        written.verified = Some(Verified { at: 2, level: Some(4), verdict: "good".to_owned() });
        written.write(folder.path()).unwrap();
        let backup = folder.path().join("postgres-1.dump.age");
        assert_eq!(Manifest::beside(&backup).unwrap(), Some(written));
        assert_eq!(Manifest::beside(&folder.path().join("other")).unwrap(), None);
    }

    #[test]
    fn a_manifest_that_names_a_file_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        for file in ["../x", "/etc/passwd", "", ".", "..", "a/b"] {
            let text = serde_json::to_string(&manifest(file, 1)).unwrap();
            std::fs::write(&path, text).unwrap();
            let error = Manifest::read(&path).unwrap_err();
            assert!(matches!(error, ManifestError::Elsewhere { .. }), "{file}: {error}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        for text in ["", "{}", "[]", "{\"format\":1}"] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(Manifest::read(&path), Err(ManifestError::Malformed { .. })),
                "{text}"
            );
        }
        let later = Manifest { format: 2, ..manifest("x", 1) };
        std::fs::write(&path, serde_json::to_string(&later).unwrap()).unwrap();
        assert!(matches!(Manifest::read(&path), Err(ManifestError::Format { found: 2, .. })));
    }

    #[test]
    fn the_number_of_a_migration_is_what_its_name_begins_with() {
        for (name, number) in
            [("0022__canonical.sql", Some(22)), ("1", Some(1)), ("x1", None), ("", None)]
        {
            assert_eq!(migration_number(name), number, "{name}");
        }
    }
}
