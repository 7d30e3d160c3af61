//! Mnemonics of 12 to 24 words (BIP-39, English), and the keys that Stacks wallets derive from them.
//!
//! The list of words is the one of the BIP, in the public domain of every wallet. The `bip39` crate would
//! bring a second implementation of SHA-2 for one checksum; PBKDF2 is RustCrypto's.

mod find;

use std::collections::HashMap;
use std::fmt::Write as _;

use countersign_wire::PublicKey;
use countersign_wire::hash::sha256;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::bip32::{HARDENED, Node};
use super::target::Prober;

/// The words that mnemonics are made of, in lower case.
pub fn mnemonic_words() -> impl Iterator<Item = &'static str> {
    ENGLISH.lines()
}

/// The words, and which sentences were tried in vain.
pub(super) struct Words {
    numbers: HashMap<&'static [u8], u16>,
    texts: Vec<&'static str>,
    tried: Vec<[u8; 32]>,
}

impl Words {
    pub(super) fn new() -> Self {
        let texts: Vec<&str> = ENGLISH.lines().collect();
        let numbers = (0..).zip(&texts).map(|(number, word)| (word.as_bytes(), number)).collect();
        Self { numbers, texts, tried: vec![[0; 32]; TRIED_SLOTS] }
    }

    /// The number of a word in any case.
    fn number(&self, word: &[u8]) -> Option<u16> {
        let mut lower = [0; LONGEST_WORD];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        self.numbers.get(&*lower).copied()
    }

    /// The key that is searched for and the path that leads to it, if these words make a mnemonic with one.
    fn probe(&mut self, numbers: &[u16], prober: &mut Prober<'_>) -> Option<(PublicKey, String)> {
        if !has_checksum(numbers) {
            return None;
        }
        let (slot, digest) = place_of(numbers);
        // The thousands of rounds are not made twice in vain.
        if self.tried.get(slot) == Some(&digest) {
            return None;
        }
        let found = self.derive(numbers, prober);
        if found.is_none()
            && let Some(tried) = self.tried.get_mut(slot)
        {
            *tried = digest;
        }
        found
    }

    fn derive(&self, numbers: &[u16], prober: &mut Prober<'_>) -> Option<(PublicKey, String)> {
        let seed = self.seed(numbers)?;
        let root = Node::of_seed(seed.as_slice())?;
        PATHS.iter().find_map(|path| {
            let parent = root.descendant(path.parent)?;
            (0..INDEXES).find_map(|index| {
                let node = parent.child(index + path.offset)?;
                let node = if path.rest.is_empty() { node } else { node.descendant(path.rest)? };
                let key = prober.probe(&node.key_bytes())?;
                Some((key, path.text(index)))
            })
        })
    }

    /// The seed of the sentence with an empty passphrase.
    fn seed(&self, numbers: &[u16]) -> Option<Zeroizing<[u8; 64]>> {
        let mut sentence = Zeroizing::new(String::with_capacity(LONGEST_SENTENCE));
        for number in numbers {
            if !sentence.is_empty() {
                sentence.push(' ');
            }
            sentence.push_str(self.texts.get(usize::from(*number))?);
        }
        let mut seed = Zeroizing::new([0; 64]);
        pbkdf2_hmac::<Sha512>(sentence.as_bytes(), b"mnemonic", ROUNDS, seed.as_mut());
        Some(seed)
    }
}

/// Where a sentence is remembered, and by what.
fn place_of(numbers: &[u16]) -> (usize, [u8; 32]) {
    let bytes: Zeroizing<Vec<u8>> =
        Zeroizing::new(numbers.iter().flat_map(|number| number.to_be_bytes()).collect());
    let digest = sha256(&[&bytes]);
    let [.., high, low] = digest;
    (usize::from(u16::from_be_bytes([high, low])) % TRIED_SLOTS, digest)
}

/// Whether the last bits are the first ones of the hash of the others.
fn has_checksum(numbers: &[u16]) -> bool {
    let mut bits = Zeroizing::new([0_u8; 33]);
    for (place, bit) in
        numbers.iter().flat_map(|n| (0..11).rev().map(move |b| n >> b & 1)).enumerate()
    {
        let Some(byte) = bits.get_mut(place / 8) else { return false };
        *byte |= u8::from(bit == 1) << (7 - place % 8);
    }
    // 12 words have 128 bits and 4 of checksum, and so on to 24 with 256 and 8.
    let checksum_bits = numbers.len() / 3;
    let (entropy, rest) = bits.split_at(numbers.len() * 4 / 3);
    let [hashed, ..] = sha256(&[entropy]);
    let mask = u8::MAX.checked_shl(8_u32.saturating_sub(u32::try_from(checksum_bits).unwrap_or(8)));
    let mask = mask.unwrap_or(0);
    rest.first().is_some_and(|given| given & mask == hashed & mask)
}

