//! Making a backup.

use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, ConnectionError};
use super::programs::Programs;
use super::psql::{Asker, PgError};
use super::source::{Moment, SHARES_TABLE, hold};
use crate::child::{ChildError, Running, command};
use crate::folder::{Folder, FolderError, Locked};
use crate::manifest::{FORMAT, Manifest, Reason};
use crate::sealed::{Recipients, Watched};
use crate::{Care, Progress};

/// A backup that is to be made.
#[derive(Clone, Debug)]
pub struct Job {
    /// Of which database, as which role.
    pub connection: Connection,
    /// With which programs.
    pub programs: Programs,
    /// Into which folder.
    pub folder: Folder,
    /// For whom.
    pub recipients: Recipients,
}

/// Why there is no backup. Nothing of it is left under a final name.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The connection makes no sense or is not safe.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] PgError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is no room.
    #[error(
        "the disk of {} is full: {needed} bytes are needed and {free} are free; nothing was kept of this backup", folder.display()
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// About how many bytes are needed.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// The file cannot be written.
    #[error("the backup cannot be written into {}; nothing was kept of it", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// pg_dump gave no result.
    #[error("pg_dump gave no result")]
    Child(#[from] ChildError),
    /// pg_dump is older than the server.
    #[error(
        "pg_dump is of PostgreSQL {dump} and cannot dump the server's {server}; install postgresql-client-{server}, \
         or name its folder with --pg-bin"
    )]
    Version {
        /// The first number of pg_dump's release.
        dump: u32,
        /// The first number of the server's.
        server: u32,
    },
    /// It is not the database of an sBTC signer.
    #[error("the database {place} is not an sBTC signer's: it has no table {SHARES_TABLE}")]
    OtherDatabase {
        /// Which database.
        place: String,
    },
}

/// Makes one backup of what is in the database now, and gives its manifest. `now` is in seconds since 1970.
pub fn back_up(
    job: &Job,
    reason: Reason,
    now: u64,
    care: &mut Care<'_>,
) -> Result<Manifest, DumpError> {
    let started = Instant::now();
    job.connection.check()?;
    let locked = job.folder.lock()?;
    job.refuse_full()?;
    let stop = care.stop.clone();
    care.tell(Progress { phase: "count", bytes: 0, of: None, elapsed: Duration::ZERO });
    let asker =
        Asker { programs: &job.programs, connection: &job.connection, other: None, stop: &stop };
    let moment = hold(&asker)?;
    job.refuse(&moment)?;
    let name = locked.free_name(now);
    let dumped = dump(job, &locked, &moment, care)?;
    drop(moment.session);
    let manifest = Manifest {
        format: FORMAT,
        file: name,
        made_at: now,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        reason,
        bytes: dumped.bytes,
        plain_bytes: dumped.plain_bytes,
        sha256: hex::encode(dumped.digest),
        recipients: job.recipients.names(),
        dump_version: job.programs.version().to_owned(),
        server_version: moment.server_version,
        contents: moment.contents,
        offsite: None,
        verified: None,
    };
    // Before the file has its name: a manifest beside no file is not a backup.
    manifest.write(job.folder.path()).map_err(FolderError::from)?;
    locked.keep(dumped.draft, &manifest.file)?;
    Ok(manifest)
}

impl Job {
    /// Refuses to begin if the last backup would not fit once more.
    fn refuse_full(&self) -> Result<(), DumpError> {
        let last = self.folder.backups()?.first().map_or(0, |last| last.bytes);
        let needed = last.saturating_add(last / 10);
        let free = self.free().map_err(|source| self.folder.error(source))?;
        if needed > free {
            return Err(DumpError::Full { folder: self.folder.path().to_owned(), needed, free });
        }
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let space = rustix::fs::statvfs(self.folder.path())?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn refuse(&self, moment: &Moment) -> Result<(), DumpError> {
        let (dump, server) = (self.programs.major(), moment.server_major);
        if server > dump {
            return Err(DumpError::Version { dump, server });
        }
        if !moment.contents.tables.contains_key(SHARES_TABLE) {
            return Err(DumpError::OtherDatabase { place: self.connection.place() });
        }
        Ok(())
    }

    fn unwritten(&self, source: io::Error, needed: u64) -> DumpError {
        let folder = self.folder.path().to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                DumpError::Full { folder, needed, free: self.free().unwrap_or(0) }
            }
            _ => DumpError::Write { folder, source },
        }
    }
}

/// A dump that is whole, and has no name yet.
struct Dumped {
    draft: tempfile::NamedTempFile,
    bytes: u64,
    plain_bytes: u64,
    digest: [u8; 32],
}

fn dump(
    job: &Job,
    locked: &Locked<'_>,
    moment: &Moment,
    care: &mut Care<'_>,
) -> Result<Dumped, DumpError> {
    let mut draft = locked.draft()?;
    let mut running = start(job, moment, &care.stop)?;
    let mut stdout = running.stdout();
    let (mut digest, mut bytes, mut plain_bytes) = (Sha256::new(), 0, 0_u64);
    let on_bytes = |passed: &[u8]| {
        digest.update(passed);
        bytes += passed.len() as u64;
    };
    let file = Watched { inner: BufWriter::with_capacity(BUFFER, draft.as_file_mut()), on_bytes };
    let unwritten = |source, so_far| job.unwritten(source, so_far);
    let mut sealed = job.recipients.seal(file).map_err(|source| unwritten(source, 0))?;
    let (started, mut buffer) = (Instant::now(), vec![0; BUFFER]);
    loop {
        let read = stdout.read(&mut buffer).map_err(|source| running.pipe_error(source))?;
        if care.stop.is_cancelled() {
            return Err(ChildError::Stopped.into());
        }
        if read == 0 {
            break;
        }
        let passed = buffer.get(..read).unwrap_or_default();
        sealed.write_all(passed).map_err(|source| unwritten(source, plain_bytes))?;
        plain_bytes += read as u64;
        let of = Some(moment.size);
        let elapsed = started.elapsed();
        care.tell(Progress { phase: "dump", bytes: plain_bytes, of, elapsed });
    }
    let finished = running.finish(&care.stop)?;
    if !finished.status.success() {
        return Err(PgError::of(&finished, job.connection.place()).into());
    }
    sealed
        .finish()
        .and_then(|mut file| file.flush())
        .map_err(|source| unwritten(source, plain_bytes))?;
    Ok(Dumped { draft, bytes, plain_bytes, digest: digest.finalize().into() })
}

/// The custom format, which is compressed and which pg_restore can list.
fn start(job: &Job, moment: &Moment, stop: &CancellationToken) -> Result<Running, DumpError> {
    let mut command = command(&job.programs.path("pg_dump"), None);
    command
        .args(["--format=custom", "--lock-wait-timeout=30s"])
        .args(["--no-publications", "--no-subscriptions"])
        .arg(format!("--snapshot={}", moment.snapshot))
        .stdout(Stdio::piped());
    job.connection.apply(&mut command);
    Ok(Running::start(command, LONGEST, stop)?)
}

const BUFFER: usize = 256 << 10;
/// How long pg_dump may take.
const LONGEST: Duration = Duration::from_hours(12);
