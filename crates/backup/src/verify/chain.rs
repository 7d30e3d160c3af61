//! The chain's aggregate key, as nodes tell it.

use countersign_node::client::NodeClient;
use countersign_ops::report::describe;
use countersign_wire::{PublicKey, StacksAddress};

/// What one source says the chain's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainAnswer {
    /// The source: a node's address, or who said it.
    pub source: String,
    /// The key; none if the contract has none; or why it is not known.
    pub key: Result<Option<PublicKey>, String>,
}

/// Asks a node for the key in the registry that `deployer` published.
pub async fn ask_chain(source: String, node: &NodeClient, deployer: &StacksAddress) -> ChainAnswer {
    let key = node.sbtc_aggregate_key(deployer).await;
    ChainAnswer { source, key: key.map_err(|error| describe(&error)) }
}
