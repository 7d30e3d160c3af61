//! What a running signer shows of itself.
//!
//! [`Snapshot`] is the one description: JSON with a version, without secrets, of bounded size. The daemon
//! makes it (`signerd::status`); [`draw`] is the picture of it in a terminal, [`Server`] the page in a
//! browser, and [`Gather`] puts the snapshots of several signers onto one page.
//!
//! This crate knows no type of the protocol: what it is told are numbers and texts. It decides nothing and
//! changes nothing; nobody can write through it.

pub mod draw;
mod guard;
mod network;
mod page;
mod server;
mod snapshot;

pub use guard::{Refusal, is_loopback};
pub use network::{Gather, Member, Network, Place};
pub use page::{Page, html};
pub use server::{BindError, Server};
pub use snapshot::{
    Alert, Block, Chain, Cycle, Identity, Instance, Latency, Outcome, Peer, Queues, Rung, SCHEMA,
    Seat, Severity, Snapshot, Stance, State, Tenure, Totals, View, Vote, VoteKind,
};
