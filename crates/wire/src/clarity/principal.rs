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
