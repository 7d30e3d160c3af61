//! The protobuf messages that are in the database (`docs/spec/sbtc-database.md`, section 3).

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize as _;

/// 32 bytes as four little-endian numbers. Erased when dropped, because some are secret.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Uint256 {
    #[prost(fixed64, tag = "1")]
    part0: u64,
    #[prost(fixed64, tag = "2")]
    part1: u64,
    #[prost(fixed64, tag = "3")]
    part2: u64,
    #[prost(fixed64, tag = "4")]
    part3: u64,
}

impl Uint256 {
    /// The bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let parts = [self.part0, self.part1, self.part2, self.part3];
        for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }
}

impl From<[u8; 32]> for Uint256 {
    fn from(bytes: [u8; 32]) -> Self {
        let mut parts = bytes.as_chunks().0.iter().map(|part| u64::from_le_bytes(*part));
        let mut next = || parts.next().expect("32 bytes are four times eight");
        Self { part0: next(), part1: next(), part2: next(), part3: next() }
    }
}

impl Drop for Uint256 {
    fn drop(&mut self) {
        self.part0.zeroize();
        self.part1.zeroize();
        self.part2.zeroize();
        self.part3.zeroize();
    }
}

impl fmt::Debug for Uint256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uint256(..)")
    }
}

/// A number below the order of the curve.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Scalar {
    /// Big-endian.
    #[prost(message, optional, tag = "1")]
    pub value: Option<Uint256>,
}

/// A point of the curve.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Point {
    /// Big-endian.
    #[prost(message, optional, tag = "1")]
    pub x_coordinate: Option<Uint256>,
    /// Whether the other coordinate is odd.
    #[prost(bool, tag = "2")]
    pub parity_is_odd: bool,
}

/// The proof that whoever made a polynomial knows its constant.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProofIdentifier {
    /// The number of the party.
    #[prost(message, optional, tag = "1")]
    pub id: Option<Scalar>,
    /// The commitment k·G, whatever the field is called.
    #[prost(message, optional, tag = "2")]
    pub schnorr_response: Option<Point>,
    /// The response k + c·a.
    #[prost(message, optional, tag = "3")]
    pub aggregate_commitment: Option<Scalar>,
}

/// The commitments to a polynomial, the constant's first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PolyCommitment {
    /// The proof for the constant.
    #[prost(message, optional, tag = "1")]
    pub id: Option<ProofIdentifier>,
    /// The points.
    #[prost(message, repeated, tag = "2")]
    pub poly: Vec<Point>,
}

/// A party's commitment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PartyCommitment {
    /// The party's id.
    #[prost(uint32, tag = "1")]
    pub signer_id: u32,
    /// Its polynomial.
    #[prost(message, optional, tag = "2")]
    pub commitment: Option<PolyCommitment>,
}

/// What a signer told the others.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignerDkgPublicShares {
    /// The height of the Bitcoin block at which the round began.
    #[prost(uint64, tag = "1")]
    pub dkg_id: u64,
    /// The signer.
    #[prost(uint32, tag = "2")]
    pub signer_id: u32,
    /// One commitment.
    #[prost(message, repeated, tag = "3")]
    pub commitments: Vec<PartyCommitment>,
}

/// The column `public_shares`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DkgPublicShares {
    /// By signer.
    #[prost(btree_map = "uint32, message", tag = "1")]
    pub shares: BTreeMap<u32, SignerDkgPublicShares>,
}

/// What is encrypted in the column `encrypted_private_shares`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignerState {
    /// The signer.
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// The numbers of its keys: one, the signer's and one more.
    #[prost(uint32, repeated, tag = "2")]
    pub key_ids: Vec<u32>,
    /// How many keys there are.
    #[prost(uint32, tag = "3")]
    pub num_keys: u32,
    /// How many signers there are.
    #[prost(uint32, tag = "4")]
    pub num_parties: u32,
    /// How many sign.
    #[prost(uint32, tag = "5")]
    pub threshold: u32,
    /// The aggregate key.
    #[prost(message, optional, tag = "6")]
    pub group_key: Option<Point>,
    /// Exactly one.
    #[prost(message, repeated, tag = "7")]
    pub parties: Vec<PartyState>,
}

/// A party: its polynomial and its shares of the key. A nonce (field 4) is never written and is ignored.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PartyState {
    /// A number that says nothing here.
    #[prost(uint32, tag = "1")]
    pub key_id: u32,
    /// Its own polynomial.
    #[prost(message, optional, tag = "2")]
    pub polynomial: Option<Polynomial>,
    /// Its shares.
    #[prost(message, repeated, tag = "3")]
    pub private_keys: Vec<PrivateKeyShare>,
}

/// The coefficients of a polynomial, the constant first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Polynomial {
    /// The coefficients.
    #[prost(message, repeated, tag = "1")]
    pub data: Vec<Scalar>,
}

/// A share of the key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PrivateKeyShare {
    /// The number of the key.
    #[prost(uint32, tag = "1")]
    pub key_id: u32,
    /// The share.
    #[prost(message, optional, tag = "2")]
    pub private_key: Option<Scalar>,
}
