//! Keys as Bitcoin wallets export them: base58 of a version, the key, perhaps a mark, and a checksum.

use std::ops::Range;

use countersign_wire::hash::sha256;
use zeroize::Zeroizing;

use super::runs::runs;
use super::{Form, Layer, part};

impl Layer<'_, '_> {
    /// The keys in the base58 digits of a run, all of which they must be.
    pub(super) fn wif(&mut self, data: &[u8], run: &Range<usize>) {
        for inner in runs(part(data, run), DIGITS, is_base58) {
            let offset = run.start + inner.start;
            let digits = part(data, &(offset..run.start + inner.end));
            if digits.len() <= DIGITS + 1 {
                let bytes = Zeroizing::new(bs58::decode(digits).into_vec().unwrap_or_default());
                if let Some(key) = key(&bytes) {
                    self.probe(offset, Form::Wif, key);
                }
            }
        }
    }
}

/// The key between version and checksum.
fn key(bytes: &[u8]) -> Option<&[u8]> {
    let (payload, checksum) = bytes.split_last_chunk::<4>()?;
    let [a, b, c, d, ..] = sha256(&[&sha256(&[payload])]);
    let (version, rest) = payload.split_first()?;
    let is_wif = VERSIONS.contains(version) && *checksum == [a, b, c, d];
    let key = match rest {
        [key @ .., MARK] if rest.len() == 33 => key,
        _ => rest,
    };
    is_wif.then_some(key)
}

const fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

/// 51 digits, or 52 with the mark.
const DIGITS: usize = 51;
/// Mainnet and testnet.
const VERSIONS: [u8; 2] = [0x80, 0xef];
/// Follows a key whose public key is compressed.
const MARK: u8 = 1;
