//! The reward set of a cycle.

use serde::{Deserialize, Serialize};

use crate::keys::PublicKey;
use crate::quantity::Weight;
use crate::signer_set::{Signer, SignerSet, SignerSetError};

/// `GET /v3/stacker_set/{cycle}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSetResponse {
    /// The set.
    pub stacker_set: StackerSet,
}

/// A reward set. Only its signers are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSet {
    /// In the order of their slots; absent or empty for a set without Nakamoto signers.
    #[serde(default)]
    pub signers: Option<Vec<StackerSetSigner>>,
}

/// One signer of a reward set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSetSigner {
    /// Its key.
    pub signing_key: PublicKey,
    /// µSTX behind it; may exceed 2⁵³, so it is kept as the JSON number that it is.
    pub stacked_amt: serde_json::Number,
    /// Its weight.
    pub weight: Weight,
}

impl StackerSet {
    /// The signers of the set, in the order of their slots.
    pub fn signer_set(&self) -> Result<SignerSet, SignerSetError> {
        let signers = self.signers.iter().flatten();
        SignerSet::new(
            signers
                .map(|signer| Signer { key: signer.signing_key, weight: signer.weight })
                .collect(),
        )
    }
}

/// The body of a 400 from `GET /v3/stacker_set/{cycle}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSetRefusal {
    /// Always `error`.
    pub response: String,
    /// For machines; absent if the cycle's number cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err_type: Option<String>,
    /// For people.
    #[serde(default)]
    pub err_msg: String,
}

impl StackerSetRefusal {
    /// The answer for a set that is not computed yet.
    pub fn not_available(message: String) -> Self {
        Self {
            response: "error".to_owned(),
            err_type: Some(NOT_AVAILABLE.to_owned()),
            err_msg: message,
        }
    }

    /// Whether the set is only not computed yet, so that asking again later helps.
    pub fn is_not_available_yet(&self) -> bool {
        self.err_type.as_deref() == Some(NOT_AVAILABLE)
    }
}

const NOT_AVAILABLE: &str = "not_available_try_again";
