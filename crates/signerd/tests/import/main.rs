//! Moving in from databases of the reference signer: one that it wrote itself, and good and spoilt ones
//! of every schema that is read.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod guard;
#[path = "../../../wire/tests/support/header.rs"]
mod header;
mod refused;
mod support;
mod taken;
