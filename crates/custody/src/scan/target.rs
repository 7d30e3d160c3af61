//! The keys that are searched for, and whether a candidate is one of them.

use std::fmt;
use std::str::FromStr;

use countersign_wire::hash::hash160;
use countersign_wire::{Hash160, PrivateKey, PublicKey, StacksAddress};
use zeroize::Zeroizing;

/// A key that is searched for, named by its public half: a public key, or a Stacks address of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    named: String,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Key(PublicKey),
    Hash(Hash160),
}

/// Why text does not name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither a public key nor an address.
    #[error(
        "neither a public key (66 or 130 hex digits) nor a Stacks address; a private key does not \
         belong on a command line"
    )]
    NotAKey,
    /// The digits are not a point of the curve.
    #[error("these digits are not a public key of secp256k1")]
    NotOnCurve,
    /// An address of several keys, or of a contract's script: no single key leads to it.
    #[error("this address belongs to several keys; give the public key of each")]
    NotOneKey,
}

impl Target {
    /// The key with this public half.
    pub fn of_key(key: PublicKey) -> Self {
        Self { named: key.to_string(), wanted: Wanted::Key(key) }
    }

    /// How the key was named.
    pub fn named(&self) -> &str {
        &self.named
    }

    fn is(&self, key: &PublicKey) -> bool {
        match &self.wanted {
            Wanted::Key(wanted) => wanted == key,
            // Old wallets hashed the long form.
            Wanted::Hash(hash) => {
                *hash == key.hash160() || *hash == hash160(&key.to_uncompressed())
            }
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wanted = match hex::decode(text.strip_prefix("0x").unwrap_or(text)) {
            Ok(bytes) => Wanted::Key(public_key(&bytes)?),
            Err(_) => Wanted::Hash(single_key_hash(text)?),
        };
        Ok(Self { named: text.to_owned(), wanted })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named)
    }
}

fn public_key(bytes: &[u8]) -> Result<PublicKey, TargetError> {
    let key = if let Ok(short @ [2 | 3, ..]) = <[u8; 33]>::try_from(bytes) {
        PublicKey::from_bytes(short)
    } else if let Ok(long) = <[u8; 65]>::try_from(bytes) {
        PublicKey::from_uncompressed(long)
    } else {
        return Err(TargetError::NotAKey);
    };
    key.ok_or(TargetError::NotOnCurve)
}

fn single_key_hash(text: &str) -> Result<Hash160, TargetError> {
    let address: StacksAddress = text.parse().map_err(|_| TargetError::NotAKey)?;
    match address.version() {
        SINGLE_KEY_MAINNET | SINGLE_KEY_TESTNET => Ok(*address.hash()),
        _ => Err(TargetError::NotOneKey),
    }
}

/// `SP…` (SIP-005).
const SINGLE_KEY_MAINNET: u8 = 22;
/// `ST…` (SIP-005).
const SINGLE_KEY_TESTNET: u8 = 26;

/// Derives the public key of each candidate, once, and compares it with what is searched for: what it
/// accepts is one of our keys, whatever it was taken from.
pub(super) struct Prober<'t> {
    targets: &'t [Target],
    /// What was tried in vain. A slot holds the last candidate that fell into it.
    tried: Vec<[u8; 32]>,
    found: Vec<(Zeroizing<[u8; 32]>, PublicKey)>,
    /// How many public keys were derived.
    pub(super) derived: u64,
}

impl<'t> Prober<'t> {
    pub(super) fn new(targets: &'t [Target]) -> Self {
        Self { targets, tried: vec![[0; 32]; TRIED_SLOTS], found: Vec::new(), derived: 0 }
    }

    /// The public key, if these 32 bytes are one of the private keys that are searched for.
    pub(super) fn probe(&mut self, candidate: &[u8; 32]) -> Option<PublicKey> {
        if let Some((_, key)) = self.found.iter().find(|(known, _)| **known == *candidate) {
            return Some(*key);
        }
        // Whatever repeats, such as the hashes of a lock file in each commit, costs one derivation.
        let [.., high, low] = *candidate;
        let slot = self.tried.get_mut(usize::from(u16::from_be_bytes([high, low])))?;
        if slot == candidate {
            return None;
        }
        self.derived += 1;
        let key = PrivateKey::from_bytes(*candidate).ok()?.public_key();
        if self.targets.iter().any(|target| target.is(&key)) {
            self.found.push((Zeroizing::new(*candidate), key));
            return Some(key);
        }
        *slot = *candidate;
        None
    }
}

/// One for each value of the last two bytes: two MiB of candidates.
const TRIED_SLOTS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const PRIVATE: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
    const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
    const LONG: &str = "048c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9a0ed56cc7003b1da62a39c7d0581c31614c2bfbf83c6cfb0a7217ed69266073c";

    fn private() -> [u8; 32] {
        hex::decode(PRIVATE).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_key_is_recognized_by_each_of_its_public_names() {
        let names = [
            PUBLIC,
            LONG,
            "SP185PX4EBXC3QWDN697MJEM13Y8E9JNSRRG0M7R1",
            "ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0",
            &format!("0x{PUBLIC}"),
        ];
        for name in names {
            let targets = [name.parse::<Target>().unwrap()];
            let mut prober = Prober::new(&targets);
            assert_eq!(prober.probe(&private()).unwrap().to_string(), PUBLIC, "{name}");
            assert_eq!(prober.probe(&private()).unwrap().to_string(), PUBLIC, "{name} again");
            assert_eq!(prober.probe(&[7; 32]), None, "{name}");
        }
    }

    #[test]
    fn what_repeats_is_derived_once() {
        let targets = [PUBLIC.parse::<Target>().unwrap()];
        let mut prober = Prober::new(&targets);
        for _ in 0..5 {
            assert_eq!(prober.probe(&[7; 32]), None);
            assert!(prober.probe(&private()).is_some());
        }
        assert_eq!(prober.derived, 2);
    }

    #[test]
    fn what_names_no_single_key_is_refused() {
        let rows = [
            (PRIVATE, TargetError::NotAKey),
            (&format!("{PRIVATE}01"), TargetError::NotAKey),
            ("", TargetError::NotAKey),
            ("SP185PX4EBXC3QWDN697MJEM13Y8E9JNSRRG0M7R2", TargetError::NotAKey),
            ("SM384CVPNDTYA0E92TKJZQTYXQHNZSWGCAGRD22C9", TargetError::NotOneKey),
            (&format!("02{}", "ff".repeat(32)), TargetError::NotOnCurve),
        ];
        for (text, error) in rows {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }
}
