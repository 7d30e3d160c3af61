//! What a caller asks for.

use std::fmt;

use countersign_wire::codec::{encode_bytes, encode_list};
use countersign_wire::message::{MockProposal, SignerMessage};
use countersign_wire::{
    BurnHeight, DecodeError, PublicKey, Reader, Sighash, StacksHeight, UnixSeconds, Wire,
};

use super::parcel::Parcel;
use super::refusal::decode_text;
use super::request::MAX_MARKS;
use crate::request::{
    AcceptanceRequest, ChunkRequest, Mark, RejectionRequest, SipVoteRequest, StackingRequest,
    StakingGrantRequest,
};

/// One request and the key that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key that is to sign, or whose journal is asked.
    pub key: PublicKey,
    /// What is asked for.
    pub request: Request,
}

/// What can be asked for over the socket. There is no request to sign a digest, nor a chunk of any content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The signature that makes a block ours.
    Acceptance(AcceptanceRequest),
    /// The signature of a rejection.
    Rejection(RejectionRequest),
    /// A mock signature of epoch 2.5 on what a miner proposed.
    Mock(Box<MockProposal>),
    /// The signature of a chunk that holds one signer message.
    Chunk(Box<ChunkRequest>),
    /// A grant of pox-5.
    StakingGrant(StakingGrantRequest),
    /// An authorization of pox-4.
    Stacking(StackingRequest),
    /// A vote on a SIP.
    SipVote(SipVoteRequest),
    /// To remember what was signed elsewhere; [`MAX_MARKS`] at most.
    Import(Vec<Mark>),
    /// Whether this key has never signed a block.
    HasSignedNothing,
    /// Whether a block may have been signed.
    MayHaveSigned {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
    },
    /// To tidy the journal while nobody waits.
    Tidy,
    /// A parcel of everything that binds the key, with the key's own proof. Only while it signs nothing.
    Export {
        /// When it is exported. One time for all parcels of an export.
        at: UnixSeconds,
        /// Which parcel, from 0 on.
        number: u32,
    },
    /// To take over what another journal of this key has, when its last parcel has come. The key must have
    /// proven the whole: so nobody who does not have it can raise a floor.
    ImportParcel(Box<Parcel>),
    /// What the journal comes to.
    JournalStatus,
    /// Whether the key may sign at all.
    Standing,
    /// To stop signing because something is wrong.
    Freeze {
        /// What is wrong, for a human; 1,024 bytes at most.
        reason: String,
        /// When.
        at: UnixSeconds,
    },
    /// To stop signing so that another instance may sign.
    Demote {
        /// When.
        at: UnixSeconds,
    },
    /// To sign nothing at or above a burn height.
    HoldFrom {
        /// The height.
        height: BurnHeight,
    },
    /// To sign again.
    Promote,
    /// To take the hold away.
    ReleaseHold,
}

/// What permissions are given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// [`Request::Acceptance`].
    BlockAcceptance,
    /// [`Request::Rejection`].
    BlockRejection,
    /// [`Request::Mock`].
    MockSignature,
    /// [`Request::Chunk`] that holds a response, a mock signature or a pre-commit.
    SignerMessage,
    /// [`Request::Chunk`] that holds a state machine update.
    StateUpdate,
    /// [`Request::StakingGrant`].
    StakingGrant,
    /// [`Request::Stacking`].
    StackingAuthorization,
    /// [`Request::SipVote`].
    SipVote,
    /// [`Request::Import`] and [`Request::ImportParcel`].
    ImportMarks,
    /// [`Request::Export`].
    ExportJournal,
    /// [`Request::HasSignedNothing`] and [`Request::MayHaveSigned`].
    ReadHistory,
    /// [`Request::Tidy`].
    TidyJournal,
    /// [`Request::Standing`] and [`Request::JournalStatus`].
    ReadStanding,
    /// [`Request::Freeze`], [`Request::Demote`] and [`Request::HoldFrom`]: less is signed afterwards.
    StopSigning,
    /// [`Request::Promote`] and [`Request::ReleaseHold`]: more is signed afterwards.
    ResumeSigning,
}

