//! The rules by each signer's own sortition view, for agreed versions below 2
//! (`signer-behaviour` 3.2).
//!
//! They are not implemented yet. Where they would be needed, nothing is signed: the answer is the
//! rejection of a signer that has no sortition view, which lets the block be judged again.

use countersign_wire::message::RejectReason;

/// The first protocol version whose rules are those of the agreed state.
pub(crate) const GLOBAL_STATE_VERSION: u64 = 2;

/// The answer to any block while the agreed version is below [`GLOBAL_STATE_VERSION`].
pub(crate) const REFUSAL: RejectReason = RejectReason::NoSortitionView;
