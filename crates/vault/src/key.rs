//! The signing key, wherever it is kept.

use std::fmt;

use countersign_wire::stackerdb::{Chunk, chunk_digest};
use countersign_wire::{MessageSignature, PrivateKey, PublicKey, SlotId, SlotVersion};

use crate::token::{TokenError, TokenKey};

/// A key that signs. It is not `Clone`, and what it holds in memory is erased when it is dropped.
pub enum SigningKey {
    /// The key is in our memory.
    Memory(PrivateKey),
    /// The key is in a PKCS#11 token and stays there.
    Token(Box<TokenKey>),
}

/// Why a key does not sign. Nothing was signed, and the caller may ask again.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// What came back is not a signature by this key.
    #[error("the signature that came back is not by the key {key}")]
    ForeignSignature {
        /// The key that was to sign.
        key: PublicKey,
    },
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl SigningKey {
    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Memory(key) => key.public_key(),
            Self::Token(key) => key.public_key(),
        }
    }

    /// Whether the same digest always gives the same signature (RFC 6979).
    pub(crate) const fn is_deterministic(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Signs a digest, with S in the lower half of the order.
    ///
    /// Which digest that is, is for the caller to answer: [`Vault`](crate::Vault) and
    /// [`OperatorKey`](crate::OperatorKey) make theirs from typed requests.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<MessageSignature, KeyError> {
        match self {
            Self::Memory(key) => Ok(key.sign(digest)),
            Self::Token(key) => key.sign(digest),
        }
    }

    /// Signs `data` as `version` of `slot`.
    pub(crate) fn sign_chunk(
        &self,
        slot: SlotId,
        version: SlotVersion,
        data: Vec<u8>,
    ) -> Result<Chunk, KeyError> {
        let signature = self.sign(&chunk_digest(slot, version, &data))?;
        Ok(Chunk { slot_id: slot, slot_version: version, signature, data })
    }
}

impl From<PrivateKey> for SigningKey {
    fn from(key: PrivateKey) -> Self {
        Self::Memory(key)
    }
}

impl From<TokenKey> for SigningKey {
    fn from(key: TokenKey) -> Self {
        Self::Token(Box::new(key))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}
