//! Backups of a signer in their folder: each a file, and what is known of it beside it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::contents::{Contents, FORMAT, Fault};
use crate::folder::{Folder, FolderError, Locked, stamp, write_for_owner};
use crate::retention::{Entry, Policy, kept};
use crate::sealed::{Identities, Recipients, Unopened, Watched};

/// What is known of a backup without opening it. It is trusted for nothing but its place and its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The version of this format, 1.
    pub format: u32,
    /// The name of its file, in the same folder.
    pub file: String,
    /// When it was made, in seconds since 1970.
    pub made_at: u64,
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Who can open it (`age1…`); empty if it is not encrypted.
    pub recipients: Vec<String>,
    /// The keys in it, in hex.
    pub keys: Vec<String>,
    /// When it was last proven, and how that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<(u64, bool)>,
}

/// Why there is no backup. Nothing of it is left under a final name.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file cannot be written.
    #[error("the backup cannot be written into {}; nothing was kept of it", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("the backup {} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is longer than any backup of a signer.
    #[error("{} has more than {MAX_LEN} bytes, which no backup of a signer has", .0.display())]
    TooLarge(PathBuf),
    /// It is encrypted.
    #[error("{} is encrypted; name the identity file of one of its recipients", .0.display())]
    NoIdentity(PathBuf),
    /// The identities are not among its recipients.
    #[error("none of these identities opens {}; name that of one of its recipients", .0.display())]
    OtherIdentity(PathBuf),
    /// It does not decrypt to its end.
    #[error("{} is damaged or was cut: it does not decrypt", .0.display())]
    Sealed(PathBuf),
    /// It is not the file that was written.
    #[error("{} is damaged or was cut: it has not the hash that was written beside it", .0.display())]
    Changed(PathBuf),
    /// What is in it is no backup.
    #[error("the backup {} is refused", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Fault,
    },
}

/// Writes a backup into a folder, whole or not at all; encrypted if there are recipients.
pub fn keep(
    contents: &Contents,
    folder: &Folder,
    recipients: Option<&Recipients>,
) -> Result<Kept, KeepError> {
    let locked = folder.lock()?;
    let failed = |source| KeepError::Write { folder: folder.path().to_owned(), source };
    let tar = contents.to_tar();
    let bytes = match recipients {
        None => tar,
        Some(recipients) => {
            let mut sealed = recipients.seal(Vec::new()).map_err(failed)?;
            sealed.write_all(&tar).map_err(failed)?;
            sealed.finish().map_err(failed)?
        }
    };
    let name = free_name(folder.path(), contents.about.made_at, recipients.is_some());
    let mut draft = locked.draft()?;
    draft.write_all(&bytes).map_err(failed)?;
    let kept = Kept {
        format: FORMAT,
        file: name,
        made_at: contents.about.made_at,
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(&bytes)),
        recipients: recipients.map(Recipients::names).unwrap_or_default(),
        keys: contents.about.keys.iter().map(|key| key.public_key.clone()).collect(),
        proven: None,
    };
    // Before the file has its name: what stands beside no file is not a backup.
    kept.write(folder.path()).map_err(failed)?;
    locked.keep(draft, &kept.file)?;
    Ok(kept)
}

/// Removes the backups that a policy does not keep, and says which they were.
pub fn prune(folder: &Folder, policy: Policy) -> Result<Vec<String>, KeepError> {
    let locked: Locked<'_> = folder.lock()?;
    let failed = |source| KeepError::Write { folder: locked.folder().path().to_owned(), source };
    let all = list(folder.path()).map_err(failed)?;
    let entries: Vec<Entry> = all
        .iter()
        .map(|kept| Entry { made_at: kept.made_at, is_verified: kept.is_proven() })
        .collect();
    let stay = kept(&entries, policy);
    let mut gone = Vec::new();
    for (place, backup) in all.into_iter().enumerate() {
        if stay.contains(&place) {
            continue;
        }
        let file = folder.path().join(&backup.file);
        fs::remove_file(&file).and_then(|()| fs::remove_file(beside(&file))).map_err(failed)?;
        gone.push(backup.file);
    }
    Ok(gone)
}

/// The newest backup in a folder.
pub fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    Ok(list(folder)?.pop().map(|kept| folder.join(kept.file)))
}

