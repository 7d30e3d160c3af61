//! SIP-018: structured data hashes with domain separation (`signer-wire.md` sections 4.3 and 9.1).
//!
//! These use SHA-256, unlike everything else that signers sign.

use crate::clarity::{ClarityValue, Principal};
use crate::codec::Wire;
use crate::fixed::Sighash;
use crate::hash::sha256;
use crate::network::ChainId;

/// What keeps the signatures of one application and chain from being valid in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain<'a> {
    /// The application, in ASCII.
    pub name: &'a str,
    /// Its version, in ASCII.
    pub version: &'a str,
    /// The chain.
    pub chain_id: ChainId,
}

impl<'a> Domain<'a> {
    /// Version `1.0.0` of an application: every domain of the signers.
    pub const fn v1(name: &'a str, chain_id: ChainId) -> Self {
        Self { name, version: "1.0.0", chain_id }
    }

    /// The tuple whose hash separates the domains.
    pub fn to_value(&self) -> ClarityValue {
        ClarityValue::tuple([
            ("chain-id", ClarityValue::UInt(self.chain_id.get().into())),
            ("name", ascii(self.name)),
            ("version", ascii(self.version)),
        ])
    }
}

/// The digest of `data` in `domain`, to be signed as it is.
pub fn digest(domain: &Domain<'_>, data: &ClarityValue) -> [u8; 32] {
    let domain = sha256(&[&domain.to_value().to_bytes()]);
    let data = sha256(&[&data.to_bytes()]);
    sha256(&[PREFIX, &domain, &data])
}

/// What a signer signs to refuse a block. It covers nothing of the reason.
pub fn block_rejection(block: &Sighash, chain_id: ChainId) -> [u8; 32] {
    let data = ClarityValue::Buffer(block.as_bytes().to_vec());
    digest(&Domain::v1("block-rejection", chain_id), &data)
}

/// What a signer signs to let `manager` stake with its key (pox-5).
pub fn staking_grant(manager: &Principal, auth_id: u128, chain_id: ChainId) -> [u8; 32] {
    let data = ClarityValue::tuple([
        ("auth-id", ClarityValue::UInt(auth_id)),
        ("signer-manager", ClarityValue::Principal(manager.clone())),
        ("topic", ascii("grant-authorization")),
    ]);
    digest(&Domain::v1("pox-5-signer", chain_id), &data)
}

/// What a signer signed to let a stacker use its key (pox-4, historic).
pub fn stacking_pox4(authorization: &Pox4Authorization, chain_id: ChainId) -> [u8; 32] {
    let address = ClarityValue::tuple([
        ("hashbytes", ClarityValue::Buffer(authorization.pox_address.hash_bytes.clone())),
        ("version", ClarityValue::Buffer(vec![authorization.pox_address.version])),
    ]);
    let data = ClarityValue::tuple([
        ("auth-id", ClarityValue::UInt(authorization.auth_id)),
        ("max-amount", ClarityValue::UInt(authorization.max_amount)),
        ("period", ClarityValue::UInt(authorization.period)),
        ("pox-addr", address),
        ("reward-cycle", ClarityValue::UInt(authorization.reward_cycle)),
        ("topic", ascii(authorization.topic.as_str())),
    ]);
    digest(&Domain::v1("pox-4-signer", chain_id), &data)
}

/// What a signer signs to vote for or against a SIP. Yes is 0, and the chain id is always 1.
pub fn sip_vote(sip: u32, yes: bool) -> [u8; 32] {
    let data = ClarityValue::tuple([
        ("sip", ClarityValue::UInt(sip.into())),
        ("vote", ClarityValue::UInt(u128::from(!yes))),
    ]);
    digest(&Domain::v1("signer-sip-voting", ChainId::MAINNET), &data)
}

/// What a pox-4 signature allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pox4Authorization {
    /// The Bitcoin address that is rewarded.
    pub pox_address: PoxAddress,
    /// The reward cycle in which the signature is valid.
    pub reward_cycle: u128,
    /// What may be done.
    pub topic: Pox4Topic,
    /// For how many cycles; 1 for the two aggregate topics.
    pub period: u128,
    /// At most how many µSTX.
    pub max_amount: u128,
    /// Makes the signature usable once.
    pub auth_id: u128,
}

/// A Bitcoin address as the PoX contracts write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoxAddress {
    /// 0 p2pkh, 1 p2sh, 2 p2sh-p2wpkh, 3 p2sh-p2wsh, 4 p2wpkh, 5 p2wsh, 6 p2tr.
    pub version: u8,
    /// 20 bytes up to version 4, 32 bytes for versions 5 and 6.
    pub hash_bytes: Vec<u8>,
}

/// What a pox-4 signature allows to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pox4Topic {
    /// Lock.
    StackStx,
    /// Commit delegated amounts to a cycle.
    AggregationCommit,
    /// Add delegated amounts to a commitment.
    AggregationIncrease,
    /// Lock for longer.
    StackExtend,
    /// Lock more.
    StackIncrease,
}

impl Pox4Topic {
    /// The text that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StackStx => "stack-stx",
            Self::AggregationCommit => "agg-commit",
            Self::AggregationIncrease => "agg-increase",
            Self::StackExtend => "stack-extend",
            Self::StackIncrease => "stack-increase",
        }
    }
}

const PREFIX: &[u8] = b"SIP018";

fn ascii(text: &str) -> ClarityValue {
    ClarityValue::StringAscii(text.to_owned())
}
