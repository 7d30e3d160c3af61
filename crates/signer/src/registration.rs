//! Where we have a seat: reward cycles come, overlap and go (`signer-behaviour` 1.3 to 1.6).

use std::collections::BTreeMap;

use countersign_wire::RewardCycle;
use countersign_wire::event::NewBurnBlock;
use countersign_wire::rpc::{NodeInfo, PoxInfo};

use crate::burn::{Announcement, Calendar};
use crate::cycle::Seat;
use crate::evaluation::{Task, TaskKey};
use crate::event::{BurnView, RegistrationFacts};
use crate::facts::{Facts, Known};
use crate::machine::BurnTip;
use crate::note::{NotRegisteredReason, Note};
use crate::record::BlockState;
use crate::seat::{Seated, find_seat};
use crate::signer::Signer;
use crate::step::{Action, Write};
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;

/// How often the node is asked whether a callback was missed.
const POLL_EVERY: Millis = Millis::from_secs(5);
/// How long a cycle that is over waits for the decision on a block.
const LAST_BLOCK_PATIENCE: Millis = Millis::from_secs(600);
/// How long after a failure the node is asked again.
const RETRY_AFTER: Millis = Millis::from_secs(1);

/// Questions that will be asked again, and what was wrong last time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries {
    due: BTreeMap<TaskKey, Timestamp>,
    failing: BTreeMap<TaskKey, String>,
}

impl Retries {
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.values().min().copied()
    }

    /// Asks again at `at`.
    pub(crate) fn at(&mut self, key: TaskKey, at: Timestamp) {
        self.due.insert(key, at);
    }

    /// Asks again soon; says whether this failure is news.
    pub(crate) fn after_failure(&mut self, key: TaskKey, text: &str, now: Timestamp) -> bool {
        self.at(key, now.plus(RETRY_AFTER));
        self.is_news(key, text)
    }

    /// Remembers what is wrong; says whether that is news.
    pub(crate) fn is_news(&mut self, key: TaskKey, text: &str) -> bool {
        self.failing.insert(key, text.to_owned()).as_deref() != Some(text)
    }

    pub(crate) fn succeeded(&mut self, key: TaskKey) {
        self.failing.remove(&key);
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<TaskKey> {
        let due: Vec<TaskKey> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
        for key in &due {
            self.due.remove(key);
        }
        due
    }
}

impl Signer {
    /// A burn block was announced. Anybody who reaches our endpoint can say so: it is a reason to ask
    /// the node, and a time of arrival, and nothing else.
    pub(crate) fn on_burn_block(&mut self, event: &NewBurnBlock, turn: &mut Turn) {
        let tip = BurnTip { height: event.burn_block_height, consensus_hash: event.consensus_hash };
        if self.unannounced == Some(tip.consensus_hash) {
            self.unannounced = None;
        }
        match self.burn.announce(event, turn.now) {
            // A view may have run ahead of this callback, and made the burn block known before.
            Announcement::Known
                if self.burn_tip.is_some_and(|known| known.height >= tip.height) =>
            {
                return;
            }
            Announcement::Known | Announcement::TooMany => {
                if !self.evaluations.is_waiting(TaskKey::Poll) {
                    self.begin(Task::Poll, turn);
                }
                return;
            }
            Announcement::New => {}
        }
        turn.note(Note::BurnBlock {
            height: tip.height,
            consensus_hash: tip.consensus_hash,
            cycle: self.calendar.map(|calendar| calendar.cycle_of(tip.height)),
        });
        self.derive_views(tip, turn);
        self.begin(Task::Poll, turn);
    }

    pub(crate) fn derive_views(&mut self, tip: BurnTip, turn: &mut Turn) {
        let cycles: Vec<RewardCycle> = self.seats.keys().copied().collect();
        for number in cycles {
            let Some(cycle) = self.cycle_mut(number) else { continue };
            cycle.machine.expect(Some(tip), turn.now);
            cycle.cause = crate::note::ViewChange::BurnBlock;
            self.begin(Task::View(number), turn);
        }
    }

    /// The node's burn chain has a new tip: views are derived anew, decisions about blocks read their
    /// facts again, and seats are looked for.
    fn move_to(&mut self, tip: BurnTip, turn: &mut Turn) {
        let earlier = self.current_cycle();
        self.burn_tip = Some(tip);
        if earlier.is_some() && earlier < self.current_cycle() {
            // What was said for the new cycle before we saw it begin was passed over.
            self.read_slots_again(turn);
        }
        self.sortitions = None;
        for seen in self.burn.confirm(tip.height) {
            turn.write(Write::BurnBlock(seen));
        }
        turn.write(Write::PruneBelow(self.burn.prune(tip.height)));
        let arrived = self.burn.get(&tip.consensus_hash).map_or(turn.now, |seen| seen.received_at);
        self.seats.retain(|_, seat| matches!(seat, Seat::Registered(_)));
        let mut is_outdated = false;
        for seat in self.seats.values_mut() {
            if let Seat::Registered(cycle) = seat {
                cycle.reports.record(tip.consensus_hash, cycle.index, arrived);
                is_outdated |= cycle.machine.expected() != Some(tip)
                    && cycle.machine.last_view().is_none_or(|view| view.burn != tip);
            }
        }
        if is_outdated {
            self.derive_views(tip, turn);
        }
        for ticket in self.evaluations.outdate_blocks() {
            self.advance(ticket, turn);
        }
        self.look_for_seats(turn);
        self.leave_old_cycles(turn);
    }

