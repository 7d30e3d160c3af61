//! What the simulated chain accepts, refuses and tells, without any network around it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod burn_chain;
mod cycles;
mod signing;
mod slots;
mod stage;
mod transactions;
mod validation;
mod views;
