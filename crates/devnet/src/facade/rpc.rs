//! What a node says about the chain (`signer-wire.md` sections 6.3 to 6.7 and 6.11).

use countersign_wire::rpc::{NodeHealth, SignerBlocks};
use countersign_wire::{BurnHeight, ConsensusHash, PublicKey, RewardCycle, StacksAddress};
use hyper::StatusCode;

use super::reply::Reply;
use super::{Endpoint, json};
use crate::chain::{Chain, ForkInfoError};
use crate::shared::Stopped;

pub(super) async fn info(endpoint: &Endpoint) -> Result<Reply, Stopped> {
    let node = endpoint.node;
    let object = endpoint.chain.ask(move |shared| {
        let chain = shared.seen_by(node);
        let tip = chain.burn_tip();
        let stable = tip.height.get().checked_sub(STABLE_CONFIRMATIONS).map(BurnHeight::new);
        let stable = stable.and_then(|height| chain.burn_block_at(height)).unwrap_or(tip);
        let info = chain.info();
        json::info(&info, (stable.height, stable.consensus_hash), info.stacks_tip_height.get())
    });
    Ok(Reply::json(&object.await?))
}

pub(super) async fn pox(endpoint: &Endpoint) -> Result<Reply, Stopped> {
    let node = endpoint.node;
    let pox = endpoint.chain.ask(move |shared| shared.seen_by(node).pox()).await?;
    Ok(Reply::json(&json::pox(&pox)))
}

pub(super) async fn stacker_set(endpoint: &Endpoint, cycle: &str) -> Result<Reply, Stopped> {
    let Ok(cycle) = cycle.parse::<u64>() else {
        let error = serde_json::json!({ "response": "error", "err_msg": "not a number" });
        return Ok(Reply::json_with(StatusCode::BAD_REQUEST, &error));
    };
    let node = endpoint.node;
    let set = endpoint
        .chain
        .ask(move |shared| shared.seen_by(node).stacker_set(RewardCycle::new(cycle)))
        .await?;
    Ok(match set {
        Some(set) => Reply::json(&json::stacker_set(&set)),
        None => Reply::json_with(StatusCode::BAD_REQUEST, &json::stacker_set_unknown(cycle)),
    })
}

/// `GET /v3/signer/{key}/{cycle}`.
pub(super) async fn signer_blocks(
    endpoint: &Endpoint,
    key: &str,
    cycle: &str,
) -> Result<Reply, Stopped> {
    let (Ok(key), Ok(cycle)) = (key.parse::<PublicKey>(), cycle.parse::<u64>()) else {
        return Ok(Reply::bad_request("not a key and a cycle"));
    };
    let node = endpoint.node;
    let blocks_signed = endpoint
        .chain
        .ask(move |shared| shared.seen_by(node).blocks_signed(&key, RewardCycle::new(cycle)))
        .await?;
    Ok(Reply::json(&SignerBlocks { blocks_signed }))
}

/// `GET /v3/health`: how far this node is behind the chain that all nodes share.
pub(super) async fn health(endpoint: &Endpoint) -> Result<Reply, Stopped> {
    let node = endpoint.node;
    let difference_from_max_peer = endpoint
        .chain
        .ask(move |shared| {
            let height = |chain: &Chain| chain.info().stacks_tip_height.get();
            height(shared.chain()).saturating_sub(height(shared.seen_by(node)))
        })
        .await?;
    Ok(Reply::json(&NodeHealth { difference_from_max_peer }))
}

pub(super) async fn latest_and_last(endpoint: &Endpoint) -> Result<Reply, Stopped> {
    let node = endpoint.node;
    let sortitions =
        endpoint.chain.ask(move |shared| shared.seen_by(node).latest_and_last()).await?;
    Ok(Reply::json(&sortitions))
}

