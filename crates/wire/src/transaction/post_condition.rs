//! Post-conditions: what must hold after a transaction, or it fails.

use crate::address::StacksAddress;
use crate::clarity::{ClarityName, ClarityValue, ContractName};
use crate::codec::{DecodeError, Reader, Wire};

/// What happens to transfers that no post-condition covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostConditionMode {
    /// 1.
    Allow,
    /// 2.
    Deny,
    /// 3: denied for the origin's assets only; from epoch 3.4.
    Originator,
}

/// What must hold after a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostCondition {
    /// Kind 0.
    Stx {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Comparison.
        code: FungibleCode,
        /// µSTX.
        amount: u64,
    },
    /// Kind 1.
    Fungible {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Which token.
        asset: AssetInfo,
        /// Comparison.
        code: FungibleCode,
        /// Units of the token.
        amount: u64,
    },
    /// Kind 2.
    NonFungible {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Which token.
        asset: AssetInfo,
        /// Which item.
        value: ClarityValue,
        /// What happened to it.
        code: NonFungibleCode,
    },
    /// Kind 3, from epoch 4.0.
    Staking {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Comparison.
        code: FungibleCode,
        /// µSTX.
        amount: u64,
    },
    /// Kind 4, from epoch 4.0.
    Pox {
        /// Whose.
        principal: PostConditionPrincipal,
        /// What happened.
        code: PoxCode,
    },
}

/// Whose assets a post-condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostConditionPrincipal {
    /// 01.
    Origin,
    /// 02.
    Standard(StacksAddress),
    /// 03.
    Contract(StacksAddress, ContractName),
}

/// Which token a post-condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetInfo {
    /// The contract's address.
    pub address: StacksAddress,
    /// The contract's name.
    pub contract: ContractName,
    /// The token's name in the contract.
    pub asset: ClarityName,
}

/// Comparison of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FungibleCode {
    /// 1.
    Equal,
    /// 2.
    Greater,
    /// 3.
    GreaterOrEqual,
    /// 4.
    Less,
    /// 5.
    LessOrEqual,
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonFungibleCode {
    /// 0x10.
    Sent,
    /// 0x11.
    NotSent,
    /// 0x12.
    MaybeSent,
}

/// What happened to a PoX position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoxCode {
    /// 0x30.
    NotPerformed,
    /// 0x31.
    MaybePerformed,
    /// 0x32.
    Performed,
}

impl Wire for PostCondition {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Stx { principal, code, amount } => {
                out.push(STX);
                principal.encode(out);
                code.encode(out);
                amount.encode(out);
            }
            Self::Fungible { principal, asset, code, amount } => {
                out.push(FUNGIBLE);
                principal.encode(out);
                asset.encode(out);
                code.encode(out);
                amount.encode(out);
            }
            Self::NonFungible { principal, asset, value, code } => {
                out.push(NON_FUNGIBLE);
                principal.encode(out);
                asset.encode(out);
                value.encode(out);
                code.encode(out);
            }
            Self::Staking { principal, code, amount } => {
                out.push(STAKING);
                principal.encode(out);
                code.encode(out);
                amount.encode(out);
            }
            Self::Pox { principal, code } => {
                out.push(POX);
                principal.encode(out);
                code.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = reader.u8("post-condition")?;
        if kind > POX {
            return Err(DecodeError::UnknownTag { what: "post-condition", tag: kind.into() });
        }
        let principal = PostConditionPrincipal::decode(reader)?;
        Ok(match kind {
            STX => {
                Self::Stx { principal, code: Wire::decode(reader)?, amount: Wire::decode(reader)? }
            }
            FUNGIBLE => Self::Fungible {
                principal,
                asset: Wire::decode(reader)?,
                code: Wire::decode(reader)?,
                amount: Wire::decode(reader)?,
            },
            NON_FUNGIBLE => Self::NonFungible {
                principal,
                asset: Wire::decode(reader)?,
                value: Wire::decode(reader)?,
                code: Wire::decode(reader)?,
            },
            STAKING => Self::Staking {
                principal,
                code: Wire::decode(reader)?,
                amount: Wire::decode(reader)?,
            },
            _ => Self::Pox { principal, code: Wire::decode(reader)? },
        })
    }
}

impl Wire for PostConditionPrincipal {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Origin => out.push(ORIGIN),
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
        let what = "principal of a post-condition";
        match reader.u8(what)? {
            ORIGIN => Ok(Self::Origin),
            STANDARD => StacksAddress::decode(reader).map(Self::Standard),
            CONTRACT => Ok(Self::Contract(Wire::decode(reader)?, Wire::decode(reader)?)),
            tag => Err(DecodeError::UnknownTag { what, tag: tag.into() }),
        }
    }
}

impl Wire for AssetInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        self.address.encode(out);
        self.contract.encode(out);
        self.asset.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            address: Wire::decode(reader)?,
            contract: Wire::decode(reader)?,
            asset: Wire::decode(reader)?,
        })
    }
}

/// One byte for each variant, and nothing else decodes.
macro_rules! byte_codes {
    ($($name:ident, $what:literal: { $($variant:ident = $byte:literal),* $(,)? })*) => {$(
        impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.push(match self { $(Self::$variant => $byte),* });
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match reader.u8($what)? {
                    $($byte => Ok(Self::$variant),)*
                    tag => Err(DecodeError::UnknownTag { what: $what, tag: tag.into() }),
                }
            }
        }
    )*};
}

byte_codes! {
    PostConditionMode, "post-condition mode": { Allow = 1, Deny = 2, Originator = 3 }
    FungibleCode, "fungible condition code": {
        Equal = 1, Greater = 2, GreaterOrEqual = 3, Less = 4, LessOrEqual = 5,
    }
    NonFungibleCode, "non-fungible condition code": {
        Sent = 0x10, NotSent = 0x11, MaybeSent = 0x12,
    }
    PoxCode, "PoX condition code": {
        NotPerformed = 0x30, MaybePerformed = 0x31, Performed = 0x32,
    }
}

const STX: u8 = 0;
const FUNGIBLE: u8 = 1;
const NON_FUNGIBLE: u8 = 2;
const STAKING: u8 = 3;
const POX: u8 = 4;

const ORIGIN: u8 = 1;
const STANDARD: u8 = 2;
const CONTRACT: u8 = 3;
