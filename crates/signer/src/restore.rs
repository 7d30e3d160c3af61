//! Taking up after a restart: what is remembered, and what a stop may have swallowed.

use countersign_wire::RewardCycle;
use countersign_wire::message::SignerMessage;

use crate::cycle::Cycle;
use crate::record::BlockState;
use crate::saved::Saved;
use crate::signer::Signer;

use crate::time::{Millis, Timestamp};
use crate::turn::Turn;
use crate::votes::Vote;

/// Promises and signatures older than this are not sent again: the chain has moved past them.
const RESEND_WINDOW: Millis = Millis::from_secs(600);

impl Signer {
    /// Puts everything back that does not depend on our seats. What lies in the future, because the
    /// machine's clock was set back since, counts as of now.
    pub(crate) fn take_back(&mut self, mut saved: Saved, turn: &mut Turn) {
        saved.clamp(turn.now);
        for record in saved.records {
            turn.forget(self.ledger.insert(record));
        }
        // A promise voids the rejections before it, so a rejection that is still there came later.
        let (promises, others): (Vec<_>, Vec<_>) =
            saved.votes.into_iter().partition(|(.., vote)| *vote == Vote::PreCommit);
        for (sighash, from, vote) in promises.into_iter().chain(others) {
            if let Some(entry) = self.ledger.get_mut(&sighash) {
                match vote {
                    Vote::PreCommit => drop(entry.votes.pre_commit(from)),
                    Vote::Acceptance(signature) => drop(entry.votes.accept(from, signature)),
                    Vote::Rejection(vote) => drop(entry.votes.reject(from, vote)),
                }
            }
        }
        turn.forget(self.ledger.settle(turn.now));
        for vote in saved.parked {
            let _already_within_bounds = self.parked.park(vote);
        }
        for seen in saved.burn_blocks {
            self.burn.restore(seen);
        }
        for superseded in saved.superseded {
            let _is_on_record_already = self.burn.supersede(superseded);
        }
        for (tenure, at) in saved.activity {
            self.burn.touch(tenure, at);
        }
        self.unclaimed.peer_updates = saved.peer_updates;
        self.unclaimed.burn_reports = saved.burn_reports;
    }

    /// Hands a cycle the views and reports of its signers that were saved before the restart.
    pub(crate) fn claim_saved(&mut self, cycle: &mut Cycle) {
        let (ours, others) = std::mem::take(&mut self.unclaimed.burn_reports)
            .into_iter()
            .partition(|(number, ..)| *number == cycle.number);
        self.unclaimed.burn_reports = others;
        let mut ours: Vec<(RewardCycle, _, _, Timestamp)> = ours;
        ours.sort_unstable_by_key(|(.., at)| *at);
        for (_, burn_block, from, at) in ours {
            cycle.reports.record(burn_block, from, at);
        }
        self.unclaimed.peer_updates.retain(|saved| {
            if saved.cycle != cycle.number {
                return true;
            }
            // Our own view is derived anew.
            if saved.from != cycle.index {
                cycle.views.set(saved.from, saved.update.clone());
            }
            false
        });
    }

    /// Asks again for everything that a stop may have swallowed in a cycle.
    pub(crate) fn resume(&mut self, number: RewardCycle, turn: &mut Turn) {
        let open: Vec<_> = self
            .ledger
            .of_cycle(number)
            .filter(|entry| {
                !entry.record.state.is_global()
                    && turn.now.since(entry.record.proposed_at) <= RESEND_WINDOW
            })
            .map(|entry| entry.record.clone())
            .collect();
        for record in open {
            match record.state {
                BlockState::Unprocessed => self.request_validation(record.sighash, turn),
                BlockState::PreCommitted => {
                    self.publish(number, SignerMessage::BlockPreCommit(record.sighash), turn);
                    self.weigh_promises(&record.sighash, turn);
                }
                BlockState::LocallyAccepted => {
                    self.repeat_signature(&record, turn);
                    self.repeat_upload(&record, turn);
                }
                BlockState::LocallyRejected
                | BlockState::GloballyAccepted
                | BlockState::GloballyRejected => {}
            }
        }
    }
}
