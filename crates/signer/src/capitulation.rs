//! Giving up our own miner view for that of a majority (`signer-behaviour` 5.6).
//!
//! Not implemented yet: our view follows the node's sortitions and nothing else. Where signers are
//! split, this signer keeps its view and refuses what the agreed state does not cover; it signs
//! nothing that a capitulating signer would not sign.
//!
//! The version half of that routine, which runs whether or not anybody capitulates, is
//! [`Cycle::negotiate`](crate::cycle::Cycle::negotiate).
