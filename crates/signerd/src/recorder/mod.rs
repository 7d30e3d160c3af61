//! Recordings: everything that happened to a signer, and what came of it, to be played back.
//!
//! The core is a function of what it started from, the events, and their times. A recording keeps
//! these and a digest of every step, so that any decision can be taken again on another machine, under
//! a debugger, or by a program that was changed, and be compared with the one that was taken.
//!
//! A recording begins with the start of a process and ends at its bound. A ring of files, of which the
//! oldest is dropped, would need the whole state of the core at the beginning of each; what the store
//! has is only enough for a start.
//!
//! Nothing depends on a recording: whatever goes wrong with it ends it, is told, and the signer goes
//! on. There is no secret in it: the core has never had the key or the password.

mod differ;
mod folder;
mod frame;
mod play;
mod story;
mod tape;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

pub use differ::Difference;
pub use frame::{FORMAT, Header, ReadError};
pub use play::{Decision, Ending, Replay, replay};
pub(crate) use tape::Recorder;

/// What the configuration says about recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The folder that they are put into.
    pub folder: PathBuf,
    /// How many bytes one of them may have.
    pub max_bytes: u64,
}
