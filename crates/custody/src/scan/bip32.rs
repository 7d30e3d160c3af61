//! Derivation of private keys (BIP-32), as far as it is needed to recognize a mnemonic's keys.
//!
//! The `bip32` crate would bring a second implementation of secp256k1. The curve's arithmetic is
//! libsecp256k1's, and the hash function the one of RustCrypto; this file only lays out their input.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secp256k1::{Scalar, SecretKey};
use sha2::Sha512;
use zeroize::{Zeroize as _, Zeroizing};

/// A private key that others can be derived from. Erased when dropped.
pub(super) struct Node {
    key: SecretKey,
    chain_code: Zeroizing<[u8; 32]>,
}

impl Node {
    /// The root of the keys of a seed; none for the one seed in 2^127 that has none.
    pub(super) fn of_seed(seed: &[u8]) -> Option<Self> {
        let digest = hmac(b"Bitcoin seed", &[seed]);
        let (key, chain_code) = halves(&digest);
        Some(Self { key: SecretKey::from_secret_bytes(*key).ok()?, chain_code })
    }

    /// The child with this number; with [`HARDENED`] added, of the private kind.
    pub(super) fn child(&self, number: u32) -> Option<Self> {
        let digest = if number >= HARDENED {
            let key = self.key_bytes();
            hmac(&*self.chain_code, &[&[0], key.as_slice(), &number.to_be_bytes()])
        } else {
            let public = self.key.public_key().serialize();
            hmac(&*self.chain_code, &[&public, &number.to_be_bytes()])
        };
        let (tweak, chain_code) = halves(&digest);
        let key = self.key.add_tweak(&Scalar::from_be_bytes(*tweak).ok()?).ok()?;
        Some(Self { key, chain_code })
    }

    /// The descendant at the end of `path`.
    pub(super) fn descendant(&self, path: &[u32]) -> Option<Self> {
        let (first, rest) = path.split_first()?;
        let child = self.child(*first)?;
        if rest.is_empty() { Some(child) } else { child.descendant(rest) }
    }

    /// The 32 bytes of the private key.
    pub(super) fn key_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_secret_bytes())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.key.non_secure_erase();
    }
}

/// Children with this number and above cannot be derived from a public key.
pub(super) const HARDENED: u32 = 1 << 31;

fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    let mut code = mac.finalize().into_bytes();
    let mut digest = Zeroizing::new([0; 64]);
    digest.copy_from_slice(&code);
    code.as_mut_slice().zeroize();
    digest
}

fn halves(digest: &[u8; 64]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (mut left, mut right) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    let (first, second) = digest.split_at(32);
    left.copy_from_slice(first);
    right.copy_from_slice(second);
    (left, right)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// The private key in an extended key of BIP-32 (`xprv…`), which is its last 32 bytes.
    fn key_of(extended: &str) -> Vec<u8> {
        let bytes = bs58::decode(extended).into_vec().unwrap();
        bytes.get(46..78).unwrap().to_vec()
    }

    #[test]
    fn the_vectors_of_bip_32_hold() {
        let first = "000102030405060708090a0b0c0d0e0f";
        let second = "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542";
        let h = HARDENED;
        // Test vectors 1 and 2 of the BIP.
        let rows: [(&str, &[u32], &str); 5] = [
            (
                first,
                &[h],
                "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG7XnxHrnYeSvkzY7d2bhkJ7",
            ),
            (
                first,
                &[h, 1],
                "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs",
            ),
            (
                first,
                &[h, 1, 2 + h, 2, 1_000_000_000],
                "xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76",
            ),
            (
                second,
                &[0],
                "xprv9vHkqa6EV4sPZHYqZznhT2NPtPCjKuDKGY38FBWLvgaDx45zo9WQRUT3dKYnjwih2yJD9mkrocEZXo1ex8G81dwSM1fwqWpWkeS3v86pgKt",
            ),
            (
                second,
                &[0, 2_147_483_647 + h, 1, 2_147_483_646 + h, 2],
                "xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j",
            ),
        ];
        for (seed, path, extended) in rows {
            let root = Node::of_seed(&hex::decode(seed).unwrap()).unwrap();
            let key = root.descendant(path).unwrap().key_bytes();
            assert_eq!(key.as_slice(), key_of(extended), "{path:?} of {seed}");
        }
    }
}
