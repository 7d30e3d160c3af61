//! Votes of signers on SIPs (`signer-wire.md` section 9.1).

use std::str::FromStr;

use countersign_wire::fixed::parse_hex;
use countersign_wire::{MessageSignature, PublicKey, sip018};

/// For or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// For the SIP.
    Yes,
    /// Against it.
    No,
}

impl Vote {
    /// Whether it is for the SIP.
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// The text is not a vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a vote; expected `yes` or `no`")]
pub struct VoteError(pub String);

/// In either case.
impl FromStr for Vote {
    type Err = VoteError;

    fn from_str(text: &str) -> Result<Self, VoteError> {
        if text.eq_ignore_ascii_case("yes") {
            Ok(Self::Yes)
        } else if text.eq_ignore_ascii_case("no") {
            Ok(Self::No)
        } else {
            Err(VoteError(text.to_owned()))
        }
    }
}

/// The text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key has 66 hex digits and begins with 02 or 03, or 130 and begins with 04")]
pub struct KeyTextError;

/// Reads a public key in its short or in its long form.
pub fn parse_public_key(text: &str) -> Result<PublicKey, KeyTextError> {
    let long = || PublicKey::from_uncompressed(parse_hex(text).ok()?);
    text.parse().ok().or_else(long).ok_or(KeyTextError)
}

/// Why a signature cannot be a vote of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteSignatureError {
    /// The recovery id or the numbers are out of range, or they recover no key.
    #[error(
        "the signature recovers no key; it should be the 130 hex digits that generate-vote prints"
    )]
    Unrecoverable,
    /// The upper half of two equivalent signatures, which no signer makes.
    #[error("the signature has a high S value, which no signer writes: it was altered")]
    HighS,
}

/// Whether `signature` (recovery id, r, s) is the vote of `key`.
pub fn verify_vote(
    key: &PublicKey,
    signature: [u8; 65],
    sip: u32,
    vote: Vote,
) -> Result<bool, VoteSignatureError> {
    let signature = MessageSignature::from_bytes(signature)
        .filter(MessageSignature::is_well_formed)
        .ok_or(VoteSignatureError::Unrecoverable)?;
    let signer = signature
        .recover(&sip018::sip_vote(sip, vote.is_yes()))
        .ok_or(VoteSignatureError::Unrecoverable)?;
    if !signature.is_low_s() {
        return Err(VoteSignatureError::HighS);
    }
    Ok(signer == *key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    /// Key A and its votes on SIP 45 (`signer-wire.md` sections 12.1 and 12.5).
    const KEY: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
    const LONG: &str = "048c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9a0ed56cc70\
                        03b1da62a39c7d0581c31614c2bfbf83c6cfb0a7217ed69266073c";
    const YES: &str = "00f39971a3c7beb5395aee4d60eb8fc519abc144c8f4da5cd30ec045610bd8a7bc2470092cc72\
                       cd3b1df24f6c71ab70a8d9ffbbc7eb901760ce5b616e9cb6a08a7";
    /// The same with the other of the two equivalent S values.
    const YES_HIGH: &str = "01f39971a3c7beb5395aee4d60eb8fc519abc144c8f4da5cd30ec045610bd8a7bcdb8ff6d\
                            338d32c4e20db0938e548f5711ab32067f6472a2eda1c47a304cc389a";

    fn key() -> PublicKey {
        KEY.parse().unwrap()
    }

    #[test]
    fn the_vote_of_the_worked_vectors_is_valid_and_nothing_else_is() {
        let yes = parse_hex(YES).unwrap();
        assert_eq!(verify_vote(&key(), yes, 45, Vote::Yes), Ok(true));
        assert_eq!(verify_vote(&key(), yes, 45, Vote::No), Ok(false));
        assert_eq!(verify_vote(&key(), yes, 46, Vote::Yes), Ok(false));
    }

    #[test]
    fn a_signature_that_nobody_made_is_an_error() {
        let good: [u8; 65] = parse_hex(YES).unwrap();
        let (mut unknown_id, mut without_point) = (good, good);
        unknown_id[0] = 4;
        without_point[0] = 3;
        for spoiled in [unknown_id, without_point, [0; 65]] {
            let verdict = verify_vote(&key(), spoiled, 45, Vote::Yes);
            assert_eq!(verdict, Err(VoteSignatureError::Unrecoverable));
        }
        let high = parse_hex(YES_HIGH).unwrap();
        assert_eq!(verify_vote(&key(), high, 45, Vote::Yes), Err(VoteSignatureError::HighS));
    }

    #[test]
    fn votes_are_read_in_either_case() {
        for (text, vote) in [("yes", Vote::Yes), ("YES", Vote::Yes), ("nO", Vote::No)] {
            assert_eq!(text.parse(), Ok(vote));
        }
        for text in ["", "y", "maybe", " yes", "true"] {
            assert_eq!(text.parse::<Vote>(), Err(VoteError(text.to_owned())));
        }
    }

    #[test]
    fn a_public_key_is_read_in_its_short_and_in_its_long_form() {
        assert_eq!(parse_public_key(LONG), Ok(key()));
        assert_eq!(parse_public_key(&KEY.to_uppercase()), Ok(key()));
        // Not on the curve, an unknown prefix, too short.
        for spoiled in [format!("{}3d", &LONG[..128]), format!("05{}", &KEY[2..]), KEY[2..].into()]
        {
            assert_eq!(parse_public_key(&spoiled), Err(KeyTextError), "{spoiled}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_signatures_are_no_vote(bytes in proptest::collection::vec(any::<u8>(), 65)) {
            let bytes = <[u8; 65]>::try_from(bytes).unwrap();
            prop_assert_ne!(verify_vote(&key(), bytes, 45, Vote::Yes), Ok(true));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,140}") {
            let _ = parse_public_key(&text);
            let _ = text.parse::<Vote>();
        }
    }
}
