//! Whether a row of `dkg_shares` is worth anything: whether this key opens its shares, and whether they are
//! shares of its aggregate key.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use countersign_wire::PrivateKey;
use prost::Message as _;
use secp256k1::PublicKey;
use zeroize::Zeroizing;

use super::points::{evaluate, is_proven, point, script, secret, sum, tweaked};
use super::proto::{DkgPublicShares, PartyState, SignerState};

/// A row of `dkg_shares`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The aggregate key, 33 bytes.
    pub aggregate_key: Vec<u8>,
    /// The tweaked aggregate key, 33 bytes.
    pub tweaked_aggregate_key: Vec<u8>,
    /// Nonce, ciphertext and tag.
    pub encrypted_private_shares: Vec<u8>,
    /// What all signers told each other.
    pub public_shares: Vec<u8>,
    /// The script that the key locks.
    pub script_pubkey: Vec<u8>,
    /// The signers' keys, 33 bytes each.
    pub signer_set: Vec<Vec<u8>>,
    /// How many signers sign.
    pub threshold: u32,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The shares are shorter than any ciphertext.
    TooShort {
        /// Their length, in bytes.
        len: usize,
    },
    /// The cipher refuses, and the key is none of the signers'.
    WrongKey {
        /// The public half of the key that was tried.
        tried: String,
    },
    /// The cipher refuses, although the key is one of the signers'.
    Aead,
    /// They open and are no signer's state.
    NotAState,
    /// They are a signer's state, but not of this row and signer.
    OtherState {
        /// What differs.
        what: &'static str,
    },
    /// The public shares are not those of this aggregate key.
    PublicShares {
        /// What is wrong with them.
        what: &'static str,
    },
    /// The private share is not on the polynomial of the public ones.
    Share,
    /// The tweaked key or the script is not the aggregate key's.
    Script {
        /// Which of them.
        what: &'static str,
    },
}

/// Opens the private shares of a row and computes everything again that can be.
pub fn check(row: &Row, key: &PrivateKey) -> Result<(), Misfit> {
    let own = key.public_key();
    let aggregate =
        key_of(&row.aggregate_key).ok_or(Misfit::OtherState { what: "aggregate_key is no key" })?;
    let mut set: Vec<&[u8]> = row.signer_set.iter().map(Vec::as_slice).collect();
    set.sort_unstable();
    let place = set.iter().position(|member| *member == own.as_bytes());
    let plain =
        open(&row.encrypted_private_shares, key).map_err(|misfit| match (misfit, place) {
            (Misfit::Aead, None) => Misfit::WrongKey { tried: own.to_string() },
            (misfit, _) => misfit,
        })?;
    let state = SignerState::decode(plain.as_slice()).map_err(|_| Misfit::NotAState)?;
    let party = fits_row(&state, row, &aggregate, place)?;
    let commitments = commitments(row, &aggregate)?;
    fits_commitments(&state, party, &commitments)?;
    let tweaked = tweaked(&aggregate).ok_or(Misfit::Script { what: "tweaked_aggregate_key" })?;
    if tweaked.serialize() != row.tweaked_aggregate_key.as_slice() {
        return Err(Misfit::Script { what: "tweaked_aggregate_key" });
    }
    if script(&tweaked) != row.script_pubkey {
        return Err(Misfit::Script { what: "script_pubkey" });
    }
    Ok(())
}

/// AES-256-GCM under the bytes of the key, without associated data.
fn open(sealed: &[u8], key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, Misfit> {
    let too_short = Misfit::TooShort { len: sealed.len() };
    if sealed.len() < NONCE_LEN + TAG_LEN {
        return Err(too_short);
    }
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(too_short)?;
    let nonce = Nonce::try_from(nonce).map_err(|_| Misfit::Aead)?;
    let bytes = key.to_bytes();
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*bytes));
    cipher.decrypt(&nonce, ciphertext).map(Zeroizing::new).map_err(|_| Misfit::Aead)
}

