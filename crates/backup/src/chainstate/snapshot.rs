//! An archive of a node's chainstate, while the node stands still.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use countersign_ops::secret::create_private;
use serde::Serialize;

use super::archive::{self, ArchiveError, Listing};
use super::config::ChainstateConfig;
use super::fetch::free;
use super::keeper::{Down, KeeperError, Service};
use super::process::{Activity, ProcessError, activity};
use super::source::Digest;
use super::tip::{Agreement, Phase, Tip, TipError, compare};
use crate::folder::{Folder, FolderError};
use crate::http::HttpClient;
use crate::{Care, Progress};

/// A snapshot that is to be made.
#[derive(Debug)]
pub struct SnapshotJob {
    /// The node.
    pub node: ChainstateConfig,
    /// How it is stopped and started.
    pub service: Service,
    /// The folder for the archive.
    pub out: PathBuf,
    /// Another node's RPC, for the comparison of the tips.
    pub other: String,
    /// Whether the node may be stopped in the prepare phase, or where nobody says which phase it is.
    pub in_any_phase: bool,
    /// How long the node may take until it has stopped, and later until it has the other's tip.
    pub limit: Duration,
}

/// A snapshot that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The archive; its checksum file has the same name and `.sha256`.
    pub path: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// How much there is in it.
    pub unpacked_bytes: u64,
    /// For how long the node stood still, in milliseconds; none if it did not run before.
    pub down_ms: Option<u64>,
    /// The tip before.
    pub tip: Option<Tip>,
    /// How the node's tip compares with another's afterwards; none if it did not run before.
    pub agreement: Option<Agreement>,
}

