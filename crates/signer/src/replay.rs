//! Transactions to be replayed after a Bitcoin fork: the set, where it comes from, and when it ends
//! (`signer-behaviour` 5.8 d to f). How a fork is found and what it makes of the set is in
//! [`crate::fork`].
//!
//! A set without its scope cannot exist, so a restart forgets both and no machine is lost over it
//! (W37). Which set a block was validated with is remembered by the set itself, and not by a hash that
//! two programs must compute alike (W36).

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_wire::event::NewBlock;
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{BurnHeight, ConsensusHash, RewardCycle, Sighash};

use crate::cycle::{Cycle, Seat};
use crate::machine::BurnTip;
use crate::note::{Note, ReplayChange, ViewChange};
use crate::signer::Signer;
use crate::turn::Turn;

/// Transactions in the order in which they are to be replayed. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaySet(Arc<[StacksTransaction]>);

impl ReplaySet {
    /// The set of these transactions, in this order.
    pub fn new(transactions: Vec<StacksTransaction>) -> Self {
        Self(transactions.into())
    }

    /// The transactions in their order.
    pub fn transactions(&self) -> &[StacksTransaction] {
        &self.0
    }

    /// Whether nothing is to be replayed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What this signer wants replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Nothing.
    #[default]
    Idle,
    /// The transactions of a branch of the burn chain that was lost. The set is not empty.
    Active { set: ReplaySet, scope: Scope },
}

/// The fork that a replay set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Height of the lowest burn block that was lost.
    pub(crate) origin: BurnHeight,
    /// The tip of the branch that was lost.
    pub(crate) past_tip: BurnTip,
    /// Every burn block that was lost.
    pub(crate) lost: Vec<ConsensusHash>,
}

impl Replay {
    /// The transactions that our own view names.
    pub(crate) fn transactions(&self) -> &[StacksTransaction] {
        match self {
            Self::Idle => &[],
            Self::Active { set, .. } => set.transactions(),
        }
    }

    pub(crate) const fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Idle => None,
            Self::Active { scope, .. } => Some(scope),
        }
    }
}

/// Which replay set the node was given with which block, and whether the block exhausts it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replayed(VecDeque<Given>);

#[derive(Clone, Debug)]
struct Given {
    sighash: Sighash,
    set: ReplaySet,
    /// None until the node's verdict is there.
    is_exhausted: Option<bool>,
}

impl Replayed {
    /// The node was given this block with this set, which may be empty.
    pub(crate) fn give(&mut self, sighash: Sighash, set: ReplaySet) {
        self.0.retain(|given| given.sighash != sighash);
        if set.is_empty() {
            return;
        }
        if self.0.len() >= MAX_GIVEN {
            self.0.pop_front();
        }
        self.0.push_back(Given { sighash, set, is_exhausted: None });
    }

    /// What the node was given with this block.
    pub(crate) fn given(&self, sighash: &Sighash) -> ReplaySet {
        let given = self.0.iter().find(|given| given.sighash == *sighash);
        given.map(|given| given.set.clone()).unwrap_or_default()
    }

    /// The node has validated the block with a replay set.
    pub(crate) fn validated(&mut self, sighash: &Sighash, is_exhausted: bool) {
        if let Some(given) = self.0.iter_mut().find(|given| given.sighash == *sighash) {
            given.is_exhausted = Some(is_exhausted);
        }
    }

    /// Whether the block exhausts exactly this set; none if it was not validated with it.
    fn exhausts(&self, sighash: &Sighash, set: &ReplaySet) -> Option<bool> {
        let given = self.0.iter().find(|given| given.sighash == *sighash && given.set == *set)?;
        given.is_exhausted
    }
}

/// How many blocks are remembered with their sets; each tenure has a few at a time.
const MAX_GIVEN: usize = 64;

impl Signer {
    /// The node has processed a block: a set that it exhausts is done with, and one that it was not
    /// validated with will not be replayed any more. What is announced again, or late from the branch
    /// that was lost, ends nothing.
    pub(crate) fn end_replay(&mut self, block: &NewBlock, sighash: &Sighash, turn: &mut Turn) {
        if self.is_announced(&block.block_id) {
            return;
        }
        for seat in self.seats.values_mut() {
            let Seat::Registered(cycle) = seat else { continue };
            let Replay::Active { set, scope } = &cycle.replay else { continue };
            if cycle.machine.view().is_none() || scope.lost.contains(&block.consensus_hash) {
                continue;
            }
            let change = match self.validation.replayed.exhausts(sighash, set) {
                Some(false) => continue,
                Some(true) => ReplayChange::Exhausted,
                None => ReplayChange::Bypassed,
            };
            cycle.cause = ViewChange::StacksBlock;
            cycle.take_replay(Replay::Idle, Some(change), turn);
        }
    }

    /// What the signers of a cycle agree to replay, as far as the operator wants the node to be told.
    pub(crate) fn replay_for_validation(&self, number: RewardCycle) -> ReplaySet {
        match self.cycle(number) {
            Some(cycle) if self.params.validate_with_replay_tx => {
                ReplaySet::new(cycle.views.replay_set(&cycle.set).to_vec())
            }
            _ => ReplaySet::default(),
        }
    }
}

impl Cycle {
    /// Goes on with another replay set.
    pub(crate) fn take_replay(
        &mut self,
        replay: Replay,
        change: Option<ReplayChange>,
        turn: &mut Turn,
    ) {
        if let Some(change) = change {
            let transactions = replay.transactions().len();
            turn.note(Note::ReplayChanged { cycle: self.number, change, transactions });
        }
        self.replay = replay;
    }
}