impl RequestKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::BlockAcceptance,
        Self::BlockRejection,
        Self::MockSignature,
        Self::SignerMessage,
        Self::StateUpdate,
        Self::StakingGrant,
        Self::StackingAuthorization,
        Self::SipVote,
        Self::ImportMarks,
        Self::ExportJournal,
        Self::ReadHistory,
        Self::TidyJournal,
        Self::ReadStanding,
        Self::StopSigning,
        Self::ResumeSigning,
    ];

    /// The name in tables, errors and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockAcceptance => "block-acceptance",
            Self::BlockRejection => "block-rejection",
            Self::MockSignature => "mock-signature",
            Self::SignerMessage => "signer-message",
            Self::StateUpdate => "state-update",
            Self::StakingGrant => "staking-grant",
            Self::StackingAuthorization => "stacking-authorization",
            Self::SipVote => "sip-vote",
            Self::ImportMarks => "import-marks",
            Self::ExportJournal => "export-journal",
            Self::ReadHistory => "read-history",
            Self::TidyJournal => "tidy-journal",
            Self::ReadStanding => "read-standing",
            Self::StopSigning => "stop-signing",
            Self::ResumeSigning => "resume-signing",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One byte: the position in [`RequestKind::ALL`].
impl Wire for RequestKind {
    fn encode(&self, out: &mut Vec<u8>) {
        let position = (0..).zip(Self::ALL).find(|(_, kind)| kind == self);
        out.push(position.map_or(u8::MAX, |(position, _)| position));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.u8("kind of request")?;
        let unknown = DecodeError::UnknownTag { what: "kind of request", tag: tag.into() };
        Self::ALL.get(usize::from(tag)).copied().ok_or(unknown)
    }
}

impl Request {
    /// What a permission is needed for.
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Acceptance(_) => RequestKind::BlockAcceptance,
            Self::Rejection(_) => RequestKind::BlockRejection,
            Self::Mock(_) => RequestKind::MockSignature,
            Self::Chunk(request) => match request.message {
                SignerMessage::StateMachineUpdate(_) => RequestKind::StateUpdate,
                _ => RequestKind::SignerMessage,
            },
            Self::StakingGrant(_) => RequestKind::StakingGrant,
            Self::Stacking(_) => RequestKind::StackingAuthorization,
            Self::SipVote(_) => RequestKind::SipVote,
            Self::Import(_) | Self::ImportParcel(_) => RequestKind::ImportMarks,
            Self::Export { .. } => RequestKind::ExportJournal,
            Self::HasSignedNothing | Self::MayHaveSigned { .. } => RequestKind::ReadHistory,
            Self::Tidy => RequestKind::TidyJournal,
            Self::Standing | Self::JournalStatus => RequestKind::ReadStanding,
            Self::Freeze { .. } | Self::Demote { .. } | Self::HoldFrom { .. } => {
                RequestKind::StopSigning
            }
            Self::Promote | Self::ReleaseHold => RequestKind::ResumeSigning,
        }
    }
}

impl Wire for Call {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        self.request.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { key: Wire::decode(reader)?, request: Wire::decode(reader)? })
    }
}

