//! The signer: its state, and which handler each event goes to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_wire::{ConsensusHash, RewardCycle, Sighash, StacksBlockId, StacksHeight};

use crate::burn::{BurnHistory, Calendar};
use crate::cycle::{Cycle, Seat};
use crate::evaluation::{Answered, Evaluation, Evaluations, Task};
use crate::event::{Event, Ticket};
use crate::facts::{Facts, Known};
use crate::inactivity::times_out_at;
use crate::ledger::Ledger;
use crate::machine::BurnTip;
use crate::mock::MockSigned;
use crate::params::Params;
use crate::parked::Parked;
use crate::registration::Retries;
use crate::reminder::Reminder;
use crate::rules::Situation;
use crate::saved::Saved;
use crate::sortitions::SortitionView;

use crate::step::Step;
use crate::tally::Writer;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::validation::Validation;

/// How many announced block ids are remembered.
const ANNOUNCED: usize = 100;

/// One key's view of the network, and every decision that it has not finished.
#[derive(Clone, Debug)]
pub struct Signer {
    pub(crate) params: Params,
    pub(crate) calendar: Option<Calendar>,
    /// The burn block that the node was last seen at.
    pub(crate) burn_tip: Option<BurnTip>,
    /// A burn tip of the node whose callback has not come; if it does not come until the node is asked
    /// again, other callbacks are missing, too.
    pub(crate) unannounced: Option<ConsensusHash>,
    /// Height of the node's Stacks tip, as far as it was told.
    pub(crate) stacks_height: StacksHeight,
    /// The node is on another chain: nothing is promised or signed.
    pub(crate) is_wrong_network: bool,
    pub(crate) seats: BTreeMap<RewardCycle, Seat>,
    pub(crate) ledger: Ledger,
    pub(crate) burn: BurnHistory,
    pub(crate) parked: Parked,
    pub(crate) validation: Validation,
    pub(crate) evaluations: Evaluations,
    pub(crate) retries: Retries,
    /// Blocks that enough have promised to sign and that we withheld our signature from, with the
    /// time at which that may change by itself.
    pub(crate) withheld: BTreeMap<Sighash, Timestamp>,
    /// Blocks whose signature the vault was asked for and has not returned.
    pub(crate) signing: BTreeSet<Sighash>,
    pub(crate) announced: VecDeque<StacksBlockId>,
    pub(crate) mock_signed: MockSigned,
    /// How far the wall clock is ahead of the steady one, in milliseconds.
    wall_ahead: i64,
    /// When this process took up its work.
    started_at: Timestamp,
    /// For agreed versions below 2; shared by all cycles.
    pub(crate) sortitions: Option<SortitionView>,
    /// What was saved about peers of cycles that we have not found our seat in yet.
    pub(crate) unclaimed: Saved,
}

impl Signer {
    /// A signer with what it remembers, and the step that takes up what a stop has interrupted.
    ///
    /// Promises and signatures that may not have left are sent again as soon as the node has told
    /// our seat.
    pub fn restore(params: Params, saved: Saved, now: Timestamp) -> (Self, Step) {
        let mut signer = Self {
            params,
            calendar: None,
            burn_tip: None,
            unannounced: None,
            stacks_height: StacksHeight::new(0),
            is_wrong_network: false,
            seats: BTreeMap::new(),
            ledger: Ledger::default(),
            burn: BurnHistory::default(),
            parked: Parked::default(),
            validation: Validation::default(),
            evaluations: Evaluations::default(),
            retries: Retries::default(),
            withheld: BTreeMap::new(),
            signing: BTreeSet::new(),
            announced: VecDeque::new(),
            mock_signed: MockSigned::default(),
            wall_ahead: 0,
            started_at: now,
            sortitions: None,
            unclaimed: Saved::default(),
        };
        let mut turn = Turn::at(now, 0);
        signer.take_back(saved, &mut turn);
        signer.begin(Task::Calendar, &mut turn);
        signer.begin(Task::Poll, &mut turn);
        (signer, turn.into_step())
    }

