//! Events and the state that a signer starts from, as bytes: what a recording of a signer holds.
//!
//! A recording is read by this program again, and by nobody else. So the layout is plain: fields in
//! their order, a tag before what has variants, a length before what has one, numbers big-endian. What
//! the network has a codec for is kept in that codec. The JSON of the node's RPC is not used: it has
//! fewer values than the types (a code that is not known has no name), and a recording must give back
//! the very event.
//!
//! Every struct is taken apart and every enum matched in full, so a field or variant that is added
//! and forgotten here does not compile. Whoever changes one raises the format version of recordings.

mod basic;
mod events;
mod outcome;
mod state;
mod wire;

use countersign_wire::{DecodeError, Reader};

pub use outcome::Outcome;

/// A value that a recording can hold.
pub trait Recorded: Sized {
    /// Appends this value.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a value that [`Recorded::put`] wrote. Nothing is allocated for a length before the bytes
    /// for it are there.
    ///
    /// # Errors
    ///
    /// If the bytes end too soon, or hold what is never written.
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// This value alone.
    fn to_recording(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// The value that `bytes` hold, and nothing else.
    ///
    /// # Errors
    ///
    /// Those of [`Recorded::take`], and if bytes are left over.
    fn from_recording(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::take(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Structs as their fields, in this order.
macro_rules! recorded_structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Recorded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.put(out);)*
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self { $($field: Recorded::take(reader)?),* })
            }
        }
    )*};
}

/// Enums as a tag and the variant's fields. A tag is never used for another variant.
macro_rules! recorded_enums {
    ($($name:ident {
        $($tag:literal => $variant:ident $(($item:ident))? $({ $($field:ident),* })?,)*
    })*) => {$(
        impl Recorded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($item))? $({ $($field),* })? => {
                        out.push($tag);
                        $($item.put(out);)?
                        $($($field.put(out);)*)?
                    })*
                }
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(match reader.u8(stringify!($name))? {
                    $($tag => Self::$variant
                        $(({ let $item = Recorded::take(reader)?; $item }))?
                        $({ $($field: Recorded::take(reader)?),* })?,)*
                    tag => {
                        return Err(DecodeError::UnknownTag {
                            what: stringify!($name),
                            tag: tag.into(),
                        });
                    }
                })
            }
        }
    )*};
}

use {recorded_enums, recorded_structs};
