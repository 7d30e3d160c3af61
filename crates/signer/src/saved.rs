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

impl Saved {
    /// Brings every moment that lies after `now` back to it.
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        let mut stamps: Vec<&mut Timestamp> = Vec::new();
        for record in &mut self.records {
            stamps.push(&mut record.proposed_at);
            stamps.extend(&mut record.approved_at);
            stamps.extend(&mut record.signed_self_at);
            stamps.extend(&mut record.signed_group_at);
        }
        stamps.extend(self.parked.iter_mut().map(|vote| &mut vote.at));
        stamps.extend(self.burn_blocks.iter_mut().map(|seen| &mut seen.received_at));
        stamps.extend(self.peer_updates.iter_mut().map(|update| &mut update.at));
        stamps.extend(self.burn_reports.iter_mut().map(|(.., at)| at));
        stamps.extend(self.activity.iter_mut().map(|(_, at)| at));
        stamps.extend(self.superseded.iter_mut().map(|superseded| &mut superseded.at));
        for stamp in stamps {
            *stamp = (*stamp).min(now);
        }
    }
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
