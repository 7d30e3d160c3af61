//! A Stacks network on one machine: a chain in a process, a node façade over HTTP for each signer,
//! miners, and signers as real child processes with real configuration files.
//!
//! What a signer sees is what it would see on a real network: the RPC, StackerDB and callback rules
//! are those of `signer-wire.md`, complete enough for an unmodified reference signer. What is
//! missing is what no signer sees: there is no Bitcoin and no peer-to-peer network, contracts are
//! not executed, all nodes share one chain. Each node can be given a [`view`] of its own that is
//! late, incomplete or wrong, so that tests can disturb the network.
//!
//! It holds the keys of its own actors only, and makes them anew for each run.

mod actors;
pub mod chain;
pub mod config;
pub mod devnet;
pub mod dispatcher;
pub mod event;
mod facade;
mod miners;
mod new_block;
mod ports;
pub mod real;
pub mod render;
pub mod seed;
mod server;
mod shared;
pub mod signers;
mod tail;
pub mod traffic;
pub mod view;
mod watch;

pub use config::{Deliver, DevnetConfig, SignerKind, Weights};
pub use devnet::Devnet;
pub use event::{DevnetEvent, SignerPlace, Summary};
pub use real::{RealConfig, RealNetwork};
pub use seed::Seed;
pub use shared::Stopped;
pub use signers::EndSignal;
pub use view::{Validation, View};
