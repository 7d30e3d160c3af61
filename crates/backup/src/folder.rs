//! The folder that backups are kept in.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use crate::manifest::{Manifest, ManifestError};

/// The folder that backups are kept in.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The folder while nobody else changes it.
#[derive(Debug)]
pub struct Locked<'a> {
    folder: &'a Folder,
    _lock: Held,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read or written.
    #[error("the folder of backups {} cannot be read or written", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Another process changes it.
    #[error("another backup into {} is under way; wait for its end", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Folder {
    /// The folder at this path, which is made if it is not there: for its owner only.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(FolderError::Io { path: path.to_owned(), source })
            }
            _ => Ok(Self { path: path.to_owned() }),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps other processes from changing the folder, and removes what those left that were killed.
    pub fn lock(&self) -> Result<Locked<'_>, FolderError> {
        let lock = Held::take(&self.path.join(LOCK)).map_err(|source| self.error(source))?;
        let lock = lock.ok_or_else(|| FolderError::Busy { path: self.path.clone() })?;
        for name in self.names()? {
            if name.starts_with(DRAFT) {
                fs::remove_file(self.path.join(name)).map_err(|source| self.error(source))?;
            }
        }
        Ok(Locked { folder: self, _lock: lock })
    }

    /// All backups with a manifest, the newest first. One whose file is gone is not among them, and a manifest under
    /// another name than its own is a copy, not a second backup.
    ///
    /// A manifest that is damaged is passed over: it must not keep the next backup from being made. [`Self::damaged`]
    /// names it.
    pub fn backups(&self) -> Result<Vec<Manifest>, FolderError> {
        Ok(self.read()?.0)
    }

    /// What is wrong with the manifests that are damaged.
    pub fn damaged(&self) -> Result<Vec<ManifestError>, FolderError> {
        Ok(self.read()?.1)
    }

    fn read(&self) -> Result<(Vec<Manifest>, Vec<ManifestError>), FolderError> {
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        for name in self.names()? {
            let is_ours = name.starts_with(NAME);
            let is_manifest = Path::new(&name).extension().is_some_and(|it| it == "json");
            if !(is_ours && is_manifest) {
                continue;
            }
            let path = self.path.join(&name);
            let manifest = match Manifest::read(&path) {
                Ok(manifest) => manifest,
                Err(error) => {
                    damaged.push(error);
                    continue;
                }
            };
            let file = self.file(&manifest);
            if Manifest::path_of(&file) == path && file.is_file() {
                found.push(manifest);
            }
        }
        found.sort_by(|a, b| (b.made_at, &b.file).cmp(&(a.made_at, &a.file)));
        Ok((found, damaged))
    }

    /// Changes what is said of a backup, which nobody else changes meanwhile.
    pub fn amend(&self, file: &str, change: impl FnOnce(&mut Manifest)) -> Result<(), FolderError> {
        let lock = lock_file(&self.path.join(AMENDING)).map_err(|source| self.error(source))?;
        lock.lock().map_err(|source| self.error(source))?;
        let mut manifest = Manifest::read(&Manifest::path_of(&self.path.join(file)))?;
        change(&mut manifest);
        Ok(manifest.write(&self.path)?)
    }

    /// Where a backup's file is.
    pub fn file(&self, manifest: &Manifest) -> PathBuf {
        self.path.join(&manifest.file)
    }

    fn names(&self) -> Result<Vec<String>, FolderError> {
        let entries = fs::read_dir(&self.path).map_err(|source| self.error(source))?;
        entries
            .map(|entry| {
                let name = entry.map_err(|source| self.error(source))?.file_name();
                Ok(name.to_string_lossy().into_owned())
            })
            .collect()
    }

    pub(crate) fn error(&self, source: io::Error) -> FolderError {
        FolderError::Io { path: self.path.clone(), source }
    }
}

