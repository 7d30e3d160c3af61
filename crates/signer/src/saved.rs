//! What a store gives back after a restart.

use countersign_wire::message::StateMachineUpdate;
use countersign_wire::{ConsensusHash, RewardCycle, Sighash, SlotId};

use crate::burn::{BurnBlockSeen, Superseded};
use crate::record::Record;
use crate::time::Timestamp;
use crate::votes::{ParkedVote, Vote};

/// Everything that [`Write`](crate::Write)s have left behind. The order within each list does not
/// matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Blocks.
    pub records: Vec<Record>,
    /// Votes on these blocks.
    pub votes: Vec<(Sighash, SlotId, Vote)>,
    /// Votes on blocks that are not known.
    pub parked: Vec<ParkedVote>,
    /// Burn blocks.
    pub burn_blocks: Vec<BurnBlockSeen>,
    /// Every signer's latest update, and when it first reported each burn block.
    pub peer_updates: Vec<SavedUpdate>,
    /// First reports of burn blocks: cycle, burn block, signer, when.
    pub burn_reports: Vec<(RewardCycle, ConsensusHash, SlotId, Timestamp)>,
    /// Last activity of tenures.
    pub activity: Vec<(ConsensusHash, Timestamp)>,
    /// Permissions to orphan tenures.
    pub superseded: Vec<Superseded>,
}

/// A signer's latest update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedUpdate {
    /// The cycle.
    pub cycle: RewardCycle,
    /// The signer.
    pub from: SlotId,
    /// Its view.
    pub update: StateMachineUpdate,
    /// When it arrived.
    pub at: Timestamp,
}
