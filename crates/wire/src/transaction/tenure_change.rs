//! The transaction that starts or extends a tenure.

use crate::codec::{DecodeError, Reader, Wire};
use crate::fixed::{ConsensusHash, Hash160, StacksBlockId};

/// Starts or extends a tenure (SIP-021, SIP-034).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenureChange {
    /// The tenure that this transaction is in.
    pub tenure: ConsensusHash,
    /// The tenure before; for extends the same tenure.
    pub previous_tenure: ConsensusHash,
    /// The burn block that the tenure sees from here on.
    pub burn_view: ConsensusHash,
    /// The last block of the tenure before; for extends the parent block.
    pub previous_tenure_end: StacksBlockId,
    /// How many blocks the tenure before has.
    pub previous_tenure_blocks: u32,
    /// Why.
    pub cause: TenureChangeCause,
    /// Hash of the miner's key.
    pub key_hash: Hash160,
}

/// Why a tenure starts or is extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenureChangeCause {
    /// 0: a sortition was won.
    BlockFound,
    /// 1: extended in all dimensions.
    Extended,
    /// 2.
    ExtendedRuntime,
    /// 3.
    ExtendedReadCount,
    /// 4.
    ExtendedReadLength,
    /// 5.
    ExtendedWriteCount,
    /// 6.
    ExtendedWriteLength,
}

impl TenureChangeCause {
    /// The cause with this number.
    pub const fn from_u8(cause: u8) -> Option<Self> {
        match cause {
            0 => Some(Self::BlockFound),
            1 => Some(Self::Extended),
            2 => Some(Self::ExtendedRuntime),
            3 => Some(Self::ExtendedReadCount),
            4 => Some(Self::ExtendedReadLength),
            5 => Some(Self::ExtendedWriteCount),
            6 => Some(Self::ExtendedWriteLength),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::BlockFound => 0,
            Self::Extended => 1,
            Self::ExtendedRuntime => 2,
            Self::ExtendedReadCount => 3,
            Self::ExtendedReadLength => 4,
            Self::ExtendedWriteCount => 5,
            Self::ExtendedWriteLength => 6,
        }
    }

    /// Whether the tenure goes on; otherwise a new one starts.
    pub const fn is_extend(self) -> bool {
        !matches!(self, Self::BlockFound)
    }
}

impl Wire for TenureChange {
    fn encode(&self, out: &mut Vec<u8>) {
        self.tenure.encode(out);
        self.previous_tenure.encode(out);
        self.burn_view.encode(out);
        self.previous_tenure_end.encode(out);
        self.previous_tenure_blocks.encode(out);
        self.cause.encode(out);
        self.key_hash.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            tenure: Wire::decode(reader)?,
            previous_tenure: Wire::decode(reader)?,
            burn_view: Wire::decode(reader)?,
            previous_tenure_end: Wire::decode(reader)?,
            previous_tenure_blocks: Wire::decode(reader)?,
            cause: Wire::decode(reader)?,
            key_hash: Wire::decode(reader)?,
        })
    }
}

impl Wire for TenureChangeCause {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.as_u8());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let cause = reader.u8("tenure change cause")?;
        Self::from_u8(cause)
            .ok_or(DecodeError::UnknownTag { what: "tenure change cause", tag: cause.into() })
    }
}