impl Wire for Request {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Acceptance(request) => tagged(ACCEPTANCE, request, out),
            Self::Rejection(request) => tagged(REJECTION, request, out),
            Self::Mock(proposal) => tagged(MOCK, &**proposal, out),
            Self::Chunk(request) => tagged(CHUNK, &**request, out),
            Self::StakingGrant(request) => tagged(STAKING_GRANT, request, out),
            Self::Stacking(request) => tagged(STACKING, request, out),
            Self::SipVote(request) => tagged(SIP_VOTE, request, out),
            Self::Import(marks) => {
                out.push(IMPORT);
                encode_list(marks, out);
            }
            Self::HasSignedNothing => out.push(HAS_SIGNED_NOTHING),
            Self::MayHaveSigned { sighash, height } => {
                tagged(MAY_HAVE_SIGNED, sighash, out);
                height.encode(out);
            }
            Self::Tidy => out.push(TIDY),
            Self::Export { at, number } => {
                tagged(EXPORT, at, out);
                number.encode(out);
            }
            Self::ImportParcel(parcel) => tagged(IMPORT_PARCEL, &**parcel, out),
            Self::JournalStatus => out.push(JOURNAL_STATUS),
            Self::Standing => out.push(STANDING),
            Self::Freeze { reason, at } => {
                tagged(FREEZE, at, out);
                encode_bytes(reason.as_bytes(), out);
            }
            Self::Demote { at } => tagged(DEMOTE, at, out),
            Self::HoldFrom { height } => tagged(HOLD_FROM, height, out),
            Self::Promote => out.push(PROMOTE),
            Self::ReleaseHold => out.push(RELEASE_HOLD),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("request")? {
            ACCEPTANCE => Self::Acceptance(Wire::decode(reader)?),
            REJECTION => Self::Rejection(Wire::decode(reader)?),
            MOCK => Self::Mock(Box::new(Wire::decode(reader)?)),
            CHUNK => Self::Chunk(Box::new(Wire::decode(reader)?)),
            STAKING_GRANT => Self::StakingGrant(Wire::decode(reader)?),
            STACKING => Self::Stacking(Wire::decode(reader)?),
            SIP_VOTE => Self::SipVote(Wire::decode(reader)?),
            IMPORT => Self::Import(reader.list(MAX_MARKS, MARK_LEN, "marks")?),
            HAS_SIGNED_NOTHING => Self::HasSignedNothing,
            MAY_HAVE_SIGNED => Self::MayHaveSigned {
                sighash: Wire::decode(reader)?,
                height: Wire::decode(reader)?,
            },
            TIDY => Self::Tidy,
            EXPORT => {
                let at = Wire::decode(reader)?;
                Self::Export { at, number: reader.u32("number of a parcel")? }
            }
            IMPORT_PARCEL => Self::ImportParcel(Box::new(Wire::decode(reader)?)),
            JOURNAL_STATUS => Self::JournalStatus,
            STANDING => Self::Standing,
            FREEZE => {
                let at = Wire::decode(reader)?;
                Self::Freeze { reason: decode_text(reader)?, at }
            }
            DEMOTE => Self::Demote { at: Wire::decode(reader)? },
            HOLD_FROM => Self::HoldFrom { height: Wire::decode(reader)? },
            PROMOTE => Self::Promote,
            RELEASE_HOLD => Self::ReleaseHold,
            tag => return Err(DecodeError::UnknownTag { what: "request", tag: tag.into() }),
        })
    }
}

fn tagged(tag: u8, content: &impl Wire, out: &mut Vec<u8>) {
    out.push(tag);
    content.encode(out);
}

// What is signed for the network.
const ACCEPTANCE: u8 = 1;
const REJECTION: u8 = 2;
const MOCK: u8 = 3;
const CHUNK: u8 = 4;
// What an operator has signed by hand.
const STAKING_GRANT: u8 = 16;
const STACKING: u8 = 17;
const SIP_VOTE: u8 = 18;
// The journal.
const IMPORT: u8 = 32;
const HAS_SIGNED_NOTHING: u8 = 33;
const MAY_HAVE_SIGNED: u8 = 34;
const TIDY: u8 = 35;
const EXPORT: u8 = 36;
const IMPORT_PARCEL: u8 = 37;
const JOURNAL_STATUS: u8 = 38;
// Whether the key signs at all.
const STANDING: u8 = 48;
const FREEZE: u8 = 49;
const DEMOTE: u8 = 50;
const HOLD_FROM: u8 = 51;
const PROMOTE: u8 = 52;
const RELEASE_HOLD: u8 = 53;

/// How many bytes a mark has.
pub(super) const MARK_LEN: usize = 32 + 8 + 20 + 8;
