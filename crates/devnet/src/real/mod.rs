//! A network of a real bitcoind and a real stacks-node, with signers of any kind.
//!
//! The same signers with the same files as in the embedded network, and the same events; but the
//! blocks are made, judged and kept by the reference's own node. Everything runs on loopback, on
//! regtest, with keys of this run only. How it gets to epoch 3 is in [`Schedule`], what is between
//! the node and its neighbours in `wallet` and `observer`, and the facts about a real node that
//! shape all this in `docs/devnet.md`.

mod bitcoin;
mod chronicle;
mod config;
mod course;
mod failure;
mod http;
mod narrator;
mod network;
mod node;
mod node_config;
mod observer;
mod pace;
mod programs;
mod schedule;
mod stacking;
mod staking;
mod wallet;

pub use config::{MissingProgram, RealConfig, RealConfigError};
pub use network::{RealNetwork, RealStartError};
pub use schedule::{Schedule, ScheduleError};
pub use stacking::SharesError;
