//! The boundary to the Stacks node: what a signer asks it and what it tells a signer.
//!
//! [`NodeClient`] asks every question of `signer-wire.md` sections 5.5 and 6 over pooled plain HTTP
//! connections, each under a deadline and with a bounded answer. [`Listener`] takes the node's
//! callbacks (section 7) into a bounded [`CallbackQueue`] and answers them before they are read.
//!
//! This crate decides nothing and stores nothing. It does not retry with back-off: the daemon knows
//! which question is still worth asking.
//!
//! A node speaks plain HTTP and cannot authenticate itself, so node and signer belong on one machine
//! or on one private network. For everything else there is mutual TLS with pinned keys ([`tls`]) on
//! the signer's side of both directions, and [`link`], which stands on the node's host and speaks for
//! the node.

pub mod client;
mod error;
pub mod exposure;
mod gate;
pub mod link;
pub mod listener;
mod once;
mod peers;
mod stream;
pub mod tls;
pub mod web;

pub use client::{
    AuthPassword, ConfigError, Deadlines, NodeClient, NodeConfig, Observer, PasswordAnswer,
    StackerDb, ValidationSubmission,
};
pub use error::NodeError;
pub use listener::{
    CallbackQueue, DropReason, Incoming, Listener, ListenerLimits, QueueLimits, QueueStats,
};
pub use peers::{AllowedPeers, NotANetwork};
pub use tls::{ClientTls, Pin, ServerTls, TlsError, TlsSettings};
