//! The link between two hosts: what is rendered for nginx, HAProxy and WireGuard, and what the real programs make of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
mod rendered;
