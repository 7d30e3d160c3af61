//! The status page as an operator sees it: in a real browser, before real signers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
