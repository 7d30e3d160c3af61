//! A backup back into a database that a signer will use.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::connection::{Connection, ConnectionError};
use super::programs::Programs;
use super::psql::{Asker, PgError};
use super::source;
use super::toc::{ArchiveError, Into, list, restore_into, wanted};
use crate::Care;
use crate::child::ChildError;
use crate::manifest::{Contents, Manifest, ManifestError};
use crate::sealed::Identities;
use crate::verify::Fault;

/// Where a backup is to be restored.
#[derive(Clone, Debug)]
pub struct Target {
    /// An empty database.
    pub connection: Connection,
    /// The role that is to own everything; otherwise the one that connects.
    pub owner: Option<String>,
    /// With which programs.
    pub programs: Programs,
}

/// Why a backup was not restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The connection makes no sense or is not safe.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] PgError),
    /// There is something in the database.
    #[error(
        "the database {place} is not empty: it has {table}; make a new one (createdb --owner=ROLE NAME), because \
         nothing is restored over something"
    )]
    NotEmpty {
        /// Which database.
        place: String,
        /// One of its tables.
        table: String,
    },
    /// The backup is not good.
    #[error("the backup is not restored: {0}")]
    Fault(Fault),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The list of what is to be restored cannot be written.
    #[error("no temporary file can be written")]
    Draft(#[source] std::io::Error),
    /// A program gave no result.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// Rows are missing.
    #[error("the database was restored, but {0}; do not use it")]
    Incomplete(Fault),
}

/// Restores a backup into an empty database, in one transaction, and compares what is in it then with the
/// manifest. What is in it then.
pub fn restore(
    backup: &Path,
    identities: &Identities,
    target: &Target,
    care: &mut Care<'_>,
) -> Result<Contents, RestoreError> {
    target.connection.check()?;
    let stop = care.stop.clone();
    let (programs, connection) = (&target.programs, &target.connection);
    let asker = Asker { programs, connection, other: None, stop: &stop };
    let (before, session) = source::contents(asker.session()?)?;
    drop(session);
    if let Some((table, _)) = before.tables.first_key_value() {
        let (place, table) = (connection.place(), table.clone());
        return Err(RestoreError::NotEmpty { place, table });
    }
    let manifest = Manifest::beside(backup)?;
    let listed = list(backup, identities, programs, care).map_err(of_archive)?;
    let contents = crate::verify::file(manifest.as_ref(), listed, programs.release())
        .map_err(RestoreError::Fault)?;
    let entries = entries_file(&contents).map_err(RestoreError::Draft)?;
    let into = Into {
        programs,
        connection,
        other: None,
        owner: target.owner.as_deref(),
        entries: entries.path().to_owned(),
    };
    restore_into(backup, identities, &into, care).map_err(of_archive)?;
    let (after, session) = source::contents(asker.session()?)?;
    drop(session);
    if let Some(manifest) = &manifest {
        crate::verify::rows(manifest, &after).map_err(RestoreError::Incomplete)?;
    }
    asker.run("ANALYZE;", ANALYSIS)?;
    Ok(after)
}

/// The wanted entries of a table of contents, in a file that pg_restore can read.
fn entries_file(contents: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("countersign-entries-").tempfile()?;
    file.write_all(wanted(contents).as_bytes())?;
    Ok(file)
}

fn of_archive(error: ArchiveError) -> RestoreError {
    match error {
        ArchiveError::Child(error) => error.into(),
        error => RestoreError::Fault(Fault::of_archive(error, None)),
    }
}

/// How long the planner's statistics may take.
const ANALYSIS: Duration = Duration::from_hours(1);
