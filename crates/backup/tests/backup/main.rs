//! Backups from outside: what a key's shares must be, and PostgreSQL itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod as_root;
#[path = "../support/ceremony.rs"]
mod ceremony;
#[path = "../support/cluster.rs"]
mod cluster;
mod dkg;
