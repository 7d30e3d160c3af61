//! Keys in hex.

use std::ops::Range;

use zeroize::Zeroizing;

use super::runs::runs;
use super::{Cut, Form, Layer, part};

impl Layer<'_, '_> {
    /// The keys in the hex digits of a run.
    ///
    /// A key has 64 digits, 66 with its mark, or fewer if somebody printed it as a number. In a longer run
    /// it begins or ends the run, or is one of its words of 32 bytes; and the bytes of the run are searched
    /// in their turn, in which DER and texts are found.
    pub(super) fn hex(&mut self, data: &[u8], run: &Range<usize>) {
        for inner in runs(part(data, run), FEWEST_DIGITS, |byte| byte.is_ascii_hexdigit()) {
            let offset = run.start + inner.start;
            let digits = part(data, &(offset..run.start + inner.end));
            if digits.len() < DIGITS {
                let mut padded = Zeroizing::new([b'0'; DIGITS]);
                let (_, tail) = padded.split_at_mut(DIGITS - digits.len());
                tail.copy_from_slice(digits);
                self.probe_digits(offset, &*padded);
                continue;
            }
            let words = (0..digits.len() / DIGITS).map(|word| word * DIGITS);
            let ends = [0, 2].map(|mark| digits.len().checked_sub(DIGITS + mark));
            for start in words.chain(ends.into_iter().flatten()) {
                if let Some(digits) = digits.get(start..start + DIGITS) {
                    self.probe_digits(offset + start, digits);
                }
            }
            if digits.len() >= WORTH_DECODING {
                let even = digits.get(..digits.len() & !1).unwrap_or_default();
                let bytes = Zeroizing::new(hex::decode(even).unwrap_or_default());
                self.inside(offset, Form::Hex, &bytes, Cut::Beginning);
            }
        }
    }

    fn probe_digits(&mut self, offset: usize, digits: &[u8]) {
        let mut bytes = Zeroizing::new([0; 32]);
        if hex::decode_to_slice(digits, bytes.as_mut()).is_ok() {
            self.probe(offset, Form::Hex, bytes.as_slice());
        }
    }
}

const DIGITS: usize = 64;
/// A number loses a leading zero in one of sixteen keys, and four in one of 65,536. Shorter runs are other
/// hashes.
const FEWEST_DIGITS: usize = 60;
/// What holds a key and something around it.
const WORTH_DECODING: usize = 68;
