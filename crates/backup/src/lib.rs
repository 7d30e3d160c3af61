//! Backups, and the proof that they restore: the sBTC signer's PostgreSQL up to the key that its shares open,
//! the block signer's own files, and a node's chainstate.
//!
//! A backup is an age file with a [`Manifest`] beside it, in a [`Folder`] of backups. It comes into being under
//! a temporary name and is renamed when it is whole and on the disk. [`retention`] says which backups go,
//! [`hook`] carries them off the host, and [`verify`] says what one of them is good for, by levels.
//!
//! Nothing here prints. What takes long tells a [`Progress`] and can be stopped.

pub mod chainstate;
pub mod child;
mod digest;
pub mod dkg;
mod folder;
pub mod hook;
mod http;
mod manifest;
pub mod postgres;
pub mod retention;
mod sealed;
pub mod signer;
pub mod verify;

pub use folder::{Folder, FolderError, Locked};
pub use http::{HttpClient, HttpError, Waiting};
pub use manifest::{
    Acknowledgement, BlockFact, Contents, Manifest, ManifestError, Reason, ShareFact, Verified,
};
pub use sealed::{Identities, Recipients, SealError};

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How far something is that takes long.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is done now, such as `dump`.
    pub phase: &'static str,
    /// Bytes so far.
    pub bytes: u64,
    /// About how many there will be, if that is known.
    pub of: Option<u64>,
    /// Since the phase began.
    pub elapsed: Duration,
}

/// Who is told how far the work is, and who may stop it.
pub struct Care<'a> {
    /// Is told now and then, at least after each mebibyte.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Once this is cancelled, the work ends as if it had failed: nothing is left of it.
    pub stop: CancellationToken,
}

impl Care<'_> {
    pub(crate) fn tell(&mut self, progress: Progress) {
        (self.progress)(progress);
    }
}
