//! Our own view: derived at burn blocks, corrected by Stacks blocks and silent miners, published
//! when it changes (`signer-behaviour` 5.4, 5.5, 5.7).

use countersign_wire::event::NewBlock;
use countersign_wire::message::{MinerState, SignerMessage};
use countersign_wire::rpc::Sortition;
use countersign_wire::{ConsensusHash, RewardCycle};

use crate::burn::Superseded;
use crate::cycle::Cycle;
use crate::evaluation::{Task, TaskKey};
use crate::event::NodeFailure;
use crate::facts::{Facts, Known, Reply};
use crate::fork::{Followed, follow_burn_chain};
use crate::inactivity::is_timed_out;
use crate::machine::{Derived, Machine, View, candidate, derive_view};
use crate::note::{Note, ViewChange};
use crate::rules::Situation;
use crate::signer::Signer;
use crate::step::{Action, Write};
use crate::time::Millis;
use crate::turn::Turn;

/// How soon the node is asked again that has not reached an announced burn block.
const BEHIND_RETRY: Millis = Millis::new(250);
/// How soon the node is asked again that did not tell what is needed.
const FAILED_RETRY: Millis = Millis::from_secs(1);
/// How often a silent miner's predecessor is looked at again.
pub(crate) const INACTIVITY_EVERY: Millis = Millis::from_secs(5);

impl Signer {
    pub(crate) fn judge_view(
        &mut self,
        number: RewardCycle,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let Some(cycle) = self.cycle(number) else { return Ok(()) };
        let expected = cycle.machine.expected();
        let at = self.situation(cycle, facts, turn.now);
        let derived = derive_view(expected, &at)?;
        let followed = follow(cycle, &derived, &at)?;
        let read = facts.burn_view()?.ok().cloned();
        if let Some(view) = &read {
            self.learn_burn_blocks(view, turn.now);
        }
        match followed {
            Ok((replay, change)) => {
                self.apply_view(number, derived, turn);
                if let Some(cycle) = self.cycle_mut(number) {
                    cycle.take_replay(replay, change, turn);
                }
            }
            Err(NodeFailure { text }) => {
                self.apply_view(number, Derived::Failed { text }, turn);
            }
        }
        if let Some(view) = read {
            self.learn_tip_of_view(&view.info, turn);
        }
        Ok(())
    }

    fn apply_view(&mut self, number: RewardCycle, derived: Derived, turn: &mut Turn) {
        let key = TaskKey::View(number);
        let Some(cycle) = self.cycle_mut(number) else { return };
        let (view, superseded, is_behind) = match derived {
            Derived::View { view, superseded, is_behind } => (view, superseded, is_behind),
            Derived::Failed { text } => {
                cycle.view_retry_at = Some(turn.now.plus(FAILED_RETRY));
                if self.retries.is_news(key, &text) {
                    let asked = "/v3/sortitions/latest_and_last";
                    turn.note(Note::NodeFailed { asked, text });
                }
                return;
            }
        };
        let is_new = cycle.machine.last_view() != Some(&view);
        let expected = cycle.machine.expected();
        let is_waiting = cycle.machine.arrive(view, is_behind, turn.now);
        cycle.view_retry_at = is_waiting.then(|| turn.now.plus(BEHIND_RETRY));
        if is_new && view.miner == MinerState::NoValidMiner {
            turn.note(Note::NoValidMiner { cycle: number });
        }
        self.permit(superseded, turn);
        if !is_waiting {
            self.retries.succeeded(key);
        } else if self.retries.is_news(key, "behind") {
            let (expected, node) = (expected.unwrap_or(view.burn).height, view.burn.height);
            turn.note(Note::NodeBehind { cycle: number, expected, node });
        }
    }

    /// Records which tenures may be orphaned.
    pub(crate) fn permit(&mut self, superseded: Vec<Superseded>, turn: &mut Turn) {
        for permission in superseded {
            if self.burn.supersede(permission) {
                turn.write(Write::Superseded(permission));
            }
        }
    }

    /// Derives a view again that could not be derived.
    pub(crate) fn retry_view(&mut self, number: RewardCycle, turn: &mut Turn) {
        if let Some(cycle) = self.cycle_mut(number)
            && cycle.view_retry_at.is_some_and(|at| at <= turn.now)
        {
            cycle.view_retry_at = None;
            self.begin(Task::View(number), turn);
        }
    }

    /// The tenure of the miner that we follow, in a cycle whose miner's silence matters.
    pub(crate) fn followed_tenure(&self, cycle: &Cycle) -> Option<ConsensusHash> {
        let has_started = Some(cycle.number) <= self.current_cycle();
        match cycle.machine.view()?.miner {
            MinerState::Active(miner) if has_started => Some(miner.tenure),
            _ => None,
        }
    }

    pub(crate) fn check_inactivity(&mut self, number: RewardCycle, turn: &mut Turn) {
        let Some(cycle) = self.cycle(number) else { return };
        let facts = Facts::default();
        let is_due = cycle.inactivity_check_at.is_none_or(|at| at <= turn.now)
            && self.followed_tenure(cycle).is_some_and(|tenure| {
                is_timed_out(&tenure, &self.situation(cycle, &facts, turn.now))
            });
        if is_due && let Some(cycle) = self.cycle_mut(number) {
            cycle.inactivity_check_at = Some(turn.now.plus(INACTIVITY_EVERY));
            self.begin(Task::Inactivity(number), turn);
        }
    }

