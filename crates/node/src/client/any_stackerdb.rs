//! StackerDBs of any contract, as an operator reads and writes them by hand.

use countersign_wire::clarity::ContractId;
use countersign_wire::stackerdb::{Chunk, ChunkAck, SlotMetadata};
use countersign_wire::{SlotId, SlotVersion};
use hyper::StatusCode;

use super::stackerdb::replicated;
use super::{ContentType, Endpoint, NodeClient};
use crate::error::NodeError;

impl NodeClient {
    /// Writes a slot of a contract's StackerDB. A refusal by the write rule is an answer, not an error.
    ///
    /// [`NodeError::NotReplicated`] if the node does not keep this StackerDB.
    pub async fn put_contract_chunk(
        &self,
        contract: &ContractId,
        chunk: &Chunk,
    ) -> Result<ChunkAck, NodeError> {
        let path = format!("{}/chunks", contract_path(contract));
        let body = serde_json::to_vec(chunk).expect("a chunk is numbers and hex");
        let answer = self.post(Endpoint::PutChunk, &path, (ContentType::Json, body)).await?;
        replicated(contract, answer)?.json()
    }

    /// What is in a slot, in its latest or in one version. A node keeps the latest version only.
    /// Nothing if there is no such version or slot, if the slot was never written, or if the node does
    /// not keep this StackerDB, which this endpoint does not tell apart.
    pub async fn contract_chunk_data(
        &self,
        contract: &ContractId,
        slot: SlotId,
        version: Option<SlotVersion>,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        let slot = format!("{}/{slot}", contract_path(contract));
        let path = version.map_or_else(|| slot.clone(), |version| format!("{slot}/{version}"));
        // Of a foreign contract nothing is known, so its chunks may be as long as the longest.
        let answer = self.get(Endpoint::MinersChunk, &path).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.success()?).filter(|data| !data.is_empty()))
    }

    /// Version, hash and signature of every slot of a contract's StackerDB, in the order of the slots.
    ///
    /// [`NodeError::NotReplicated`] if the node does not keep this StackerDB.
    pub async fn contract_slots(
        &self,
        contract: &ContractId,
    ) -> Result<Vec<SlotMetadata>, NodeError> {
        let answer = self.get(Endpoint::SlotMetadata, &contract_path(contract)).await?;
        replicated(contract, answer)?.json()
    }
}

fn contract_path(contract: &ContractId) -> String {
    format!("/v2/stackerdb/{}/{}", contract.address, contract.name)
}
