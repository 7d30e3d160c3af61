//! The node's verdict on a proposed block.

use serde::{Deserialize, Serialize};

use crate::fixed::{Sighash, Txid};
use crate::message::ValidateCode;

/// `POST /proposal_response`: the node's verdict on a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result")]
pub enum ProposalResponse {
    /// The block is valid.
    Ok(ValidationOk),
    /// The block is not valid.
    Reject(ValidationReject),
}

/// A verdict: valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationOk {
    /// The block.
    #[serde(rename = "signer_signature_hash")]
    pub sighash: Sighash,
    /// What executing it costs.
    #[serde(default)]
    pub cost: ExecutionCost,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// How long validation took.
    pub validation_time_ms: u64,
    /// Identifies the replay set that it was validated with; opaque.
    pub replay_tx_hash: Option<u64>,
    /// Whether that set is exhausted.
    #[serde(default)]
    pub replay_tx_exhausted: bool,
}

/// A verdict: not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationReject {
    /// The block.
    #[serde(rename = "signer_signature_hash")]
    pub sighash: Sighash,
    /// For people.
    #[serde(default)]
    pub reason: String,
    /// For machines. A name that is not known reads as [`ValidateCode::Unknown`] with 255.
    #[serde(rename = "reason_code", with = "code_name")]
    pub code: ValidateCode,
    /// The transaction to blame.
    pub failed_txid: Option<Txid>,
}

impl ProposalResponse {
    /// The block that the verdict is about. Every signer of a shared node gets every verdict, so this
    /// is what tells them apart.
    pub const fn sighash(&self) -> &Sighash {
        match self {
            Self::Ok(ok) => &ok.sighash,
            Self::Reject(reject) => &reject.sighash,
        }
    }
}

/// What executing a block costs, in SIP-006's five dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCost {
    /// Bytes written.
    pub write_length: u64,
    /// Writes.
    pub write_count: u64,
    /// Bytes read.
    pub read_length: u64,
    /// Reads.
    pub read_count: u64,
    /// Run time units.
    pub runtime: u64,
}

/// Serde form of a validation code: its name.
mod code_name {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::message::ValidateCode;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(
        code: &ValidateCode,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ValidateCode, D::Error> {
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        Ok(ValidateCode::from_name(&name).unwrap_or(ValidateCode::Unknown(u8::MAX)))
    }
}
