//! What the verbs of the command line do beside running the signer: authorizations and votes that an
//! operator signs by hand, StackerDB chunks, and a watch over the other signers.
//!
//! Arguments are text here and values there: each verb has a type that its argument parses into, and a
//! function that does the work. Printing and exit codes are the program's. Nothing here decides about
//! blocks, and the key signs only through [`countersign_vault::OperatorKey`], or in the vault's process.
//!
//! The arguments and what is printed for machines are those of stacks-signer 4.0.2
//! (`signer-wire.md` section 9); `docs/cli.md` compares the two programs.

pub mod alerts;
mod authorization;
mod base58;
mod bitcoin;
mod chunks;
pub mod deadman;
mod key_source;
pub mod monitor;
pub mod rotation;
mod signatory;
mod tls_identity;
mod vote;

pub use authorization::{Authorization, MethodError, PeriodError, StackingError, parse_method};
pub use base58::Base58Error;
pub use bitcoin::{BitcoinAddress, BitcoinAddressError, BitcoinNetwork};
pub use chunks::{ChunkData, ChunkDataError, Database};
pub use countersign_node::NodeError;
pub use key_source::{KeyError, KeySource};
pub use signatory::{RemoteSignatory, Signatory};
pub use tls_identity::{TlsIdentity, TlsIdentityError};
pub use vote::{KeyTextError, Vote, VoteError, VoteSignatureError, parse_public_key, verify_vote};