    pub(crate) fn judge_calendar(&mut self, facts: &Facts, turn: &mut Turn) -> Known<()> {
        match facts.pox()? {
            Ok(pox) => self.learn_calendar(pox, turn),
            Err(failure) => {
                self.note_failure(TaskKey::Calendar, "/v2/pox", failure.text, turn);
            }
        }
        Ok(())
    }

    fn learn_calendar(&mut self, pox: &PoxInfo, turn: &mut Turn) {
        let Some(calendar) = Calendar::new(pox) else {
            let text = "the node's reward cycle has no length".to_owned();
            return self.note_failure(TaskKey::Calendar, "/v2/pox", text, turn);
        };
        self.retries.succeeded(TaskKey::Calendar);
        self.calendar = Some(calendar);
        self.look_for_seats(turn);
    }

    /// Asks the node about the cycle of the burn tip and, in its prepare phase, the next.
    pub(crate) fn look_for_seats(&mut self, turn: &mut Turn) {
        let (Some(calendar), Some(tip)) = (self.calendar, self.burn_tip) else { return };
        let current = calendar.cycle_of(tip.height);
        let next = calendar.is_prepare_phase(tip.height).then(|| current.next());
        for cycle in [Some(current), next].into_iter().flatten() {
            let is_waiting = self.evaluations.is_waiting(TaskKey::Registration(cycle));
            if !self.seats.contains_key(&cycle) && !is_waiting {
                self.begin(Task::Registration(cycle), turn);
            }
        }
    }

    pub(crate) fn judge_registration(
        &mut self,
        number: RewardCycle,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let why = match facts.registration(number)? {
            Ok(facts) if facts.last_set_cycle < number => {
                Some("Stackerdb has not been updated for reward cycle".to_owned())
            }
            Ok(facts) => {
                self.take_seat(number, facts, turn);
                None
            }
            Err(failure) => Some(failure.text),
        };
        if let Some(why) = why {
            let key = TaskKey::Registration(number);
            if self.retries.after_failure(key, &why, turn.now) {
                turn.note(Note::RegistrationDelayed { cycle: number, why });
            }
        }
        Ok(())
    }

    fn take_seat(&mut self, number: RewardCycle, facts: &RegistrationFacts, turn: &mut Turn) {
        let Seated { mut cycle, unused } = match find_seat(&self.params, number, facts, turn.now) {
            Ok(seated) => seated,
            Err(reason) => {
                self.seats.insert(number, Seat::NotRegistered);
                let is_news = self.retries.is_news(TaskKey::Registration(number), reason.label());
                if is_news || reason == NotRegisteredReason::DryRunOwnsSlot {
                    turn.note(Note::NotRegistered { cycle: number, reason });
                }
                return;
            }
        };
        self.retries.succeeded(TaskKey::Registration(number));
        let total = cycle.set.total();
        turn.note(if self.params.is_dry_run {
            Note::Watching { cycle: number, total }
        } else {
            let weight = cycle.set.weight_of(cycle.index);
            Note::Registered { cycle: number, key: cycle.key, slot: cycle.slot, weight, total }
        });
        if let Some(key) = unused {
            turn.note(Note::SecondSeat { cycle: number, key });
        }
        self.claim_saved(&mut cycle);
        if let Some(tip) = self.burn_tip {
            cycle.reports.record(tip.consensus_hash, cycle.index, turn.now);
        }
        cycle.machine.expect(None, turn.now);
        let slots = u32::try_from(cycle.set.count()).unwrap_or(u32::MAX);
        self.seats.insert(number, Seat::Registered(Box::new(cycle)));
        self.begin(Task::View(number), turn);
        self.resume(number, turn);
        turn.act(Action::ReadSlots { cycle: number, slots });
    }

    /// Leaves cycles that are over, once nothing of them is undecided; at the latest one cycle later.
    fn leave_old_cycles(&mut self, turn: &mut Turn) {
        let Some(current) = self.current_cycle() else { return };
        let over: Vec<RewardCycle> = self
            .seats
            .keys()
            .copied()
            .filter(|cycle| *cycle < current)
            .filter(|cycle| cycle.next() < current || !self.has_undecided(*cycle, turn.now))
            .collect();
        for cycle in over {
            if let Some(Seat::Registered(_)) = self.seats.remove(&cycle) {
                turn.note(Note::CycleEnded { cycle });
            }
            self.parked.forget_cycle(cycle);
            self.validation.forget_cycle(cycle);
            turn.write(Write::ForgetCycle(cycle));
        }
    }

