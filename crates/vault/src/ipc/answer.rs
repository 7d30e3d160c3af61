//! What the vault answers.

use countersign_wire::{DecodeError, MessageSignature, Reader, Wire};

use super::parcel::{Parcel, decode_optional, encode_optional};
use super::refusal::{Refusal, decode_standing, encode_standing};
use super::request::decode_bool;
use crate::journal_file::JournalStatus;
use crate::request::Imported;
use crate::standing::Standing;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was done.
    Done(Answer),
    /// It was not done, and nothing was signed.
    Refused(Refusal),
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The signature over what was asked for.
    Signature(MessageSignature),
    /// What became of the marks.
    Imported(Imported),
    /// Yes or no.
    Truth(bool),
    /// Whether the key may sign at all.
    Standing(Standing),
    /// A parcel of the journal; none if there are not so many.
    Parcel(Option<Box<Parcel>>),
    /// What the journal comes to.
    JournalStatus(Box<JournalStatus>),
    /// Nothing more is to be said.
    Nothing,
}

impl Wire for Reply {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Done(answer) => {
                out.push(DONE);
                answer.encode(out);
            }
            Self::Refused(refusal) => {
                out.push(REFUSED);
                refusal.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("reply")? {
            DONE => Self::Done(Wire::decode(reader)?),
            REFUSED => Self::Refused(Wire::decode(reader)?),
            tag => return Err(DecodeError::UnknownTag { what: "reply", tag: tag.into() }),
        })
    }
}

impl Wire for Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Signature(signature) => {
                out.push(SIGNATURE);
                signature.encode(out);
            }
            Self::Imported(Imported { added, known, covered }) => {
                out.push(IMPORTED);
                for count in [added, known, covered] {
                    count.encode(out);
                }
            }
            Self::Truth(truth) => {
                out.push(TRUTH);
                out.push(u8::from(*truth));
            }
            Self::Nothing => out.push(NOTHING),
            Self::Parcel(parcel) => {
                out.push(PARCEL);
                encode_optional(parcel.as_deref(), out);
            }
            Self::JournalStatus(status) => {
                out.push(JOURNAL_STATUS);
                status.encode(out);
            }
            Self::Standing(standing) => {
                out.push(STANDING);
                encode_standing(standing, out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("answer")? {
            SIGNATURE => Self::Signature(Wire::decode(reader)?),
            IMPORTED => Self::Imported(Imported {
                added: reader.u64("added marks")?,
                known: reader.u64("known marks")?,
                covered: reader.u64("covered marks")?,
            }),
            TRUTH => Self::Truth(decode_bool(reader, "truth")?),
            NOTHING => Self::Nothing,
            PARCEL => Self::Parcel(decode_optional(reader)?.map(Box::new)),
            JOURNAL_STATUS => Self::JournalStatus(Box::new(Wire::decode(reader)?)),
            STANDING => Self::Standing(decode_standing(reader)?),
            tag => return Err(DecodeError::UnknownTag { what: "answer", tag: tag.into() }),
        })
    }
}

const DONE: u8 = 0;
const REFUSED: u8 = 1;
const SIGNATURE: u8 = 0;
const IMPORTED: u8 = 1;
const TRUTH: u8 = 2;
const NOTHING: u8 = 3;
const STANDING: u8 = 4;
const PARCEL: u8 = 5;
const JOURNAL_STATUS: u8 = 6;
