//! Validating and uploading blocks (`signer-wire.md` sections 6.8 and 6.9).

use std::sync::Arc;

use countersign_wire::rpc::{BlockUploadResponse, BlockValidationRequest};
use countersign_wire::{ChainId, NakamotoBlock, Wire as _};
use hyper::StatusCode;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::Endpoint;
use super::reply::Reply;
use super::request::Accepted;
use crate::shared::{Stopped, now};
use crate::view::Validation;

/// `POST /v3/block_proposal`: 202 now, the verdict later to this node's observer.
pub(super) fn propose(endpoint: &Arc<Endpoint>, request: &Accepted) -> Reply {
    if !is_authorized(endpoint, request) {
        return unauthorized();
    }
    if !request.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/json")) {
        return Reply::bad_request("the content type must be application/json");
    }
    let Ok(proposal) = serde_json::from_slice::<BlockValidationRequest>(&request.body) else {
        return Reply::bad_request("the body is not a block proposal");
    };
    let Ok(block) = NakamotoBlock::from_bytes(&proposal.block) else {
        return Reply::bad_request("the block cannot be decoded");
    };
    if block.header.is_shadow() {
        return Reply::bad_request("shadow blocks are not proposed");
    }
    let Ok(permit) = Arc::clone(&endpoint.validation).try_acquire_owned() else {
        return outcome(
            StatusCode::TOO_MANY_REQUESTS,
            "Error",
            "Could not process block proposal request: Proposal currently being evaluated",
        );
    };
    if block.header.timestamp.get().saturating_add(MAX_AGE_SECS) < now().get() {
        return outcome(StatusCode::UNPROCESSABLE_ENTITY, "Error", "the block is too old");
    }
    tokio::spawn(validate(Arc::clone(endpoint), block, proposal.chain_id, permit));
    outcome(
        StatusCode::ACCEPTED,
        "Accepted",
        "Block proposal is processing, result will be returned via the event observer",
    )
}

/// Validates in the background and posts the verdict, unless the node goes away meanwhile.
async fn validate(
    endpoint: Arc<Endpoint>,
    block: NakamotoBlock,
    chain_id: ChainId,
    permit: OwnedSemaphorePermit,
) {
    let life = endpoint.life();
    tokio::time::sleep(endpoint.validation_delay).await;
    let mut view = endpoint.view.clone();
    if view.borrow().validation == Validation::Stalled {
        // No verdict will come, and the node stays busy until it is told otherwise.
        let _ = view.wait_for(|view| view.validation != Validation::Stalled).await;
        return;
    }
    let (node, took) = (endpoint.node, endpoint.validation_delay);
    let is_here = endpoint.life() == life;
    // The node is free again before anybody can react to the verdict.
    drop(permit);
    if is_here {
        // A stopped network has no use for the verdict.
        let _ = endpoint
            .chain
            .ask(move |shared| shared.conclude_validation(node, &block, chain_id, took))
            .await;
    }
}

/// `POST /v3/blocks/upload/`; with `?broadcast=1` only for who knows the password.
pub(super) async fn upload(endpoint: &Endpoint, request: &Accepted) -> Result<Reply, Stopped> {
    let is_broadcast = request
        .query
        .as_deref()
        .is_some_and(|query| query.split('&').any(|pair| pair == "broadcast=1"));
    if is_broadcast && !is_authorized(endpoint, request) {
        return Ok(unauthorized());
    }
    if request.content_type.as_deref() != Some("application/octet-stream") {
        return Ok(Reply::bad_request("the content type must be application/octet-stream"));
    }
    let Ok(block) = NakamotoBlock::from_bytes(&request.body) else {
        return Ok(Reply::bad_request("the block cannot be decoded"));
    };
    let stacks_block_id = block.block_id();
    let outcome = endpoint.chain.ask(move |shared| shared.submit(&block)).await?;
    Ok(match outcome {
        Ok(accepted) => Reply::json(&BlockUploadResponse { stacks_block_id, accepted }),
        Err(reason) => Reply::bad_request(reason.to_string()),
    })
}

fn is_authorized(endpoint: &Endpoint, request: &Accepted) -> bool {
    request.authorization.as_deref() == Some(endpoint.auth_password.as_str())
}

fn unauthorized() -> Reply {
    Reply::text(StatusCode::UNAUTHORIZED, "the authorization header does not match")
}

fn outcome(status: StatusCode, result: &str, message: &str) -> Reply {
    Reply::json_with(status, &json!({ "result": result, "message": message }))
}

/// What a node refuses as too old, in seconds.
const MAX_AGE_SECS: u64 = 600;