    /// Follows the miner before a silent one, if that miner is valid. There is no automatic way
    /// back: only a burn block brings another miner.
    pub(crate) fn judge_inactivity(
        &mut self,
        number: RewardCycle,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let Some(cycle) = self.cycle(number) else { return Ok(()) };
        let Some(silent) = self.followed_tenure(cycle) else { return Ok(()) };
        let at = self.situation(cycle, facts, turn.now);
        let Ok(answer) = facts.burn_view()? else { return Ok(()) };
        if !is_timed_out(&silent, &at) {
            return Ok(());
        }
        let mut superseded = Vec::new();
        let other = match answer.last.as_ref().and_then(Sortition::winner) {
            Some(last) if last.tenure != silent => candidate(&last, &at, &mut superseded)?,
            _ => Ok(None),
        };
        let miner = other.ok().flatten();
        self.permit(superseded, turn);
        turn.note(Note::MinerInactive { tenure: silent, now: miner.map(|m| m.tenure) });
        if let Some(miner) = miner
            && let Some(cycle) = self.cycle_mut(number)
            && let Machine::Ready(view) = cycle.machine
        {
            cycle.machine = Machine::Ready(View { miner: MinerState::Active(miner), ..view });
            cycle.cause = ViewChange::InactiveMiner;
        }
        Ok(())
    }

    /// Negotiates the version, and publishes our view if it has changed.
    pub(crate) fn settle_views(&mut self, number: RewardCycle, turn: &mut Turn) {
        let (is_wrong_network, is_dry_run) = (self.is_wrong_network, self.params.is_dry_run);
        let Some(cycle) = self.cycle_mut(number) else { return };
        cycle.count_own_view();
        if let Some(from) = cycle.negotiate() {
            let to = cycle.active_version;
            cycle.cause = ViewChange::ProtocolUpgrade;
            cycle.count_own_view();
            turn.note(Note::VersionChanged { cycle: number, from, to });
        }
        let Some(update) = cycle.own_update() else { return };
        if is_wrong_network {
            // Nothing is said to this node; what was not heard is repeated to the next one.
            let _is_rung_unheard = cycle.unheard.rings(turn.now);
            return;
        }
        if cycle.published.as_ref() == Some(&update) {
            if cycle.unheard.rings(turn.now) {
                turn.note(Note::ViewRepeated { cycle: number });
                self.publish(number, SignerMessage::StateMachineUpdate(update), turn);
            }
            return;
        }
        cycle.published = Some(update.clone());
        if !is_dry_run {
            cycle.unheard.start_anew(turn.now);
        }
        cycle.published_at = turn.now;
        let cause = cycle.cause;
        let note = Note::ViewChanged { cycle: number, cause, update: Box::new(update.clone()) };
        turn.note(note);
        self.publish(number, SignerMessage::StateMachineUpdate(update), turn);
    }

    /// Reads the slots again while the signers do not agree on the burn block that we are at: what
    /// they said may have been missed.
    pub(crate) fn seek_agreement(&mut self, number: RewardCycle, turn: &mut Turn) {
        let has_started = self.started_cycle(number).is_some();
        let Some(cycle) = self.cycle_mut(number) else { return };
        let is_agreed = |own: &View| {
            let agreed = cycle.views.state(&cycle.set);
            agreed.is_some_and(|agreed| agreed.burn_block == own.burn.consensus_hash)
        };
        // A cycle that had started has not any more if the node went back to a burn block before it.
        if !has_started || cycle.machine.view().is_none_or(is_agreed) {
            cycle.unagreed.stop();
            return;
        }
        cycle.unagreed.start(turn.now);
        if cycle.unagreed.rings(turn.now) {
            cycle.views.forget_versions();
            let slots = u32::try_from(cycle.set.count()).unwrap_or(u32::MAX);
            turn.act(Action::ReadSlots { cycle: number, slots });
        }
    }

    pub(crate) fn on_stacks_block(&mut self, block: &NewBlock, turn: &mut Turn) {
        turn.note(Note::StacksBlock { height: block.height, sighash: block.sighash });
        let Some(sighash) = block.sighash else { return };
        self.end_replay(block, &sighash, turn);
        self.announce(block.block_id, block.height);
        self.confirm(&sighash, turn);
        for seat in self.seats.values_mut() {
            if let crate::cycle::Seat::Registered(cycle) = seat {
                extend_parent(cycle, block);
            }
        }
    }
}

/// What becomes of the replay set at the burn tip of a derived view. A node that does not tell is asked
/// again together with the view, but the view does not wait for ever.
fn follow(cycle: &Cycle, derived: &Derived, at: &Situation<'_>) -> Known<Reply<Followed>> {
    let unchanged = (cycle.replay.clone(), None);
    let (Derived::View { view, is_behind, .. }, Some(prior)) = (derived, cycle.machine.last_view())
    else {
        return Ok(Ok(unchanged));
    };
    let is_lower = *is_behind && view.burn.height < prior.burn.height;
    if is_lower && !cycle.machine.is_impatient(at.now) {
        // It is waited for. That it does not have our burn block says only that it is late.
        return Ok(Ok(unchanged));
    }
    let followed = follow_burn_chain(&cycle.replay, prior.burn, view.burn, at)?;
    if followed.is_err() && cycle.machine.is_impatient(at.now) {
        return Ok(Ok(unchanged));
    }
    Ok(followed)
}

/// A late block of the parent tenure moves the end of that tenure up.
fn extend_parent(cycle: &mut Cycle, block: &NewBlock) {
    let Machine::Ready(View { burn, miner: MinerState::Active(mut miner) }) = cycle.machine else {
        return;
    };
    if miner.parent_tenure == block.consensus_hash && block.height > miner.parent_last_height {
        miner.parent_last_block = block.block_id;
        miner.parent_last_height = block.height;
        cycle.machine = Machine::Ready(View { burn, miner: MinerState::Active(miner) });
        cycle.cause = ViewChange::StacksBlock;
    }
}
