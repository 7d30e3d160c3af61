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
#[allow(dead_code, reason = "the strategies are those of the store's tests")]
#[path = "../store/strategies.rs"]
mod writes;
