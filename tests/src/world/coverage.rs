//! What happened in a run, so that a simulation in which nothing happens cannot pass.

use countersign_signer::{IgnoredProposal, Note, QueuedValidation, RepeatedProposal};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// How often each thing happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Coverage {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Coverage {
            /// Every counter with its name.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }

            /// Adds what happened in another run.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

counters! {
    /// Events that a core handled.
    events,
    /// Burn blocks with a winner.
    sortitions,
    /// Burn blocks without a winner.
    empty_sortitions,
    /// Blocks that became part of the chain.
    blocks_adopted,
    /// Blocks adopted by the signers of another cycle than the block before.
    cycle_hand_overs,
    /// Seats that were left at the end of their cycle.
    cycles_ended,
    /// Cycles in which a signer had no seat.
    cycles_without_seat,
    /// Seats that a signer found with the key that takes its first one's place.
    seats_of_next_keys,
    /// Siblings that an equivocating miner proposed.
    equivocations,
    /// Signatures that named an earlier one as overridden.
    overriding_signatures,
    /// Signatures that were withheld because of an earlier one.
    withheld_signatures,
    /// Steps that were lost with their writes.
    crashes_before_commit,
    /// Steps that were committed and not, or not completely, performed.
    crashes_after_commit,
    /// Signers that started again.
    restarts,
    /// Signatures that the vault was asked for and that never came back because of a crash.
    lost_signatures,
    /// Nodes that stopped for a while.
    node_failures,
    /// Questions that the node did not answer.
    unanswered_questions,
    /// Callbacks that never arrived.
    lost_callbacks,
    /// Callbacks that arrived twice.
    repeated_callbacks,
    /// Proposals that a miner repeated.
    re_proposals,
    /// Proposals that a signer recognised.
    recognised_proposals,
    /// Signatures that were sent again.
    repeated_signatures,
    /// Pre-commits that were sent again.
    repeated_pre_commits,
    /// Blocks that were judged anew.
    judged_again,
    /// Proposals for another cycle, or one without our seat.
    foreign_cycle_proposals,
    /// Proposals that waited for agreement.
    held_proposals,
    /// Votes that came before their block.
    parked_votes,
    /// Validations that the node was too busy for.
    busy_nodes,
    /// Blocks whose parent the node did not have yet.
    unknown_parents,
    /// Blocks that waited behind another one.
    queued_validations,
    /// Blocks that the node found invalid.
    invalid_blocks,
    /// Validations that timed out.
    validation_timeouts,
    /// Miners that were given up for their silence.
    inactive_miners,
    /// Changes of the protocol version.
    version_changes,
    /// Miner views that were given up for a majority's.
    capitulations,
    /// Looks at the others' views that found nobody to follow.
    view_conflicts,
    /// Moments without a valid miner.
    no_valid_miner,
    /// Rejections by honest signers.
    rejections,
    /// Rejections that were not written any more because the block was accepted meanwhile.
    outdated_rejections,
    /// Blocks that were rejected by so many that they cannot be approved.
    global_rejections,
    /// Nodes that were behind what was announced.
    nodes_behind,
    /// Chunks whose version was out of date.
    stale_chunks,
    /// Lies: messages of lying signers.
    lies,
    /// Worlds in which the chain grew after healing.
    recoveries,
}

impl Coverage {
    pub(super) fn note(&mut self, note: &Note) {
        let counter = match note {
            Note::NotRegistered { .. } => &mut self.cycles_without_seat,
            Note::CycleEnded { .. } => &mut self.cycles_ended,
            Note::ProposalRepeated { what, .. } => return self.note_repeated(*what),
            Note::ProposalIgnored { why: IgnoredProposal::NotOurCycle, .. } => {
                &mut self.foreign_cycle_proposals
            }
            Note::ProposalHeld { .. } => &mut self.held_proposals,
            Note::VoteParked { .. } => &mut self.parked_votes,
            Note::ValidationQueued { why, .. } => match why {
                QueuedValidation::NodeBusy => &mut self.busy_nodes,
                QueuedValidation::ParentUnknown => &mut self.unknown_parents,
                QueuedValidation::Occupied => &mut self.queued_validations,
                QueuedValidation::NodeUnreachable | QueuedValidation::NodeRefuses => return,
            },
            Note::Verdict { valid: false, .. } => &mut self.invalid_blocks,
            Note::ValidationTimedOut { .. } => &mut self.validation_timeouts,
            Note::MinerInactive { .. } => &mut self.inactive_miners,
            Note::VersionChanged { .. } => &mut self.version_changes,
            Note::Capitulated { .. } => &mut self.capitulations,
            Note::ViewConflict { .. } => &mut self.view_conflicts,
            Note::NoValidMiner { .. } => &mut self.no_valid_miner,
            Note::Rejected { .. } => &mut self.rejections,
            Note::GloballyRejected { .. } => &mut self.global_rejections,
            Note::NodeBehind { .. } => &mut self.nodes_behind,
            Note::SigningWithheld { .. } => &mut self.withheld_signatures,
            Note::Signing { overriding: 1.., .. } => &mut self.overriding_signatures,
            _ => return,
        };
        *counter += 1;
    }

    const fn note_repeated(&mut self, what: RepeatedProposal) {
        self.recognised_proposals += 1;
        match what {
            RepeatedProposal::SignatureRepeated => self.repeated_signatures += 1,
            RepeatedProposal::PreCommitRepeated => self.repeated_pre_commits += 1,
            RepeatedProposal::JudgedAgain => self.judged_again += 1,
            RepeatedProposal::AlreadyDecided
            | RepeatedProposal::InProgress
            | RepeatedProposal::RejectionRepeated => {}
        }
    }
}
