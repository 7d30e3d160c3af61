//! Our keys: one, or two while a key is being changed.

use countersign_custody::OpenError;
use countersign_ops::exit::Exit;
use countersign_vault::SigningKey;
use countersign_wire::PublicKey;

/// The keys that sign, opened.
#[derive(Debug)]
pub struct SigningKeys {
    /// The key that signs until another takes its place.
    pub first: SigningKey,
    /// The key that is to take its place, if one is loaded.
    pub next: Option<SigningKey>,
}

/// The public halves of [`SigningKeys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// Of the key that signs until another takes its place.
    pub first: PublicKey,
    /// Of the key that is to take its place, if one is loaded.
    pub next: Option<PublicKey>,
}

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The first key cannot be opened.
    #[error(transparent)]
    First(OpenError),
    /// The next key cannot be opened.
    #[error("the key of `countersign.next_key` cannot be opened")]
    Next(#[source] OpenError),
    /// A key that is to take its own place.
    #[error(
        "`countersign.next_key` leads to the same key as the one that signs already, {0}; once a key has \
         taken the other's place, name it alone"
    )]
    Same(PublicKey),
}

impl SigningKeys {
    /// Both keys, which must not be the same.
    pub(crate) fn new(first: SigningKey, next: Option<SigningKey>) -> Result<Self, KeysError> {
        let keys = Self { first, next };
        let PublicKeys { first, next } = keys.public();
        if next == Some(first) { Err(KeysError::Same(first)) } else { Ok(keys) }
    }

    /// Their public halves.
    pub fn public(&self) -> PublicKeys {
        PublicKeys {
            first: self.first.public_key(),
            next: self.next.as_ref().map(SigningKey::public_key),
        }
    }
}

impl From<SigningKey> for SigningKeys {
    fn from(first: SigningKey) -> Self {
        Self { first, next: None }
    }
}

impl KeysError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::First(_) | Self::Next(_) => Exit::Key,
            Self::Same(_) => Exit::Usage,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_wire::PrivateKey;

    use super::*;

    fn key(byte: u8) -> SigningKey {
        PrivateKey::from_bytes([byte; 32]).unwrap().into()
    }

    #[test]
    fn a_key_does_not_take_its_own_place() {
        let refused = SigningKeys::new(key(1), Some(key(1))).unwrap_err();
        assert!(matches!(refused, KeysError::Same(_)), "{refused}");
        assert_eq!(refused.exit(), Exit::Usage);
        let both = SigningKeys::new(key(1), Some(key(2))).unwrap().public();
        let expected = PublicKeys { first: key(1).public_key(), next: Some(key(2).public_key()) };
        assert_eq!(both, expected);
    }
}
