//! Why a call is refused, in a form that the caller can act on.

use std::error::Error;
use std::time::Duration;

use countersign_wire::codec::encode_bytes;
use countersign_wire::stackerdb::Lane;
use countersign_wire::{
    BurnHeight, ChainId, DecodeError, PublicKey, Reader, Sighash, StacksHeight, Wire,
};

use super::call::RequestKind;
use super::request::decode_lane;
use crate::error::SignError;
use crate::standing::Standing;

/// Why a call is refused. Nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller's role does not include the request.
    #[error(
        "user {uid} may not ask this vault for a {kind}; `countersign vault explain-permissions` shows \
         who may"
    )]
    NotPermitted {
        /// The caller's user, as the kernel says.
        uid: u32,
        /// What it asked for.
        kind: RequestKind,
    },
    /// The vault has another key.
    #[error("this vault does not hold the key {key}")]
    UnknownKey {
        /// The key that was asked for.
        key: PublicKey,
    },
    /// The vault signs for one chain only.
    #[error("the request is for the chain {asked}, and this vault signs for {ours} only")]
    OtherChain {
        /// The chain of the request.
        asked: ChainId,
        /// The chain of the vault's configuration.
        ours: ChainId,
    },
    /// The bytes are no call. The connection ends.
    #[error("the vault does not understand the request: {text}")]
    Malformed {
        /// What is wrong.
        text: String,
    },
    /// What came is no journal that is taken over.
    #[error("nothing is taken from the journal: {text}")]
    BadJournal {
        /// What is wrong.
        text: String,
    },
    /// A journal is exported only while its key signs nothing, or it would be out of date at once.
    #[error("the key still signs; have it stop first, with `countersign demote`")]
    StillActive,
    /// [`SignError::Conflict`].
    #[error("block {rival} at height {height} was signed before")]
    Conflict {
        /// The block signed before.
        rival: Sighash,
        /// Its height.
        height: StacksHeight,
    },
    /// [`SignError::BelowFloor`].
    #[error("block {sighash} at height {height} is not above the floor {floor}")]
    BelowFloor {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
        /// The floor.
        floor: StacksHeight,
    },
    /// [`SignError::ContradictsAcceptance`].
    #[error("block {sighash} was accepted before")]
    ContradictsAcceptance {
        /// The block.
        sighash: Sighash,
    },
    /// [`SignError::Inconsistent`].
    #[error("block {sighash} was recorded at height {height} with another height or tenure")]
    Inconsistent {
        /// The block.
        sighash: Sighash,
        /// The height in the record.
        height: StacksHeight,
    },
    /// [`SignError::OutOfRange`].
    #[error("the {what} {value} is beyond what the journal can record")]
    OutOfRange {
        /// Which number.
        what: String,
        /// Its value.
        value: u64,
    },
    /// [`SignError::WrongLane`].
    #[error("the message does not belong into the lane {lane:?}")]
    WrongLane {
        /// The lane that was asked for.
        lane: Lane,
    },
    /// [`SignError::Unsignable`].
    #[error("a message of type {message_type} is not signed")]
    Unsignable {
        /// The first byte of the message.
        message_type: u8,
    },
    /// [`SignError::ForeignSignature`].
    #[error("the response to block {sighash} carries a signature that this key did not make")]
    ForeignSignature {
        /// The block.
        sighash: Sighash,
    },
    /// [`SignError::ForeignMock`].
    #[error("the mock signature was not made by this key")]
    ForeignMock,
    /// [`SignError::Unrecorded`].
    #[error("the response to block {sighash} carries a signature that is not in the journal")]
    Unrecorded {
        /// The block.
        sighash: Sighash,
    },
    /// [`SignError::NotActive`].
    #[error("this signer is {standing} and signs nothing")]
    NotActive {
        /// What it may do.
        standing: Standing,
    },
    /// [`SignError::Waiting`].
    #[error("nothing is signed for another {} seconds", .left.as_secs() + 1)]
    Waiting {
        /// What is left, in whole milliseconds.
        left: Duration,
    },
    /// [`SignError::Held`].
    #[error("nothing is signed from burn height {from} on")]
    Held {
        /// The height at and above which nothing is signed.
        from: BurnHeight,
    },
    /// [`SignError::Key`]: the key is not at hand, and the same request may be made again.
    #[error("the vault's key does not sign at the moment: {text}")]
    KeyAway {
        /// What the vault says of it; no secret.
        text: String,
    },
    /// [`SignError::Journal`]: the vault ends.
    #[error("the vault's journal failed: {text}")]
    JournalFailed {
        /// What the vault says of it.
        text: String,
    },
}

