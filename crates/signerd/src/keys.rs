//! Our keys: one, or two while a key is being changed.

use countersign_wire::PublicKey;

use crate::hand::Holder;

/// Who holds the keys that sign.
#[derive(Debug)]
pub struct Holders {
    /// Of the key that signs until another takes its place.
    pub(crate) first: Holder,
    /// Of the key that is to take its place, if one is loaded.
    pub(crate) next: Option<Holder>,
}

/// The public halves of our keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// Of the key that signs until another takes its place.
    pub first: PublicKey,
    /// Of the key that is to take its place, if one is loaded.
    pub next: Option<PublicKey>,
}

impl PublicKeys {
    /// One or two.
    pub fn all(&self) -> Vec<PublicKey> {
        std::iter::once(self.first).chain(self.next).collect()
    }
}

/// A key that is to take its own place.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "`countersign.next_key` leads to the same key as the one that signs already, {0}; once a key has taken \
     the other's place, name it alone"
)]
pub struct SameKey(PublicKey);

impl Holders {
    /// Both keys, which must not be the same.
    pub fn new(first: Holder, next: Option<Holder>) -> Result<Self, SameKey> {
        let holders = Self { first, next };
        let PublicKeys { first, next } = holders.public();
        if next == Some(first) { Err(SameKey(first)) } else { Ok(holders) }
    }

    /// The public halves.
    pub fn public(&self) -> PublicKeys {
        PublicKeys {
            first: self.first.public_key(),
            next: self.next.as_ref().map(Holder::public_key),
        }
    }

    /// The public halves of those that this process holds.
    pub(crate) fn held_here(&self) -> Vec<PublicKey> {
        let all = std::iter::once(&self.first).chain(&self.next);
        all.filter(|holder| holder.is_here()).map(Holder::public_key).collect()
    }

    /// Whether another process holds one of them.
    pub(crate) fn are_elsewhere(&self) -> bool {
        std::iter::once(&self.first).chain(&self.next).any(|key| matches!(key, Holder::There(_)))
    }
}

impl<T: Into<Holder>> From<T> for Holders {
    fn from(first: T) -> Self {
        Self { first: first.into(), next: None }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_vault::SigningKey;
    use countersign_wire::PrivateKey;

    use super::*;

    fn key(byte: u8) -> Holder {
        SigningKey::from(PrivateKey::from_bytes([byte; 32]).unwrap()).into()
    }

    #[test]
    fn a_key_does_not_take_its_own_place() {
        let refused = Holders::new(key(1), Some(key(1))).unwrap_err();
        assert!(refused.to_string().contains("the same key"), "{refused}");
        let both = Holders::new(key(1), Some(key(2))).unwrap().public();
        let expected = PublicKeys { first: key(1).public_key(), next: Some(key(2).public_key()) };
        assert_eq!(both, expected);
    }
}
