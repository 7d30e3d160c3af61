//! What the vault says first.

use countersign_wire::codec::encode_list;
use countersign_wire::{DecodeError, PublicKey, Reader, Wire};

/// The version of the protocol that this program speaks.
pub const PROTOCOL: u16 = 2;

/// The first message of the vault on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// The caller is known by its user and may ask what its role may ask.
    Welcome {
        /// The version of the protocol that the vault speaks. A caller that speaks another one hangs up.
        protocol: u16,
        /// The keys that the vault signs with, the one that is in use first.
        keys: Vec<PublicKey>,
    },
    /// The vault's configuration has no caller with this user. The connection ends.
    Stranger {
        /// The caller's user, as the kernel says.
        uid: u32,
    },
}

impl Wire for Hello {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Welcome { protocol, keys } => {
                out.push(WELCOME);
                protocol.encode(out);
                encode_list(keys, out);
            }
            Self::Stranger { uid } => {
                out.push(STRANGER);
                uid.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("hello")? {
            WELCOME => Self::Welcome {
                protocol: reader.u16("protocol version")?,
                keys: reader.list(MAX_KEYS, 33, "keys of the vault")?,
            },
            STRANGER => Self::Stranger { uid: reader.u32("user")? },
            tag => return Err(DecodeError::UnknownTag { what: "hello", tag: tag.into() }),
        })
    }
}

const WELCOME: u8 = 0;
const STRANGER: u8 = 1;
/// A vault holds two keys at most: the one in use and the next one.
const MAX_KEYS: u32 = 8;
