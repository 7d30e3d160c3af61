//! Who gets in: TLS on both sides of a signer, allowed peers, and the link on the node's host.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod client;
mod files;
mod link;
mod listener;

#[path = "../support/dispatcher.rs"]
mod dispatcher;
#[path = "../support/party.rs"]
mod party;
#[path = "../support/scripted_node.rs"]
mod scripted_node;
