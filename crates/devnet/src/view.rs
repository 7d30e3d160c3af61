//! How one node differs from the others.

use std::collections::BTreeSet;

use countersign_wire::ConsensusHash;
use countersign_wire::message::ValidateCode;

/// What a node gets wrong, or gets late. The default is a node that sees everything at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// How many burn blocks it is behind. It learns of a Stacks block when it sees the burn block of
    /// its tenure. At most [`MAX_LAG`].
    pub burn_lag: u64,
    /// Tenures whose blocks it says it does not have.
    pub hidden_tenures: BTreeSet<ConsensusHash>,
    /// How it answers validation requests.
    pub validation: Validation,
}

/// How a node answers validation requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// By validating.
    #[default]
    Honest,
    /// It accepts a request, and then nothing is heard of it; it stays busy until this changes.
    Stalled,
    /// Every block is valid.
    AlwaysOk,
    /// No block is valid, for this reason.
    AlwaysReject(ValidateCode),
}

/// The furthest that a node can be behind, in burn blocks.
pub const MAX_LAG: u64 = 8;
