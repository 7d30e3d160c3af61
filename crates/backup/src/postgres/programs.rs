//! Where PostgreSQL's programs are.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::child::{ChildError, command, output};

/// PostgreSQL's programs of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    version: String,
    major: u32,
}

/// Why there are no programs to work with.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// A program is not there.
    #[error("`{program}` is not in {places}; install {package}, or name the folder with --pg-bin")]
    Missing {
        /// The program.
        program: String,
        /// Where it was looked for.
        places: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It does not say its version.
    #[error("{} does not say which version of PostgreSQL it is of", program.display())]
    NoVersion {
        /// The program.
        program: PathBuf,
    },
    /// It cannot be asked.
    #[error("PostgreSQL's programs cannot be used")]
    Child(#[from] ChildError),
}

/// What a backup and a restoration run.
const CLIENT: &[&str] = &["pg_dump", "pg_restore", "psql"];
/// What a verification runs.
const SERVER: &[&str] = &["pg_restore", "psql", "initdb", "postgres"];

impl Programs {
    /// The programs of a client, in this folder or wherever distributions put them, of the latest release.
    pub fn of_client(folder: Option<&Path>) -> Result<Self, ProgramsError> {
        Self::find(folder, CLIENT, "postgresql-client")
    }

    /// The programs of a server and those that verify with it.
    pub fn of_server(folder: Option<&Path>) -> Result<Self, ProgramsError> {
        Self::find(folder, SERVER, "postgresql (the server, on the machine that verifies)")
    }

    /// The release, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The first number of the release.
    pub const fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn release(&self) -> (&str, u32) {
        (&self.version, self.major)
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    fn find(
        folder: Option<&Path>,
        needs: &[&str],
        package: &'static str,
    ) -> Result<Self, ProgramsError> {
        let candidates = folder.map_or_else(candidates, |folder| vec![folder.to_owned()]);
        let lacks = |folder: &PathBuf| needs.iter().find(|program| !folder.join(program).is_file());
        let Some(found) = candidates.iter().find(|folder| lacks(folder).is_none()) else {
            let nearest = candidates.iter().find_map(lacks).or(needs.first());
            let program = nearest.copied().unwrap_or_default().to_owned();
            let places = match folder {
                Some(folder) => folder.display().to_string(),
                None => "/usr/lib/postgresql or PATH".to_owned(),
            };
            return Err(ProgramsError::Missing { program, places, package });
        };
        let program = found.join("pg_restore");
        let mut asked = command(&program, None);
        asked.arg("--version");
        let (_, printed) = output(asked, "", PATIENCE, &CancellationToken::new())?;
        let (version, major) = version_in(&String::from_utf8_lossy(&printed))
            .ok_or(ProgramsError::NoVersion { program })?;
        Ok(Self { folder: found.clone(), version, major })
    }
}

/// The folders of distributions, the latest release first, and then those of `PATH`.
fn candidates() -> Vec<PathBuf> {
    let mut releases: Vec<(u32, PathBuf)> = Vec::new();
    if let Ok(entries) = fs::read_dir("/usr/lib/postgresql") {
        releases.extend(entries.flatten().filter_map(|entry| {
            let release = entry.file_name().to_str()?.parse().ok()?;
            Some((release, entry.path().join("bin")))
        }));
    }
    if let Ok(entries) = fs::read_dir("/usr") {
        releases.extend(entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            let release = name.to_str()?.strip_prefix("pgsql-")?.parse().ok()?;
            Some((release, entry.path().join("bin")))
        }));
    }
    releases.sort_by_key(|(release, _)| Reverse(*release));
    let path = env::var_os("PATH").unwrap_or_default();
    let others = env::split_paths(&path).filter(|folder| folder.is_absolute());
    releases.into_iter().map(|(_, folder)| folder).chain(others).collect()
}

/// `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.18.
fn version_in(text: &str) -> Option<(String, u32)> {
    let word = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    Some((word.to_owned(), word.get(..digits)?.parse().ok()?))
}

const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_programs_print() {
        for (text, version, major) in [
            ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15.18", 15),
            ("pg_restore (PostgreSQL) 17.0", "17.0", 17),
            ("initdb (PostgreSQL) 18beta1", "18beta1", 18),
        ] {
            assert_eq!(version_in(text).unwrap(), (version.to_owned(), major));
        }
        assert_eq!(version_in("something else"), None);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pg_dump"), "").unwrap();
        let error = Programs::of_client(Some(folder.path())).unwrap_err().to_string();
        assert!(
            error.contains("`pg_restore` is not in") && error.contains("postgresql-client"),
            "{error}"
        );
    }
}
