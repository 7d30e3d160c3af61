//! The JSON that a node posts to its observers (`signer-wire.md` section 7).
//!
//! Reading requires only what a signer uses; writing gives what a real node gives.

mod callback;
mod new_block;
mod validation;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use callback::{
    Callback, CallbackError, NEW_BLOCK_PATH, NEW_BURN_BLOCK_PATH, PROPOSAL_RESPONSE_PATH,
    STACKERDB_CHUNKS_PATH,
};
pub use new_block::NewBlock;
pub use validation::{ExecutionCost, ProposalResponse, ValidationOk, ValidationReject};

use crate::address::StacksAddress;
use crate::fixed::{BurnBlockHash, ConsensusHash, Hash160, prefixed};
use crate::quantity::BurnHeight;
use crate::stackerdb::{Chunk, MINERS_CONTRACT, SignersContract};

/// `POST /stackerdb_chunks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerDbChunks {
    /// Which StackerDB changed.
    pub contract_id: ContractId,
    /// The slots that changed.
    pub modified_slots: Vec<Chunk>,
}

/// A contract as events name it: `{"issuer":[26,[0,…]],"name":"signers-0-1"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractId {
    /// The contract's address.
    pub issuer: StacksAddress,
    /// The contract's name.
    pub name: String,
}

impl ContractId {
    /// The signers' lane that this contract is; none for other contracts and other issuers.
    pub fn signers_contract(&self) -> Option<SignersContract> {
        if self.issuer.is_boot() { SignersContract::parse(&self.name) } else { None }
    }

    /// Whether this is the contract that miners write their proposals and blocks to.
    pub fn is_miners(&self) -> bool {
        self.issuer.is_boot() && self.name == MINERS_CONTRACT
    }
}

/// The form of JSON: version and bytes of the address as numbers.
#[derive(Serialize, Deserialize)]
struct ContractIdJson<'a> {
    issuer: (u8, [u8; Hash160::LEN]),
    name: std::borrow::Cow<'a, str>,
}

impl Serialize for ContractId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let issuer = (self.issuer.version(), *self.issuer.hash().as_bytes());
        ContractIdJson { issuer, name: (&self.name).into() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ContractId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = ContractIdJson::deserialize(deserializer)?;
        let (version, hash) = json.issuer;
        let issuer = StacksAddress::new(version, Hash160::new(hash))
            .ok_or_else(|| serde::de::Error::custom("the version of an address is below 32"))?;
        Ok(Self { issuer, name: json.name.into_owned() })
    }
}

/// `POST /new_burn_block`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NewBurnBlock {
    /// The burn block.
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Its consensus hash.
    pub consensus_hash: ConsensusHash,
    /// The burn block below.
    pub parent_burn_block_hash: BurnBlockHash,
}

/// Writes the keys that signers do not read too, empty: a parser of the reference wants all eight.
impl Serialize for NewBurnBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NONE: [(); 0] = [];
        let mut json = serializer.serialize_struct("NewBurnBlock", 8)?;
        json.serialize_field("burn_amount", &0)?;
        json.serialize_field("burn_block_hash", &Prefixed(&self.burn_block_hash))?;
        json.serialize_field("burn_block_height", &self.burn_block_height)?;
        json.serialize_field("consensus_hash", &Prefixed(&self.consensus_hash))?;
        json.serialize_field("parent_burn_block_hash", &Prefixed(&self.parent_burn_block_hash))?;
        json.serialize_field("pox_transactions", &NONE)?;
        json.serialize_field("reward_recipients", &NONE)?;
        json.serialize_field("reward_slot_holders", &NONE)?;
        json.end()
    }
}

struct Prefixed<'a, T>(&'a T);

impl<T: std::fmt::Display> Serialize for Prefixed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        prefixed::serialize(self.0, serializer)
    }
}
