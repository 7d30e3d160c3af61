//! StackerDB over HTTP (`signer-wire.md` section 5.5).

use std::fmt;

use countersign_wire::SlotId;
use countersign_wire::stackerdb::{
    Chunk, ChunkAck, MINERS_CONTRACT, SignersContract, SlotMetadata,
};
use hyper::StatusCode;

use super::{Answer, ContentType, Endpoint, NodeClient};
use crate::error::NodeError;

/// A StackerDB that signers read or write, under the boot address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StackerDb {
    /// One lane of one of the two alternating signer sets.
    Signers(SignersContract),
    /// The miners' proposals and pushed blocks.
    Miners,
}

impl StackerDb {
    const fn chunk_endpoint(self) -> Endpoint {
        match self {
            Self::Signers(_) => Endpoint::SignersChunk,
            Self::Miners => Endpoint::MinersChunk,
        }
    }
}

/// The contract's name.
impl fmt::Display for StackerDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signers(contract) => f.write_str(&contract.name()),
            Self::Miners => f.write_str(MINERS_CONTRACT),
        }
    }
}

impl NodeClient {
    /// Writes a slot. A refusal by the write rule is an answer, not an error.
    ///
    /// [`NodeError::NotReplicated`] if the node does not keep this StackerDB.
    pub async fn put_chunk(&self, db: StackerDb, chunk: &Chunk) -> Result<ChunkAck, NodeError> {
        let path = format!("{}/chunks", self.stackerdb_path(db));
        let body = serde_json::to_vec(chunk).expect("a chunk is numbers and hex");
        let answer = self.post(Endpoint::PutChunk, &path, (ContentType::Json, body)).await?;
        replicated(db, answer)?.json()
    }

    /// What is in a slot now: nothing if it was never written, if the contract has no such slot, or
    /// if the node does not keep this StackerDB, which this endpoint does not tell apart.
    pub async fn latest_chunk_data(
        &self,
        db: StackerDb,
        slot: SlotId,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        let path = format!("{}/{slot}", self.stackerdb_path(db));
        let answer = self.get(db.chunk_endpoint(), &path).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.success()?).filter(|data| !data.is_empty()))
    }

    /// Version, hash and signature of every slot, in the order of the slots.
    ///
    /// [`NodeError::NotReplicated`] if the node does not keep this StackerDB.
    pub async fn slot_metadata(&self, db: StackerDb) -> Result<Vec<SlotMetadata>, NodeError> {
        let answer = self.get(Endpoint::SlotMetadata, &self.stackerdb_path(db)).await?;
        replicated(db, answer)?.json()
    }

    fn stackerdb_path(&self, db: StackerDb) -> String {
        format!("/v2/stackerdb/{}/{db}", self.boot_address())
    }
}

pub(super) fn replicated(contract: impl fmt::Display, answer: Answer) -> Result<Answer, NodeError> {
    if answer.status == StatusCode::NOT_FOUND {
        return Err(NodeError::NotReplicated { contract: contract.to_string() });
    }
    Ok(answer)
}
