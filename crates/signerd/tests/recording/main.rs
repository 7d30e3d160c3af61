//! Recordings: what is kept, what is given back, and what a damaged one is said to be.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod encoding;
mod strategies;
mod support;