/// Reads a backup. Nothing in it is believed unchecked.
pub fn read(path: &Path, identities: Option<&Identities>) -> Result<Contents, ReadError> {
    let unread = |source| ReadError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut bytes))
        .map_err(unread)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(ReadError::TooLarge(path.to_owned()));
    }
    if let Some(kept) = beside_of(path)
        && kept.sha256 != hex::encode(Sha256::digest(&bytes))
    {
        return Err(ReadError::Changed(path.to_owned()));
    }
    let tar = if bytes.starts_with(AGE) { open(path, &bytes, identities)? } else { bytes };
    Contents::from_tar(&tar).map_err(|source| ReadError::Fault { path: path.to_owned(), source })
}

fn open(path: &Path, bytes: &[u8], identities: Option<&Identities>) -> Result<Vec<u8>, ReadError> {
    let path = || path.to_owned();
    let identities = identities.ok_or_else(|| ReadError::NoIdentity(path()))?;
    let mut reader = identities.open(BufReader::new(bytes)).map_err(|error| match error {
        Unopened::NotARecipient => ReadError::OtherIdentity(path()),
        Unopened::NotAge | Unopened::Damaged => ReadError::Sealed(path()),
    })?;
    let mut tar = Vec::new();
    reader.read_to_end(&mut tar).map_err(|_| ReadError::Sealed(path()))?;
    Ok(tar)
}

/// Writes down beside a backup that it was proven, or was not. One that was proven and has the same bytes stays so,
/// because it may be the last good one: what failed is the proof, such as one without its identity.
pub fn written_down(backup: &Path, at: u64, is_good: bool) -> io::Result<()> {
    let (Some(kept), Some(folder)) = (beside_of(backup), backup.parent()) else { return Ok(()) };
    if !is_good && kept.is_proven() && has_hash(backup, &kept.sha256) {
        return Ok(());
    }
    Kept { proven: Some((at, is_good)), ..kept }.write(folder)
}

/// Whether a file can be read and is what was written.
fn has_hash(file: &Path, expected: &str) -> bool {
    let mut digest = Sha256::new();
    let read = File::open(file).and_then(|inner| {
        let on_bytes = |passed: &[u8]| digest.update(passed);
        io::copy(&mut Watched { inner, on_bytes }, &mut io::sink())
    });
    read.is_ok() && hex::encode(digest.finalize()) == expected
}

impl Kept {
    /// By which backups come one after the other. Of one second, the name of the second is the longer one.
    fn order(&self) -> (u64, usize, &str) {
        (self.made_at, self.file.len(), &self.file)
    }

    fn is_proven(&self) -> bool {
        self.proven.is_some_and(|(_, is_good)| is_good)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("it is strings and numbers");
        text.push('\n');
        write_for_owner(&beside(&folder.join(&self.file)), text.as_bytes())
    }
}

/// Every backup whose file and description are there, the newest last.
fn list(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(NAME)
            && let Some(file) = name.strip_suffix(".json")
            && let Some(kept) = beside_of(&folder.join(file))
            && folder.join(file).is_file()
        {
            found.push(kept);
        }
    }
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(found)
}

/// What stands beside a backup, if it is about that file and this program understands it.
fn beside_of(backup: &Path) -> Option<Kept> {
    let mut text = Vec::new();
    File::open(beside(backup)).ok()?.take(MAX_BESIDE).read_to_end(&mut text).ok()?;
    let kept: Kept = serde_json::from_slice(&text).ok()?;
    let name = backup.file_name()?;
    (kept.format == FORMAT && name == kept.file.as_str()).then_some(kept)
}

fn beside(backup: &Path) -> PathBuf {
    let mut name = backup.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    backup.with_file_name(name)
}

fn free_name(folder: &Path, at: u64, is_sealed: bool) -> String {
    let ending = if is_sealed { ".tar.age" } else { ".tar" };
    let name = |number: u32| match number {
        1 => format!("{NAME}{}{ending}", stamp(at)),
        number => format!("{NAME}{}-{number}{ending}", stamp(at)),
    };
    let is_free = |name: &String| !folder.join(name).exists();
    (1..=u32::MAX).map(name).find(is_free).expect("a folder does not hold all names")
}

/// How the name of every backup of a signer begins.
const NAME: &str = "signer-";
/// How an age file begins.
const AGE: &[u8] = b"age-encryption.org/";
/// Ten times what a signer hands over at most.
const MAX_LEN: u64 = 512 << 20;
const MAX_BESIDE: u64 = 1 << 20;
