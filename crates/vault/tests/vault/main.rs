//! The vault against real files, other processes, crashes, full disks and arbitrary requests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod chunks;
mod crash;
mod flips;
mod fold;
#[path = "../../../wire/tests/support/header.rs"]
mod header;
mod history;
mod interchange;
mod interchange_vectors;
mod opening;
mod operator_key;
mod plans;
mod property;
mod signing;
mod standing;
mod support;
mod threads;
