//! Which network a signer is on, and the constants that follow from it.

use std::fmt;
use std::str::FromStr;

use crate::address::StacksAddress;
use crate::codec::{DecodeError, Reader, Wire};
use crate::fixed::Hash160;

/// Identifies the chain in transactions, rejections and SIP-018 domains; `network_id` of `/v2/info`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ChainId(u32);

impl ChainId {
    /// Mainnet.
    pub const MAINNET: Self = Self(1);
    /// Testnet and mocknet.
    pub const TESTNET: Self = Self(0x8000_0000);

    /// A custom chain id.
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// The bare number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl Wire for ChainId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u32("chain id").map(Self)
    }
}

/// The kind of network, as `network = "…"` in the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Real stake.
    Mainnet,
    /// The public test network.
    Testnet,
    /// A private network with testnet's constants.
    Mocknet,
}

impl Network {
    /// The chain id that the network has unless the configuration overrides it.
    pub const fn default_chain_id(self) -> ChainId {
        match self {
            Self::Mainnet => ChainId::MAINNET,
            Self::Testnet | Self::Mocknet => ChainId::TESTNET,
        }
    }

    /// The chain id that block rejections are signed with. It ignores a custom chain id
    /// (`signer-wire.md` section 4.3).
    pub const fn rejection_chain_id(self) -> ChainId {
        self.default_chain_id()
    }

    /// The version byte of single-signature addresses.
    pub const fn single_sig_version(self) -> u8 {
        match self {
            Self::Mainnet => 22,
            Self::Testnet | Self::Mocknet => 26,
        }
    }

    /// The version byte of transactions.
    pub const fn transaction_version(self) -> u8 {
        match self {
            Self::Mainnet => 0x00,
            Self::Testnet | Self::Mocknet => 0x80,
        }
    }

    /// The address of the boot contracts (`.signers`, `.miners`, …).
    pub const fn boot_address(self) -> StacksAddress {
        StacksAddress::from_parts_unchecked(self.single_sig_version(), Hash160::ZERO)
    }

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Mocknet => "mocknet",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the lower-case name of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network; expected `mainnet`, `testnet` or `mocknet`")]
pub struct UnknownNetwork(pub String);

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        match text {
            "mainnet" => Ok(Self::Mainnet),
            "testnet" => Ok(Self::Testnet),
            "mocknet" => Ok(Self::Mocknet),
            other => Err(UnknownNetwork(other.to_owned())),
        }
    }
}
