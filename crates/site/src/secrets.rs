//! Secrets that node, signer and database share. They are drawn once, each in a file of its own beside
//! `countersign.toml`, and are read only to be rendered.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::choices::BitcoinMode;
use crate::site::Site;

/// The folder of the secrets, beside `countersign.toml`.
pub const FOLDER: &str = "secrets";

/// The `.gitignore` of a folder with secrets, inside of it: one beside it may be somebody else's already.
pub(crate) const IGNORED: &[u8] = b"*\n";

/// A secret that is drawn here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secret {
    /// What the signer shows to its node (`auth_token`).
    AuthToken,
    /// What the node shows to bitcoind.
    BitcoinRpc,
    /// What the sBTC signer shows to PostgreSQL.
    Database,
}

impl Secret {
    /// Every secret.
    pub const ALL: [Self; 3] = [Self::AuthToken, Self::BitcoinRpc, Self::Database];

    /// The name of its file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::AuthToken => "auth-token",
            Self::BitcoinRpc => "bitcoin-rpc-password",
            Self::Database => "database-password",
        }
    }

    /// Whether an installation cannot do without it.
    pub fn is_needed(self, site: &Site) -> bool {
        match self {
            Self::AuthToken => true,
            Self::BitcoinRpc => site.bitcoin.mode != BitcoinMode::External,
            Self::Database => site.sbtc.is_some(),
        }
    }
}

/// Why the secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is not there.
    #[error("the secret {} is missing; `countersign init --secrets` draws it", .0.display())]
    Missing(PathBuf),
    /// It cannot be read or written.
    #[error("the secret {} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Others can read or change it.
    #[error("the secret {} is open to others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It can be guessed.
    #[error(
        "the secret {} {why}; remove the file and run `countersign init --secrets`, which draws 256 bits",
        path.display()
    )]
    Weak {
        /// The file.
        path: PathBuf,
        /// Why it is refused.
        why: &'static str,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random,
}

impl SecretError {
    /// Whether the operating system does not let this user do it.
    pub fn is_denied(&self) -> bool {
        let Self::File { source, .. } = self else { return false };
        source.kind() == io::ErrorKind::PermissionDenied
    }
}

/// Values of published samples, and what people write instead of a secret. Compared in small letters.
const SAMPLES: &[&str] = &[
    "12345",
    "1234",
    "123456",
    "change-me",
    "changeme",
    "foundation",
    "devnet",
    "postgres",
    "password",
    "secret",
    "stacks",
    "xxx",
    "replace_me",
    "todo",
    "auth_token",
    "your_token",
    "test",
    "testapikey",
    "admin",
];

/// The secrets of an installation.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<Secret, Zeroizing<String>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Reads the secrets that `site` needs from the folder `folder`, and those that are there.
    pub fn load(folder: &Path, site: &Site) -> Result<Self, SecretError> {
        let mut all = BTreeMap::new();
        for secret in Secret::ALL {
            let path = folder.join(secret.file_name());
            match read(&path)? {
                Some(text) => {
                    // The password of somebody else's bitcoind is not ours to judge.
                    if secret.is_needed(site) {
                        judge(&path, &text)?;
                    }
                    is_writable(&path, &text)?;
                    all.insert(secret, text);
                }
                None if secret.is_needed(site) => return Err(SecretError::Missing(path)),
                None => {}
            }
        }
        Ok(Self(all))
    }

    /// Draws the secrets that `site` needs and that are not in `folder` yet, and says which.
    pub fn draw(folder: &Path, site: &Site) -> Result<Vec<PathBuf>, SecretError> {
        let at = |source| SecretError::File { path: folder.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at)?;
        ignore(folder).map_err(at)?;
        let mut drawn = Vec::new();
        for secret in Secret::ALL.into_iter().filter(|secret| secret.is_needed(site)) {
            let path = folder.join(secret.file_name());
            if read(&path)?.is_none() {
                write(&path, &[random()?.as_bytes(), b"\n"])
                    .map_err(|source| SecretError::File { path: path.clone(), source })?;
                drawn.push(path);
            }
        }
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)?;
        Ok(drawn)
    }

    pub(crate) fn expose(&self, secret: Secret) -> Option<&str> {
        self.0.get(&secret).map(|text| text.as_str())
    }
}

/// 256 bits, in hex: no format needs them quoted.
fn random() -> Result<Zeroizing<String>, SecretError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|_| SecretError::Random)?;
    Ok(Zeroizing::new(hex::encode(bytes.as_ref())))
}

/// Keeps what is in the folder from being committed, whatever else git is told to ignore.
fn ignore(folder: &Path) -> io::Result<()> {
    let path = folder.join(".gitignore");
    if path.is_symlink() || path.try_exists()? { Ok(()) } else { write(&path, &[IGNORED]) }
}

/// Whole under its name, or not there: an interrupted run leaves no half secret.
fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    // Left by an interrupted run.
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::hard_link(&temporary, path)?;
    fs::remove_file(&temporary)
}

/// The longest file of a secret, in bytes.
const MAX_LEN: usize = 4096;

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, SecretError> {
    let at = |source| SecretError::File { path: path.to_owned(), source };
    match fs::metadata(path) {
        // To open a pipe is to wait for whoever writes into it.
        Ok(found) if !found.is_file() => return Err(at(io::Error::other("it is no file"))),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(error)),
    }
    let file = fs::File::open(path).map_err(at)?;
    let mode = file.metadata().map_err(at)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    // With room for all of it: a text that grows leaves parts of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * MAX_LEN));
    let most = u64::try_from(MAX_LEN + 1).expect("it is a small number");
    file.take(most).read_to_string(&mut text).map_err(at)?;
    if text.len() > MAX_LEN {
        let why = "is longer than 4096 bytes";
        return Err(SecretError::Weak { path: path.to_owned(), why });
    }
    Ok(Some(Zeroizing::new(text.trim_end_matches('\n').to_owned())))
}

fn judge(path: &Path, text: &str) -> Result<(), SecretError> {
    let weak = |why| Err(SecretError::Weak { path: path.to_owned(), why });
    let small = Zeroizing::new(text.to_ascii_lowercase());
    if SAMPLES.contains(&small.as_str()) {
        return weak("is a value of published samples");
    }
    let different = (0..=u8::MAX).filter(|byte| text.as_bytes().contains(byte)).count();
    if text.len() < 32 || different < 8 {
        return weak("is too short or too regular");
    }
    Ok(())
}

/// It is written into TOML, a URL and a header.
fn is_writable(path: &Path, text: &str) -> Result<(), SecretError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_plain) {
        let why = "has characters other than letters, digits and `-._~`";
        return Err(SecretError::Weak { path: path.to_owned(), why });
    }
    Ok(())
}
