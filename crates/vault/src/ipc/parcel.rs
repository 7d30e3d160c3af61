//! A journal on its way over the socket, in parcels that fit into a frame.
//!
//! What holds the parcels together is the export itself: its hash and its proof are over everything in it,
//! so whoever puts the parcels together knows whether they are of one piece, and nobody has to remember
//! which of them were sent.

use countersign_wire::codec::encode_list;
use countersign_wire::{ConsensusHash, DecodeError, Reader, StacksHeight, Wire};

use super::call::MARK_LEN;
use super::refusal::{decode_standing, encode_standing};
use super::request::decode_bool;
use crate::interchange::{InterchangeError, JournalExport, Span};

/// How many spans and marks together a parcel has; only the last one has less.
pub const PARCEL_LEN: u32 = 8_192;
/// How many spans are taken from a journal: more than twenty years of tenures.
pub const MAX_SPANS: u32 = 1 << 20;
/// How many marks are taken from a journal: four times what one remembers.
pub const MAX_EXPORTED_MARKS: u32 = 1 << 16;

/// One piece of an exported journal. The pieces are numbered from 0 on: first come all spans, then all marks,
/// both in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its number.
    pub number: u32,
    /// How many spans the whole journal has.
    pub span_count: u32,
    /// How many marks the whole journal has.
    pub mark_count: u32,
    /// The export, with those of its spans and marks that are in this parcel.
    pub piece: JournalExport,
}

/// Why parcels make no journal. Nothing of it is used.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// A parcel is missing, or the journal has changed between two of them.
    #[error("the parcels do not belong together; begin again with the first one")]
    OutOfOrder,
    /// The journal is longer than any that this program writes.
    #[error("it has more than {MAX_SPANS} spans or {MAX_EXPORTED_MARKS} blocks")]
    TooLong,
    /// What they make is no export that can be believed.
    #[error(transparent)]
    Export(#[from] InterchangeError),
}

impl Parcel {
    /// The parcel with this number; none if there are not so many. There is always a first one.
    pub fn cut(export: &JournalExport, number: u32) -> Result<Option<Self>, ParcelError> {
        let (span_count, mark_count) = counts(export)?;
        let begin = u64::from(number) * u64::from(PARCEL_LEN);
        if number > 0 && begin >= u64::from(span_count) + u64::from(mark_count) {
            return Ok(None);
        }
        // The whole is far shorter than any address space.
        let (begin, len) = (usize::try_from(begin).unwrap_or(usize::MAX), PARCEL_LEN as usize);
        let spans: Vec<Span> = export.spans.iter().skip(begin).take(len).copied().collect();
        let begin = begin.saturating_sub(export.spans.len());
        let room = len - spans.len();
        let acceptances = export.acceptances.iter().skip(begin).take(room).copied().collect();
        let piece = JournalExport { spans, acceptances, ..without_lists(export) };
        Ok(Some(Self { number, span_count, mark_count, piece }))
    }

    fn len(&self) -> usize {
        self.piece.spans.len() + self.piece.acceptances.len()
    }
}

fn counts(export: &JournalExport) -> Result<(u32, u32), ParcelError> {
    let count = |len: usize, max: u32| u32::try_from(len).ok().filter(|len| *len <= max);
    count(export.spans.len(), MAX_SPANS)
        .zip(count(export.acceptances.len(), MAX_EXPORTED_MARKS))
        .ok_or(ParcelError::TooLong)
}

fn without_lists(export: &JournalExport) -> JournalExport {
    let JournalExport { public_key, created_at, hold, floor, records, openings, proof, .. } =
        *export;
    let standing = export.standing.clone();
    let (spans, acceptances) = (Vec::new(), Vec::new());
    JournalExport {
        public_key,
        created_at,
        standing,
        hold,
        floor,
        records,
        openings,
        spans,
        acceptances,
        proof,
    }
}

/// Puts a journal together. It holds no more than [`MAX_SPANS`] and [`MAX_EXPORTED_MARKS`].
#[derive(Debug, Default)]
pub struct Assembly {
    begun: Option<Begun>,
}

/// A journal of which some parcels have come.
#[derive(Debug)]
struct Begun {
    /// The first parcel, with everything that came after it.
    whole: Parcel,
    next: u32,
}

