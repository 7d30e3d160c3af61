//! Blocks to the node: to be validated, to be broadcast.

use countersign_wire::rpc::{BlockUploadResponse, BlockValidationRequest};
use countersign_wire::transaction::{StacksTransaction, TransactionsJson};
use countersign_wire::{ChainId, NakamotoBlock, Wire};
use hyper::StatusCode;

use super::{ContentType, Endpoint, NodeClient};
use crate::error::NodeError;

/// What the node says to a request to validate a block (`signer-wire.md` section 6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidationSubmission {
    /// The verdict will come as a callback.
    Accepted,
    /// It validates another block; ask again when that verdict has come.
    Busy,
    /// It will not: 401 wrong password, 422 too old, 400 malformed or not configured to.
    Refused {
        /// The HTTP status; 0 if the node was not asked.
        status: u16,
        /// The start of the node's explanation, on one line.
        text: String,
    },
}

impl NodeClient {
    /// Asks the node to validate a block, and to see to it that the block replays these transactions,
    /// if there are any. A set that has no JSON form is refused here.
    pub async fn validate_block(
        &self,
        block: &NakamotoBlock,
        chain_id: ChainId,
        replay: &[StacksTransaction],
    ) -> Result<ValidationSubmission, NodeError> {
        let request = BlockValidationRequest {
            block: block.to_bytes(),
            chain_id,
            replay_txs: (!replay.is_empty()).then_some(TransactionsJson(replay)),
        };
        let body = match serde_json::to_vec(&request) {
            Ok(body) => body,
            Err(error) => {
                let text = format!("the replay set cannot be written: {error}");
                return Ok(ValidationSubmission::Refused { status: 0, text });
            }
        };
        let body = (ContentType::Json, body);
        let answer = self.post(Endpoint::BlockProposal, "/v3/block_proposal", body).await?;
        Ok(match answer.status {
            // Something else that answers here may say 200, and no verdict will follow.
            StatusCode::ACCEPTED => ValidationSubmission::Accepted,
            StatusCode::TOO_MANY_REQUESTS => ValidationSubmission::Busy,
            status => {
                ValidationSubmission::Refused { status: status.as_u16(), text: answer.text() }
            }
        })
    }

    /// Hands the node a block with its signers' signatures, to store and to broadcast.
    pub async fn upload_block(
        &self,
        block: &NakamotoBlock,
    ) -> Result<BlockUploadResponse, NodeError> {
        let body = (ContentType::Octets, block.to_bytes());
        self.post(Endpoint::BlockUpload, "/v3/blocks/upload/?broadcast=1", body).await?.json()
    }
}
