//! Git repositories: every object, whether a ref reaches it or not.
//!
//! Only the formats are read, by code of this crate: no `git` is started, no hook, filter, pager or
//! `fsmonitor` of a repository runs, no configuration is obeyed, and nothing outside the folders that were
//! asked for is opened. The `gix` crates would read the same, but they map packs into memory (a file that
//! shrinks while it is read kills the process), follow `alternates` out of the folder, and allocate what a
//! header says before they know that it is true.

mod delta;
mod family;
mod object;
mod oid;
mod pack;
mod refs;
mod repository;
mod search;
mod staged;
mod store;
mod trace;

pub(super) use repository::{Repository, Worktree, is_repository};
pub use staged::StagedError;
pub(super) use trace::Tracer;
