//! The types of Clarity values, as a node infers them from the values themselves: an empty list, a
//! missing option and the other half of a response have no type of their own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::ClarityName;
use super::value::ClarityValue;

/// The type of a value. Serialised, it has the node's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ClarityType {
    /// What nothing tells.
    #[serde(rename = "NoType")]
    Unknown,
    /// A signed integer.
    #[serde(rename = "IntType")]
    Int,
    /// An unsigned integer.
    #[serde(rename = "UIntType")]
    UInt,
    /// True or false.
    #[serde(rename = "BoolType")]
    Bool,
    /// An account or a contract.
    #[serde(rename = "PrincipalType")]
    Principal,
    /// Bytes, text or a list.
    #[serde(rename = "SequenceType")]
    Sequence(SequenceType),
    /// Named values.
    #[serde(rename = "TupleType")]
    Tuple(TupleType),
    /// A value or none.
    #[serde(rename = "OptionalType")]
    Optional(Box<ClarityType>),
    /// A success or a failure.
    #[serde(rename = "ResponseType")]
    Response(Box<(ClarityType, ClarityType)>),
}

/// The type of bytes, text or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SequenceType {
    /// Bytes, and how many.
    #[serde(rename = "BufferType")]
    Buffer(usize),
    /// A list.
    #[serde(rename = "ListType")]
    List(ListType),
    /// Text.
    #[serde(rename = "StringType")]
    Text(TextType),
}

/// The type of text, and how many characters it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum TextType {
    /// ASCII.
    #[serde(rename = "ASCII")]
    Ascii(usize),
    /// UTF-8.
    #[serde(rename = "UTF8")]
    Utf8(usize),
}

/// The type of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListType {
    /// How many items it has.
    pub max_len: usize,
    /// The type that each of them has.
    pub entry_type: Box<ClarityType>,
}

/// The type of a tuple.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TupleType {
    /// The types of the fields.
    pub type_map: BTreeMap<String, ClarityType>,
}

impl ClarityType {
    /// The type of a value; none if a list in it holds values of several types, which no node lets
    /// pass.
    pub fn of(value: &ClarityValue) -> Option<Self> {
        let unknown = || Box::new(Self::Unknown);
        Some(match value {
            ClarityValue::Int(_) => Self::Int,
            ClarityValue::UInt(_) => Self::UInt,
            ClarityValue::Bool(_) => Self::Bool,
            ClarityValue::Principal(_) => Self::Principal,
            ClarityValue::Buffer(bytes) => Self::Sequence(SequenceType::Buffer(bytes.len())),
            ClarityValue::StringAscii(text) => {
                Self::Sequence(SequenceType::Text(TextType::Ascii(text.len())))
            }
            ClarityValue::StringUtf8(text) => {
                Self::Sequence(SequenceType::Text(TextType::Utf8(text.chars().count())))
            }
            ClarityValue::List(items) => Self::Sequence(SequenceType::List(Self::of_list(items)?)),
            ClarityValue::Tuple(fields) => Self::Tuple(Self::of_tuple(fields)?),
            ClarityValue::Optional(None) => Self::Optional(unknown()),
            ClarityValue::Optional(Some(value)) => Self::Optional(Box::new(Self::of(value)?)),
            ClarityValue::Ok(value) => Self::Response(Box::new((Self::of(value)?, Self::Unknown))),
            ClarityValue::Err(value) => Self::Response(Box::new((Self::Unknown, Self::of(value)?))),
        })
    }

    /// The type of a list of these items.
    pub fn of_list(items: &[ClarityValue]) -> Option<ListType> {
        let entry_type = items
            .iter()
            .map(Self::of)
            .reduce(|all, next| Self::joined(all?, next?))
            .unwrap_or(Some(Self::Unknown))?;
        Some(ListType { max_len: items.len(), entry_type: Box::new(entry_type) })
    }

    /// The type of a tuple of these fields.
    pub fn of_tuple(fields: &BTreeMap<ClarityName, ClarityValue>) -> Option<TupleType> {
        let types =
            fields.iter().map(|(name, value)| Some((name.as_str().to_owned(), Self::of(value)?)));
        Some(TupleType { type_map: types.collect::<Option<_>>()? })
    }

    /// The narrowest type that both have.
    fn joined(one: Self, other: Self) -> Option<Self> {
        Some(match (one, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (Self::Sequence(one), Self::Sequence(other)) => Self::Sequence(one.joined(other)?),
            (Self::Tuple(one), Self::Tuple(other)) => Self::Tuple(one.joined(other)?),
            (Self::Optional(one), Self::Optional(other)) => {
                Self::Optional(Box::new(Self::joined(*one, *other)?))
            }
            (Self::Response(one), Self::Response(other)) => {
                let ((ok, err), (other_ok, other_err)) = (*one, *other);
                let both = (Self::joined(ok, other_ok)?, Self::joined(err, other_err)?);
                Self::Response(Box::new(both))
            }
            (one, other) if one == other => one,
            _ => return None,
        })
    }
}

impl SequenceType {
    fn joined(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Buffer(one), Self::Buffer(other)) => Self::Buffer(one.max(other)),
            (Self::Text(TextType::Ascii(one)), Self::Text(TextType::Ascii(other))) => {
                Self::Text(TextType::Ascii(one.max(other)))
            }
            (Self::Text(TextType::Utf8(one)), Self::Text(TextType::Utf8(other))) => {
                Self::Text(TextType::Utf8(one.max(other)))
            }
            (Self::List(one), Self::List(other)) => Self::List(ListType {
                max_len: one.max_len.max(other.max_len),
                entry_type: Box::new(ClarityType::joined(*one.entry_type, *other.entry_type)?),
            }),
            _ => return None,
        })
    }
}

impl TupleType {
    /// Every field of this one must be in the other; what the other has beside them is not in the list.
    fn joined(self, mut other: Self) -> Option<Self> {
        let types = self.type_map.into_iter().map(|(name, one)| {
            let other = other.type_map.remove(&name)?;
            Some((name, ClarityType::joined(one, other)?))
        });
        Some(Self { type_map: types.collect::<Option<_>>()? })
    }
}
