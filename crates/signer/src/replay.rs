//! Transaction replay after a Bitcoin fork (`signer-behaviour` 5.8).
//!
//! Not implemented yet: this signer never asks for a replay, so its updates carry an empty set, its
//! validation requests carry none, and no tenure is extended on account of one. A network whose
//! signers agree on a replay set is followed like any other: the node decides what is valid.

use countersign_wire::transaction::StacksTransaction;

/// The transactions that this signer wants replayed.
pub(crate) const fn own_replay_set() -> Vec<StacksTransaction> {
    Vec::new()
}