impl Locked<'_> {
    /// The folder.
    pub fn folder(&self) -> &Folder {
        self.folder
    }

    /// A file without its final name, for its owner only.
    pub(crate) fn draft(&self) -> Result<NamedTempFile, FolderError> {
        let error = |source| self.folder.error(source);
        let folder = &self.folder.path;
        let draft = tempfile::Builder::new().prefix(DRAFT).tempfile_in(folder).map_err(error)?;
        give(draft.as_file(), folder).map_err(error)?;
        Ok(draft)
    }

    /// A name for a backup of this moment that no file has.
    pub(crate) fn free_name(&self, at: u64) -> String {
        let stem = format!("{NAME}{}", stamp(at));
        let (mut name, mut number) = (format!("{stem}{ENDING}"), 1_u64);
        while self.folder.path.join(&name).exists() {
            number += 1;
            name = format!("{stem}-{number}{ENDING}");
        }
        name
    }

    /// Gives a finished draft its name. When this returns, the file survives a power cut.
    pub(crate) fn keep(&self, draft: NamedTempFile, name: &str) -> Result<(), FolderError> {
        let error = |source| self.folder.error(source);
        draft.as_file().sync_all().map_err(error)?;
        draft
            .persist_noclobber(self.folder.path.join(name))
            .map_err(|refused| self.folder.error(refused.error))?;
        File::open(&self.folder.path).and_then(|folder| folder.sync_all()).map_err(error)
    }

    /// Removes a backup and its manifest.
    pub fn remove(&self, manifest: &Manifest) -> Result<(), FolderError> {
        let file = self.folder.file(manifest);
        for path in [&file, &Manifest::path_of(&file)] {
            match fs::remove_file(path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(self.folder.error(source));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The lock of a file, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// Takes it; none if somebody else has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Held {
    /// To close the file is not enough: a program that another thread is just starting has a copy of it until it
    /// runs, and the lock with it.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// A file whose lock is taken. The folder may be another user's, and we may be root: its names may be links.
fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    loop {
        match options.clone().create_new(true).open(path) {
            Ok(made) => {
                give(&made, folder_of(path))?;
                return Ok(made);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
    }
}

/// Writes a file that only the owner of its folder can read, replacing what was there: whole, and on the disk.
pub(crate) fn write_for_owner(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // Not DRAFT, which another process removes.
    let mut draft = tempfile::Builder::new().prefix(".private-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    give(draft.as_file(), folder)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    File::open(folder)?.sync_all()
}

/// If we are root, what we make in somebody's folder is theirs: they could not read, change or lock it again. Only for
/// files that we have made ourselves, because a name in their folder may be a link to anything.
pub(crate) fn give(made: &File, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if owner.uid() == 0 || !geteuid().is_root() {
        return Ok(());
    }
    fchown(made, Some(owner.uid()), Some(owner.gid()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The moment in UTC, as it stands in a file name; seconds since 1970 for a year above 9999.
pub(crate) fn stamp(at: u64) -> String {
    let moment = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    moment.map_or_else(
        || at.to_string(),
        |moment| {
            let (date, time) = (moment.date(), moment.time());
            format!(
                "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
                date.year(),
                u8::from(date.month()),
                date.day(),
                time.hour(),
                time.minute(),
                time.second()
            )
        },
    )
}

/// How the name of every backup of a PostgreSQL begins.
const NAME: &str = "postgres-";
/// How it ends.
const ENDING: &str = ".dump.age";
/// How the name of an unfinished one begins.
const DRAFT: &str = ".partial-";
/// The file whose lock is the folder's.
const LOCK: &str = ".lock";
/// The file whose lock is held while a manifest is changed.
const AMENDING: &str = ".lock-manifests";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::manifest::tests::manifest;

    #[test]
    fn a_folder_is_made_for_its_owner_only() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("backups");
        Folder::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        Folder::open(&path).unwrap();
        Folder::open(&above.path().join("a/b")).unwrap_err();
    }

    #[test]
    fn one_backup_at_a_time_and_the_drafts_of_the_dead_are_removed() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        fs::write(above.path().join(".partial-dead"), "half").unwrap();
        let locked = folder.lock().unwrap();
        assert!(!above.path().join(".partial-dead").exists());
        assert!(matches!(folder.lock(), Err(FolderError::Busy { .. })));
        drop(locked);
        folder.lock().unwrap();
    }

    #[test]
    fn a_lock_ends_with_its_holder_even_if_somebody_has_a_copy_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let held = Held::take(&path).unwrap().unwrap();
        // As a process has that was forked and does not run its program yet.
        let _copy = held.0.try_clone().unwrap();
        assert!(Held::take(&path).unwrap().is_none());
        drop(held);
        assert!(Held::take(&path).unwrap().is_some());
    }

    #[test]
    fn a_link_in_the_place_of_a_lock_is_not_followed() {
        let (above, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::open(above.path()).unwrap();
        let precious = elsewhere.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        manifest("postgres-1", 1).write(above.path()).unwrap();
        for name in [LOCK, AMENDING] {
            std::os::unix::fs::symlink(&precious, above.path().join(name)).unwrap();
        }
        folder.lock().unwrap_err();
        folder.amend("postgres-1", |_| ()).unwrap_err();
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }

    #[test]
    fn a_copy_of_a_manifest_is_no_second_backup() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        fs::write(above.path().join("postgres-1"), "x").unwrap();
        manifest("postgres-1", 1).write(above.path()).unwrap();
        // As programs leave it that keep two hosts' folders the same.
        let copy = above.path().join("postgres-1.conflict.json");
        fs::copy(above.path().join("postgres-1.json"), copy).unwrap();
        assert_eq!(folder.backups().unwrap().len(), 1, "its removal would remove the first");
    }

    #[test]
    fn a_damaged_manifest_hides_no_other_backup_and_is_named() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        fs::write(above.path().join("postgres-1"), "x").unwrap();
        manifest("postgres-1", 1).write(above.path()).unwrap();
        fs::write(above.path().join("postgres-2.json"), "{ half").unwrap();
        assert_eq!(folder.backups().unwrap().len(), 1);
        let damaged = folder.damaged().unwrap();
        assert!(damaged.len() == 1 && damaged[0].to_string().contains("postgres-2.json"));
    }

    #[test]
    fn a_draft_gets_its_name_whole_and_replaces_nothing() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        let locked = folder.lock().unwrap();
        let mut draft = locked.draft().unwrap();
        draft.write_all(b"whole").unwrap();
        let name = locked.free_name(1_764_268_740);
        assert_eq!(name, "postgres-20251127T183900Z.dump.age");
        locked.keep(draft, &name).unwrap();
        assert_eq!(fs::read(above.path().join(&name)).unwrap(), b"whole");
        assert_eq!(locked.free_name(1_764_268_740), "postgres-20251127T183900Z-2.dump.age");
        locked.keep(locked.draft().unwrap(), &name).unwrap_err();
        assert_eq!(fs::read(above.path().join(&name)).unwrap(), b"whole");
    }

    #[test]
    fn two_who_amend_a_manifest_both_succeed() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        manifest("postgres-1", 1).write(above.path()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        folder.amend("postgres-1", |manifest| manifest.took_ms += 1).unwrap();
                    }
                });
            }
        });
        fs::write(above.path().join("postgres-1"), "x").unwrap();
        assert_eq!(folder.backups().unwrap().pop().unwrap().took_ms, 101);
        folder.amend("postgres-2", |_| ()).unwrap_err();
    }

    #[test]
    fn backups_are_listed_the_newest_first_and_none_without_its_file() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        for (file, at) in [("postgres-1", 1), ("postgres-3", 3), ("postgres-2", 2)] {
            manifest(file, at).write(above.path()).unwrap();
            if at != 2 {
                fs::write(above.path().join(file), "x").unwrap();
            }
        }
        let listed: Vec<u64> =
            folder.backups().unwrap().iter().map(|found| found.made_at).collect();
        assert_eq!(listed, [3, 1]);
        let oldest = folder.backups().unwrap().pop().unwrap();
        folder.lock().unwrap().remove(&oldest).unwrap();
        assert_eq!(folder.backups().unwrap().len(), 1);
    }
}
