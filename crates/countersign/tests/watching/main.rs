//! Alerts, the exporter and the dead-man's switch, from outside.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
#[path = "../support/blocks.rs"]
mod blocks;
mod deadman;
mod exporter;
mod lists;
mod net;
mod program;
