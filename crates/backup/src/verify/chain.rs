//! The chain's aggregate key, as nodes tell it.

use countersign_node::client::NodeClient;
use countersign_ops::report::describe;
use countersign_wire::rpc::{AGGREGATE_KEY_FUNCTION, CallReadRequest, CallReadResponse};
use countersign_wire::{PublicKey, StacksAddress};

use crate::http::{HttpClient, HttpError};

/// What one source says the chain's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainAnswer {
    /// The source: a node's address, or who said it.
    pub source: String,
    /// The key; none if the contract has none; or why it is not known.
    pub key: Result<Option<PublicKey>, String>,
}

/// Asks the own node for the key in the registry that `deployer` published.
pub async fn ask_chain(source: String, node: &NodeClient, deployer: &StacksAddress) -> ChainAnswer {
    let key = node.sbtc_aggregate_key(deployer).await;
    ChainAnswer { source, key: key.map_err(|error| describe(&error)) }
}

/// Asks another node, such as `https://api.hiro.so`, for the same. Only an address that cannot be one is an error: what
/// a node does not say is an answer, too.
pub fn ask_chain_at(
    node: &str,
    client: &HttpClient,
    deployer: &StacksAddress,
) -> Result<ChainAnswer, HttpError> {
    let url = format!(
        "{}/v2/contracts/call-read/{deployer}/sbtc-registry/{AGGREGATE_KEY_FUNCTION}",
        node.trim_end_matches('/')
    );
    let question = CallReadRequest::aggregate_key(deployer);
    let question = serde_json::to_vec(&question).expect("a call is made of strings");
    let key = match client.post(&url, question, MAX_ANSWER) {
        Err(HttpError::Address(address)) => return Err(HttpError::Address(address)),
        Err(error) => Err(describe(&error)),
        Ok(body) => read(&body),
    };
    Ok(ChainAnswer { source: node.to_owned(), key })
}

fn read(body: &[u8]) -> Result<Option<PublicKey>, String> {
    let answer: CallReadResponse = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not a node's: {error}"))?;
    answer.aggregate_key().map_err(|error| describe(&error))
}

/// Far more than a key in hex with what is around it.
const MAX_ANSWER: usize = 1 << 16;
