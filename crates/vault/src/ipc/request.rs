//! The codec of the requests themselves.

use countersign_wire::clarity::Principal;
use countersign_wire::codec::{encode_bytes, encode_list};
use countersign_wire::message::SignerMessage;
use countersign_wire::sip018::{Pox4Authorization, Pox4Topic, PoxAddress};
use countersign_wire::stackerdb::{Lane, MAX_SIGNER_CHUNK_LEN, SignersContract};
use countersign_wire::{DecodeError, Reader, Wire};

use crate::request::{
    AcceptanceRequest, ChunkRequest, Mark, Override, OverrideRule, RejectionRequest,
    SipVoteRequest, StackingRequest, StakingGrantRequest,
};

/// How many blocks a request may let go of: as many as the journal remembers one by one.
pub const MAX_OVERRIDES: u32 = 16_384;

/// How many marks one request may carry.
pub const MAX_MARKS: u32 = 8_192;

impl Wire for AcceptanceRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        self.header.encode(out);
        self.burn_height.encode(out);
        encode_list(&self.overriding, out);
        self.at.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            header: Box::new(Wire::decode(reader)?),
            burn_height: Wire::decode(reader)?,
            overriding: reader.list(MAX_OVERRIDES, 33, "overrides")?,
            at: Wire::decode(reader)?,
        })
    }
}

impl Wire for Override {
    fn encode(&self, out: &mut Vec<u8>) {
        self.sighash.encode(out);
        out.push(match self.rule {
            OverrideRule::Stale => STALE,
            OverrideRule::NotLive => NOT_LIVE,
            OverrideRule::Permitted => PERMITTED,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sighash = Wire::decode(reader)?;
        let rule = match reader.u8("override rule")? {
            STALE => OverrideRule::Stale,
            NOT_LIVE => OverrideRule::NotLive,
            PERMITTED => OverrideRule::Permitted,
            tag => return Err(DecodeError::UnknownTag { what: "override rule", tag: tag.into() }),
        };
        Ok(Self { sighash, rule })
    }
}

impl Wire for RejectionRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        self.sighash.encode(out);
        self.chain_id.encode(out);
        self.at.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sighash: Wire::decode(reader)?,
            chain_id: Wire::decode(reader)?,
            at: Wire::decode(reader)?,
        })
    }
}

/// The message has a length of its own, because some messages end where their bytes end.
impl Wire for ChunkRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.contract.parity);
        out.push(self.contract.lane.message_id());
        self.slot_id.encode(out);
        self.slot_version.encode(out);
        encode_bytes(&self.message.to_bytes(), out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parity = reader.u8("parity")?;
        if parity > 1 {
            return Err(DecodeError::Invalid { what: "parity" });
        }
        let lane = decode_lane(reader)?;
        let (slot_id, slot_version) = (Wire::decode(reader)?, Wire::decode(reader)?);
        let message = reader.bytes(MAX_SIGNER_CHUNK_LEN, "message")?;
        Ok(Self {
            contract: SignersContract { parity, lane },
            slot_id,
            slot_version,
            message: SignerMessage::from_bytes(message)?,
        })
    }
}

/// One byte: the number in the contract's name.
pub(super) fn decode_lane(reader: &mut Reader<'_>) -> Result<Lane, DecodeError> {
    let id = reader.u8("lane")?;
    Lane::from_message_id(id).ok_or(DecodeError::UnknownTag { what: "lane", tag: id.into() })
}

impl Wire for StakingGrantRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        self.manager.encode(out);
        out.extend_from_slice(&self.auth_id.to_be_bytes());
        self.chain_id.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            manager: Principal::decode(reader)?,
            auth_id: decode_u128(reader, "auth id")?,
            chain_id: Wire::decode(reader)?,
        })
    }
}

impl Wire for StackingRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        let Pox4Authorization { pox_address, reward_cycle, topic, period, max_amount, auth_id } =
            &self.authorization;
        out.push(pox_address.version);
        encode_bytes(&pox_address.hash_bytes, out);
        out.extend_from_slice(&reward_cycle.to_be_bytes());
        out.push(match topic {
            Pox4Topic::StackStx => 0,
            Pox4Topic::AggregationCommit => 1,
            Pox4Topic::AggregationIncrease => 2,
            Pox4Topic::StackExtend => 3,
            Pox4Topic::StackIncrease => 4,
        });
        for number in [period, max_amount, auth_id] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        self.chain_id.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let pox_address = PoxAddress {
            version: reader.u8("address version")?,
            hash_bytes: reader.bytes(32, "address hash")?.to_vec(),
        };
        let reward_cycle = decode_u128(reader, "reward cycle")?;
        let topic = match reader.u8("topic")? {
            0 => Pox4Topic::StackStx,
            1 => Pox4Topic::AggregationCommit,
            2 => Pox4Topic::AggregationIncrease,
            3 => Pox4Topic::StackExtend,
            4 => Pox4Topic::StackIncrease,
            tag => return Err(DecodeError::UnknownTag { what: "topic", tag: tag.into() }),
        };
        let authorization = Pox4Authorization {
            pox_address,
            reward_cycle,
            topic,
            period: decode_u128(reader, "period")?,
            max_amount: decode_u128(reader, "largest amount")?,
            auth_id: decode_u128(reader, "auth id")?,
        };
        Ok(Self { authorization, chain_id: Wire::decode(reader)? })
    }
}

impl Wire for SipVoteRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        self.sip.encode(out);
        out.push(u8::from(self.is_yes));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { sip: reader.u32("SIP")?, is_yes: decode_bool(reader, "vote")? })
    }
}

impl Wire for Mark {
    fn encode(&self, out: &mut Vec<u8>) {
        self.sighash.encode(out);
        self.height.encode(out);
        self.tenure.encode(out);
        self.at.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sighash: Wire::decode(reader)?,
            height: Wire::decode(reader)?,
            tenure: Wire::decode(reader)?,
            at: Wire::decode(reader)?,
        })
    }
}

/// One byte, 0 or 1.
pub(super) fn decode_bool(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<bool, DecodeError> {
    match reader.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Invalid { what }),
    }
}

fn decode_u128(reader: &mut Reader<'_>, what: &'static str) -> Result<u128, DecodeError> {
    reader.array(what).map(u128::from_be_bytes)
}

const STALE: u8 = 0;
const NOT_LIVE: u8 = 1;
const PERMITTED: u8 = 2;
