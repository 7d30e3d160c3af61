//! Block proposals (type 0).

use super::{MAX_INNER_LEN, decode_text};
use crate::block::NakamotoBlock;
use crate::codec::{DecodeError, Reader, Wire, encode_bytes};
use crate::fixed::{BurnBlockHash, ConsensusHash};
use crate::quantity::{BurnHeight, RewardCycle, UnixSeconds};

/// A block that a miner wants signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProposal {
    /// The block; its signer signatures are empty.
    pub block: NakamotoBlock,
    /// Height of the sortition that elected the miner.
    pub burn_height: BurnHeight,
    /// The cycle of that height.
    pub reward_cycle: RewardCycle,
    /// What the miner says about itself. Never used for a decision.
    pub data: BlockProposalData,
}

/// The versioned tail of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProposalData {
    /// Version of this structure; 3 is current; 0 stands for an absent structure, which means the
    /// same as an empty one of version 1.
    pub version: u8,
    /// The miner's software.
    pub server_version: String,
    /// Since version 3. None if absent, short or with an unknown reason: it is for logs only, so a
    /// malformed one does not cost the proposal; its bytes are then kept in `rest`.
    pub diagnostics: Option<MinerDiagnostics>,
    /// Fields of later versions, kept for re-encoding.
    pub rest: Vec<u8>,
}

impl BlockProposalData {
    /// The version that is written today.
    pub const CURRENT_VERSION: u8 = 3;

    /// What proposals of the oldest miners hold: nothing.
    pub const fn absent() -> Self {
        Self { version: 0, server_version: String::new(), diagnostics: None, rest: Vec::new() }
    }

    /// The tail of a proposal as miners write it today.
    pub const fn current(server_version: String, diagnostics: MinerDiagnostics) -> Self {
        Self {
            version: Self::CURRENT_VERSION,
            server_version,
            diagnostics: Some(diagnostics),
            rest: Vec::new(),
        }
    }
}

/// What the miner saw when it made the proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinerDiagnostics {
    /// Its burn tip.
    pub burn_height: BurnHeight,
    /// Its burn tip's consensus hash.
    pub consensus_hash: ConsensusHash,
    /// Its burn tip's header hash.
    pub burn_block_hash: BurnBlockHash,
    /// When it expects to be allowed a full tenure extend.
    pub full_extend_at: UnixSeconds,
    /// When it expects to be allowed a read-count extend.
    pub read_count_extend_at: UnixSeconds,
    /// Why it mines.
    pub reason: MiningReason,
}

/// Why a miner mines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningReason {
    /// 0: it won a sortition.
    BlockFound,
    /// 1: it extends its tenure.
    Extended,
    /// 2: it extends its tenure's read count.
    ReadCountExtend,
}

impl Wire for BlockProposal {
    fn encode(&self, out: &mut Vec<u8>) {
        self.block.encode(out);
        self.burn_height.encode(out);
        self.reward_cycle.encode(out);
        self.data.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: NakamotoBlock::decode(reader)?,
            burn_height: BurnHeight::decode(reader)?,
            reward_cycle: RewardCycle::decode(reader)?,
            data: BlockProposalData::decode(reader)?,
        })
    }
}

/// Tolerant: may be missing altogether; diagnostics that cannot be read are kept as they are.
impl Wire for BlockProposalData {
    fn encode(&self, out: &mut Vec<u8>) {
        if *self == Self::absent() {
            return;
        }
        let mut inner = Vec::new();
        encode_bytes(self.server_version.as_bytes(), &mut inner);
        if let (Some(diagnostics), DIAGNOSTICS_SINCE..) = (&self.diagnostics, self.version) {
            diagnostics.encode(&mut inner);
        }
        inner.extend_from_slice(&self.rest);
        self.version.encode(out);
        encode_bytes(&inner, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            return Ok(Self::absent());
        }
        let version = reader.u8("proposal data version")?;
        let mut inner = Reader::new(reader.bytes(MAX_INNER_LEN, "proposal data")?);
        let server_version = decode_text(&mut inner, "miner's server version")?;
        let mut diagnostics = None;
        if version >= DIAGNOSTICS_SINCE {
            let mut attempt = inner.clone();
            diagnostics = MinerDiagnostics::decode(&mut attempt).ok();
            if diagnostics.is_some() {
                inner = attempt;
            }
        }
        Ok(Self { version, server_version, diagnostics, rest: inner.take_rest().to_vec() })
    }
}

impl Wire for MinerDiagnostics {
    fn encode(&self, out: &mut Vec<u8>) {
        self.burn_height.encode(out);
        self.consensus_hash.encode(out);
        self.burn_block_hash.encode(out);
        self.full_extend_at.encode(out);
        self.read_count_extend_at.encode(out);
        self.reason.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            burn_height: BurnHeight::decode(reader)?,
            consensus_hash: ConsensusHash::decode(reader)?,
            burn_block_hash: BurnBlockHash::decode(reader)?,
            full_extend_at: UnixSeconds::decode(reader)?,
            read_count_extend_at: UnixSeconds::decode(reader)?,
            reason: MiningReason::decode(reader)?,
        })
    }
}

impl Wire for MiningReason {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::BlockFound => 0,
            Self::Extended => 1,
            Self::ReadCountExtend => 2,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("mining reason")? {
            0 => Ok(Self::BlockFound),
            1 => Ok(Self::Extended),
            2 => Ok(Self::ReadCountExtend),
            tag => Err(DecodeError::UnknownTag { what: "mining reason", tag: tag.into() }),
        }
    }
}

/// The version of [`BlockProposalData`] that brought the diagnostics.
const DIAGNOSTICS_SINCE: u8 = 3;
