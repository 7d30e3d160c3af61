//! Base58 as an operator types it: the content of a chunk, an old Bitcoin address.

use countersign_wire::hash::sha256;

/// Why text is not base58. It says where, never what: the text may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base58Error {
    /// A character outside the alphabet.
    #[error("character {position} is not of base58, which has no 0, O, I, l, and no white space")]
    Character {
        /// Which character, from 1.
        position: usize,
    },
    /// Longer than anything that fits a chunk.
    #[error("the text has {len} characters, more than the {max} of the longest chunk")]
    TooLong {
        /// How many characters there are.
        len: usize,
        /// How many there may be.
        max: usize,
    },
}

/// The bytes that `text` spells, without a checksum. The time grows with the square of the length:
/// some seconds for 64,000 characters, as in stacks-signer.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Base58Error> {
    if text.len() > MAX_TEXT_LEN {
        return Err(Base58Error::TooLong { len: text.len(), max: MAX_TEXT_LEN });
    }
    bs58::decode(text).into_vec().map_err(|error| {
        let index = wrong_character(&error);
        let index = index.expect("a vector has room, and no checksum was asked for");
        Base58Error::Character { position: index + 1 }
    })
}

/// Where the character is that is to blame. The error's own text would show it.
const fn wrong_character(error: &bs58::decode::Error) -> Option<usize> {
    use bs58::decode::Error::{InvalidCharacter, NonAsciiCharacter};
    match error {
        InvalidCharacter { index, .. } | NonAsciiCharacter { index } => Some(*index),
        _ => None,
    }
}

/// The bytes that `text` spells before its checksum, if that fits. The checksum of `bs58` would bring
/// a second version of `sha2`.
pub(crate) fn decode_checked(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text).ok()?;
    let (payload, checksum) = bytes.split_last_chunk::<4>()?;
    let [a, b, c, d, ..] = sha256(&[&sha256(&[payload])]);
    (*checksum == [a, b, c, d]).then(|| payload.to_vec())
}

/// A chunk of 2 MiB, the longest that signers' contracts take, has this many digits at most.
const MAX_TEXT_LEN: usize = 2_870_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_texts_spell_known_bytes() {
        let rows = [
            ("", ""),
            ("1", "00"),
            ("112", "000001"),
            ("2NEpo7TZRRrLZSi2U", "48656c6c6f20576f726c6421"),
            (
                "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
                "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
            ),
        ];
        for (text, bytes) in rows {
            assert_eq!(hex::encode(decode(text).unwrap()), bytes, "{text}");
        }
    }

    #[test]
    fn a_character_outside_the_alphabet_is_named_by_its_place() {
        for text in ["2N0", "2NO", "2NI", "2Nl", "2N\n", "2Né"] {
            assert_eq!(decode(text), Err(Base58Error::Character { position: 3 }), "{text}");
        }
        assert_eq!(decode("2222222222220"), Err(Base58Error::Character { position: 13 }));
    }

    #[test]
    fn a_text_that_no_chunk_can_hold_is_refused_before_it_is_read() {
        let text = "2".repeat(MAX_TEXT_LEN + 1);
        assert!(matches!(decode(&text), Err(Base58Error::TooLong { .. })));
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_refused() {
        assert!(decode_checked("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2").is_some());
        assert!(decode_checked("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3").is_none());
        assert!(decode_checked("2g").is_none());
    }

    proptest! {
        #[test]
        fn bytes_survive_a_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&bs58::encode(&bytes).into_string()), Ok(bytes));
        }

        #[test]
        fn what_decodes_encodes_to_the_same_text(text in "[1-9A-HJ-NP-Za-km-z]{0,80}") {
            prop_assert_eq!(bs58::encode(decode(&text).unwrap()).into_string(), text);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,60}") {
            let _ = decode(&text);
            let _ = decode_checked(&text);
        }
    }
}
