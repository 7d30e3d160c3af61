//! The folder of a devnet: a configuration file, a database and a log for each signer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_wire::PrivateKey;

/// Where a devnet keeps its files.
#[derive(Debug)]
pub struct NetworkFolder {
    path: PathBuf,
    /// Removes the folder when dropped.
    temporary: Option<tempfile::TempDir>,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is in it: databases there belong to another chain.
    #[error("{} is not empty; name a new folder, or remove what is in it", .0.display())]
    NotEmpty(PathBuf),
    /// The system refuses.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl NetworkFolder {
    /// A folder that stays, which must be empty or not exist, or a temporary one if none is named.
    pub fn open(kept: Option<&Path>) -> Result<Self, FolderError> {
        let Some(path) = kept else {
            let temporary = tempfile::Builder::new()
                .prefix("countersign-devnet-")
                .tempdir()
                .map_err(|source| FolderError::Io { path: std::env::temp_dir(), source })?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        let fail = |source| FolderError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(fail)?;
        if fs::read_dir(path).map_err(fail)?.next().is_some() {
            return Err(FolderError::NotEmpty(path.to_owned()));
        }
        Ok(Self { path: path.canonicalize().map_err(fail)?, temporary: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the files are still there after the devnet.
    pub const fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// Makes one signer's folder, readable by its owner only, and writes its configuration file.
    pub fn create_signer(
        &self,
        index: usize,
        settings: &SignerSettings<'_>,
    ) -> Result<SignerFiles, FolderError> {
        let folder = self.path.join(format!("signer-{index}"));
        create_private(&folder)?;
        let credentials = match settings.next_key {
            Some(key) => Some(write_credential(&folder, key)?),
            None => None,
        };
        let files = SignerFiles {
            config: folder.join("signer-config.toml"),
            log: folder.join("log"),
            credentials,
        };
        let text = settings.to_toml(&folder.join("signer.sqlite"));
        write_private(&files.config, &text)?;
        Ok(files)
    }

    /// Makes a folder for one of the network's other programs, readable by its owner only.
    pub(crate) fn create_folder(&self, name: &str) -> Result<PathBuf, FolderError> {
        let folder = self.path.join(name);
        create_private(&folder)?;
        Ok(folder)
    }
}

/// Writes the key that is to take a signer's first one's place where systemd would hand it over.
fn write_credential(folder: &Path, key: &PrivateKey) -> Result<PathBuf, FolderError> {
    let credentials = folder.join("credentials");
    create_private(&credentials)?;
    write_private(&credentials.join(NEXT_KEY), key.to_hex().as_str())?;
    Ok(credentials)
}

fn create_private(folder: &Path) -> Result<(), FolderError> {
    let made = fs::DirBuilder::new().mode(0o700).create(folder);
    made.map_err(|source| FolderError::Io { path: folder.to_owned(), source })
}

/// Writes a new file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), FolderError> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| FolderError::Io { path: path.to_owned(), source })
}

/// The files of one signer that its process is started with.
#[derive(Clone, Debug)]
pub struct SignerFiles {
    /// `signer-config.toml`.
    pub config: PathBuf,
    /// What it prints.
    pub log: PathBuf,
    /// The folder of what systemd would hand to it, if it is handed anything.
    pub credentials: Option<PathBuf>,
}

/// Opens a log for another run of its program.
pub(super) fn open_log(log: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(log)
}

/// What stands in a signer's configuration file (`signer-wire.md` section 8.1).
#[derive(Debug)]
pub struct SignerSettings<'a> {
    /// Its node.
    pub node: SocketAddr,
    /// Where it listens for callbacks.
    pub endpoint: SocketAddr,
    /// Where it serves its metrics.
    pub metrics: SocketAddr,
    /// Where it serves its status page, if it has one.
    pub page: Option<SocketAddr>,
    /// Its key.
    pub key: &'a PrivateKey,
    /// The key that is to take its place, for a signer of this project.
    pub next_key: Option<&'a PrivateKey>,
    /// What it shows its node.
    pub auth_password: &'a str,
    /// The pause between burn blocks, which the timeouts have to fit.
    pub burn_interval: Duration,
    /// Whether it knows the table `[countersign]`, which other programs refuse.
    pub is_countersign: bool,
}

impl SignerSettings<'_> {
    /// The file's text. Keys whose defaults fit are left out.
    fn to_toml(&self, database: &Path) -> String {
        let mut text = format!(
            "node_host = \"{}\"\nendpoint = \"{}\"\nstacks_private_key = \"{}\"\n\
             network = \"mocknet\"\nauth_password = {}\ndb_path = {}\nmetrics_endpoint = \"{}\"\n",
            self.node,
            self.endpoint,
            self.key.to_hex().as_str(),
            quoted(self.auth_password),
            quoted(&database.to_string_lossy()),
            self.metrics,
        );
        let burn_seconds = self.burn_interval.as_secs();
        if burn_seconds < DEFAULT_LAST_BLOCK_TIMEOUT_SECS {
            // An undecided block must not keep the next tenure's first block waiting for several
            // burn blocks, and a signer must notice quickly that time has passed.
            text.push_str("event_timeout_ms = 1000\ntenure_last_block_proposal_timeout_secs = ");
            text.push_str(&burn_seconds.max(2).to_string());
            text.push('\n');
        }
        if self.is_countersign {
            // Nobody else has the keys of this network, and it is not to stand still for half a minute
            // when it begins or when a signer was killed.
            text.push_str("\n[countersign]\nlisten_before_signing_secs = 0\n");
            if let Some(page) = self.page {
                text.push_str("status_page = ");
                text.push_str(&quoted(&page.to_string()));
                text.push('\n');
            }
        }
        if self.next_key.is_some() {
            if !self.is_countersign {
                text.push_str("[countersign]\n");
            }
            text.push_str("next_key = { credential = \"");
            text.push_str(NEXT_KEY);
            text.push_str("\" }\n");
        }
        text
    }
}

/// The name of the credential that holds a signer's next key.
const NEXT_KEY: &str = "next-signer-key";
const DEFAULT_LAST_BLOCK_TIMEOUT_SECS: u64 = 30;

/// JSON's strings are TOML's basic strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::seed::Seed;

