//! A key in n shares, of which any k restore it and fewer say nothing about it.
//!
//! Shamir's scheme over GF(256), byte by byte; the arithmetic is `vsss-rs`'s. A share is one word of
//! Bech32m (BIP 350), so that up to four wrong characters are always noticed. It names the set that it
//! belongs to, how many shares the set needs, its number, and a fingerprint of the public key, against
//! which the restored key is compared: shares of two sets, or too few, never give a wrong key.

mod qr;
mod text;

use std::collections::BTreeMap;

use countersign_wire::{PrivateKey, PublicKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

pub use self::qr::svg;
pub use self::text::TextError;

/// One share of a key. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    set: [u8; 4],
    threshold: u8,
    number: u8,
    fingerprint: Fingerprint,
    value: Zeroizing<[u8; 32]>,
}

/// The first bytes of the public key's hash160.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// The fingerprint of a key.
    pub fn of(key: &PublicKey) -> Self {
        let hash = key.hash160();
        let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash160 has 20 bytes");
        Self(*first)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("set", &hex::encode(self.set))
            .field("threshold", &self.threshold)
            .field("number", &self.number)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Why shares cannot be made or put together.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The numbers make no sense.
    #[error(
        "`{threshold}/{count}` makes no sense: from 2 to {MAX_SHARES} shares, and at least 2 of them to restore"
    )]
    Count {
        /// How many are needed.
        threshold: u8,
        /// How many there are.
        count: u8,
    },
    /// There are none.
    #[error("there is neither an age file nor a share in what was named")]
    None,
    /// They are not of one set.
    #[error(
        "share {number} is of another set than the first one; shares of two backups do not go together"
    )]
    OtherSet {
        /// The number of the odd one out.
        number: u8,
    },
    /// Too few.
    #[error("{have} of these shares are different ones, and {need} are needed")]
    TooFew {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: u8,
    },
    /// Two different shares have one number.
    #[error("two different shares have the number {number}; one of them is forged")]
    Rivals {
        /// The number.
        number: u8,
    },
    /// What came out is another key.
    #[error("the shares do not fit together: they give no key with the fingerprint {fingerprint}")]
    OtherKey {
        /// The fingerprint that they say.
        fingerprint: Fingerprint,
    },
    /// The operating system has no randomness.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Splits a key into `count` shares, of which any `threshold` restore it.
pub fn split(key: &PrivateKey, threshold: u8, count: u8) -> Result<Vec<Share>, ShareError> {
    let unreasonable = ShareError::Count { threshold, count };
    if threshold < 2 || count < threshold || count > MAX_SHARES {
        return Err(unreasonable);
    }
    let mut set = [0; 4];
    getrandom::fill(&mut set).map_err(ShareError::Random)?;
    let fingerprint = Fingerprint::of(&key.public_key());
    let made = Gf256::split_bytes(
        usize::from(threshold),
        usize::from(count),
        key.to_bytes().as_slice(),
        UnwrapErr(SysRng),
    );
    let made = Zeroizing::new(made.map_err(|_| unreasonable)?);
    let shares = made.iter().filter_map(|share| {
        let (number, value) = share.split_first()?;
        let value = Zeroizing::new(<[u8; 32]>::try_from(value).ok()?);
        Some(Share { set, threshold, number: *number, fingerprint, value })
    });
    Ok(shares.collect())
}

/// Restores a key from its shares. More than enough are welcome: all must agree.
pub fn combine(shares: &[Share]) -> Result<PrivateKey, ShareError> {
    let first = shares.first().ok_or(ShareError::None)?;
    let mut known: BTreeMap<u8, &Share> = BTreeMap::new();
    for share in shares {
        let belongs = (share.set, share.threshold, share.fingerprint)
            == (first.set, first.threshold, first.fingerprint);
        if !belongs {
            return Err(ShareError::OtherSet { number: share.number });
        }
        if known.insert(share.number, share).is_some_and(|before| before != share) {
            return Err(ShareError::Rivals { number: share.number });
        }
    }
    if known.len() < usize::from(first.threshold) {
        return Err(ShareError::TooFew { have: known.len(), need: first.threshold });
    }
    let other = ShareError::OtherKey { fingerprint: first.fingerprint };
    let points: Vec<Vec<u8>> = known
        .values()
        .map(|share| std::iter::once(share.number).chain(*share.value).collect())
        .collect();
    let points = Zeroizing::new(points);
    let Ok(secret) = Gf256::combine_bytes(points.as_slice()).map(Zeroizing::new) else {
        return Err(other);
    };
    let Ok(bytes) = <[u8; 32]>::try_from(secret.as_slice()).map(Zeroizing::new) else {
        return Err(other);
    };
    match PrivateKey::from_bytes(*bytes) {
        Ok(key) if Fingerprint::of(&key.public_key()) == first.fingerprint => Ok(key),
        _ => Err(other),
    }
}

impl Share {
    /// Its number, from 1 on.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// How many shares restore the key.
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The fingerprint of the public key.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// More people than ever hold shares of one key.
const MAX_SHARES: u8 = 32;

#[cfg(test)]
mod tests;
