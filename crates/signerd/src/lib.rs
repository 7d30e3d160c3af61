//! The block-signing daemon: configuration, store, facts, effects, and the loop that joins them.
//!
//! [`run()`] turns the node's callbacks into events, hands them to the signer core, commits what it
//! wants to remember, and only then does what it wants done: asks the node, asks the vault, publishes
//! to StackerDB.
//!
//! It has no rule: whether a block is signed is decided in `countersign-signer`, and whether a
//! signature may exist in `countersign-vault`.

mod assemble;
mod attendance;
mod backup;
mod birth;
mod care;
mod clock;
pub mod config;
pub mod control;
pub mod decisions;
mod drive;
mod effects;
pub mod exporter;
mod facts;
mod hand;
mod health;
mod history;
pub mod import;
mod instance;
mod intake;
mod journals;
mod keys;
mod metrics;
mod nodes;
mod observe;
mod onlookers;
mod pages;
mod peers;
mod publish;
pub mod readiness;
pub mod recorder;
pub mod reload;
mod rest;
mod retry;
mod run;
mod sign;
mod slots;
mod status;
pub mod store;
#[cfg(test)]
#[path = "../../wire/tests/support/header.rs"]
mod test_block;
#[cfg(test)]
mod test_node;
mod upload;
mod vaults;

pub use backup::{HandedOver, NotHandedOver, StoreFacts};
pub use config::{Config, ConfigError};
pub use hand::{Holder, RemoteVault};
pub use history::HistoryError;
pub use instance::GateState;
pub use journals::{Journals, JournalsError};
pub use keys::{Holders, PublicKeys, SameKey};
pub use rest::{RestError, demote_at_rest, exit_of, promote_at_rest};
pub use run::{RunError, Surroundings, run};
pub use sign::Promotion;

/// What this program calls itself in its responses, in logs and on the command line, such as
/// `countersign 0.1.0 (release build, linux [x86_64])`.
pub fn release() -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("countersign {} ({build} build, {os} [{arch}])", env!("CARGO_PKG_VERSION"))
}
