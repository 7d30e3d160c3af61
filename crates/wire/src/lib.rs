//! What Stacks signers, miners and nodes say to each other, as types.
//!
//! This crate holds the consensus codec (SIP-005, SIP-021), keys, addresses and signature checking,
//! Nakamoto blocks and transactions, the signer messages that travel in StackerDB chunks, and the
//! JSON of the node's RPC and event callbacks.
//!
//! It has no I/O, no clock, no randomness and no policy. Every decoder reads from one bounded
//! [`codec::Reader`]; a length prefix is refused before anything is allocated for it, and no input
//! can make a decoder panic.

pub mod address;
pub mod block;
pub mod clarity;
pub mod codec;
pub mod event;
pub mod fixed;
pub mod hash;
mod hex_bytes;
pub mod keys;
pub mod merkle;
pub mod message;
pub mod network;
pub mod quantity;
pub mod rpc;
pub mod signer_set;
pub mod sip018;
pub mod stackerdb;
pub mod transaction;

pub use address::StacksAddress;
pub use block::{NakamotoBlock, NakamotoBlockHeader};
pub use codec::{DecodeError, Reader, Wire};
pub use fixed::{BurnBlockHash, ConsensusHash, Hash160, Sighash, StacksBlockId, Txid};
pub use keys::{MessageSignature, PrivateKey, PublicKey};
pub use network::{ChainId, Network};
pub use quantity::{
    BurnHeight, RewardCycle, SlotId, SlotVersion, StacksHeight, UnixSeconds, Weight,
};
pub use signer_set::{Signer, SignerSet};
