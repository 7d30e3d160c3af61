//! A distributed key that signers really made: every polynomial, commitment, proof and share by the rules of
//! `docs/spec/sbtc-database.md`, section 4, from numbers that a name fixes.

use std::collections::BTreeMap;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use countersign_backup::dkg::Row;
use countersign_backup::dkg::proto::{
    DkgPublicShares, PartyCommitment, PartyState, Point, PolyCommitment, Polynomial,
    PrivateKeyShare, ProofIdentifier, Scalar, SignerDkgPublicShares, SignerState,
};
use countersign_wire::PrivateKey;
use prost::Message as _;
use secp256k1::{PublicKey, SecretKey};
use sha2::{Digest as _, Sha256};

/// What the signers made together.
pub(crate) struct Ceremony {
    pub(crate) height: u32,
    pub(crate) threshold: u32,
    /// In the order of the public keys.
    pub(crate) signers: Vec<SecretKey>,
    polynomials: Vec<Vec<SecretKey>>,
    name: String,
}

/// A secret number that the text fixes.
pub(crate) fn number(text: &str) -> SecretKey {
    SecretKey::from_secret_bytes(Sha256::digest(text).into()).unwrap()
}

fn tweak(secret: &SecretKey) -> secp256k1::Scalar {
    secp256k1::Scalar::from(*secret)
}

fn key_number(key_id: u32) -> secp256k1::Scalar {
    let mut bytes = [0; 32];
    bytes[28..].copy_from_slice(&key_id.to_be_bytes());
    secp256k1::Scalar::from_be_bytes(bytes).unwrap()
}

pub(crate) fn scalar(secret: &SecretKey) -> Scalar {
    Scalar { value: Some(secret.to_secret_bytes().into()) }
}

pub(crate) fn point(public: &PublicKey) -> Point {
    let [parity, x @ ..] = public.serialize();
    Point { x_coordinate: Some(x.into()), parity_is_odd: parity == 3 }
}

impl Ceremony {
    /// The signers are named `signer-0`, `signer-1` and so on, whatever the ceremony is called.
    pub(crate) fn new(name: &str, height: u32, signers: u32, threshold: u32) -> Self {
        let mut keys: Vec<_> = (0..signers).map(|id| number(&format!("signer-{id}"))).collect();
        keys.sort_by_key(|key| key.public_key().serialize());
        let polynomial =
            |id: u32| (0..threshold).map(|j| number(&format!("{name} coeff {id} {j}"))).collect();
        let polynomials = (0..signers).map(polynomial).collect();
        Self { height, threshold, signers: keys, polynomials, name: name.to_owned() }
    }

    pub(crate) fn aggregate(&self) -> PublicKey {
        let constants: Vec<_> = self.polynomials.iter().map(|it| it[0].public_key()).collect();
        PublicKey::combine_keys(&constants.iter().collect::<Vec<_>>()).unwrap()
    }

    /// The private key of the signer with this number.
    pub(crate) fn key(&self, id: usize) -> PrivateKey {
        PrivateKey::from_bytes(self.signers[id].to_secret_bytes()).unwrap()
    }

    /// The sum of all polynomials at the number of a key.
    pub(crate) fn share(&self, key_id: u32) -> SecretKey {
        let x = key_number(key_id);
        let values = self.polynomials.iter().map(|coefficients| {
            let (highest, lower) = coefficients.split_last().unwrap();
            lower.iter().rev().fold(*highest, |value, coefficient| {
                value.mul_tweak(&x).unwrap().add_tweak(&tweak(coefficient)).unwrap()
            })
        });
        values.reduce(|sum, value| sum.add_tweak(&tweak(&value)).unwrap()).unwrap()
    }

    pub(crate) fn state(&self, id: u32) -> SignerState {
        let count = u32::try_from(self.signers.len()).unwrap();
        let own = &self.polynomials[id as usize];
        let party = PartyState {
            key_id: 0,
            polynomial: Some(Polynomial { data: own.iter().map(scalar).collect() }),
            private_keys: vec![PrivateKeyShare {
                key_id: id + 1,
                private_key: Some(scalar(&self.share(id + 1))),
            }],
        };
        SignerState {
            id,
            key_ids: vec![id + 1],
            num_keys: count,
            num_parties: count,
            threshold: self.threshold,
            group_key: Some(point(&self.aggregate())),
            parties: vec![party],
        }
    }

    pub(crate) fn public_shares(&self) -> DkgPublicShares {
        let shares: BTreeMap<_, _> = (0_u32..)
            .zip(&self.polynomials)
            .map(|(id, coefficients)| {
                let commitment = PolyCommitment {
                    id: Some(self.proof(id, &coefficients[0])),
                    poly: coefficients.iter().map(|it| point(&it.public_key())).collect(),
                };
                let commitments =
                    vec![PartyCommitment { signer_id: id, commitment: Some(commitment) }];
                let dkg_id = self.height.into();
                (id, SignerDkgPublicShares { dkg_id, signer_id: id, commitments })
            })
            .collect();
        DkgPublicShares { shares }
    }

    pub(crate) fn proof(&self, id: u32, constant: &SecretKey) -> ProofIdentifier {
        let nonce = number(&format!("{} pok {id}", self.name));
        let mut id32 = [0; 32];
        id32[28..].copy_from_slice(&id.to_be_bytes());
        let challenge = Sha256::new()
            .chain_update("WSTS/polynomial-constant")
            .chain_update(id32)
            .chain_update(nonce.public_key().serialize())
            .chain_update(constant.public_key().serialize())
            .finalize();
        let challenge = secp256k1::Scalar::from_be_bytes(challenge.into()).unwrap();
        let product = constant.mul_tweak(&challenge).unwrap();
        ProofIdentifier {
            id: Some(Scalar { value: Some(id32.into()) }),
            schnorr_response: Some(point(&nonce.public_key())),
            aggregate_commitment: Some(scalar(&nonce.add_tweak(&tweak(&product)).unwrap())),
        }
    }

    /// The row that the signer with this number keeps.
    pub(crate) fn row(&self, id: u32) -> Row {
        let aggregate = self.aggregate();
        let (internal, _) = aggregate.x_only_public_key();
        let tag = Sha256::digest("TapTweak");
        let digest = Sha256::new()
            .chain_update(tag)
            .chain_update(tag)
            .chain_update(internal.to_byte_array())
            .finalize();
        let digest = secp256k1::Scalar::from_be_bytes(digest.into()).unwrap();
        let (output, parity) = internal.add_tweak(&digest).unwrap();
        let script_pubkey = [&[0x51, 0x20][..], &output.to_byte_array()].concat();
        let state = self.state(id).encode_to_vec();
        Row {
            aggregate_key: aggregate.serialize().to_vec(),
            tweaked_aggregate_key: PublicKey::from_x_only_public_key(output, parity)
                .serialize()
                .to_vec(),
            encrypted_private_shares: seal(&state, &self.key(id as usize)),
            public_shares: self.public_shares().encode_to_vec(),
            script_pubkey,
            signer_set: self
                .signers
                .iter()
                .map(|it| it.public_key().serialize().to_vec())
                .collect(),
            threshold: self.threshold,
        }
    }
}

/// Encrypts what a signer keeps, under a nonce that would be random in a signer.
pub(crate) fn seal(plain: &[u8], key: &PrivateKey) -> Vec<u8> {
    let nonce = [7; 12];
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key.to_bytes()));
    let sealed = cipher.encrypt(&Nonce::from(nonce), plain).unwrap();
    [&nonce[..], &sealed].concat()
}
