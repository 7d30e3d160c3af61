//! Rendered files on a disk: comparing, writing, and showing the difference.
//!
//! Every file is whole under its name or not there, so that an interrupted run is mended by the next, and writing
//! twice changes nothing the second time.

mod accounts;
mod difference;
mod write;

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::rendered::{Rendered, Secrecy};
use crate::secrets;
use crate::site::Site;
use crate::values::AbsPath;

use accounts::Accounts;
use difference::Installed;
pub use difference::unified;

/// Why files cannot be compared or written.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file or folder cannot be used.
    #[error("{} cannot be {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The owner of a file is no user of this machine.
    #[error(
        "there is no user `{user}` to own {}, and systemd-sysusers did not make it; run: systemd-sysusers",
        path.display()
    )]
    NoUser {
        /// The user.
        user: String,
        /// The file.
        path: PathBuf,
    },
    /// systemd-sysusers failed.
    #[error("systemd-sysusers cannot make the users{said}")]
    Sysusers {
        /// What it said.
        said: String,
        /// Why it was not even started, or not waited for.
        #[source]
        source: Option<io::Error>,
    },
}

impl InstallError {
    /// Whether the operating system does not let this user do it.
    pub fn is_denied(&self) -> bool {
        let Self::File { source, .. } = self else { return false };
        source.kind() == io::ErrorKind::PermissionDenied
    }
}

fn at<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(io::Error) -> InstallError + 'a {
    move |source| InstallError::File { path: path.to_owned(), what, source }
}

/// How a file differs from what is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is not there.
    Missing,
    /// It is something else than a file.
    NotAFile,
    /// It has other contents.
    Contents,
    /// It has other permissions.
    Mode,
    /// It belongs to somebody else.
    Owner,
    /// It was rendered once and is not any more.
    LeftOver,
}

impl Difference {
    /// What it is called, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotAFile => "not a file",
            Self::Contents => "other contents",
            Self::Mode => "other permissions",
            Self::Owner => "another owner",
            Self::LeftOver => "not rendered any more",
        }
    }
}

/// A file that is not as it is rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Where it is installed.
    pub path: PathBuf,
    /// In what it differs; never empty.
    pub differences: Vec<Difference>,
}

/// Where files are installed.
#[derive(Debug)]
pub struct Installation<'a> {
    root: PathBuf,
    files: &'a [Rendered],
    /// The list of what was rendered last.
    list: AbsPath,
    /// Whether owners are set and compared: only root can.
    owns: bool,
}

impl<'a> Installation<'a> {
    /// The files of `site` under the folder `root`, which is `/` but in tests and images.
    pub fn new(root: &Path, site: &Site, files: &'a [Rendered]) -> Self {
        let owns = rustix::process::geteuid().is_root();
        let list = site.paths.config.join("rendered.list");
        Self { root: root.to_owned(), files, list, owns }
    }

    /// The same, with all files belonging to whoever writes them: for a folder that is only looked at.
    #[must_use]
    pub fn without_owners(self) -> Self {
        Self { owns: false, ..self }
    }

    /// Whether owners are set and compared.
    pub const fn sets_owners(&self) -> bool {
        self.owns
    }

    fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// What differs from what is rendered, by path.
    pub fn drift(&self) -> Result<Vec<Drift>, InstallError> {
        let accounts = Accounts::read(&self.root)?;
        let mut drift = Vec::new();
        for file in self.files {
            let differences = self.differences(file, &accounts)?;
            if !differences.is_empty() {
                drift.push(Drift { path: file.path.as_path().to_owned(), differences });
            }
        }
        drift.extend(self.left_over()?);
        Ok(drift)
    }

