//! Recordings of a real network (`vectors/recordings`), and how the core is put in the place of one
//! of its signers.
//!
//! [`Recording`] is what was said, in the order of time. [`said_by`] finds what one signer said.
//! [`replay`] hands the core what signer 0 was told, and returns what the core says instead.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod intake;
mod node;
mod recording;
mod replay;
mod said;

pub use recording::{Line, Recording, signer_key, signer_set};
pub use replay::replay;
pub use said::{Said, said_by};
