//! A file system that can lose power: it forgets what was not synced, and can end a process at any
//! operation that changes a file.
//!
//! [`Disk`] is the model: one folder, what its files hold, and which changes no sync has made durable.
//! [`Mounted`] serves it to real processes through FUSE, so what is tested is the real program with the
//! real SQLite. Needs Linux, `/dev/fuse` and the right to mount.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod disk;
mod serve;

pub use disk::{Deed, Disk, Loss};
pub use serve::Mounted;
