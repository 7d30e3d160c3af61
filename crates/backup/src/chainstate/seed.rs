//! A chainstate from an archive.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::config::ChainstateConfig;
use super::extract::{ExtractError, Limits, extract};
use super::fetch::{FetchError, Fetched, fetch, free};
use super::keeper::{KeeperError, Service};
use super::process::{Activity, ProcessError, activity};
use super::snapshot::{SnapshotError, refuse_prepare, remove_folder};
use super::source::{Digest, Source};
use super::tip::{Agreement, TipError, compare};
use crate::Care;
use crate::folder::Held;
use crate::http::HttpClient;

/// A chainstate that is to be there.
#[derive(Debug)]
pub struct SeedJob {
    /// The node.
    pub node: ChainstateConfig,
    /// The archive.
    pub source: Source,
    /// What it must be.
    pub digest: Digest,
    /// Whether a chainstate that is there may be put aside.
    pub may_replace: bool,
    /// Who is to own it, as user and group; none for the owner of the node's folder.
    pub owner: Option<(u32, u32)>,
    /// How the node is started when it is there, and another node's RPC to compare it with; none to leave it stopped.
    pub start: Option<(Service, String)>,
    /// Whether this may be in the prepare phase, or where nobody says which phase it is.
    pub in_any_phase: bool,
    /// How long the node may take until it has the other's tip.
    pub limit: Duration,
}

/// A chainstate that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seeded {
    /// Where.
    pub chainstate: PathBuf,
    /// How many bytes its files have.
    pub bytes: u64,
    /// How many bytes were downloaded this time.
    pub downloaded: u64,
    /// Where the chainstate is that was there before.
    pub put_aside: Option<PathBuf>,
    /// How the node's tip compares with another's; none if it was not started.
    pub agreement: Option<Agreement>,
}

