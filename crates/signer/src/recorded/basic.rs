//! Numbers, text, and what is made of other values.

use std::sync::Arc;

use countersign_wire::codec::{encode_bytes, encode_len};
use countersign_wire::{DecodeError, Reader, Wire};

use super::Recorded;
use crate::event::Ticket;
use crate::time::{Millis, Timestamp};

macro_rules! recorded_integers {
    ($($int:ident),*) => {$(
        impl Recorded for $int {
            fn put(&self, out: &mut Vec<u8>) {
                self.encode(out);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::decode(reader)
            }
        }
    )*};
}

recorded_integers!(u8, u16, u32, u64);

impl Recorded for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array("i64").map(Self::from_be_bytes)
    }
}

impl<const N: usize> Recorded for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array("bytes")
    }
}

impl Recorded for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("bool")? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(DecodeError::UnknownTag { what: "bool", tag: tag.into() }),
        }
    }
}

impl Recorded for String {
    fn put(&self, out: &mut Vec<u8>) {
        encode_bytes(self.as_bytes(), out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(u32::MAX, "text")?;
        let text = std::str::from_utf8(bytes);
        text.map(Self::from).map_err(|_| DecodeError::Invalid { what: "text" })
    }
}

impl<T: Recorded> Recorded for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        encode_len(self.len(), out);
        for item in self {
            item.put(out);
        }
    }
    /// Every item has at least one byte, so a length that lies ends with the bytes.
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.u32("list")?;
        let mut items = Self::new();
        for _ in 0..len {
            items.push(T::take(reader)?);
        }
        Ok(items)
    }
}

impl<T: Recorded> Recorded for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        bool::take(reader)?.then(|| T::take(reader)).transpose()
    }
}

impl<T: Recorded, E: Recorded> Recorded for Result<T, E> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_ok().put(out);
        match self {
            Ok(value) => value.put(out),
            Err(error) => error.put(out),
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::take(reader)? { Ok(T::take(reader)?) } else { Err(E::take(reader)?) })
    }
}

impl<T: Recorded> Recorded for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::take(reader).map(Self::new)
    }
}

impl<T: Recorded> Recorded for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::take(reader).map(Self::new)
    }
}

macro_rules! recorded_tuples {
    ($(($($part:ident $name:ident),*))*) => {$(
        impl<$($part: Recorded),*> Recorded for ($($part),*) {
            fn put(&self, out: &mut Vec<u8>) {
                let ($($name),*) = self;
                $($name.put(out);)*
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($part::take(reader)?),*))
            }
        }
    )*};
}

recorded_tuples!((A a, B b)(A a, B b, C c)(A a, B b, C c, D d));

impl Recorded for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_millis().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::take(reader).map(Self::from_millis)
    }
}

impl Recorded for Millis {
    fn put(&self, out: &mut Vec<u8>) {
        self.get().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::take(reader).map(Self::new)
    }
}

impl Recorded for Ticket {
    fn put(&self, out: &mut Vec<u8>) {
        self.get().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::take(reader).map(Self)
    }
}
