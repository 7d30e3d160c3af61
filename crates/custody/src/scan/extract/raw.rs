//! Keys as bytes: after a mark of their length, or as most of what there is.

use super::{Form, Layer};

impl Layer<'_, '_> {
    /// The keys that are written as they are.
    ///
    /// A derivation for each byte of a disk is not affordable (20 µs and more each). A key is therefore looked for at
    /// every place of little content, and in the rest where one of the usual encodings says that 32 bytes
    /// follow: DER (SEC 1, PKCS #8), protobuf, CBOR, MessagePack, and lengths of four or eight bytes.
    pub(super) fn raw(&mut self, data: &[u8]) {
        let longest = if self.is_outermost() { LITTLE } else { LITTLE_INSIDE };
        if data.len() <= longest {
            for (offset, key) in data.windows(32).enumerate().filter(|(_, key)| is_random(key)) {
                self.probe(offset, Form::Raw, key);
            }
            return;
        }
        self.marked(data, |offset| (offset, Form::Raw));
    }

    /// The keys that follow a mark of their length; `place` says how to report each.
    pub(super) fn marked(&mut self, data: &[u8], place: impl Fn(usize) -> (usize, Form)) {
        let lengths = data.iter().enumerate().filter(|(_, byte)| **byte == LENGTH);
        for (at, _) in lengths {
            let before = at.checked_sub(1).and_then(|before| data.get(before));
            let zeros = data.iter().skip(at + 1).take(7).take_while(|byte| **byte == 0).count();
            let starts = [
                before.is_some_and(|mark| MARKS.contains(mark)).then_some(at + 1),
                // Little-endian, of four bytes and of eight.
                (zeros >= 3).then_some(at + 4),
                (zeros >= 7).then_some(at + 8),
            ];
            for start in starts.into_iter().flatten() {
                if let Some(key) = data.get(start..start + 32)
                    && is_random(key)
                {
                    let (offset, form) = place(start);
                    self.probe(offset, form, key);
                }
            }
        }
    }
}

/// Whether random bytes look like this: of 32, at least 20 differ. Of a billion keys, not one has fewer;
/// texts, tables and code mostly do.
pub(super) fn is_random(bytes: &[u8]) -> bool {
    let mut seen = [0_u64; 4];
    for byte in bytes {
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|word| word.count_ones()).sum::<u32>() >= 20
}

const LENGTH: u8 = 32;
/// What stands before the length: an octet string of DER, the fields 1 to 5 of protobuf, a byte string of
/// CBOR and of MessagePack, and the zeros of a longer length.
const MARKS: [u8; 9] = [0x04, 0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x58, 0xc4, 0x00];
/// Every place of a file that is not longer is tried.
const LITTLE: usize = 256;
/// The same for a text inside another one, of which there may be many.
const LITTLE_INSIDE: usize = 40;
