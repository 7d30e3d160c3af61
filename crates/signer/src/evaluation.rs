//! Decisions that wait for answers of the node.

use std::collections::BTreeMap;

use countersign_wire::message::{BlockProposal, MockProposal};
use countersign_wire::{ConsensusHash, RewardCycle, Sighash};

use crate::event::{Answer, Query, Ticket};
use crate::facts::{Facts, Need, Reply};
use crate::step::Action;
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;

/// How many decisions may wait at once. Beyond it, new proposals are dropped unanswered.
pub(crate) const CAPACITY: usize = 256;

/// What is being decided.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// How long reward cycles are.
    Calendar,
    /// Whether the node is where we think it is.
    Poll,
    /// Whether we have a seat in this cycle.
    Registration(RewardCycle),
    /// Who may mine, as this cycle's machine sees it.
    View(RewardCycle),
    /// Whether to follow the miner before a silent one.
    Inactivity(RewardCycle),
    /// Whether to follow the miner that a majority follows.
    Capitulation(RewardCycle),
    /// Whether to have this proposal validated.
    Intake {
        /// The proposal.
        proposal: Box<BlockProposal>,
        /// Until when a rejection for want of agreement is withheld.
        patience: Timestamp,
    },
    /// Whether to answer a mock proposal.
    Mock(Box<MockProposal>),
    /// Whether to promise to sign, now that the node found the block valid.
    Promise(Sighash),
    /// Whether to sign, now that enough have promised.
    Commitment(Sighash),
}

/// Names a decision: only one of each is made at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskKey {
    Calendar,
    Poll,
    Registration(RewardCycle),
    View(RewardCycle),
    Inactivity(RewardCycle),
    Capitulation(RewardCycle),
    Intake(Sighash),
    Mock(ConsensusHash),
    Promise(Sighash),
    Commitment(Sighash),
}

impl Task {
    pub(crate) fn key(&self) -> TaskKey {
        match self {
            Self::Calendar => TaskKey::Calendar,
            Self::Poll => TaskKey::Poll,
            Self::Registration(cycle) => TaskKey::Registration(*cycle),
            Self::View(cycle) => TaskKey::View(*cycle),
            Self::Inactivity(cycle) => TaskKey::Inactivity(*cycle),
            Self::Capitulation(cycle) => TaskKey::Capitulation(*cycle),
            Self::Intake { proposal, .. } => TaskKey::Intake(proposal.block.sighash()),
            Self::Mock(proposal) => TaskKey::Mock(proposal.peer_info.pox_consensus),
            Self::Promise(sighash) => TaskKey::Promise(*sighash),
            Self::Commitment(sighash) => TaskKey::Commitment(*sighash),
        }
    }
}

/// A decision and what the node has said for it.
#[derive(Clone, Debug)]
pub(crate) struct Evaluation {
    pub(crate) task: Task,
    pub(crate) facts: Facts,
    asked: Option<Query>,
    /// When the first fact arrived.
    known_since: Option<Timestamp>,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The decision can be judged again.
    Heard,
    /// Its first facts have grown so old that they are read anew.
    Outdated(Ticket),
    /// No decision waits for it.
    Stray,
}

/// How long a fact may be held for a decision that needs more of them.
const MAX_FACT_AGE: Millis = Millis::from_secs(60);

/// All decisions that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evaluations {
    waiting: BTreeMap<Ticket, Evaluation>,
    by_key: BTreeMap<TaskKey, Ticket>,
    last_ticket: u64,
}

impl Evaluations {
    /// Begins a decision, instead of an earlier one of the same name.
    pub(crate) fn begin(&mut self, task: Task) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        if let Some(earlier) = self.by_key.insert(task.key(), ticket) {
            self.waiting.remove(&earlier);
        }
        self.waiting.insert(
            ticket,
            Evaluation { task, facts: Facts::default(), asked: None, known_since: None },
        );
        ticket
    }

    pub(crate) fn is_waiting(&self, key: TaskKey) -> bool {
        self.by_key.contains_key(&key)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= CAPACITY
    }

    /// Takes a decision out to judge it.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Evaluation> {
        let evaluation = self.waiting.remove(&ticket)?;
        self.by_key.remove(&evaluation.task.key());
        Some(evaluation)
    }

    /// Puts a decision back that needs an answer first, and asks for it.
    pub(crate) fn wait_for(
        &mut self,
        need: Need,
        ticket: Ticket,
        mut evaluation: Evaluation,
        turn: &mut Turn,
    ) {
        evaluation.asked = Some(need.0);
        self.by_key.insert(evaluation.task.key(), ticket);
        self.waiting.insert(ticket, evaluation);
        turn.act(Action::Ask { ticket, query: need.0 });
    }

    /// Hands an answer to the decision that asked.
    pub(crate) fn answer(
        &mut self,
        ticket: Ticket,
        query: Query,
        answer: Reply<Answer>,
        now: Timestamp,
    ) -> Answered {
        let Some(evaluation) =
            self.waiting.get_mut(&ticket).filter(|waiting| waiting.asked == Some(query))
        else {
            return Answered::Stray;
        };
        let known_since = *evaluation.known_since.get_or_insert(now);
        if now.since(known_since) > MAX_FACT_AGE {
            let task = evaluation.task.clone();
            return Answered::Outdated(self.begin(task));
        }
        evaluation.facts.insert(query, answer, now);
        Answered::Heard
    }

    /// The world may be another one: all decisions must read their facts anew.
    pub(crate) fn outdate_all(&mut self) -> Vec<Ticket> {
        self.outdate(|_| true)
    }

    /// The burn chain has moved on: decisions about blocks, and about who may mine them, must read
    /// their facts anew. Views are derived anew in any case.
    pub(crate) fn outdate_blocks(&mut self) -> Vec<Ticket> {
        self.outdate(|task| {
            matches!(task, Task::Intake { .. } | Task::Promise(_) | Task::Commitment(_))
                || matches!(task, Task::Inactivity(_) | Task::Capitulation(_))
        })
    }

    /// A block has become part of the chain: whether to sign another one must be judged anew.
    pub(crate) fn outdate_commitments(&mut self) -> Vec<Ticket> {
        self.outdate(|task| matches!(task, Task::Commitment(_)))
    }

    fn outdate(&mut self, is_outdated: impl Fn(&Task) -> bool) -> Vec<Ticket> {
        let outdated: Vec<Task> = self
            .waiting
            .values()
            .map(|evaluation| &evaluation.task)
            .filter(|task| is_outdated(task))
            .cloned()
            .collect();
        outdated.into_iter().map(|task| self.begin(task)).collect()
    }
}
