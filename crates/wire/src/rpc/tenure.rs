//! Tenures: their tips, and how they follow one another.

use serde::{Deserialize, Serialize};

use crate::block::{Epoch2Header, NakamotoBlock, NakamotoBlockHeader};
use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader};
use crate::fixed::{
    BurnBlockHash, ConsensusHash, Sighash, SortitionId, StacksBlockId, prefixed, prefixed_option,
};
use crate::hex_bytes;
use crate::quantity::{BurnHeight, StacksHeight};

/// `GET /v3/tenures/tip_metadata/{consensus hash}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureTipResponse {
    /// Header of the highest known block of the tenure.
    pub anchored_header: AnchoredHeader,
    /// The burn block that the tenure sees at that block.
    #[serde(default)]
    pub burn_view: Option<ConsensusHash>,
}

/// A header of either epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnchoredHeader {
    /// From epoch 3 on.
    Nakamoto(NakamotoBlockHeader),
    /// Before.
    Epoch2(Epoch2Header),
}

/// The highest known block of a tenure, whatever its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenureTip {
    /// The block.
    pub block_id: StacksBlockId,
    /// What its signers signed; none before epoch 3.
    pub sighash: Option<Sighash>,
    /// Its height.
    pub height: StacksHeight,
    /// The burn block that the tenure sees at that block; none before epoch 3.
    pub burn_view: Option<ConsensusHash>,
}

impl TenureTipResponse {
    /// The tip of `tenure`, the one that was asked for: a header of epoch 2 does not name its own, and
    /// the answer holds no hash, so hashes are computed here.
    pub fn tip(&self, tenure: &ConsensusHash) -> TenureTip {
        match &self.anchored_header {
            AnchoredHeader::Nakamoto(header) => TenureTip {
                block_id: header.block_id(),
                sighash: Some(header.sighash()),
                height: header.chain_length,
                burn_view: self.burn_view,
            },
            AnchoredHeader::Epoch2(header) => TenureTip {
                block_id: header.block_id(tenure),
                sighash: None,
                height: StacksHeight::new(header.total_work.work),
                burn_view: self.burn_view,
            },
        }
    }
}

/// One element of `GET /v3/tenures/fork_info/{start}/{stop}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureForkInfo {
    /// The burn block.
    #[serde(with = "prefixed")]
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Identifies the sortition.
    #[serde(with = "prefixed")]
    pub sortition_id: SortitionId,
    /// The sortition below.
    #[serde(with = "prefixed")]
    pub parent_sortition_id: SortitionId,
    /// The tenure.
    #[serde(with = "prefixed")]
    pub consensus_hash: ConsensusHash,
    /// Whether a miner won.
    pub was_sortition: bool,
    /// The tenure's first block, if it has one.
    #[serde(default, with = "prefixed_option")]
    pub first_block_mined: Option<StacksBlockId>,
    /// `0x` and the hex of the tenure's blocks; read only by transaction replay.
    #[serde(default)]
    pub nakamoto_blocks: Option<String>,
}

/// Why the blocks of a tenure cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenureBlocksError {
    /// The text is not hex.
    #[error("the blocks of the tenure are not hex")]
    NotHex,
    /// The bytes are not a list of blocks.
    #[error("the blocks of the tenure cannot be decoded")]
    Decode(#[source] DecodeError),
}

impl TenureForkInfo {
    /// The blocks of the tenure; none if the node does not tell them.
    pub fn blocks(&self) -> Result<Option<Vec<NakamotoBlock>>, TenureBlocksError> {
        let Some(text) = &self.nakamoto_blocks else { return Ok(None) };
        let bytes = hex_bytes::parse(text).map_err(|_| TenureBlocksError::NotHex)?;
        let mut reader = Reader::new(&bytes);
        let blocks = reader.list(MAX_MESSAGE_LEN, MIN_BLOCK_LEN, "blocks of a tenure");
        let blocks = blocks.and_then(|blocks| reader.finish().map(|()| blocks));
        blocks.map(Some).map_err(TenureBlocksError::Decode)
    }
}

/// A header of version 0 with nothing in its lists, and no transactions.
const MIN_BLOCK_LEN: usize = 206 + 4 + 7 + 4;
