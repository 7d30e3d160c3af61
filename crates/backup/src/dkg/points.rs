//! Sums of points, on libsecp256k1.

use secp256k1::{PublicKey, Scalar, SecretKey};
use sha2::{Digest as _, Sha256};

use super::proto;

/// The point with this encoding, if it is on the curve.
pub(super) fn point(encoded: Option<&proto::Point>) -> Option<PublicKey> {
    let proto::Point { x_coordinate, parity_is_odd } = encoded?;
    let mut bytes = [if *parity_is_odd { 3 } else { 2 }; 33];
    let [_, x @ ..] = &mut bytes;
    // A coordinate of zero is written as nothing; no point of the curve has it.
    *x = x_coordinate.as_ref()?.to_bytes();
    PublicKey::from_byte_array_compressed(bytes).ok()
}

/// The secret number with this encoding, unless it is zero or above the order.
pub(super) fn secret(encoded: Option<&proto::Scalar>) -> Option<SecretKey> {
    SecretKey::from_secret_bytes(encoded?.value.as_ref()?.to_bytes()).ok()
}

/// The sum of points, unless it is the point at infinity.
pub(super) fn sum(points: &[&PublicKey]) -> Option<PublicKey> {
    PublicKey::combine_keys(points).ok()
}

/// The value at `x` of the polynomial with these commitments, the constant's first.
pub(super) fn evaluate(commitments: &[PublicKey], x: u32) -> Option<PublicKey> {
    let mut number = [0; 32];
    number.last_chunk_mut().map(|low| *low = x.to_be_bytes())?;
    let x = Scalar::from_be_bytes(number).ok()?;
    let (highest, lower) = commitments.split_last()?;
    lower
        .iter()
        .rev()
        .try_fold(*highest, |value, commitment| value.mul_tweak(&x).ok()?.combine(commitment).ok())
}

/// Whether whoever made the commitment `constant` proved to know what is in it.
pub(super) fn is_proven(proof: Option<&proto::ProofIdentifier>, constant: &PublicKey) -> bool {
    (|| {
        let proof = proof?;
        let id = proof.id.as_ref()?.value.as_ref().map_or([0; 32], proto::Uint256::to_bytes);
        let commitment = point(proof.schnorr_response.as_ref())?;
        let response = secret(proof.aggregate_commitment.as_ref())?;
        let challenge = Sha256::new()
            .chain_update("WSTS/polynomial-constant")
            .chain_update(id)
            .chain_update(commitment.serialize())
            .chain_update(constant.serialize())
            .finalize();
        // A digest at or above the order is one in 2^128, and is not reduced here.
        let challenge = Scalar::from_be_bytes(challenge.into()).ok()?;
        let right = commitment.combine(&constant.mul_tweak(&challenge).ok()?).ok()?;
        Some(PublicKey::from_secret_key(&response) == right)
    })()
    .unwrap_or(false)
}

/// The key that Bitcoin outputs are locked with: the aggregate key, tweaked for a script tree of no leaves
/// (BIP 341).
pub(super) fn tweaked(aggregate: &PublicKey) -> Option<PublicKey> {
    let (internal, _) = aggregate.x_only_public_key();
    let tag = Sha256::digest("TapTweak");
    let tweak = Sha256::new()
        .chain_update(tag)
        .chain_update(tag)
        .chain_update(internal.to_byte_array())
        .finalize();
    let (key, parity) = internal.add_tweak(&Scalar::from_be_bytes(tweak.into()).ok()?).ok()?;
    Some(PublicKey::from_x_only_public_key(key, parity))
}

/// The script of those outputs.
pub(super) fn script(tweaked: &PublicKey) -> Vec<u8> {
    let (key, _) = tweaked.x_only_public_key();
    [&[OP_1, PUSH_32], &key.to_byte_array()[..]].concat()
}

const OP_1: u8 = 0x51;
const PUSH_32: u8 = 32;
