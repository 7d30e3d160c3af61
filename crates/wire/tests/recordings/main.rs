//! Everything that was said on four recorded networks (`vectors/recordings`) decodes, encodes to what
//! it was, and fits what else was said: hashes, keys, slots and signatures.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod blocks;
mod callbacks;
mod messages;
mod network;
mod rpc;