    /// Takes in one event. `now` never goes back and never jumps: it goes by a steady clock that was
    /// set to the time of the world once, at the start.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Step {
        if let Event::ClockSet { ahead } = event {
            self.wall_ahead = ahead;
        }
        let mut turn = Turn::at(now, self.wall_ahead);
        self.dispatch(event, &mut turn);
        self.settle(&mut turn);
        turn.into_step()
    }

    /// When [`Event::Deadline`] is due, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let seats = self.seats.values().filter_map(|seat| match seat {
            Seat::Registered(cycle) => self.cycle_deadline(cycle),
            Seat::NotRegistered => None,
        });
        let validation = self.validation.next_deadline(self.params.timeouts.validation);
        let withheld = self.withheld.values().min().copied();
        seats.chain(validation).chain(withheld).chain(self.retries.next()).min()
    }

    fn dispatch(&mut self, event: Event, turn: &mut Turn) {
        match event {
            Event::Deadline | Event::ClockSet { .. } => {}
            Event::Resumed => self.on_resumed(turn),
            Event::NodeSwitched => self.on_node_switched(turn),
            Event::BurnBlock(block) => self.on_burn_block(&block, turn),
            Event::StacksBlock(block) => self.on_stacks_block(&block, turn),
            Event::Verdict(verdict) => self.on_verdict(verdict, turn),
            Event::Proposal(proposal) => self.on_proposal(proposal, turn),
            Event::MockProposal(proposal) => self.on_mock_proposal(proposal, turn),
            Event::Pushed(block) => self.on_pushed(*block, turn),
            Event::Peer { parity, from, version, message } => {
                self.on_peer(parity, &Writer { key: from, version }, &message, turn);
            }
            Event::Answered { ticket, query, answer } => {
                match self.evaluations.answer(ticket, query, answer, turn.now) {
                    Answered::Heard => self.advance(ticket, turn),
                    Answered::Outdated(anew) => self.advance(anew, turn),
                    Answered::Stray => {}
                }
            }
            Event::ValidationSubmitted { sighash, outcome } => {
                self.on_submitted(sighash, outcome, turn);
            }
            Event::Signed { sighash, signature } => self.on_signed(sighash, signature, turn),
            Event::SigningRefused { sighash, rival } => {
                self.on_signing_refused(sighash, rival, turn);
            }
            Event::Uploaded { sighash } => self.on_uploaded(sighash, turn),
        }
    }

    /// What time alone brings about, and what follows from a changed view.
    fn settle(&mut self, turn: &mut Turn) {
        self.retry_questions(turn);
        self.expire_validation(turn);
        self.serve_validation(turn);
        self.reconsider_withheld(turn);
        let cycles: Vec<RewardCycle> = self.seats.keys().copied().collect();
        for cycle in cycles {
            self.retry_view(cycle, turn);
            self.check_inactivity(cycle, turn);
            self.check_capitulation(cycle, turn);
            self.settle_views(cycle, turn);
            self.seek_agreement(cycle, turn);
            self.judge_held(cycle, turn);
        }
    }

    /// Begins a decision and takes it as far as the facts at hand allow.
    pub(crate) fn begin(&mut self, task: Task, turn: &mut Turn) {
        let ticket = self.evaluations.begin(task);
        self.advance(ticket, turn);
    }

    /// Judges a decision again; if it needs another answer, asks for it.
    pub(crate) fn advance(&mut self, ticket: Ticket, turn: &mut Turn) {
        let Some(evaluation) = self.evaluations.take(ticket) else { return };
        if let Err(need) = self.judge(&evaluation, turn) {
            self.evaluations.wait_for(need, ticket, evaluation, turn);
        }
    }

    fn judge(&mut self, evaluation: &Evaluation, turn: &mut Turn) -> Known<()> {
        let facts = &evaluation.facts;
        match &evaluation.task {
            Task::Calendar => self.judge_calendar(facts, turn),
            Task::Poll => self.judge_poll(facts, turn),
            Task::Registration(cycle) => self.judge_registration(*cycle, facts, turn),
            Task::View(cycle) => self.judge_view(*cycle, facts, turn),
            Task::Inactivity(cycle) => self.judge_inactivity(*cycle, facts, turn),
            Task::Capitulation(cycle) => self.judge_capitulation(*cycle, facts, turn),
            Task::Intake { proposal, patience } => {
                self.judge_intake(proposal, *patience, facts, turn)
            }
            Task::Mock(proposal) => self.judge_mock(proposal, facts, turn),
            Task::Promise(sighash) => self.judge_promise(sighash, facts, turn),
            Task::Commitment(sighash) => self.judge_commitment(sighash, facts, turn),
        }
    }

    fn cycle_deadline(&self, cycle: &Cycle) -> Option<Timestamp> {
        let facts = Facts::default();
        let held = cycle.held.values().filter_map(|task| match task {
            Task::Intake { patience, .. } => Some(*patience),
            _ => None,
        });
        // A check that has been due for longer waits for its next turn, not for this moment.
        let inactivity = self.followed_tenure(cycle).and_then(|tenure| {
            let at = self.situation(cycle, &facts, Timestamp::default());
            times_out_at(&tenure, &at).map(|due| due.max(cycle.inactivity_check_at.unwrap_or(due)))
        });
        let reminders = [&cycle.unheard, &cycle.unagreed].into_iter().filter_map(Reminder::next);
        let capitulation = self.capitulation_due_at(cycle);
        let own = inactivity.into_iter().chain(capitulation).chain(cycle.view_retry_at);
        held.chain(own).chain(reminders).min()
    }

    /// Remembers that the node has processed a block.
    pub(crate) fn announce(&mut self, block_id: StacksBlockId, height: StacksHeight) {
        self.stacks_height = self.stacks_height.max(height);
        if self.announced.len() == ANNOUNCED {
            self.announced.pop_front();
        }
        self.announced.push_back(block_id);
    }

    /// Whether the node has announced this block before.
    pub(crate) fn is_announced(&self, block_id: &StacksBlockId) -> bool {
        self.announced.contains(block_id)
    }

    /// Whether the node can be expected to know this block.
    pub(crate) fn is_known_to_node(&self, parent: &StacksBlockId, height: StacksHeight) -> bool {
        self.announced.contains(parent) || self.stacks_height.next() >= height
    }

    pub(crate) fn cycle(&self, number: RewardCycle) -> Option<&Cycle> {
        match self.seats.get(&number)? {
            Seat::Registered(cycle) => Some(cycle),
            Seat::NotRegistered => None,
        }
    }

    pub(crate) fn cycle_mut(&mut self, number: RewardCycle) -> Option<&mut Cycle> {
        match self.seats.get_mut(&number)? {
            Seat::Registered(cycle) => Some(cycle),
            Seat::NotRegistered => None,
        }
    }

    /// Our seat in a cycle that has started.
    pub(crate) fn started_cycle(&self, number: RewardCycle) -> Option<&Cycle> {
        self.cycle(number).filter(|_| Some(number) <= self.current_cycle())
    }

    /// The reward cycle of the burn tip.
    pub(crate) fn current_cycle(&self) -> Option<RewardCycle> {
        Some(self.calendar?.cycle_of(self.burn_tip?.height))
    }

    pub(crate) fn situation<'a>(
        &'a self,
        cycle: &'a Cycle,
        facts: &'a Facts,
        now: Timestamp,
    ) -> Situation<'a> {
        Situation {
            params: &self.params,
            calendar: self.calendar,
            ledger: &self.ledger,
            burn: &self.burn,
            reports: &cycle.reports,
            set: &cycle.set,
            version: cycle.active_version,
            sortitions: self.sortitions.as_ref(),
            facts,
            started_at: self.started_at,
            now,
        }
    }
}