    /// Whether votes or a verdict may still decide a block of this cycle, which was proposed not long
    /// ago: the signers of a cycle that is over bring its last block to its end.
    fn has_undecided(&self, cycle: RewardCycle, now: Timestamp) -> bool {
        self.ledger.of_cycle(cycle).map(|entry| &entry.record).any(|record| {
            !record.state.is_global()
                && record.state != BlockState::LocallyRejected
                && now.since(record.proposed_at) <= LAST_BLOCK_PATIENCE
        })
    }

    /// Asks again what could not be answered, and whether a callback was missed.
    pub(crate) fn retry_questions(&mut self, turn: &mut Turn) {
        for key in self.retries.take_due(turn.now) {
            match key {
                TaskKey::Calendar => self.begin(Task::Calendar, turn),
                TaskKey::Poll => self.begin(Task::Poll, turn),
                TaskKey::Registration(_) => self.look_for_seats(turn),
                TaskKey::View(_)
                | TaskKey::Inactivity(_)
                | TaskKey::Capitulation(_)
                | TaskKey::Intake(_)
                | TaskKey::Mock(_)
                | TaskKey::Promise(_)
                | TaskKey::Commitment(_) => {}
            }
        }
    }

    pub(crate) fn judge_poll(&mut self, facts: &Facts, turn: &mut Turn) -> Known<()> {
        match facts.info()? {
            Ok(info) => {
                self.retries.succeeded(TaskKey::Poll);
                self.retries.at(TaskKey::Poll, turn.now.plus(POLL_EVERY));
                self.learn_node(info, turn);
            }
            Err(failure) => self.note_failure(TaskKey::Poll, "/v2/info", failure.text, turn),
        }
        Ok(())
    }

    /// Compares the node with what its callbacks told; what was missed is made up for.
    fn learn_node(&mut self, info: &NodeInfo, turn: &mut Turn) {
        let is_wrong = info.network_id != self.params.chain_id;
        if is_wrong && !self.is_wrong_network {
            turn.note(Note::WrongNetwork {
                node: info.network_id.get(),
                ours: self.params.chain_id.get(),
            });
        }
        self.is_wrong_network = is_wrong;
        if is_wrong {
            return;
        }
        if info.stacks_tip_height > self.stacks_height {
            self.stacks_height = info.stacks_tip_height;
            self.validation.hasten_those_without_parent(turn.now);
        }
        self.confirm(&info.stacks_tip, turn);
        let node = BurnTip { height: info.burn_block_height, consensus_hash: info.pox_consensus };
        if self.unannounced.take().is_some() {
            self.read_slots_again(turn);
        }
        self.follow_burn_tip(node, turn);
    }

    /// A view was read at this tip, which may be news: the next poll is seconds away, and a cycle may
    /// begin here whose first proposal is on its way. A lower tip may be of an older answer.
    pub(crate) fn learn_tip_of_view(&mut self, info: &NodeInfo, turn: &mut Turn) {
        let node = BurnTip { height: info.burn_block_height, consensus_hash: info.pox_consensus };
        let is_higher = self.burn_tip.is_some_and(|known| known.height < node.height);
        if is_higher && info.network_id == self.params.chain_id {
            self.follow_burn_tip(node, turn);
        }
    }

    fn follow_burn_tip(&mut self, node: BurnTip, turn: &mut Turn) {
        if self.burn_tip == Some(node) {
            return;
        }
        let is_known = self.burn.get(&node.consensus_hash).is_some();
        if self.burn_tip.is_some() && !is_known {
            self.unannounced = Some(node.consensus_hash);
        }
        self.move_to(node, turn);
    }

    /// Reads everything anew that may have changed while this signer stood still.
    pub(crate) fn on_resumed(&mut self, turn: &mut Turn) {
        for ticket in self.evaluations.outdate_all() {
            self.advance(ticket, turn);
        }
        if !self.evaluations.is_waiting(TaskKey::Poll) {
            self.begin(Task::Poll, turn);
        }
        self.read_slots_again(turn);
    }

    pub(crate) fn read_slots_again(&self, turn: &mut Turn) {
        for seat in self.seats.values() {
            if let Seat::Registered(cycle) = seat {
                let slots = u32::try_from(cycle.set.count()).unwrap_or(u32::MAX);
                turn.act(Action::ReadSlots { cycle: cycle.number, slots });
            }
        }
    }

    /// Remembers the burn blocks of a view whose callbacks never came: each as one that arrives now,
    /// which is later than it did.
    pub(crate) fn learn_burn_blocks(&mut self, view: &BurnView, now: Timestamp) {
        for sortition in view.last.iter().chain([&view.latest]) {
            let event = NewBurnBlock {
                burn_block_hash: sortition.burn_block_hash,
                burn_block_height: sortition.burn_block_height,
                consensus_hash: sortition.consensus_hash,
                parent_burn_block_hash: countersign_wire::BurnBlockHash::ZERO,
            };
            self.burn.remember(&event, now);
        }
    }

    pub(crate) fn note_failure(
        &mut self,
        key: TaskKey,
        asked: &'static str,
        text: String,
        turn: &mut Turn,
    ) {
        if self.retries.after_failure(key, &text, turn.now) {
            turn.note(Note::NodeFailed { asked, text });
        }
    }
}