impl Assembly {
    /// Takes the next parcel. Gives the journal when it was the last one, and when hash, order and proof are
    /// right. The first parcel begins anew, whatever came before it; after an error nothing is left.
    pub fn take(&mut self, parcel: Parcel) -> Result<Option<JournalExport>, ParcelError> {
        let mut begun = match self.begun.take() {
            _ if parcel.number == 0 => Begun::with(parcel)?,
            Some(begun) => begun.and(parcel)?,
            None => return Err(ParcelError::OutOfOrder),
        };
        let Parcel { span_count, mark_count, piece, .. } = &begun.whole;
        let (spans, marks) = (piece.spans.len(), piece.acceptances.len());
        let (span_count, mark_count) = (*span_count as usize, *mark_count as usize);
        if spans > span_count || marks > mark_count {
            return Err(ParcelError::OutOfOrder);
        }
        if (spans, marks) == (span_count, mark_count) {
            return Ok(Some(begun.whole.piece.verified()?));
        }
        begun.next += 1;
        // A parcel that is not full and not the last one would let the others never come to an end.
        if spans + marks < begun.next as usize * PARCEL_LEN as usize {
            return Err(ParcelError::OutOfOrder);
        }
        self.begun = Some(begun);
        Ok(None)
    }
}

impl Begun {
    fn with(first: Parcel) -> Result<Self, ParcelError> {
        if first.span_count > MAX_SPANS || first.mark_count > MAX_EXPORTED_MARKS {
            return Err(ParcelError::TooLong);
        }
        Ok(Self { whole: first, next: 0 })
    }

    fn and(mut self, parcel: Parcel) -> Result<Self, ParcelError> {
        // A token signs the same bytes in another way each time, so the first proof stands for all.
        let proof = self.whole.piece.proof;
        let head = |piece: &JournalExport| JournalExport { proof, ..without_lists(piece) };
        let whole = &mut self.whole;
        let counts = |parcel: &Parcel| (parcel.span_count, parcel.mark_count);
        if parcel.number != self.next
            || counts(&parcel) != counts(whole)
            || head(&parcel.piece) != head(&whole.piece)
        {
            return Err(ParcelError::OutOfOrder);
        }
        whole.piece.spans.extend(parcel.piece.spans);
        whole.piece.acceptances.extend(parcel.piece.acceptances);
        Ok(self)
    }
}

impl Wire for Parcel {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { number, span_count, mark_count, piece } = self;
        for count in [number, span_count, mark_count] {
            count.encode(out);
        }
        piece.public_key.encode(out);
        piece.created_at.encode(out);
        encode_standing(&piece.standing, out);
        encode_optional(piece.hold.as_ref(), out);
        encode_optional(piece.floor.as_ref(), out);
        piece.records.encode(out);
        piece.openings.encode(out);
        encode_optional(piece.proof.as_ref(), out);
        encode_list(&piece.spans, out);
        encode_list(&piece.acceptances, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parcel = Self {
            number: reader.u32("number of a parcel")?,
            span_count: reader.u32("count of spans")?,
            mark_count: reader.u32("count of marks")?,
            piece: JournalExport {
                public_key: Wire::decode(reader)?,
                created_at: Wire::decode(reader)?,
                standing: decode_standing(reader)?,
                hold: decode_optional(reader)?,
                floor: decode_optional(reader)?,
                records: reader.u64("records")?,
                openings: reader.u64("openings")?,
                proof: decode_optional(reader)?,
                spans: reader.list(PARCEL_LEN, SPAN_LEN, "spans")?,
                acceptances: reader.list(PARCEL_LEN, MARK_LEN, "marks")?,
            },
        };
        if parcel.len() > PARCEL_LEN as usize {
            return Err(DecodeError::Invalid { what: "length of a parcel" });
        }
        Ok(parcel)
    }
}

impl Wire for Span {
    fn encode(&self, out: &mut Vec<u8>) {
        self.tenure.encode(out);
        self.lowest.encode(out);
        self.highest.encode(out);
        self.blocks.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            tenure: ConsensusHash::decode(reader)?,
            lowest: StacksHeight::decode(reader)?,
            highest: StacksHeight::decode(reader)?,
            blocks: reader.u64("blocks of a span")?,
        })
    }
}

/// A byte 1 and the value, or a byte 0.
pub(super) fn encode_optional(value: Option<&impl Wire>, out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        value.encode(out);
    }
}

pub(super) fn decode_optional<T: Wire>(reader: &mut Reader<'_>) -> Result<Option<T>, DecodeError> {
    decode_bool(reader, "presence")?.then(|| T::decode(reader)).transpose()
}

/// How many bytes a span has.
const SPAN_LEN: usize = 20 + 8 + 8 + 8;