pub(super) async fn sortition_by_burn_hash(
    endpoint: &Endpoint,
    hash: &str,
) -> Result<Reply, Stopped> {
    let Some(hash) = bare(hash) else { return Ok(Reply::bad_request("not a burn block hash")) };
    let node = endpoint.node;
    let found = endpoint
        .chain
        .ask(move |shared| shared.seen_by(node).sortition_by_burn_hash(&hash))
        .await?;
    Ok(found.map_or_else(no_snapshot, |sortition| Reply::json(&[sortition])))
}

pub(super) async fn sortition_by_consensus(
    endpoint: &Endpoint,
    hash: &str,
) -> Result<Reply, Stopped> {
    let Some(hash) = bare(hash) else { return Ok(Reply::bad_request("not a consensus hash")) };
    let node = endpoint.node;
    let found = endpoint
        .chain
        .ask(move |shared| shared.seen_by(node).sortition_by_consensus(&hash))
        .await?;
    Ok(found.map_or_else(no_snapshot, |sortition| Reply::json(&[sortition])))
}

pub(super) async fn tip_metadata(endpoint: &Endpoint, tenure: &str) -> Result<Reply, Stopped> {
    Ok(match tenure_tip(endpoint, tenure).await? {
        Ok(tip) => Reply::json(&tip),
        Err(refusal) => refusal,
    })
}

/// The older form: the header alone.
pub(super) async fn tip(endpoint: &Endpoint, tenure: &str) -> Result<Reply, Stopped> {
    Ok(match tenure_tip(endpoint, tenure).await? {
        Ok(tip) => Reply::json(&tip.anchored_header),
        Err(refusal) => refusal,
    })
}

async fn tenure_tip(
    endpoint: &Endpoint,
    tenure: &str,
) -> Result<Result<countersign_wire::rpc::TenureTipResponse, Reply>, Stopped> {
    let Some(tenure) = bare::<ConsensusHash>(tenure) else {
        return Ok(Err(Reply::bad_request("not a consensus hash")));
    };
    let node = endpoint.node;
    let tip = endpoint
        .chain
        .ask(move |shared| {
            if shared.nodes().get(node).is_some_and(|feed| feed.hides(&tenure)) {
                return None;
            }
            shared.seen_by(node).tenure_tip_response(&tenure)
        })
        .await?;
    Ok(tip.ok_or_else(|| Reply::not_found("the tenure has no blocks")))
}

pub(super) async fn fork_info(
    endpoint: &Endpoint,
    start: &str,
    stop: &str,
) -> Result<Reply, Stopped> {
    let (Some(start), Some(stop)) = (bare(start), bare(stop)) else {
        return Ok(Reply::bad_request("not a consensus hash"));
    };
    let node = endpoint.node;
    let tenures =
        endpoint.chain.ask(move |shared| shared.seen_by(node).fork_info(&start, &stop)).await?;
    Ok(match tenures {
        Ok(tenures) => Reply::json(&tenures),
        Err(error @ ForkInfoError::Unknown(_)) => Reply::not_found(error.to_string()),
        Err(error @ ForkInfoError::NotOnOneFork { .. }) => {
            Reply::json_with(StatusCode::BAD_REQUEST, &error.to_string())
        }
    })
}

pub(super) async fn account(endpoint: &Endpoint, address: &str) -> Result<Reply, Stopped> {
    let Ok(address) = address.parse::<StacksAddress>() else {
        return Ok(Reply::bad_request("not an address"));
    };
    let node = endpoint.node;
    let account = endpoint.chain.ask(move |shared| shared.seen_by(node).account(&address)).await?;
    Ok(Reply::json(&account))
}

/// A path segment of lower-case hex without `0x`, as a node requires it.
fn bare<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_bare = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_bare { text.parse().ok() } else { None }
}

fn no_snapshot() -> Reply {
    Reply::not_found("no such sortition on the canonical burn chain")
}

/// How deep a burn block is that a node calls stable.
const STABLE_CONFIRMATIONS: u64 = 1;
