//! What the sBTC signer keeps of a distributed key, and whether it belongs together: the encrypted private
//! shares, the public shares of all signers, the aggregate key and the script that it locks.
//!
//! The rules are those of sections 3 and 4 of `docs/spec/sbtc-database.md`. Curve and cipher are libsecp256k1's
//! and aes-gcm's; here are only the sums that a key consists of.

mod check;
mod points;
pub mod proto;

pub use check::{Misfit, Row, check};
