//! What the ladder is built from: what the loop has heard.

use std::collections::BTreeMap;

use countersign_signer::{
    Answer, Event, NodeFailure, NotRegisteredReason, Note, Query, Timestamp, ViewConflict,
};
use countersign_wire::rpc::{NodeInfo, PoxInfo};
use countersign_wire::{BurnHeight, ChainId, RewardCycle, SlotId, StacksHeight};

/// What is known at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(super) ours: ChainId,
    /// Whether there is a journal on disk.
    pub(super) has_journal: bool,
    pub(super) node: NodeFact,
    pub(super) tip: Option<Tip>,
    /// A burn block that the node had not reached when it was asked, and when that was.
    pub(super) expected: Option<(BurnHeight, Timestamp)>,
    /// When the signers were last seen to build on a Stacks block that the node does not have.
    pub(super) lacks_block: Option<Timestamp>,
    /// Since when the node says of itself that it has not caught up.
    pub(super) unsynced_since: Option<Timestamp>,
    pub(super) calendar: Option<PoxInfo>,
    pub(super) seats: BTreeMap<RewardCycle, SeatFact>,
    /// When the last proposal was judged.
    pub(super) judged: Option<Timestamp>,
}

/// What the node says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NodeFact {
    /// Nothing yet.
    NotAsked,
    /// Where it is, and this was when.
    Answers(Timestamp),
    /// Nothing any more, with the reason.
    Silent(String),
}

/// Where the node's chains end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) chain_id: ChainId,
    pub(super) burn: BurnHeight,
    pub(super) stacks: StacksHeight,
}

/// What is known about our seat in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SeatFact {
    /// We have one.
    Registered { slot: SlotId, weight: u32, total: u32 },
    /// A dry run watches.
    Watching,
    /// We have none.
    NotRegistered(NotRegisteredReason),
    /// The node cannot tell yet.
    Delayed(String),
}

/// What is known about our seats, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registration {
    /// Whether we have one in this cycle.
    pub(crate) current: Option<bool>,
    /// And in the next, whose signers are chosen in the prepare phase.
    pub(crate) next: Option<bool>,
    /// Burn blocks until the next cycle begins.
    pub(crate) blocks_left: Option<u64>,
}

impl Facts {
    /// A signer that has heard nothing yet.
    pub(crate) const fn new(ours: ChainId, has_journal: bool) -> Self {
        Self {
            ours,
            has_journal,
            node: NodeFact::NotAsked,
            tip: None,
            expected: None,
            lacks_block: None,
            unsynced_since: None,
            calendar: None,
            seats: BTreeMap::new(),
            judged: None,
        }
    }

    /// Takes in an event; says whether anything is different now.
    pub(super) fn hear(&mut self, event: &Event, at: Timestamp) -> bool {
        match event {
            Event::Answered { query, answer, .. } => self.hear_answer(*query, answer, at),
            Event::NodeSwitched => {
                self.node = NodeFact::NotAsked;
                self.tip = None;
                self.unsynced_since = None;
                true
            }
            _ => false,
        }
    }

    pub(super) fn hear_answer(
        &mut self,
        query: Query,
        answer: &Result<Answer, NodeFailure>,
        at: Timestamp,
    ) -> bool {
        match answer {
            Ok(Answer::Info(info)) => self.hear_info(info, at),
            Ok(Answer::BurnView(view)) => self.hear_info(&view.info, at),
            Ok(Answer::Pox(pox)) => replace(&mut self.calendar, Some(pox.clone())),
            // The node is asked this every few seconds; a failure of other questions may be about them.
            Err(failure) if query == Query::Info => {
                replace(&mut self.node, NodeFact::Silent(failure.text.clone()))
            }
            Ok(_) | Err(_) => false,
        }
    }

    fn hear_info(&mut self, info: &NodeInfo, at: Timestamp) -> bool {
        let (burn, stacks) = (info.burn_block_height, info.stacks_tip_height);
        let tip = Tip { chain_id: info.network_id, burn, stacks };
        let is_unsynced = info.is_fully_synced == Some(false);
        let unsynced_since = is_unsynced.then(|| self.unsynced_since.unwrap_or(at));
        let changes = [
            replace(&mut self.node, NodeFact::Answers(at)),
            replace(&mut self.tip, Some(tip)),
            replace(&mut self.unsynced_since, unsynced_since),
        ];
        changes.contains(&true)
    }

    /// Takes in a note; says whether anything is different now.
    pub(super) fn note(&mut self, note: &Note, at: Timestamp) -> bool {
        match note {
            Note::Registered { cycle, slot, weight, total, .. } => {
                let (weight, total) = (weight.get(), total.get());
                self.seat(*cycle, SeatFact::Registered { slot: *slot, weight, total })
            }
            Note::Watching { cycle, .. } => self.seat(*cycle, SeatFact::Watching),
            Note::NotRegistered { cycle, reason } => {
                self.seat(*cycle, SeatFact::NotRegistered(*reason))
            }
            Note::RegistrationDelayed { cycle, why } => {
                self.seat(*cycle, SeatFact::Delayed(why.clone()))
            }
            Note::CycleEnded { cycle } => self.seats.remove(cycle).is_some(),
            Note::NodeBehind { expected, .. } => replace(&mut self.expected, Some((*expected, at))),
            Note::ViewConflict { conflict: ViewConflict::StacksBlockDelay, .. } => {
                replace(&mut self.lacks_block, Some(at))
            }
            Note::ViewChanged { .. } | Note::Capitulated { .. } => {
                replace(&mut self.lacks_block, None)
            }
            Note::Judged { .. } => replace(&mut self.judged, Some(at)),
            _ => false,
        }
    }

    fn seat(&mut self, cycle: RewardCycle, seat: SeatFact) -> bool {
        // The core knows of two cycles at a time; others are history.
        while self.seats.len() > MAX_CYCLES {
            self.seats.pop_first();
        }
        self.seats.insert(cycle, seat.clone()) != Some(seat)
    }

    /// Whether we have seats, and how long the cycle lasts.
    pub(super) fn registration(&self) -> Registration {
        let (Some(calendar), Some(tip)) = (&self.calendar, self.tip) else {
            return Registration::default();
        };
        let cycle = calendar.cycle_of(tip.burn);
        let seat = |cycle: RewardCycle| match self.seats.get(&cycle)? {
            SeatFact::Registered { .. } => Some(true),
            SeatFact::NotRegistered(_) => Some(false),
            SeatFact::Watching | SeatFact::Delayed(_) => None,
        };
        Registration {
            current: seat(cycle),
            next: seat(RewardCycle::new(cycle.get().saturating_add(1))),
            blocks_left: Some(calendar.blocks_left(tip.burn)),
        }
    }

    /// The reward cycle that the node is in.
    pub(super) fn cycle(&self) -> Option<RewardCycle> {
        Some(self.calendar.as_ref()?.cycle_of(self.tip?.burn))
    }
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let is_news = *place != value;
    *place = value;
    is_news
}

/// How many cycles are remembered.
const MAX_CYCLES: usize = 4;
