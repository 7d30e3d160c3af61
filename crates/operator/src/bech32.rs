//! Segregated-witness addresses of Bitcoin: bech32 (BIP 173) and bech32m (BIP 350).

/// A witness program and the prefix of its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    /// The human-readable part, in lower case.
    pub(crate) prefix: String,
    /// 0 to 16.
    pub(crate) version: u8,
    /// 2 to 40 bytes.
    pub(crate) program: Vec<u8>,
}

/// Reads an address. Nothing if anything about it is wrong, the checksum or the padding included.
pub(crate) fn decode(text: &str) -> Option<Witness> {
    let lower = text.to_ascii_lowercase();
    let is_mixed = text != lower && text != text.to_ascii_uppercase();
    if is_mixed || lower.len() > MAX_LEN || !lower.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (prefix, rest) = lower.rsplit_once('1')?;
    let digits: Vec<u8> = rest.bytes().map(digit).collect::<Option<_>>()?;
    let (data, _checksum) = digits.split_last_chunk::<CHECKSUM_LEN>()?;
    let (version, program) = data.split_first()?;
    let constant = if *version == 0 { BECH32 } else { BECH32M };
    if prefix.is_empty() || checksum(prefix, &digits) != constant {
        return None;
    }
    let program = to_bytes(program)?;
    let is_sound = *version <= 16 && (2..=40).contains(&program.len());
    is_sound.then(|| Witness { prefix: prefix.to_owned(), version: *version, program })
}

fn digit(character: u8) -> Option<u8> {
    let position = ALPHABET.iter().position(|known| *known == character)?;
    u8::try_from(position).ok()
}

/// The remainder that the two BIPs define over the prefix and all digits.
fn checksum(prefix: &str, digits: &[u8]) -> u32 {
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let values = high.chain([0]).chain(low).chain(digits.iter().copied());
    values.fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        let terms = GENERATOR.iter().enumerate().filter(|(bit, _)| (top >> bit) & 1 == 1);
        terms.fold(shifted, |sum, (_, term)| sum ^ term)
    })
}

/// Groups of five bits to bytes. What is left over must be less than a group, and zero.
fn to_bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    let (mut pending, mut bits) = (0_u32, 0);
    for digit in digits {
        pending = (pending << 5) | u32::from(*digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(pending >> bits).ok()?);
            pending &= (1 << bits) - 1;
        }
    }
    (bits < 5 && pending == 0).then_some(bytes)
}

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
/// What the checksum of version 0 leaves.
const BECH32: u32 = 1;
/// What the checksum of later versions leaves.
const BECH32M: u32 = 0x2bc8_30a3;
const CHECKSUM_LEN: usize = 6;
const MAX_LEN: usize = 90;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    /// Addresses of BIP 173 and BIP 350.
    const KNOWN: [(&str, &str, u8, &str); 4] = [
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc",
            0,
            "751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        (
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "tb",
            0,
            "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "bc",
            1,
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
        (
            "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
            "tb",
            1,
            "000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
        ),
    ];

    #[test]
    fn the_addresses_of_the_bips_are_read() {
        for (text, prefix, version, program) in KNOWN {
            let program = hex::decode(program).unwrap();
            let expected = Witness { prefix: prefix.to_owned(), version, program };
            assert_eq!(decode(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_addresses_that_the_bips_refuse_are_refused() {
        let refused = [
            // Bech32 instead of bech32m, and the reverse.
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq54v2ze",
            // Mixed case, padding, an empty program.
            "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
            "bc1gmk9yu",
            "",
            "1",
        ];
        for text in refused {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_noticed(row in 0..KNOWN.len(), at in 3..40_usize, to in 0..32_usize) {
            let good = KNOWN.get(row).unwrap().0.to_ascii_lowercase();
            let mut bytes = good.clone().into_bytes();
            *bytes.get_mut(at).unwrap() = *ALPHABET.get(to).unwrap();
            let spoiled = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(decode(&spoiled).is_some(), spoiled == good);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,100}") {
            let _ = decode(&text);
        }
    }
}
