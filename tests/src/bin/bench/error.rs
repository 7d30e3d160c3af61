//! Why a measurement cannot be made.

use std::io;
use std::time::Duration;

use countersign_devnet::Stopped;
use countersign_devnet::chain::BuildError;
use countersign_devnet::devnet::{ControlError, StartError};
use countersign_signerd::store::StoreError;
use countersign_vault::{OpenError, SignError};

/// Why a measurement cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A journal cannot be opened.
    #[error("the vault cannot be opened")]
    Open(#[from] OpenError),
    /// The vault does not sign.
    #[error("the vault does not sign")]
    Sign(#[from] SignError),
    /// The token does not sign.
    #[error("the token does not sign")]
    Token(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something of the machine.
    #[error("{what} cannot be used")]
    Io { what: &'static str, source: io::Error },
    /// The network does not start.
    #[error("the network does not start")]
    Start(#[from] StartError),
    /// The network cannot be used.
    #[error("the network does not do what it is told")]
    Control(#[from] ControlError),
    /// A block cannot be made.
    #[error("a block cannot be made")]
    Build(#[from] BuildError),
    /// The network refuses a chunk.
    #[error("the network refuses a chunk: {0}")]
    Refused(String),
    /// The signer's store cannot be filled.
    #[error("the signer's store cannot be filled")]
    Store(#[from] StoreError),
    /// The chain lacks what a miner needs.
    #[error("the chain has no {0}")]
    Missing(&'static str),
    /// The signer rejects a good block.
    #[error("the signer rejects a good block: {0}")]
    Rejected(String),
    /// The signer does not do its part.
    #[error("the signer gave no {what} within {} s; its last words:\n{words}", patience.as_secs())]
    Silent { what: &'static str, patience: Duration, words: String },
    /// A command does not end as it should.
    #[error("`{command}` fails; its words:\n{words}")]
    Failed { command: String, words: String },
}

impl BenchError {
    /// What to make of an I/O error while using `what`.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl From<Stopped> for BenchError {
    fn from(stopped: Stopped) -> Self {
        Self::Control(stopped.into())
    }
}