/// Whether the state is of this row and of the signer at `place` of its set.
fn fits_row<'a>(
    state: &'a SignerState,
    row: &Row,
    aggregate: &PublicKey,
    place: Option<usize>,
) -> Result<&'a PartyState, Misfit> {
    let other = |what| Err(Misfit::OtherState { what });
    let count = u32::try_from(row.signer_set.len()).ok();
    if point(state.group_key.as_ref()).as_ref() != Some(aggregate) {
        return other("the group key is another one");
    }
    if place.and_then(|place| u32::try_from(place).ok()) != Some(state.id) {
        return other("the signer's number is not its place in the signer set");
    }
    if state.key_ids != [state.id + 1] {
        return other("the numbers of the keys are not the signer's");
    }
    if Some(state.num_keys) != count || Some(state.num_parties) != count {
        return other("the number of signers is another one");
    }
    if state.threshold != row.threshold {
        return other("the threshold is another one");
    }
    match state.parties.as_slice() {
        [party] => Ok(party),
        _ => other("there is not exactly one party"),
    }
}

/// The commitments of all signers, in their order, if their sum is the aggregate key.
fn commitments(row: &Row, aggregate: &PublicKey) -> Result<Vec<Vec<PublicKey>>, Misfit> {
    let wrong = |what| Misfit::PublicShares { what };
    let public = DkgPublicShares::decode(row.public_shares.as_slice())
        .map_err(|_| wrong("they cannot be decoded"))?;
    if !public.shares.keys().map(|id| *id as usize).eq(0..row.signer_set.len()) {
        return Err(wrong("they are not of each signer once"));
    }
    let mut all = Vec::new();
    for (id, shares) in &public.shares {
        let [party] = shares.commitments.as_slice() else {
            return Err(wrong("a signer has not exactly one commitment"));
        };
        if shares.signer_id != *id || party.signer_id != *id {
            return Err(wrong("a commitment has the number of another signer"));
        }
        let commitment = party.commitment.as_ref().ok_or(wrong("a commitment is empty"))?;
        let points: Option<Vec<_>> = commitment.poly.iter().map(|it| point(Some(it))).collect();
        let points = points.ok_or(wrong("a commitment holds what is no point"))?;
        if points.len() != row.threshold as usize {
            return Err(wrong("a polynomial has not as many coefficients as signers must sign"));
        }
        let constant = points.first().ok_or(wrong("a commitment is empty"))?;
        if !is_proven(commitment.id.as_ref(), constant) {
            return Err(wrong("a proof of knowledge is wrong"));
        }
        all.push(points);
    }
    let constants: Vec<&PublicKey> = all.iter().filter_map(|points| points.first()).collect();
    if sum(&constants).as_ref() != Some(aggregate) {
        return Err(wrong("their sum is not the aggregate key"));
    }
    Ok(all)
}

/// Whether the party's share, and its polynomial if that is kept, are those that were committed to.
fn fits_commitments(
    state: &SignerState,
    party: &PartyState,
    all: &[Vec<PublicKey>],
) -> Result<(), Misfit> {
    let key_id = state.id + 1;
    let [share] = party.private_keys.as_slice() else {
        return Err(Misfit::OtherState { what: "there is not exactly one share" });
    };
    if share.key_id != key_id {
        return Err(Misfit::OtherState { what: "the share is of another signer" });
    }
    let values: Option<Vec<_>> = all.iter().map(|points| evaluate(points, key_id)).collect();
    let values = values.ok_or(Misfit::Share)?;
    let expected = sum(&values.iter().collect::<Vec<_>>()).ok_or(Misfit::Share)?;
    let held = secret(share.private_key.as_ref()).ok_or(Misfit::Share)?;
    if PublicKey::from_secret_key(&held) != expected {
        return Err(Misfit::Share);
    }
    let Some(polynomial) = &party.polynomial else { return Ok(()) };
    let known: Option<Vec<_>> = polynomial
        .data
        .iter()
        .map(|it| secret(Some(it)).map(|secret| PublicKey::from_secret_key(&secret)))
        .collect();
    let own = usize::try_from(state.id).ok().and_then(|id| all.get(id));
    if known.as_ref() == own {
        Ok(())
    } else {
        Err(Misfit::OtherState { what: "the polynomial is another one" })
    }
}

fn key_of(bytes: &[u8]) -> Option<PublicKey> {
    PublicKey::from_byte_array_compressed(bytes.try_into().ok()?).ok()
}

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
