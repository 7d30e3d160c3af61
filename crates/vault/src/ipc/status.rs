//! What a journal comes to, as it crosses the socket.

use std::time::Duration;

use countersign_wire::{DecodeError, Reader, Wire};

use super::parcel::{decode_optional, encode_optional};
use super::refusal::{decode_standing, encode_standing};
use super::request::decode_bool;
use crate::journal_file::JournalStatus;

/// The wait is in whole seconds.
impl Wire for JournalStatus {
    fn encode(&self, out: &mut Vec<u8>) {
        self.public_key.encode(out);
        encode_standing(&self.standing, out);
        encode_optional(self.hold.as_ref(), out);
        self.wait.as_secs().encode(out);
        encode_optional(self.floor.as_ref(), out);
        for count in [self.records, self.remembered, self.rejections, self.openings] {
            count.encode(out);
        }
        encode_optional(self.highest.as_ref(), out);
        encode_optional(self.last_signed_at.as_ref(), out);
        out.push(u8::from(self.is_clean));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            public_key: Wire::decode(reader)?,
            standing: decode_standing(reader)?,
            hold: decode_optional(reader)?,
            wait: Duration::from_secs(reader.u64("wait")?),
            floor: decode_optional(reader)?,
            records: reader.u64("records")?,
            remembered: reader.u64("remembered blocks")?,
            rejections: reader.u64("rejections")?,
            openings: reader.u64("openings")?,
            highest: decode_optional(reader)?,
            last_signed_at: decode_optional(reader)?,
            is_clean: decode_bool(reader, "clean stop")?,
        })
    }
}
