//! What an operator asks a node beside what a signer asks: whether it takes the signer's password, and which
//! key pox-5 has.

use countersign_wire::PublicKey;
use countersign_wire::clarity::ContractId;
use countersign_wire::rpc::{CallReadRequest, SIGNER_INFO_FUNCTION};
use hyper::StatusCode;

use super::contracts::call_error;
use super::{ContentType, Endpoint, NodeClient};
use crate::error::NodeError;

/// What a node says to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// 400: it has read what was sent, so the password is right.
    Taken,
    /// 401: the password is wrong.
    Refused,
    /// Another status: it asks for no password, or is no node.
    Other(u16),
}

impl NodeClient {
    /// Sends a proposal that is none. A node looks at the password before it reads the proposal, so it
    /// says 401 to a wrong one and 400 to the right one, and does nothing else.
    pub async fn probe_password(&self) -> Result<PasswordAnswer, NodeError> {
        let nothing = (ContentType::Json, b"{}".to_vec());
        let answer = self.post(Endpoint::BlockProposal, "/v3/block_proposal", nothing).await?;
        Ok(match answer.status {
            StatusCode::BAD_REQUEST => PasswordAnswer::Taken,
            StatusCode::UNAUTHORIZED => PasswordAnswer::Refused,
            other => PasswordAnswer::Other(other.as_u16()),
        })
    }

    /// The key that pox-5 has for a signer-manager; none if it has none.
    pub async fn manager_key(&self, manager: &ContractId) -> Result<Option<PublicKey>, NodeError> {
        let boot = self.boot_address();
        let request = CallReadRequest::signer_info(&boot, manager);
        let path = format!("/v2/contracts/call-read/{boot}/pox-5/{SIGNER_INFO_FUNCTION}");
        let endpoint = Endpoint::SignerInfo;
        let response = self.call_read_at(endpoint, &path, &request).await?;
        response.signer_info().map_err(|error| call_error(endpoint, error))
    }
}
