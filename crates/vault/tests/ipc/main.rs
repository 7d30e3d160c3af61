//! The protocol of the vault's socket: its codec, its frames and what its errors become.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod client;
mod coverage;
mod frames;
mod parcels;
mod properties;
mod refusals;
mod strategies;

/// The strategies and the three generated tests of the codec's own crate.
#[path = "../../../wire/tests/support/mod.rs"]
mod support;