/// Why there is no snapshot. The node runs again if it ran before, unless the error says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no chainstate.
    #[error("there is no chainstate at {}; name the node's own configuration", .0.display())]
    Missing(PathBuf),
    /// The archive would be in what it is of.
    #[error("{} is inside the chainstate; name another folder", .0.display())]
    Inside(PathBuf),
    /// There is no room.
    #[error("there is no room in {}: {needed} bytes may be needed and {free} are free", folder.display())]
    Full {
        /// The folder.
        folder: PathBuf,
        /// How many bytes may be needed.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// The next signers are being chosen.
    #[error(
        "the prepare phase is on or about to begin (burn height {burn_height}; the cycle ends in {left} blocks), and \
         a node that stands still may cost this signer its place; wait, or say that it may be in any phase"
    )]
    Prepare {
        /// The burn height.
        burn_height: u64,
        /// Blocks left in the cycle.
        left: u64,
    },
    /// Nobody says which phase it is.
    #[error("neither the node nor the other one says which phase of the cycle it is")]
    NoPhase(#[source] TipError),
    /// It cannot be told whether the node runs.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The node runs although it was stopped.
    #[error(
        "the node still runs after it was stopped ({0}); a copy of a running node is corrupt, so none was made"
    )]
    StillRuns(Activity),
    /// Somebody started the node in between.
    #[error("the node was started while it was being archived ({0}); the archive was thrown away")]
    Started(Activity),
    /// The node cannot be stopped or started.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The node cannot be started again.
    #[error("THE NODE IS DOWN and cannot be started; start it by hand")]
    Down(#[source] KeeperError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The chainstate cannot be archived.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The checksum file cannot be written.
    #[error("the checksum file {} cannot be written", path.display())]
    Sum {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The tips cannot be compared. The archive is there.
    #[error("the archive {} was made, and the tips cannot be compared", path.display())]
    Tip {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: TipError,
    },
}

/// Makes a snapshot. `now` is in seconds since 1970.
pub fn snapshot(
    job: &SnapshotJob,
    client: &HttpClient,
    now: u64,
    care: &mut Care<'_>,
) -> Result<Snapshot, SnapshotError> {
    let folder = Folder::open(&job.out)?;
    let locked = folder.lock()?;
    job.refuse(client)?;
    let runs = !job.activity()?.is_none();
    let tip = if runs { Tip::ask(client, &job.node.rpc_url()).ok() } else { None };
    let mut draft = locked.draft()?;
    let mut down = None;
    let stopped = Instant::now();
    if runs {
        care.tell(Progress { phase: "stop", bytes: 0, of: None, elapsed: Duration::ZERO });
        down = Some(job.service.stop()?);
    }
    job.await_stopped(care)?;
    let (digest, bytes, unpacked_bytes) = job.archive(draft.as_file_mut(), care)?;
    let meanwhile = job.activity()?;
    if !meanwhile.is_none() {
        return Err(SnapshotError::Started(meanwhile));
    }
    let was_down = down.map(Down::start).transpose().map_err(SnapshotError::Down)?;
    let down_ms =
        was_down.map(|()| u64::try_from(stopped.elapsed().as_millis()).unwrap_or(u64::MAX));
    let name = job.free_name(now);
    locked.keep(draft, &name)?;
    let path = job.out.join(&name);
    write_sum(&path, digest)?;
    let tips = was_down.map(|()| compare(client, (&job.node.rpc_url(), &job.other), job.limit));
    let agreement =
        tips.transpose().map_err(|source| SnapshotError::Tip { path: path.clone(), source })?;
    Ok(Snapshot {
        path,
        sha256: digest.to_string(),
        bytes,
        unpacked_bytes,
        down_ms,
        tip,
        agreement,
    })
}

impl SnapshotJob {
    /// Refuses before anything is touched.
    fn refuse(&self, client: &HttpClient) -> Result<(), SnapshotError> {
        let chainstate = &self.node.chainstate;
        let missing = |_| SnapshotError::Missing(chainstate.clone());
        let real = chainstate.canonicalize().map_err(missing)?;
        if !chainstate.is_dir() {
            return Err(SnapshotError::Missing(chainstate.clone()));
        }
        if self.out.canonicalize().is_ok_and(|out| out.starts_with(&real)) {
            return Err(SnapshotError::Inside(self.out.clone()));
        }
        // An archive is never larger than this, and often a third of it.
        let listing = Listing::of(chainstate)?;
        let needed = listing.bytes.saturating_add(listing.bytes / 20);
        let free = free(&self.out).unwrap_or(0);
        if needed > free {
            return Err(SnapshotError::Full { folder: self.out.clone(), needed, free });
        }
        refuse_prepare(client, &[&self.node.rpc_url(), &self.other], self.in_any_phase)
    }

    fn activity(&self) -> Result<Activity, ProcessError> {
        activity(&self.node.chainstate, &[self.node.rpc, self.node.p2p])
    }

    /// Waits until nobody has a file open nor a port taken.
    fn await_stopped(&self, care: &Care<'_>) -> Result<(), SnapshotError> {
        let begun = Instant::now();
        loop {
            let seen = self.activity()?;
            if seen.is_none() {
                return Ok(());
            }
            if care.stop.is_cancelled() {
                return Err(ArchiveError::Stopped.into());
            }
            if begun.elapsed() >= self.limit {
                return Err(SnapshotError::StillRuns(seen));
            }
            sleep(PAUSE);
        }
    }

    fn archive(
        &self,
        out: &mut File,
        care: &mut Care<'_>,
    ) -> Result<(Digest, u64, u64), ArchiveError> {
        let listing = Listing::of(&self.node.chainstate)?;
        let (digest, bytes) =
            archive::write((&self.node.chainstate, self.network()), &listing, out, care)?;
        Ok((digest, bytes, listing.bytes))
    }

    fn network(&self) -> &str {
        let name = self.node.chainstate.file_name().and_then(|name| name.to_str());
        name.expect("the folder of a chainstate is named after a network")
    }

    fn free_name(&self, now: u64) -> String {
        let stem = format!("chainstate-{}-{}", self.network(), crate::folder::stamp(now));
        let name = |number: u32| match number {
            1 => format!("{stem}.tar.zst"),
            number => format!("{stem}-{number}.tar.zst"),
        };
        let is_free = |name: &String| !self.out.join(name).exists();
        (1..=u32::MAX).map(name).find(is_free).expect("a folder does not hold all names")
    }
}

/// Refuses the phase in which the next signers are chosen, by the word of the first node that says which one it is.
pub(super) fn refuse_prepare(
    client: &HttpClient,
    nodes: &[&str],
    in_any_phase: bool,
) -> Result<(), SnapshotError> {
    if in_any_phase {
        return Ok(());
    }
    let mut last = None;
    for node in nodes {
        match Phase::ask(client, node) {
            Ok(Phase { is_prepare: true, burn_height, blocks_left }) => {
                return Err(SnapshotError::Prepare {
                    burn_height: burn_height.get(),
                    left: blocks_left,
                });
            }
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(()), |error| Err(SnapshotError::NoPhase(error)))
}

/// Writes the checksum as `sha256sum --check` reads it.
fn write_sum(archive: &Path, digest: Digest) -> Result<(), SnapshotError> {
    let mut name = archive.file_name().unwrap_or_default().to_owned();
    let line = format!("{digest}  {}\n", name.to_string_lossy());
    name.push(".sha256");
    let path = archive.with_file_name(name);
    create_private(&path, line.as_bytes()).map_err(|source| SnapshotError::Sum { path, source })
}

/// Removes a folder that may not be there.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

const PAUSE: Duration = Duration::from_millis(100);
