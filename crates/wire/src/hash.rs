//! The hash functions of the Stacks chain.

use ripemd::Ripemd160;
use sha2::{Digest as _, Sha256, Sha512_256};

use crate::fixed::Hash160;

/// SHA-512/256 (FIPS 180-4, with its own initial value) of the concatenated `parts`: transaction
/// ids, block hashes, Merkle trees and StackerDB digests.
pub fn sha512_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha512_256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-256 of the concatenated `parts`: SIP-018 and c32check.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// RIPEMD-160 of SHA-256: addresses and miner key commitments.
pub fn hash160(bytes: &[u8]) -> Hash160 {
    Hash160::new(Ripemd160::digest(Sha256::digest(bytes)).into())
}