/// Where a wallet keeps the keys of its accounts: `parent / (index + offset) / rest`.
struct Path {
    parent: &'static [u32],
    offset: u32,
    rest: &'static [u32],
}

impl Path {
    fn text(&self, index: u32) -> String {
        let mut text = String::from("m");
        for number in self.parent.iter().chain(&[index + self.offset]).chain(self.rest) {
            let mark = if *number >= HARDENED { "'" } else { "" };
            write!(text, "/{}{mark}", number % HARDENED).expect("writing to a string cannot fail");
        }
        text
    }
}

const PATHS: [Path; 3] = [
    // `stx make_keychain` (with index 0), and the accounts of most wallets.
    Path { parent: &[44 + HARDENED, 5757 + HARDENED, HARDENED, 0], offset: 0, rest: &[] },
    // Wallets that count accounts as BIP-44 does.
    Path { parent: &[44 + HARDENED, 5757 + HARDENED], offset: HARDENED, rest: &[0, 0] },
    // Identities of the time before Stacks 2.
    Path { parent: &[888 + HARDENED, HARDENED], offset: HARDENED, rest: &[] },
];
/// How many accounts are looked at on each path.
const INDEXES: u32 = 10;
const ENGLISH: &str = include_str!("english.txt");
/// Rounds of PBKDF2 (BIP-39).
const ROUNDS: u32 = 2048;
const LONGEST_WORD: usize = 8;
/// 24 words of 8 letters and the spaces between them.
const LONGEST_SENTENCE: usize = 24 * 9;
const TRIED_SLOTS: usize = 1 << 12;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::scan::target::Target;

    /// The mnemonic of the tests of stacks.js; it controls nothing.
    const STACKS: &str = "sound idle panel often situate develop unit text design antenna vendor screen \
                          opinion balcony share trigger accuse scatter visa uniform brass update opinion media";

    fn numbers(sentence: &str) -> Vec<u16> {
        let words = Words::new();
        sentence.split(' ').map(|word| words.number(word.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn the_list_is_the_one_of_the_bip() {
        let hash = sha256(&[ENGLISH.as_bytes()]);
        assert_eq!(
            hex::encode(hash),
            "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
        );
        assert_eq!(Words::new().numbers.len(), 2048);
    }

    #[test]
    fn seeds_are_those_of_an_independent_implementation() {
        // Python's `hashlib.pbkdf2_hmac`; the sentences are of the BIP's vectors.
        let rows = [
            (
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
                "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc19a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4",
            ),
            (
                "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
                "e28a37058c7f5112ec9e16a3437cf363a2572d70b6ceb3b6965447623d620f14d06bb321a26b33ec15fcd84a3b5ddfd5520e230c924c87aaa0d559749e044fef",
            ),
        ];
        for (sentence, seed) in rows {
            let numbers = numbers(sentence);
            assert!(has_checksum(&numbers), "{sentence}");
            assert_eq!(hex::encode(*Words::new().seed(&numbers).unwrap()), seed, "{sentence}");
        }
    }

    #[test]
    fn a_wrong_last_word_breaks_the_checksum() {
        for (sentence, wrong) in [
            ("legal winner thank year wave sausage worth useful legal winner thank yellow", "year"),
            (STACKS, "about"),
        ] {
            assert!(has_checksum(&numbers(sentence)));
            let (head, _) = sentence.rsplit_once(' ').unwrap();
            assert!(!has_checksum(&numbers(&format!("{head} {wrong}"))));
        }
    }

    #[test]
    fn the_keys_of_a_stacks_wallet_are_recognized_by_their_addresses() {
        // From the tests of stacks.js, by which wallets are made.
        let rows = [
            ("SP384CVPNDTYA0E92TKJZQTYXQHNZSWGCAG7SAPVB", "m/44'/5757'/0'/0/0"),
            ("SP30RZ44NTH2D95M1HSWVMM8VVHSAFY71VF3XQZ0K", "m/888'/0'/0'"),
        ];
        for (address, path) in rows {
            let targets = [address.parse::<Target>().unwrap()];
            let found = Words::new().probe(&numbers(STACKS), &mut Prober::new(&targets));
            assert_eq!(found.unwrap().1, path, "{address}");
        }
    }

    #[test]
    fn each_path_has_its_text() {
        let texts: Vec<String> = PATHS.iter().map(|path| path.text(7)).collect();
        assert_eq!(texts, ["m/44'/5757'/0'/0/7", "m/44'/5757'/7'/0/0", "m/888'/0'/7'"]);
    }
}
