//! Accounts and contracts.

use std::fmt;
use std::str::FromStr;

use super::name::{ContractName, NameError};
use crate::address::{AddressError, StacksAddress};
use crate::codec::{DecodeError, Reader, Wire};
use crate::keys::text_serde;

/// An account or a contract. As text `ADDRESS` or `ADDRESS.name`; on the wire a Clarity value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// 05.
    Standard(StacksAddress),
    /// 06.
    Contract(StacksAddress, ContractName),
}

/// A contract by the account that published it and its name; as text `ADDRESS.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractId {
    /// Who published it.
    pub address: StacksAddress,
    /// What it is called there.
    pub name: ContractName,
}

/// Why text is not a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractIdError {
    /// No dot between address and name.
    #[error(
        "a contract is written ADDRESS.NAME, such as ST000000000000000000002AMW42H.signers-0-1"
    )]
    NoName,
    /// The part before or after the dot.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
}

impl FromStr for ContractId {
    type Err = ContractIdError;

    fn from_str(text: &str) -> Result<Self, ContractIdError> {
        match text.parse()? {
            Principal::Contract(address, name) => Ok(Self { address, name }),
            Principal::Standard(_) => Err(ContractIdError::NoName),
        }
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.address, self.name)
    }
}

/// Why text is not a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// The part before the dot.
    #[error("the address of the principal is not valid")]
    Address(#[source] AddressError),
    /// The part after the dot.
    #[error("the contract name of the principal is not valid")]
    Name(#[source] NameError),
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        let address = |text: &str| text.parse().map_err(PrincipalError::Address);
        match text.split_once('.') {
            None => Ok(Self::Standard(address(text)?)),
            Some((account, name)) => Ok(Self::Contract(
                address(account)?,
                ContractName::new(name).map_err(PrincipalError::Name)?,
            )),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(address) => address.fmt(f),
            Self::Contract(address, name) => write!(f, "{address}.{name}"),
        }
    }
}

text_serde!(Principal);

impl Wire for Principal {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Standard(address) => {
                out.push(STANDARD);
                address.encode(out);
            }
            Self::Contract(address, name) => {
                out.push(CONTRACT);
                address.encode(out);
                name.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("principal")? {
            STANDARD => StacksAddress::decode(reader).map(Self::Standard),
            CONTRACT => Ok(Self::Contract(
                StacksAddress::decode(reader)?,
                ContractName::decode_in_value(reader)?,
            )),
            tag => Err(DecodeError::UnknownTag { what: "principal", tag: tag.into() }),
        }
    }
}

pub(super) const STANDARD: u8 = 0x05;
pub(super) const CONTRACT: u8 = 0x06;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_contract_is_an_address_a_dot_and_a_name() {
        let text = "ST000000000000000000002AMW42H.signers-0-1";
        let contract: ContractId = text.parse().unwrap();
        assert_eq!(contract.name.as_str(), "signers-0-1");
        assert_eq!(contract.to_string(), text);
    }

    #[test]
    fn an_account_and_nonsense_are_no_contract() {
        let no_name = "ST000000000000000000002AMW42H".parse::<ContractId>();
        assert_eq!(no_name, Err(ContractIdError::NoName));
        for text in ["", ".", "nonsense", "ST000000000000000000002AMW42H.", "x.y"] {
            assert!(text.parse::<ContractId>().is_err(), "{text}");
        }
    }
}
