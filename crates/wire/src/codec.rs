//! The consensus codec: big-endian integers, length-prefixed lists, one bounded reader.
//!
//! Decoding is strict unless a type says otherwise: everything is consumed, and what decodes
//! encodes to the same bytes. The few tolerances of the real network are named where they live
//! (`from_prefix`, fields that keep unknown trailing bytes).

/// The largest message of the Stacks network: a 16 MiB payload and its envelope.
///
/// From `signer-wire.md` section 2: 1 + 16 MiB + 165 + 672 bytes.
pub const MAX_MESSAGE_LEN: u32 = 16_778_054;

/// A value with exactly one consensus encoding.
pub trait Wire: Sized {
    /// Appends the encoding of this value to `out`. Encoding cannot fail.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads one value, leaving the reader behind it.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Decodes a value that fills `bytes` to the last byte.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Decodes a value from the start of `bytes` and ignores what follows it.
    ///
    /// The network tolerates trailing bytes after a StackerDB chunk's message and after the result
    /// of a read-only call (`signer-wire.md` section 2); nothing else should use this.
    fn from_prefix(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes))
    }

    /// The encoding of this value.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Why bytes are not a value of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ended inside the named field.
    #[error("the input ends inside {what}")]
    Truncated {
        /// The field that was being read.
        what: &'static str,
    },
    /// A length prefix is larger than its field may ever be.
    #[error("{what} has a length of {len} where at most {max} is allowed")]
    TooLong {
        /// The field whose length was read.
        what: &'static str,
        /// The length that the input claims.
        len: u64,
        /// The longest length that is accepted.
        max: u64,
    },
    /// The named field holds a value outside its domain.
    #[error("{what} holds an invalid value")]
    Invalid {
        /// The field that was being read.
        what: &'static str,
    },
    /// An enumeration's tag is not known.
    #[error("{what} has the unknown tag {tag}")]
    UnknownTag {
        /// The enumeration that was being read.
        what: &'static str,
        /// The tag that the input holds.
        tag: u64,
    },
    /// The value is complete and bytes are left over.
    #[error("{0} bytes follow the end of the value")]
    Trailing(usize),
}

/// A cursor over a byte slice that never reads past its end.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// The bytes that have not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Fails if anything is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (head, rest) =
            self.rest.split_at_checked(len).ok_or(DecodeError::Truncated { what })?;
        self.rest = rest;
        Ok(head)
    }

    /// Everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, rest) =
            self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated { what })?;
        self.rest = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A big-endian 16-bit integer.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// A big-endian 32-bit integer.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// A big-endian 64-bit integer.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// A `u32` length prefix, refused before anything is allocated for it.
    pub fn len(&mut self, max: u32, what: &'static str) -> Result<usize, DecodeError> {
        let len = self.u32(what)?;
        if len > max {
            return Err(DecodeError::TooLong { what, len: len.into(), max: max.into() });
        }
        Ok(len as usize)
    }

    /// A `u32` length prefix and that many bytes.
    pub fn bytes(&mut self, max: u32, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.len(max, what)?;
        self.take(len, what)
    }

    /// A `u32` count and that many items, each at least `min_item_len` bytes long.
    ///
    /// The count is compared with the bytes that are left, and memory is taken as items are read, so
    /// a forged count costs nothing.
    pub fn list<T: Wire>(
        &mut self,
        max: u32,
        min_item_len: usize,
        what: &'static str,
    ) -> Result<Vec<T>, DecodeError> {
        let len = self.len(max, what)?;
        if len.saturating_mul(min_item_len.max(1)) > self.rest.len() {
            return Err(DecodeError::Truncated { what });
        }
        let mut items = Vec::with_capacity(len.min(PREALLOCATED_ITEMS));
        for _ in 0..len {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// Runs `read` on at most `max` of the bytes that are left, and fails if it wants more.
    pub fn bounded<T>(
        &mut self,
        max: u32,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let Some((window, beyond)) = self.rest.split_at_checked(max as usize) else {
            return read(self);
        };
        let outer = std::mem::replace(&mut self.rest, window);
        let value = read(self);
        let read_len = window.len() - self.rest.len();
        self.rest = outer.get(read_len..).expect("a window is not longer than what it looks on");
        match value {
            Err(DecodeError::Truncated { .. }) if !beyond.is_empty() => {
                Err(DecodeError::TooLong { what, len: u64::from(max) + 1, max: max.into() })
            }
            other => other,
        }
    }

    /// Runs `read` one nesting level deeper, or fails when `max` levels are open already.
    pub fn nested<T>(
        &mut self,
        max: u8,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth >= max {
            return Err(DecodeError::TooLong {
                what,
                len: u64::from(self.depth) + 1,
                max: max.into(),
            });
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }
}

/// For how many items a list takes memory before it has read one: an item may be far larger in
/// memory than on the wire, and lists may be nested.
const PREALLOCATED_ITEMS: usize = 64;

/// Appends a `u32` length prefix and the bytes.
pub fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a `u32` count and the items.
pub fn encode_list<T: Wire>(items: &[T], out: &mut Vec<u8>) {
    encode_len(items.len(), out);
    for item in items {
        item.encode(out);
    }
}

/// Appends a `u32` length prefix.
///
/// # Panics
///
/// If `len` is over `u32::MAX`: such a value cannot come off the wire, whose messages are 16 MiB.
pub fn encode_len(len: usize, out: &mut Vec<u8>) {
    let len = u32::try_from(len).expect("values are bounded far below 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
}

macro_rules! wire_integer {
    ($($int:ident => $read:ident),*) => {$(
        impl Wire for $int {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.$read(stringify!($int))
            }
        }
    )*};
}

wire_integer!(u8 => u8, u16 => u16, u32 => u32, u64 => u64);
