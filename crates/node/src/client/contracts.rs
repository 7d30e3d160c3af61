//! Read-only calls of the `.signers` contract (`signer-wire.md` section 6.10) and of `sbtc-registry`
//! (`sbtc-database.md` section 5).

use countersign_wire::rpc::{
    AGGREGATE_KEY_FUNCTION, CallReadError, CallReadRequest, CallReadResponse,
    LAST_SET_CYCLE_FUNCTION, SIGNER_SLOTS_FUNCTION,
};
use countersign_wire::{PublicKey, RewardCycle, StacksAddress};
use hyper::StatusCode;

use super::{ContentType, Endpoint, NodeClient, malformed};
use crate::error::NodeError;

impl NodeClient {
    /// The highest cycle whose signer slots are written. While it is below the cycle that is wanted,
    /// that cycle's StackerDBs do not exist.
    pub async fn last_set_cycle(&self) -> Result<RewardCycle, NodeError> {
        let request = CallReadRequest::last_set_cycle(&self.boot_address());
        let endpoint = Endpoint::LastSetCycle;
        let response = self.call_read(endpoint, LAST_SET_CYCLE_FUNCTION, &request).await?;
        response.last_set_cycle().map_err(|error| call_error(endpoint, error))
    }

    /// The signers of the last cycle of `cycle`'s parity whose slots are written, in the order of
    /// their slots. That is `cycle` itself only if [`Self::last_set_cycle`] says so.
    pub async fn signer_slots(&self, cycle: RewardCycle) -> Result<Vec<StacksAddress>, NodeError> {
        let request = CallReadRequest::signer_slots(&self.boot_address(), cycle);
        let endpoint = Endpoint::SignerSlots;
        let response = self.call_read(endpoint, SIGNER_SLOTS_FUNCTION, &request).await?;
        response.signer_slots().map_err(|error| call_error(endpoint, error))
    }

    /// The aggregate key of the sBTC signers, in the registry that `deployer` published; none before their
    /// first.
    pub async fn sbtc_aggregate_key(
        &self,
        deployer: &StacksAddress,
    ) -> Result<Option<PublicKey>, NodeError> {
        let endpoint = Endpoint::AggregateKey;
        let path =
            format!("/v2/contracts/call-read/{deployer}/sbtc-registry/{AGGREGATE_KEY_FUNCTION}");
        let request = CallReadRequest::aggregate_key(deployer);
        let response = self.call_read_at(endpoint, &path, &request).await?;
        response.aggregate_key().map_err(|error| call_error(endpoint, error))
    }

    async fn call_read(
        &self,
        endpoint: Endpoint,
        function: &str,
        request: &CallReadRequest,
    ) -> Result<CallReadResponse, NodeError> {
        let path = format!("/v2/contracts/call-read/{}/signers/{function}", self.boot_address());
        self.call_read_at(endpoint, &path, request).await
    }

    pub(super) async fn call_read_at(
        &self,
        endpoint: Endpoint,
        path: &str,
        request: &CallReadRequest,
    ) -> Result<CallReadResponse, NodeError> {
        let body = serde_json::to_vec(request).expect("a call is made of strings");
        self.post(endpoint, path, (ContentType::Json, body)).await?.json()
    }
}

/// A call that fails inside the node is answered with status 200 all the same.
pub(super) fn call_error(endpoint: Endpoint, error: CallReadError) -> NodeError {
    match error {
        CallReadError::Refused(text) => {
            NodeError::Refused { endpoint: endpoint.label(), status: StatusCode::OK.as_u16(), text }
        }
        other => malformed(endpoint, other),
    }
}
