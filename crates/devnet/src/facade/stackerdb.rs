//! StackerDB over HTTP (`signer-wire.md` section 5.5).

use countersign_wire::stackerdb::Chunk;
use countersign_wire::{SlotId, SlotVersion, StacksAddress};
use hyper::StatusCode;

use super::Endpoint;
use super::reply::Reply;
use super::request::Accepted;
use crate::chain::StackerDb;
use crate::shared::Stopped;

/// `POST /v2/stackerdb/{address}/{name}/chunks`.
pub(super) async fn write(
    endpoint: &Endpoint,
    request: &Accepted,
    address: &str,
    name: &str,
) -> Result<Reply, Stopped> {
    let Some(db) = database(address, name) else { return Ok(not_replicated()) };
    if !request.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/json")) {
        return Ok(Reply::bad_request("the content type must be application/json"));
    }
    let Ok(chunk) = serde_json::from_slice::<Chunk>(&request.body) else {
        return Ok(Reply::bad_request("the body is not a chunk"));
    };
    let ack = endpoint.chain.ask(move |shared| shared.put_chunk(db, chunk)).await?;
    Ok(Reply::json(&ack))
}

/// `GET /v2/stackerdb/{address}/{name}/{slot}` and `…/{version}`: only the current version is kept.
pub(super) async fn read(
    endpoint: &Endpoint,
    address: &str,
    name: &str,
    slot: &str,
    version: Option<&str>,
) -> Result<Reply, Stopped> {
    let Some(db) = database(address, name) else { return Ok(not_replicated()) };
    let Ok(slot) = slot.parse().map(SlotId::new) else {
        return Ok(Reply::bad_request("the slot is not a number"));
    };
    let version = match version.map(str::parse).transpose() {
        Ok(version) => version.map(SlotVersion::new),
        Err(_) => return Ok(Reply::bad_request("the version is not a number")),
    };
    let found = endpoint.chain.ask(move |shared| {
        let metadata = shared.chain().metadata(db)?;
        let metadata = metadata.iter().find(|metadata| metadata.slot_id == slot)?;
        if version.is_some_and(|version| version != metadata.slot_version) {
            return None;
        }
        Some(shared.chain().chunk(db, slot).map_or_else(Vec::new, |chunk| chunk.data.clone()))
    });
    Ok(found.await?.map_or_else(|| Reply::not_found("no such chunk"), Reply::octets))
}

/// `GET /v2/stackerdb/{address}/{name}`.
pub(super) async fn list(endpoint: &Endpoint, address: &str, name: &str) -> Result<Reply, Stopped> {
    let Some(db) = database(address, name) else { return Ok(not_replicated()) };
    let metadata = endpoint.chain.ask(move |shared| shared.chain().metadata(db)).await?;
    Ok(metadata.map_or_else(not_replicated, |metadata| Reply::json(&metadata)))
}

fn database(address: &str, name: &str) -> Option<StackerDb> {
    if !address.parse::<StacksAddress>().is_ok_and(|address| address.is_boot()) {
        return None;
    }
    StackerDb::parse(name)
}

fn not_replicated() -> Reply {
    Reply::text(StatusCode::NOT_FOUND, "this node does not replicate the StackerDB")
}
