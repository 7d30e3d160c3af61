//! The client against a scripted node.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod faults;
mod recordings;
#[path = "../support/scripted_node.rs"]
mod scripted_node;
