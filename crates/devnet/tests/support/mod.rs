//! What the tests of the devnet share: an HTTP client of few lines, observers, signers of few lines.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and not every test uses everything"
)]

pub(crate) mod fake_signer;
pub(crate) mod http;
