//! Clarity values, names and principals, as far as they travel in transactions and call results.

use crate::address::StacksAddress;

/// A name of a function, variable or token: at most 128 bytes of Clarity's grammar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClarityName(pub(crate) String);

/// A contract's name: at most 40 bytes in transactions, 128 inside values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractName(pub(crate) String);

/// An account or a contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// 05.
    Standard(StacksAddress),
    /// 06.
    Contract(StacksAddress, ContractName),
}

/// A Clarity value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClarityValue {
    /// 00.
    Int(i128),
    /// 01.
    UInt(u128),
    /// 02.
    Buffer(Vec<u8>),
    /// 03 and 04.
    Bool(bool),
    /// 05 and 06.
    Principal(Principal),
    /// 07.
    Ok(Box<ClarityValue>),
    /// 08.
    Err(Box<ClarityValue>),
    /// 09 and 0a.
    Optional(Option<Box<ClarityValue>>),
    /// 0b.
    List(Vec<ClarityValue>),
    /// 0c: distinct keys, sorted bytewise.
    Tuple(std::collections::BTreeMap<ClarityName, ClarityValue>),
    /// 0d.
    StringAscii(String),
    /// 0e.
    StringUtf8(String),
}
