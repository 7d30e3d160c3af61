//! The search for keys, on real folders, real Git repositories and archives.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod archives;
mod folders;
mod git;
mod hostile;
mod speed;
mod support;