impl Refusal {
    /// Says that bytes are no call.
    pub fn malformed(error: &dyn Error) -> Self {
        Self::Malformed { text: chain(error) }
    }

    /// Says that a journal is not taken over.
    pub fn bad_journal(error: &dyn Error) -> Self {
        Self::BadJournal { text: chain(error) }
    }
}

impl From<&SignError> for Refusal {
    fn from(error: &SignError) -> Self {
        match error {
            SignError::Conflict { rival, height } => {
                Self::Conflict { rival: *rival, height: *height }
            }
            SignError::BelowFloor { sighash, height, floor } => {
                Self::BelowFloor { sighash: *sighash, height: *height, floor: *floor }
            }
            SignError::ContradictsAcceptance { sighash } => {
                Self::ContradictsAcceptance { sighash: *sighash }
            }
            SignError::Inconsistent { sighash, height } => {
                Self::Inconsistent { sighash: *sighash, height: *height }
            }
            SignError::OutOfRange { what, value } => {
                Self::OutOfRange { what: (*what).to_owned(), value: *value }
            }
            SignError::WrongLane { lane } => Self::WrongLane { lane: *lane },
            SignError::Unsignable { message_type } => {
                Self::Unsignable { message_type: *message_type }
            }
            SignError::ForeignSignature { sighash } => Self::ForeignSignature { sighash: *sighash },
            SignError::ForeignMock => Self::ForeignMock,
            SignError::Unrecorded { sighash } => Self::Unrecorded { sighash: *sighash },
            SignError::NotActive { standing } => Self::NotActive { standing: standing.clone() },
            SignError::Waiting { left } => Self::Waiting { left: *left },
            SignError::Held { from } => Self::Held { from: *from },
            // A vault that asks another one is none that this program starts.
            SignError::Key(_) | SignError::Remote(_) => Self::KeyAway { text: chain(error) },
            SignError::Journal(_) => Self::JournalFailed { text: chain(error) },
        }
    }
}

/// The name, since when, and why.
pub(super) fn encode_standing(standing: &Standing, out: &mut Vec<u8>) {
    encode_bytes(standing.name().as_bytes(), out);
    standing.since().encode(out);
    encode_bytes(shortened(standing.reason().to_owned()).as_bytes(), out);
}

pub(super) fn decode_standing(reader: &mut Reader<'_>) -> Result<Standing, DecodeError> {
    let (name, since, reason) = (decode_text(reader)?, Wire::decode(reader)?, decode_text(reader)?);
    let standing = Standing::from_parts(&name, since, reason.clone());
    // A standing without a time or a reason has none on the wire either.
    standing
        .filter(|standing| standing.since() == since && standing.reason() == reason)
        .ok_or(DecodeError::Invalid { what: "standing" })
}

/// The error and what caused it, on one line, shortened to what a frame may hold.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    shortened(text)
}

/// What of a text a frame may hold.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().find(|(at, _)| *at + 4 > MAX_TEXT_LEN as usize) {
        text.truncate(end);
    }
    text
}