    fn differences(
        &self,
        file: &Rendered,
        accounts: &Accounts,
    ) -> Result<Vec<Difference>, InstallError> {
        let place = self.place(&file.path);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) if found.is_file() => found,
            Ok(_) => return Ok(vec![Difference::NotAFile]),
            Err(error) if is_absent(&error) => return Ok(vec![Difference::Missing]),
            Err(error) => return Err(at(&place, "looked at")(error)),
        };
        let contents = read(&place)?;
        let mut differences = Vec::new();
        if contents.as_slice() != file.contents.as_bytes() {
            differences.push(Difference::Contents);
        }
        if found.mode() & 0o7777 != file.mode {
            differences.push(Difference::Mode);
        }
        if self.owns && !is_owned(&found, file, accounts) {
            differences.push(Difference::Owner);
        }
        Ok(differences)
    }

    /// What an earlier run wrote and this one would not.
    fn left_over(&self) -> Result<Vec<Drift>, InstallError> {
        let now: BTreeSet<&Path> = self.files.iter().map(|file| file.path.as_path()).collect();
        let listed = self.listed()?;
        let gone = listed.iter().filter(|path| !now.contains(path.as_path()));
        let there = gone.filter(|path| fs::symlink_metadata(self.place(path)).is_ok());
        Ok(there
            .map(|path| Drift {
                path: path.as_path().to_owned(),
                differences: vec![Difference::LeftOver],
            })
            .collect())
    }

    fn listed(&self) -> Result<Vec<AbsPath>, InstallError> {
        let place = self.place(&self.list);
        match fs::read_to_string(&place) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            Err(error) => Err(at(&place, "read")(error)),
        }
    }

    /// Writes what differs and removes what is left over. Returns what it changed.
    pub fn apply(&self) -> Result<Vec<Drift>, InstallError> {
        let drift = self.drift()?;
        let differs =
            |file: &&Rendered| drift.iter().any(|found| found.path == file.path.as_path());
        let (users, others): (Vec<_>, Vec<_>) =
            self.files.iter().filter(differs).partition(|file| file.owner == "root");
        let before = self.listed()?;
        self.keep_originals(&drift, &before)?;
        // What is written from here on is listed already, so that a run that fails forgets none of it.
        let now: BTreeSet<&AbsPath> = self.files.iter().map(|file| &file.path).collect();
        self.list(&before.iter().chain(now.iter().copied()).collect())?;
        let mut accounts = Accounts::read(&self.root)?;
        // The file that describes users is root's, as are all that need no other user.
        for file in users {
            self.write(file, &accounts)?;
        }
        if self.owns && others.iter().any(|file| accounts.owner(&file.owner).is_none()) {
            accounts::make_users(&self.root)?;
            accounts = Accounts::read(&self.root)?;
        }
        for file in others {
            self.write(file, &accounts)?;
        }
        self.remove_left_over(&drift)?;
        self.list(&now)?;
        Ok(drift)
    }

    fn write(&self, file: &Rendered, accounts: &Accounts) -> Result<(), InstallError> {
        let owner = match (self.owns, accounts.owner(&file.owner)) {
            (false, _) => None,
            (true, Some(owner)) => Some(owner),
            (true, None) => {
                let path = file.path.as_path().to_owned();
                return Err(InstallError::NoUser { user: file.owner.clone(), path });
            }
        };
        write::whole(&self.place(&file.path), file.contents.as_bytes(), file.mode, owner)
    }

    /// What somebody else wrote is kept beside, the first time that a file takes its place.
    fn keep_originals(&self, drift: &[Drift], ours: &[AbsPath]) -> Result<(), InstallError> {
        for found in drift.iter().filter(|found| found.differences.contains(&Difference::Contents))
        {
            if ours.iter().any(|path| path.as_path() == found.path) {
                continue;
            }
            let place = self.place(&found.path);
            let mut name = place.clone().into_os_string();
            name.push(KEPT);
            match fs::hard_link(&place, &name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at(&place, "kept beside")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn remove_left_over(&self, drift: &[Drift]) -> Result<(), InstallError> {
        for found in drift.iter().filter(|found| found.differences == [Difference::LeftOver]) {
            let place = self.place(&found.path);
            fs::remove_file(&place).map_err(at(&place, "removed"))?;
        }
        Ok(())
    }

    /// Writes the list of what is ours, for later runs.
    fn list(&self, paths: &BTreeSet<&AbsPath>) -> Result<(), InstallError> {
        let lines: Vec<String> = paths.iter().map(|path| format!("{path}\n")).collect();
        let list = lines.concat();
        let place = self.place(&self.list);
        if fs::read_to_string(&place).is_ok_and(|old| old == list) {
            return Ok(());
        }
        let owner = self.owns.then_some((0, 0));
        write::whole(&place, list.as_bytes(), 0o644, owner)
    }

    /// What differs, line by line. Secrets are not shown.
    pub fn diff(&self) -> Result<String, InstallError> {
        let mut out = String::new();
        for found in self.drift()? {
            let file = self.files.iter().find(|file| file.path.as_path() == found.path);
            let place = self.place(&found.path);
            let is_compared = found.differences.contains(&Difference::Contents);
            let old = if is_compared { installed(&place)? } else { Installed::default() };
            out.push_str(&difference::describe(&found, file, &old));
        }
        Ok(out)
    }
}

fn installed(place: &Path) -> Result<Installed, InstallError> {
    let mode = fs::symlink_metadata(place).map_err(at(place, "looked at"))?.mode();
    let text = Zeroizing::new(String::from_utf8_lossy(&read(place)?).into_owned());
    Ok(Installed { text, is_private: mode & 0o004 == 0 })
}

/// The ending of a file that was there before. logrotate, too, leaves out what ends in `.orig`.
const KEPT: &str = ".before-countersign.orig";

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The most that is read of an installed file. What is longer differs anyway.
const MAX_LEN: u64 = 1 << 20;

fn read(place: &Path) -> Result<Zeroizing<Vec<u8>>, InstallError> {
    use std::io::Read as _;
    let file = fs::File::open(place).map_err(at(place, "read"))?;
    let mut contents = Zeroizing::new(Vec::new());
    file.take(MAX_LEN).read_to_end(&mut contents).map_err(at(place, "read"))?;
    Ok(contents)
}

fn is_owned(found: &Metadata, file: &Rendered, accounts: &Accounts) -> bool {
    accounts.owner(&file.owner).is_some_and(|(uid, gid)| (found.uid(), found.gid()) == (uid, gid))
}

/// Writes `files` into the folder `out` to be looked at or carried: what may be committed into `public`, the rest into
/// `secret`, which a `.gitignore` inside of it excludes. Files of an earlier run stay.
pub fn export(out: &Path, host: &str, files: &[Rendered]) -> Result<Vec<PathBuf>, InstallError> {
    if files.iter().any(|file| file.secrecy == Secrecy::Secret) {
        // First, so that there is no moment in which a secret could be committed.
        let folder = out.join(host).join("secret");
        write::folder(&folder, 0o700)?;
        write::whole(&folder.join(".gitignore"), secrets::IGNORED, 0o644, None)?;
    }
    let mut written = Vec::new();
    for file in files {
        let (kind, folder_mode) = match file.secrecy {
            Secrecy::Public => ("public", 0o755),
            Secrecy::Secret => ("secret", 0o700),
        };
        let folder = out.join(host).join(kind);
        write::folder(&folder, folder_mode)?;
        let relative = file.path.as_path().strip_prefix("/").unwrap_or(file.path.as_path());
        let place = folder.join(relative);
        write::whole(&place, file.contents.as_bytes(), file.mode, None)?;
        written.push(place);
    }
    Ok(written)
}
