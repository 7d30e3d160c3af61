//! Clarity values.

use std::collections::BTreeMap;

use super::name::ClarityName;
use super::principal::{CONTRACT, Principal, STANDARD};
use crate::codec::{DecodeError, Reader, Wire, encode_bytes, encode_len, encode_list};

/// A Clarity value.
///
/// The decoder accepts the fields of a tuple in any order, as the network does, and the encoder
/// writes them sorted: the one place where what decodes may encode to other bytes.
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
    Tuple(BTreeMap<ClarityName, ClarityValue>),
    /// 0d: letters, digits, punctuation and white space.
    StringAscii(String),
    /// 0e.
    StringUtf8(String),
}

/// How many responses, optionals, lists and tuples may stand around a value.
pub const MAX_DEPTH: u8 = 15;
/// The longest buffer, string or list: 1 MiB, or as many items.
pub const MAX_VALUE_LEN: u32 = 1 << 20;
/// The longest encoding of a value with everything in it: 2 MiB.
pub const MAX_TOTAL_LEN: u32 = 2 << 20;

impl ClarityValue {
    /// A tuple of these fields.
    ///
    /// # Panics
    ///
    /// If a key is not a Clarity name or stands twice: the keys are part of the source.
    pub fn tuple<const N: usize>(fields: [(&'static str, Self); N]) -> Self {
        let fields: BTreeMap<_, _> = fields
            .into_iter()
            .map(|(key, value)| {
                (ClarityName::new(key).expect("keys in the source are names"), value)
            })
            .collect();
        assert_eq!(fields.len(), N, "keys in the source are distinct");
        Self::Tuple(fields)
    }
}

impl Wire for ClarityValue {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Principal(principal) => principal.encode(out),
            Self::Int(int) => encode_tagged(INT, &int.to_be_bytes(), out),
            Self::UInt(uint) => encode_tagged(UINT, &uint.to_be_bytes(), out),
            Self::Bool(true) => out.push(TRUE),
            Self::Bool(false) => out.push(FALSE),
            Self::Optional(None) => out.push(NONE),
            Self::Optional(Some(value)) => encode_wrapped(SOME, value, out),
            Self::Ok(value) => encode_wrapped(OK, value, out),
            Self::Err(value) => encode_wrapped(ERR, value, out),
            Self::Buffer(bytes) => encode_text(BUFFER, bytes, out),
            Self::StringAscii(text) => encode_text(ASCII, text.as_bytes(), out),
            Self::StringUtf8(text) => encode_text(UTF8, text.as_bytes(), out),
            Self::List(items) => {
                out.push(LIST);
                encode_list(items, out);
            }
            Self::Tuple(fields) => {
                out.push(TUPLE);
                encode_len(fields.len(), out);
                for (key, value) in fields {
                    key.encode(out);
                    value.encode(out);
                }
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bounded(MAX_TOTAL_LEN, "Clarity value", decode_value)
    }
}

fn decode_value(reader: &mut Reader<'_>) -> Result<ClarityValue, DecodeError> {
    if matches!(reader.rest().first(), Some(&(STANDARD | CONTRACT))) {
        return Principal::decode(reader).map(ClarityValue::Principal);
    }
    Ok(match reader.u8("Clarity value")? {
        INT => ClarityValue::Int(i128::from_be_bytes(reader.array("int")?)),
        UINT => ClarityValue::UInt(u128::from_be_bytes(reader.array("uint")?)),
        BUFFER => ClarityValue::Buffer(reader.bytes(MAX_VALUE_LEN, "buffer")?.to_vec()),
        TRUE => ClarityValue::Bool(true),
        FALSE => ClarityValue::Bool(false),
        OK => ClarityValue::Ok(decode_wrapped(reader)?),
        ERR => ClarityValue::Err(decode_wrapped(reader)?),
        NONE => ClarityValue::Optional(None),
        SOME => ClarityValue::Optional(Some(decode_wrapped(reader)?)),
        LIST => ClarityValue::List(nested(reader, |r| r.list(MAX_VALUE_LEN, 1, "list"))?),
        TUPLE => ClarityValue::Tuple(nested(reader, decode_fields)?),
        ASCII => ClarityValue::StringAscii(decode_ascii(reader)?),
        UTF8 => {
            let bytes = reader.bytes(MAX_VALUE_LEN, "UTF-8 string")?;
            let text = std::str::from_utf8(bytes)
                .map_err(|_| DecodeError::Invalid { what: "UTF-8 string" })?;
            ClarityValue::StringUtf8(text.to_owned())
        }
        tag => return Err(DecodeError::UnknownTag { what: "Clarity value", tag: tag.into() }),
    })
}

fn decode_wrapped(reader: &mut Reader<'_>) -> Result<Box<ClarityValue>, DecodeError> {
    nested(reader, ClarityValue::decode).map(Box::new)
}

fn decode_fields(
    reader: &mut Reader<'_>,
) -> Result<BTreeMap<ClarityName, ClarityValue>, DecodeError> {
    let mut fields = BTreeMap::new();
    for _ in 0..reader.len(MAX_VALUE_LEN, "tuple")? {
        let key = ClarityName::decode(reader)?;
        if fields.insert(key, ClarityValue::decode(reader)?).is_some() {
            return Err(DecodeError::Invalid { what: "tuple, whose keys are distinct," });
        }
    }
    Ok(fields)
}

fn decode_ascii(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let bytes = reader.bytes(MAX_VALUE_LEN, "ASCII string")?;
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        Ok(bytes.iter().copied().map(char::from).collect())
    } else {
        Err(DecodeError::Invalid { what: "ASCII string" })
    }
}

fn nested<'a, T>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    reader.nested(MAX_DEPTH, "nesting of a Clarity value", read)
}

fn encode_tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn encode_text(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    encode_bytes(bytes, out);
}

fn encode_wrapped(tag: u8, value: &ClarityValue, out: &mut Vec<u8>) {
    out.push(tag);
    value.encode(out);
}

const INT: u8 = 0x00;
const UINT: u8 = 0x01;
const BUFFER: u8 = 0x02;
const TRUE: u8 = 0x03;
const FALSE: u8 = 0x04;
const OK: u8 = 0x07;
const ERR: u8 = 0x08;
const NONE: u8 = 0x09;
const SOME: u8 = 0x0a;
const LIST: u8 = 0x0b;
const TUPLE: u8 = 0x0c;
const ASCII: u8 = 0x0d;
const UTF8: u8 = 0x0e;