impl Wire for Refusal {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::NotPermitted { uid, kind } => {
                uid.encode(out);
                kind.encode(out);
            }
            Self::UnknownKey { key } => key.encode(out),
            Self::OtherChain { asked, ours } => {
                asked.encode(out);
                ours.encode(out);
            }
            Self::Malformed { text }
            | Self::BadJournal { text }
            | Self::KeyAway { text }
            | Self::JournalFailed { text } => encode_bytes(text.as_bytes(), out),
            Self::Conflict { rival: block, height }
            | Self::Inconsistent { sighash: block, height } => {
                block.encode(out);
                height.encode(out);
            }
            Self::BelowFloor { sighash, height, floor } => {
                sighash.encode(out);
                height.encode(out);
                floor.encode(out);
            }
            Self::OutOfRange { what, value } => {
                encode_bytes(what.as_bytes(), out);
                value.encode(out);
            }
            Self::WrongLane { lane } => out.push(lane.message_id()),
            Self::Unsignable { message_type } => out.push(*message_type),
            Self::ContradictsAcceptance { sighash }
            | Self::ForeignSignature { sighash }
            | Self::Unrecorded { sighash } => sighash.encode(out),
            Self::ForeignMock | Self::StillActive => {}
            Self::NotActive { standing } => encode_standing(standing, out),
            Self::Waiting { left } => {
                u64::try_from(left.as_millis()).unwrap_or(u64::MAX).encode(out);
            }
            Self::Held { from } => from.encode(out),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("refusal")? {
            0 => Self::NotPermitted { uid: reader.u32("user")?, kind: Wire::decode(reader)? },
            1 => Self::UnknownKey { key: Wire::decode(reader)? },
            2 => Self::OtherChain { asked: Wire::decode(reader)?, ours: Wire::decode(reader)? },
            3 => Self::Malformed { text: decode_text(reader)? },
            4 => Self::BadJournal { text: decode_text(reader)? },
            16 => Self::Conflict { rival: Wire::decode(reader)?, height: Wire::decode(reader)? },
            17 => Self::BelowFloor {
                sighash: Wire::decode(reader)?,
                height: Wire::decode(reader)?,
                floor: Wire::decode(reader)?,
            },
            18 => Self::ContradictsAcceptance { sighash: Wire::decode(reader)? },
            19 => {
                Self::Inconsistent { sighash: Wire::decode(reader)?, height: Wire::decode(reader)? }
            }
            20 => Self::OutOfRange { what: decode_text(reader)?, value: reader.u64("value")? },
            21 => Self::WrongLane { lane: decode_lane(reader)? },
            22 => Self::Unsignable { message_type: reader.u8("message type")? },
            23 => Self::ForeignSignature { sighash: Wire::decode(reader)? },
            24 => Self::ForeignMock,
            25 => Self::Unrecorded { sighash: Wire::decode(reader)? },
            26 => Self::NotActive { standing: decode_standing(reader)? },
            27 => Self::Waiting { left: Duration::from_millis(reader.u64("time left")?) },
            28 => Self::Held { from: Wire::decode(reader)? },
            29 => Self::StillActive,
            32 => Self::KeyAway { text: decode_text(reader)? },
            33 => Self::JournalFailed { text: decode_text(reader)? },
            tag => return Err(DecodeError::UnknownTag { what: "refusal", tag: tag.into() }),
        })
    }
}

impl Refusal {
    /// The first byte of the encoding.
    const fn tag(&self) -> u8 {
        match self {
            // Of whom, for whom and what was asked.
            Self::NotPermitted { .. } => 0,
            Self::UnknownKey { .. } => 1,
            Self::OtherChain { .. } => 2,
            Self::Malformed { .. } => 3,
            Self::BadJournal { .. } => 4,
            // What the journal forbids.
            Self::Conflict { .. } => 16,
            Self::BelowFloor { .. } => 17,
            Self::ContradictsAcceptance { .. } => 18,
            Self::Inconsistent { .. } => 19,
            Self::OutOfRange { .. } => 20,
            Self::WrongLane { .. } => 21,
            Self::Unsignable { .. } => 22,
            Self::ForeignSignature { .. } => 23,
            Self::ForeignMock => 24,
            Self::Unrecorded { .. } => 25,
            Self::NotActive { .. } => 26,
            Self::Waiting { .. } => 27,
            Self::Held { .. } => 28,
            Self::StillActive => 29,
            // What fails.
            Self::KeyAway { .. } => 32,
            Self::JournalFailed { .. } => 33,
        }
    }
}

pub(super) fn decode_text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let what = "text";
    let bytes = reader.bytes(MAX_TEXT_LEN, what)?;
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::Invalid { what })
}

/// How long a text for people may be, in bytes.
const MAX_TEXT_LEN: u32 = 1024;