    #[test]
    fn only_the_owner_can_read_a_signers_configuration() {
        let folder = NetworkFolder::open(None).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let settings = SignerSettings {
            node: address,
            endpoint: address,
            metrics: address,
            page: Some(address),
            key: &Seed::from_text("a").key("signer", 0),
            next_key: None,
            auth_password: "with \" quote",
            burn_interval: Duration::from_secs(3),
            is_countersign: true,
        };
        let files = folder.create_signer(0, &settings).unwrap();
        let mode = fs::metadata(&files.config).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&files.config).unwrap();
        assert!(text.contains("auth_password = \"with \\\" quote\""), "{text}");
        assert!(text.contains("tenure_last_block_proposal_timeout_secs = 3"), "{text}");
        assert!(text.contains("\n[countersign]\n"), "{text}");
        let theirs = SignerSettings { is_countersign: false, ..settings };
        let files = folder.create_signer(1, &theirs).unwrap();
        assert!(!fs::read_to_string(&files.config).unwrap().contains("[countersign]"));
    }

    #[test]
    fn a_signers_next_key_is_handed_over_as_a_credential_that_only_the_owner_can_read() {
        let folder = NetworkFolder::open(None).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let (key, next) = (Seed::from_text("a").key("signer", 0), Seed::from_text("b"));
        let next = next.key("signer", 0);
        let settings = SignerSettings {
            node: address,
            endpoint: address,
            metrics: address,
            page: Some(address),
            key: &key,
            next_key: Some(&next),
            auth_password: "",
            burn_interval: Duration::from_secs(30),
            is_countersign: true,
        };
        let files = folder.create_signer(0, &settings).unwrap();
        let credential = files.credentials.unwrap().join("next-signer-key");
        assert_eq!(fs::metadata(&credential).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(credential).unwrap(), next.to_hex().as_str());
        let text = fs::read_to_string(files.config).unwrap();
        assert!(text.ends_with("next_key = { credential = \"next-signer-key\" }\n"), "{text}");
        assert!(!text.contains(next.to_hex().as_str()), "{text}");
    }

    #[test]
    fn a_folder_with_files_in_it_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        NetworkFolder::open(Some(outer.path())).unwrap();
        fs::write(outer.path().join("old"), "").unwrap();
        let refused = NetworkFolder::open(Some(outer.path()));
        assert!(matches!(refused, Err(FolderError::NotEmpty(_))));
    }
}
