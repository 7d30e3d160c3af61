//! What the devnet asks a real stacks-node.

use std::net::SocketAddr;

use bytes::Bytes;
use countersign_wire::rpc::{Sortition, StackerSetResponse};
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{BurnHeight, RewardCycle, SignerSet, StacksAddress, Wire as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::http::{self, Content, HttpError};

/// The way to a stacks-node.
#[derive(Clone, Copy, Debug)]
pub(super) struct StacksNode {
    address: SocketAddr,
}

/// Why a stacks-node does not say what it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NodeError {
    /// It does not answer.
    #[error("stacks-node: {0}")]
    Http(#[from] HttpError),
    /// It refuses, or is not ready.
    #[error("stacks-node answers {path} with {status}: {message}")]
    Refused {
        /// What was asked.
        path: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The answer is none to this question.
    #[error("stacks-node answers {path} with something else: {source}")]
    Shape {
        /// What was asked.
        path: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// `GET /v2/info`, as far as it is read.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct NodeInfo {
    /// The burn block that the node has processed.
    pub(super) burn_block_height: u64,
    /// Its newest block.
    pub(super) stacks_tip_height: u64,
}

/// `GET /v2/accounts/…`, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    /// `0x` and hex: µSTX that cannot be moved.
    locked: String,
    /// The next nonce.
    pub(super) nonce: u64,
}

impl Account {
    /// Whether it stacks.
    pub(super) fn is_locked(&self) -> bool {
        let digits = self.locked.trim_start_matches("0x");
        u128::from_str_radix(digits, 16).is_ok_and(|locked| locked > 0)
    }
}

impl StacksNode {
    /// The one whose RPC is here.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub(super) async fn info(self) -> Result<NodeInfo, NodeError> {
        self.get("/v2/info".to_owned()).await
    }

    pub(super) async fn account(self, address: &StacksAddress) -> Result<Account, NodeError> {
        self.get(format!("/v2/accounts/{address}?proof=0")).await
    }

    /// The signers of a cycle.
    pub(super) async fn signer_set(self, cycle: RewardCycle) -> Result<SignerSet, NodeError> {
        let path = format!("/v3/stacker_set/{cycle}");
        let answer: StackerSetResponse = self.get(path.clone()).await?;
        answer.stacker_set.signer_set().map_err(|error| NodeError::Refused {
            path,
            status: 200,
            message: error.to_string(),
        })
    }

    /// The sortition of a burn block.
    pub(super) async fn sortition(self, height: BurnHeight) -> Result<Sortition, NodeError> {
        let path = format!("/v3/sortitions/burn_height/{height}");
        let found: Vec<Sortition> = self.get(path.clone()).await?;
        let none = || NodeError::Refused { path, status: 200, message: "no sortition".to_owned() };
        found.into_iter().next().ok_or_else(none)
    }

    /// Gives the node a transaction to mine.
    pub(super) async fn submit(self, transaction: &StacksTransaction) -> Result<(), NodeError> {
        let path = "/v2/transactions";
        let content = Content {
            kind: Some("application/octet-stream"),
            body: Bytes::from(transaction.to_bytes()),
            ..Content::default()
        };
        let answer = http::post(self.address, path, content).await?;
        if answer.status == 200 {
            return Ok(());
        }
        let (path, status, message) = (path.to_owned(), answer.status, answer.text());
        Err(NodeError::Refused { path, status, message })
    }

    async fn get<T: DeserializeOwned>(self, path: String) -> Result<T, NodeError> {
        let answer = http::get(self.address, &path).await?;
        if answer.status != 200 {
            let (status, message) = (answer.status, answer.text());
            return Err(NodeError::Refused { path, status, message });
        }
        serde_json::from_slice(&answer.body).map_err(|source| NodeError::Shape { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_with_locked_tokens_stacks() {
        let account = |locked: &str| Account { locked: locked.to_owned(), nonce: 1 };
        assert!(account("0x0000000000000000000e35fa931a0000").is_locked());
        for free in ["0x00000000000000000000000000000000", "0x", ""] {
            assert!(!account(free).is_locked(), "{free}");
        }
    }
}
