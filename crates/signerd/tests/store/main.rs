//! The store against real SQLite files: what it keeps, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod full;
mod migration;
mod model;
mod opening;
mod plans;
mod property;
mod size;
mod strategies;
