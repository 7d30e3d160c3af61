//! Signing transactions and checking their signatures.
//!
//! A signer leaves the check to its node, which makes it before a block is signed. A simulated
//! network needs both halves.

use super::StacksTransaction;
use super::auth::{AuthField, KeyEncoding, SpendingCondition, SpendingKind, TransactionAuth};
use crate::fixed::Hash160;
use crate::hash::{hash160, sha256, sha512_256};
use crate::keys::{MessageSignature, PrivateKey, PublicKey};

/// For which part of a transaction a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFlag {
    /// 04: the account that acts, whether sponsored or not.
    Origin,
    /// 05: the account that pays for another.
    Sponsor,
}

/// Why a transaction's signatures are not those of its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A signature recovers no key.
    #[error("a signature of the transaction recovers no key")]
    Unrecoverable,
    /// A signature has a high s: refused by block validation and, from epoch 4.0, by consensus.
    #[error("a signature of the transaction has a high s; sign again with low s")]
    HighS,
    /// More or fewer signatures than the account requires.
    #[error("the transaction has {found} signatures where its account requires {required}")]
    SignatureCount {
        /// How many there are.
        found: usize,
        /// How many the account requires.
        required: u16,
    },
    /// The keys do not hash to the account.
    #[error("the keys that signed hash to {found}, which is not the account {expected}")]
    WrongAccount {
        /// The hash of the keys that were recovered or named.
        found: Hash160,
        /// The account that the transaction names.
        expected: Hash160,
    },
}

/// Why a transaction cannot be signed with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The origin needs several signatures.
    #[error("the account of the transaction is not a single-signature account")]
    MultiSig,
    /// The key is another account's.
    #[error("the key is not the one of the account that the transaction names")]
    WrongKey,
}

/// What a key signs: `sighash` so far, bound to the role, fee and nonce of its account.
pub fn presign(sighash: &[u8; 32], flag: AuthFlag, fee: u64, nonce: u64) -> [u8; 32] {
    let flag = match flag {
        AuthFlag::Origin => 0x04,
        AuthFlag::Sponsor => 0x05,
    };
    sha512_256(&[sighash, &[flag], &fee.to_be_bytes(), &nonce.to_be_bytes()])
}

/// The sighash after a signature: what the next one in order covers.
pub fn next_sighash(
    presign: &[u8; 32],
    encoding: KeyEncoding,
    signature: &MessageSignature,
) -> [u8; 32] {
    let encoding = match encoding {
        KeyEncoding::Compressed => 0,
        KeyEncoding::Uncompressed => 1,
    };
    sha512_256(&[presign, &[encoding], signature.as_bytes()])
}

impl StacksTransaction {
    /// What the first signature covers: the id of this transaction with all that signing adds or may
    /// change (signatures, nonce, fee, sponsor) cleared.
    pub fn initial_sighash(&self) -> [u8; 32] {
        let mut cleared = self.clone();
        cleared.auth.origin_mut().clear();
        if let TransactionAuth::Sponsored { sponsor, .. } = &mut cleared.auth {
            *sponsor = SpendingCondition {
                signer: Hash160::ZERO,
                nonce: 0,
                fee: 0,
                kind: SpendingKind::UNSIGNED_P2PKH,
            };
        }
        *cleared.txid().as_bytes()
    }

    /// Signs as the origin with the key of a single-signature account.
    pub fn sign_origin(&mut self, key: &PrivateKey) -> Result<(), SignError> {
        let initial = self.initial_sighash();
        let origin = self.auth.origin_mut();
        let digest = presign(&initial, AuthFlag::Origin, origin.fee, origin.nonce);
        let SpendingKind::SingleSig { is_segwit, key_encoding, signature } = &mut origin.kind
        else {
            return Err(SignError::MultiSig);
        };
        if single_account(&key.public_key(), *key_encoding, *is_segwit) != origin.signer {
            return Err(SignError::WrongKey);
        }
        *signature = key.sign(&digest);
        Ok(())
    }

    /// Checks that the accounts that the transaction names have signed it, as the node does.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let initial = self.initial_sighash();
        match &self.auth {
            TransactionAuth::Standard(origin) => origin.verify(&initial, AuthFlag::Origin)?,
            TransactionAuth::Sponsored { origin, sponsor } => {
                let signed = origin.verify(&initial, AuthFlag::Origin)?;
                sponsor.verify(&signed, AuthFlag::Sponsor)?
            }
        };
        Ok(())
    }
}

impl SpendingCondition {
    fn clear(&mut self) {
        self.nonce = 0;
        self.fee = 0;
        match &mut self.kind {
            SpendingKind::SingleSig { signature, .. } => *signature = MessageSignature::EMPTY,
            SpendingKind::MultiSig { fields, .. } => fields.clear(),
        }
    }

