//! Tests of the crate from outside.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod parsing;
mod sample;
mod wiring;
