//! Tests of the crate from outside.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
mod golden;
mod initialising;
mod installing;
mod named;
mod next_key;
mod own;
mod parsing;
mod sample;
mod secrets;
mod units_lint;
mod wiring;