    /// Checks this account's signatures and returns the sighash that the next account covers.
    fn verify(&self, initial: &[u8; 32], flag: AuthFlag) -> Result<[u8; 32], VerifyError> {
        let (account, next) = match &self.kind {
            SpendingKind::SingleSig { is_segwit, key_encoding, signature } => {
                let digest = presign(initial, flag, self.fee, self.nonce);
                let key = recover(signature, &digest)?;
                let next = next_sighash(&digest, *key_encoding, signature);
                (single_account(&key, *key_encoding, *is_segwit), next)
            }
            SpendingKind::MultiSig {
                is_segwit,
                is_order_independent,
                fields,
                signatures_required,
            } => {
                let (keys, next) =
                    self.recover_all(fields, *is_order_independent, initial, flag)?;
                check_count(fields, *signatures_required, *is_order_independent)?;
                (multi_account(&keys, *signatures_required, *is_segwit), next)
            }
        };
        if account == self.signer {
            Ok(next)
        } else {
            Err(VerifyError::WrongAccount { found: account, expected: self.signer })
        }
    }

    /// Every key of the account in its order, and the sighash after the last signature. Signatures
    /// in order cover the ones before; signatures in any order all cover the same.
    fn recover_all(
        &self,
        fields: &[AuthField],
        is_order_independent: bool,
        initial: &[u8; 32],
        flag: AuthFlag,
    ) -> Result<(Vec<Vec<u8>>, [u8; 32]), VerifyError> {
        let mut sighash = *initial;
        let mut keys = Vec::with_capacity(fields.len());
        for field in fields {
            match field {
                AuthField::PublicKey(encoding, key) => keys.push(key_bytes(key, *encoding)),
                AuthField::Signature(encoding, signature) => {
                    let digest = presign(&sighash, flag, self.fee, self.nonce);
                    keys.push(key_bytes(&recover(signature, &digest)?, *encoding));
                    if !is_order_independent {
                        sighash = next_sighash(&digest, *encoding, signature);
                    }
                }
            }
        }
        Ok((keys, sighash))
    }
}

fn check_count(
    fields: &[AuthField],
    required: u16,
    is_order_independent: bool,
) -> Result<(), VerifyError> {
    let found = fields.iter().filter(|field| matches!(field, AuthField::Signature(..))).count();
    let needed = usize::from(required);
    if found == needed || (is_order_independent && found > needed) {
        Ok(())
    } else {
        Err(VerifyError::SignatureCount { found, required })
    }
}

fn recover(signature: &MessageSignature, digest: &[u8; 32]) -> Result<PublicKey, VerifyError> {
    let key = signature.recover(digest).ok_or(VerifyError::Unrecoverable)?;
    if signature.is_low_s() { Ok(key) } else { Err(VerifyError::HighS) }
}

fn key_bytes(key: &PublicKey, encoding: KeyEncoding) -> Vec<u8> {
    match encoding {
        KeyEncoding::Compressed => key.as_bytes().to_vec(),
        KeyEncoding::Uncompressed => key.to_uncompressed().to_vec(),
    }
}

/// P2PKH: the hash of the key. P2WPKH nested in P2SH: the hash of `00 14` and that hash.
fn single_account(key: &PublicKey, encoding: KeyEncoding, is_segwit: bool) -> Hash160 {
    let hash = hash160(&key_bytes(key, encoding));
    if is_segwit { hash160(&[&[OP_0, PUSH_20], hash.as_bytes().as_slice()].concat()) } else { hash }
}

/// P2SH: the hash of the script. P2WSH nested in P2SH: the hash of `00 20` and its SHA-256.
fn multi_account(keys: &[Vec<u8>], required: u16, is_segwit: bool) -> Hash160 {
    let mut script = Vec::new();
    push_number(required.into(), &mut script);
    for key in keys {
        script.push(u8::try_from(key.len()).expect("a key has 33 or 65 bytes"));
        script.extend_from_slice(key);
    }
    push_number(keys.len(), &mut script);
    script.push(OP_CHECKMULTISIG);
    if is_segwit {
        hash160(&[&[OP_0, PUSH_32], sha256(&[&script]).as_slice()].concat())
    } else {
        hash160(&script)
    }
}

/// Pushes a number as Bitcoin's script does: `OP_1` to `OP_16`, or its little-endian bytes, with a
/// zero byte at the end where the highest bit would read as a sign.
fn push_number(number: usize, script: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(0) => script.push(OP_0),
        Ok(small @ 1..=16) => script.push(OP_1 + (small - 1)),
        _ => {
            let mut bytes = number.to_le_bytes().to_vec();
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            if bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
                bytes.push(0);
            }
            script.push(u8::try_from(bytes.len()).expect("a number has at most nine bytes"));
            script.extend_from_slice(&bytes);
        }
    }
}

const OP_0: u8 = 0x00;
const PUSH_20: u8 = 20;
const PUSH_32: u8 = 32;
const OP_1: u8 = 0x51;
const OP_CHECKMULTISIG: u8 = 0xae;
