//! Giving up our own miner view for that of a majority (`signer-behaviour` 5.6).
//!
//! It is tried at intervals, by events and by a deadline, so that a network without events comes to
//! agree, too. The version half of that routine, which runs whether or not anybody capitulates, is
//! [`Cycle::negotiate`](crate::cycle::Cycle::negotiate).

use countersign_wire::RewardCycle;
use countersign_wire::message::{ActiveMiner, MinerState};

use crate::cycle::Cycle;
use crate::evaluation::Task;
use crate::facts::{Facts, Known};
use crate::machine::{Machine, View};
use crate::note::{Note, ViewChange};
use crate::rules::majority::{Followed, majority, refreshed};
use crate::rules::sortition_v1::current_sortitions;
use crate::signer::Signer;
use crate::sortitions::SortitionView;
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;
use crate::views::INACTIVITY_EVERY;

/// The shortest interval, whatever is configured: each attempt asks the node.
const LEAST_PAUSE: Millis = Millis::from_secs(1);

impl Signer {
    fn pause(&self) -> Millis {
        self.params.timeouts.capitulate.max(LEAST_PAUSE)
    }

    /// When the last block of the tenure that we follow was approved here: a miner that gets its
    /// blocks signed needs no second thought.
    fn approved_at(&self, cycle: &Cycle) -> Option<Timestamp> {
        match cycle.machine.view()?.miner {
            MinerState::Active(miner) => self.ledger.last_approval(&miner.tenure),
            MinerState::NoValidMiner => None,
        }
    }

    /// When the others' views are looked at next, unless the clock is set back; none while we have
    /// no view that is up to date.
    pub(crate) fn capitulation_due_at(&self, cycle: &Cycle) -> Option<Timestamp> {
        cycle.machine.view()?;
        let since =
            self.approved_at(cycle).map_or(cycle.compared_at, |at| at.max(cycle.compared_at));
        Some(since.plus(self.pause()))
    }

    /// Looks at the others' views, if it is time to. A moment that is still to come, because the clock
    /// was set back, keeps nobody waiting.
    pub(crate) fn check_capitulation(&mut self, number: RewardCycle, turn: &mut Turn) {
        let pause = self.pause();
        let is_past = |moment: Timestamp| moment > turn.now || moment.plus(pause) <= turn.now;
        let Some(cycle) = self.cycle(number) else { return };
        let is_due = cycle.machine.view().is_some()
            && is_past(cycle.compared_at)
            && self.approved_at(cycle).is_none_or(is_past);
        if is_due && let Some(cycle) = self.cycle_mut(number) {
            cycle.compared_at = turn.now;
            self.begin(Task::Capitulation(number), turn);
        }
    }

    pub(crate) fn judge_capitulation(
        &mut self,
        number: RewardCycle,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let Some(cycle) = self.cycle(number) else { return Ok(()) };
        let Some(own) = cycle.machine.view().copied() else { return Ok(()) };
        let at = self.situation(cycle, facts, turn.now);
        let mut view = own;
        if let Some((height, block_id)) = refreshed(&own.miner, &at)?
            && let MinerState::Active(miner) = &mut view.miner
            && miner.parent_last_block != block_id
        {
            *miner =
                ActiveMiner { parent_last_block: block_id, parent_last_height: height, ..*miner };
        }
        let mut views = cycle.views.clone();
        views.set(cycle.index, cycle.update_of(&view));
        let outcome = majority(view.burn, &views, &at)?;
        let sortitions = current_sortitions(&at)?;
        if view != own {
            self.change_view(number, view, ViewChange::ParentTenure);
        }
        match outcome {
            Ok(followed) if view.miner != MinerState::Active(followed.miner) => {
                self.give_up_winner(sortitions, &followed);
                self.capitulate(number, view, followed, turn);
            }
            Ok(_) => {}
            Err(conflict) => turn.note(Note::ViewConflict { cycle: number, conflict }),
        }
        Ok(())
    }

    fn capitulate(&mut self, number: RewardCycle, own: View, to: Followed, turn: &mut Turn) {
        self.change_view(
            number,
            View { miner: MinerState::Active(to.miner), ..own },
            ViewChange::Majority,
        );
        let resume_at = turn.now.plus(self.pause()).plus(INACTIVITY_EVERY);
        let Some(cycle) = self.cycle_mut(number) else { return };
        // Our own clock may have given this miner up before. To give it up again at once would set off
        // a swing between two miners, so it is kept until the others have been looked at once more.
        cycle.inactivity_check_at = cycle.inactivity_check_at.max(Some(resume_at));
        turn.note(Note::Capitulated {
            cycle: number,
            tenure: to.miner.tenure,
            weight: to.weight,
            after: turn.now.since(cycle.published_at),
        });
    }

    /// By the rules of versions below 2, the latest winner is given up together with our view of it.
    fn give_up_winner(&mut self, sortitions: Option<SortitionView>, to: &Followed) {
        if let Some(mut sortitions) = sortitions
            && sortitions.current.key_hash != to.miner.key_hash
        {
            sortitions.give_up_current();
            self.sortitions = Some(sortitions);
        }
    }

    fn change_view(&mut self, number: RewardCycle, view: View, cause: ViewChange) {
        if let Some(cycle) = self.cycle_mut(number) {
            cycle.machine = Machine::Ready(view);
            cycle.cause = cause;
        }
    }
}