/// Why there is none. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The node runs.
    #[error("the node runs ({0}); stop it first")]
    Runs(Activity),
    /// It cannot be told whether the node runs.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is a chainstate.
    #[error("there is a chainstate at {}; say that it may be replaced, and it is put aside", .0.display())]
    Exists(PathBuf),
    /// It is not the time for it.
    #[error(transparent)]
    Phase(SnapshotError),
    /// Another process does the same.
    #[error("another seeding of {} is under way; wait for its end", .0.display())]
    Busy(PathBuf),
    /// There is no archive.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The archive is not unpacked.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The node's folder is not made here: its owner and its disk are not ours to choose.
    #[error("the node's folder {} is not there; make it, and give it to the node's user", .0.display())]
    NoFolder(PathBuf),
    /// A folder cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The chainstate is there and the node does not start.
    #[error("the chainstate is there, and the node does not start")]
    Start(#[source] KeeperError),
    /// The chainstate is there and the tips cannot be compared.
    #[error("the chainstate is there and the node was started, and the tips cannot be compared")]
    Tip(#[source] TipError),
}

/// Brings a chainstate to where a node looks for it. `now` is in seconds since 1970.
pub fn seed(
    job: &SeedJob,
    client: &HttpClient,
    now: u64,
    care: &mut Care<'_>,
) -> Result<Seeded, SeedError> {
    let folder = job.node.working_dir.as_path();
    let _lock = lock(folder)?;
    job.refuse(client)?;
    let fetched = fetch(client, &job.source, job.digest, folder, care)?;
    let draft = folder.join(DRAFT);
    let io = |path: &Path| {
        let path = path.to_owned();
        |source| SeedError::Io { path, source }
    };
    // What an interrupted call has left.
    remove_folder(&draft).map_err(io(&draft))?;
    let unpacked = job.unpack(&fetched, &draft, care);
    let bytes = match unpacked {
        Ok(bytes) => bytes,
        Err(error) => {
            remove_folder(&draft).map_err(io(&draft))?;
            return Err(error);
        }
    };
    // The node may have been started in the meantime.
    job.refuse_running()?;
    let put_aside = job.put_in_place(&draft, now)?;
    if fetched.is_ours {
        // It has been unpacked, and could be downloaded again.
        let _ = fs::remove_file(&fetched.path);
        let _ = fs::remove_file(fetched.path.with_extension("tag"));
    }
    let agreement = match &job.start {
        None => None,
        Some((service, other)) => {
            service.start().map_err(SeedError::Start)?;
            let tips = (&*job.node.rpc_url(), other.as_str());
            Some(compare(client, tips, job.limit).map_err(SeedError::Tip)?)
        }
    };
    let chainstate = job.node.chainstate.clone();
    Ok(Seeded { chainstate, bytes, downloaded: fetched.downloaded, put_aside, agreement })
}

impl SeedJob {
    /// Refuses before anything is touched.
    fn refuse(&self, client: &HttpClient) -> Result<(), SeedError> {
        self.refuse_running()?;
        if !self.may_replace && has_anything(&self.node.chainstate) {
            return Err(SeedError::Exists(self.node.chainstate.clone()));
        }
        let Some((_, other)) = &self.start else { return Ok(()) };
        refuse_prepare(client, &[other], self.in_any_phase).map_err(SeedError::Phase)
    }

    fn refuse_running(&self) -> Result<(), SeedError> {
        let seen = activity(&self.node.chainstate, &[self.node.rpc, self.node.p2p])?;
        if seen.is_none() { Ok(()) } else { Err(SeedError::Runs(seen)) }
    }

    fn unpack(
        &self,
        fetched: &Fetched,
        draft: &Path,
        care: &mut Care<'_>,
    ) -> Result<u64, SeedError> {
        let folder = &self.node.working_dir;
        let io = |source| SeedError::Io { path: folder.clone(), source };
        // For us alone: the files in it are its owner's as soon as they are made.
        DirBuilder::new().mode(0o700).create(draft).map_err(io)?;
        let above = folder.metadata().map_err(io)?;
        let owner = self.owner.unwrap_or((above.uid(), above.gid()));
        let is_ours =
            owner == (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let limits = Limits {
            top: self.network().to_owned(),
            max_bytes: free(folder).map_err(io)?.saturating_sub(RESERVE),
            owner: (!is_ours).then_some(owner),
        };
        Ok(extract(&fetched.path, draft, &limits, care)?)
    }

    /// Gives the chainstate its name, and the one before it another.
    fn put_in_place(&self, draft: &Path, now: u64) -> Result<Option<PathBuf>, SeedError> {
        let chainstate = &self.node.chainstate;
        let failed = |source| SeedError::Io { path: chainstate.clone(), source };
        let mut put_aside = None;
        if has_anything(chainstate) {
            let name = format!("{}.before-{}", self.network(), crate::folder::stamp(now));
            let aside = chainstate.with_file_name(name);
            fs::rename(chainstate, &aside).map_err(failed)?;
            put_aside = Some(aside);
        }
        let placed = fs::rename(draft.join(self.network()), chainstate);
        if placed.is_err()
            && let Some(aside) = &put_aside
        {
            fs::rename(aside, chainstate).map_err(failed)?;
        }
        placed.map_err(failed)?;
        remove_folder(draft).map_err(failed)?;
        let folder = File::open(&self.node.working_dir).and_then(|folder| folder.sync_all());
        folder.map_err(failed)?;
        Ok(put_aside)
    }

    fn network(&self) -> &str {
        let name = self.node.chainstate.file_name().and_then(|name| name.to_str());
        name.expect("the folder of a chainstate is named after a network")
    }
}

/// The ids of a user and of its own group; none if there is no such user.
pub fn user_ids(name: &str) -> io::Result<Option<(u32, u32)>> {
    let user = nix::unistd::User::from_name(name)?;
    Ok(user.map(|user| (user.uid.as_raw(), user.gid.as_raw())))
}

/// Keeps another process from doing the same.
fn lock(folder: &Path) -> Result<Held, SeedError> {
    if !folder.is_dir() {
        return Err(SeedError::NoFolder(folder.to_owned()));
    }
    let path = folder.join(LOCK);
    let taken = Held::take(&path).map_err(|source| SeedError::Io { path: path.clone(), source })?;
    taken.ok_or_else(|| SeedError::Busy(folder.to_owned()))
}

/// Whether there is a file, a link, or a folder that is not empty.
fn has_anything(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// The file whose lock is the folder's.
const LOCK: &str = ".chainstate-lock";
/// The folder that an archive is unpacked into, in the same file system as its place.
const DRAFT: &str = ".chainstate-draft";
/// What stays free, so that the node and the signer beside it can write.
const RESERVE: u64 = 64 << 20;
