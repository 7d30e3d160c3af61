//! Chunks of a StackerDB, read and written by hand.

use std::io::{self, Read};
use std::time::Duration;

use countersign_node::{AuthPassword, ConfigError, Deadlines, NodeClient, NodeConfig, NodeError};
use countersign_wire::clarity::ContractId;
use countersign_wire::stackerdb::{Chunk, ChunkAck, MAX_SIGNER_CHUNK_LEN, SlotMetadata};
use countersign_wire::{Network, SlotId, SlotVersion};

use crate::base58::{self, Base58Error};

/// A StackerDB of one node.
#[derive(Debug)]
pub struct Database {
    node: NodeClient,
    contract: ContractId,
}

impl Database {
    /// The StackerDB of `contract` at the node `host` (`host:port`). Nothing is asked yet.
    pub fn new(host: String, contract: ContractId, timeout: Duration) -> Result<Self, ConfigError> {
        Ok(Self { node: node(host, Network::Testnet, timeout)?, contract })
    }

    /// What is in a slot, in its latest or in one version; nothing if there is no such chunk.
    pub async fn chunk(
        &self,
        slot: SlotId,
        version: Option<SlotVersion>,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        self.node.contract_chunk_data(&self.contract, slot, version).await
    }

    /// Version, hash and signature of every slot.
    pub async fn slots(&self) -> Result<Vec<SlotMetadata>, NodeError> {
        self.node.contract_slots(&self.contract).await
    }

    /// Writes a signed chunk. A refusal by the node is an answer, not an error.
    pub async fn put(&self, chunk: &Chunk) -> Result<ChunkAck, NodeError> {
        self.node.put_contract_chunk(&self.contract, chunk).await
    }
}

/// A client for questions that need no password.
pub(crate) fn node(
    host: String,
    boot: Network,
    stackerdb: Duration,
) -> Result<NodeClient, ConfigError> {
    let deadlines = Deadlines { stackerdb, ..Deadlines::default() };
    let auth_password = AuthPassword::new("");
    NodeClient::new(NodeConfig { host, tls: None, auth_password, boot, deadlines, observer: None })
}

/// What is to be written into a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkData(Vec<u8>);

/// Why an argument is not the content of a chunk.
#[derive(Debug, thiserror::Error)]
pub enum ChunkDataError {
    /// The text is not base58.
    #[error("the data is not base58: {0}")]
    Base58(#[from] Base58Error),
    /// The standard input cannot be read.
    #[error("the data cannot be read from the standard input")]
    Stdin(#[source] io::Error),
}

impl ChunkData {
    /// Reads base58 without a checksum; for `-` from the standard input, where a line end is no part
    /// of base58 either.
    pub fn read(argument: &str, stdin: &mut dyn Read) -> Result<Self, ChunkDataError> {
        if argument != "-" {
            return Ok(Self(base58::decode(argument)?));
        }
        let mut text = String::new();
        // Base58 is longer than what it spells, but not twice as long.
        let mut stdin = stdin.take(2 * u64::from(MAX_SIGNER_CHUNK_LEN));
        stdin.read_to_string(&mut text).map_err(ChunkDataError::Stdin)?;
        Ok(Self(base58::decode(&text)?))
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn data_comes_from_the_argument_or_from_the_standard_input() {
        let hello = b"Hello World!".to_vec();
        let argument = ChunkData::read("2NEpo7TZRRrLZSi2U", &mut io::empty()).unwrap();
        assert_eq!(argument.into_bytes(), hello);
        let stdin = ChunkData::read("-", &mut "2NEpo7TZRRrLZSi2U".as_bytes()).unwrap();
        assert_eq!(stdin.into_bytes(), hello);
        assert!(ChunkData::read("", &mut io::empty()).unwrap().into_bytes().is_empty());
    }

    #[test]
    fn a_line_end_is_no_base58() {
        let error = ChunkData::read("-", &mut "2NEp\n".as_bytes()).unwrap_err();
        let place = Base58Error::Character { position: 5 };
        assert!(matches!(error, ChunkDataError::Base58(found) if found == place), "{error}");
    }
}
