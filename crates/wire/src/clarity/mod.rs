//! Clarity values, names and principals, as far as they travel in transactions and call results
//! (`signer-wire.md` section 3.4, SIP-005).
//!
//! Types are not checked when reading: a list may mix kinds here. The node checks every value again when a block
//! is submitted, and nothing that a signer decides depends on the type of a value.

mod name;
mod principal;
mod types;
mod value;

pub use name::{ClarityName, ContractName, NameError};
pub use principal::{ContractId, ContractIdError, Principal, PrincipalError};
pub use types::{ClarityType, ListType, SequenceType, TextType, TupleType};
pub use value::{ClarityValue, MAX_DEPTH, MAX_TOTAL_LEN, MAX_VALUE_LEN};
