//! Which request is answered by what.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::reply::Reply;
use super::request::Accepted;
use super::{Endpoint, blocks, call_read, rpc, stackerdb};
use crate::shared::Stopped;

/// Answers a request.
pub(super) async fn answer(endpoint: &Arc<Endpoint>, request: Accepted) -> Reply {
    let answered = match request.method {
        Method::GET => get(endpoint, &request).await,
        Method::POST => post(endpoint, &request).await,
        _ => Ok(Reply::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST")),
    };
    answered.unwrap_or_else(|Stopped| {
        Reply::text(StatusCode::INTERNAL_SERVER_ERROR, "the simulated network has stopped")
    })
}

async fn get(endpoint: &Endpoint, request: &Accepted) -> Result<Reply, Stopped> {
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match *segments.as_slice() {
        ["v2", "info"] => rpc::info(endpoint).await,
        ["v2", "pox"] => rpc::pox(endpoint).await,
        ["v2", "accounts", address] => rpc::account(endpoint, address).await,
        ["v3", "stacker_set", cycle] => rpc::stacker_set(endpoint, cycle).await,
        ["v3", "signer", key, cycle] => rpc::signer_blocks(endpoint, key, cycle).await,
        ["v3", "health"] => rpc::health(endpoint).await,
        ["v3", "sortitions", "latest_and_last"] => rpc::latest_and_last(endpoint).await,
        ["v3", "sortitions", "burn", hash] => rpc::sortition_by_burn_hash(endpoint, hash).await,
        ["v3", "sortitions", "consensus", hash] => {
            rpc::sortition_by_consensus(endpoint, hash).await
        }
        ["v3", "tenures", "tip_metadata", tenure] => rpc::tip_metadata(endpoint, tenure).await,
        ["v3", "tenures", "tip", tenure] => rpc::tip(endpoint, tenure).await,
        ["v3", "tenures", "fork_info", start, stop] => rpc::fork_info(endpoint, start, stop).await,
        ["v2", "stackerdb", address, name] => stackerdb::list(endpoint, address, name).await,
        ["v2", "stackerdb", address, name, slot] => {
            stackerdb::read(endpoint, address, name, slot, None).await
        }
        ["v2", "stackerdb", address, name, slot, version] => {
            stackerdb::read(endpoint, address, name, slot, Some(version)).await
        }
        _ => Ok(unknown(request)),
    }
}

async fn post(endpoint: &Arc<Endpoint>, request: &Accepted) -> Result<Reply, Stopped> {
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match *segments.as_slice() {
        ["v3", "block_proposal"] => Ok(blocks::propose(endpoint, request)),
        ["v3", "blocks", "upload"] | ["v3", "blocks", "upload", ""] => {
            blocks::upload(endpoint, request).await
        }
        ["v2", "contracts", "call-read", address, contract, function] => {
            call_read::call(endpoint, request, address, contract, function).await
        }
        ["v2", "stackerdb", address, name, "chunks"] => {
            stackerdb::write(endpoint, request, address, name).await
        }
        _ => Ok(unknown(request)),
    }
}

fn unknown(request: &Accepted) -> Reply {
    Reply::not_found(format!("no such endpoint: {}", request.path))
}
