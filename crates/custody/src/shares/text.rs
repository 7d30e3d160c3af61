//! A share as one word: `share1…`.

use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use zeroize::Zeroizing;

use super::{Fingerprint, Share};

/// Why a text is no share. It is never quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It was mistyped.
    #[error("a share was mistyped: a character is wrong, missing or too many; compare it again")]
    Mistyped,
    /// It is of a later version.
    #[error("a share has version {0}, and this program knows version {VERSION}; take a newer one")]
    Version(u8),
    /// No set has such a share.
    #[error("a share says of itself what no share can be")]
    Impossible,
}

impl Share {
    /// The word, in lower case.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LEN));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.set);
        bytes.extend_from_slice(&[self.threshold, self.number]);
        bytes.extend_from_slice(&self.fingerprint.0);
        bytes.extend_from_slice(self.value.as_slice());
        let word = bech32::encode::<Bech32m>(HRP, &bytes);
        Zeroizing::new(word.expect("the length is within that of Bech32m"))
    }
}

impl FromStr for Share {
    type Err = TextError;

    /// Reads the word. White space and hyphens are ignored, and upper case is as good.
    fn from_str(text: &str) -> Result<Self, TextError> {
        let word: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let word = Zeroizing::new(word);
        let checked = CheckedHrpstring::new::<Bech32m>(&word).map_err(|_| TextError::Mistyped)?;
        if checked.hrp() != HRP {
            return Err(TextError::Mistyped);
        }
        let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
        let [version, s0, s1, s2, s3, threshold, number, rest @ ..] = bytes.as_slice() else {
            return Err(TextError::Mistyped);
        };
        if *version != VERSION {
            return Err(TextError::Version(*version));
        }
        let (fingerprint, value) = rest.split_first_chunk::<8>().ok_or(TextError::Mistyped)?;
        let value = <[u8; 32]>::try_from(value).map_err(|_| TextError::Mistyped)?;
        if *threshold < 2 || *number == 0 {
            return Err(TextError::Impossible);
        }
        let share = Self {
            set: [*s0, *s1, *s2, *s3],
            threshold: *threshold,
            number: *number,
            fingerprint: Fingerprint(*fingerprint),
            value: Zeroizing::new(value),
        };
        // Bits that fill up the last character are zero in every word of ours.
        if share.to_text().eq_ignore_ascii_case(&word) {
            Ok(share)
        } else {
            Err(TextError::Mistyped)
        }
    }
}

/// With this prefix a word has 88 characters; up to 90 the checksum tells any four wrong ones.
const HRP: Hrp = Hrp::parse_unchecked("share");
const VERSION: u8 = 1;
/// Version, set, threshold, number, fingerprint, value.
const LEN: usize = 1 + 4 + 1 + 1 + 8 + 32;
