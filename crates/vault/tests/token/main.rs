//! Keys in a real PKCS#11 token: SoftHSM (Debian's package `softhsm2`).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
#[path = "../../../wire/tests/support/header.rs"]
mod header;
