//! The latest two winners as this signer judges them by itself, for agreed versions below 2
//! (`signer-behaviour` 3.2).
//!
//! Read from the node when a block is first judged by it, dropped at every burn block, never stored.

use countersign_wire::ConsensusHash;
use countersign_wire::message::RejectReason;
use countersign_wire::rpc::{Sortition, Winner};

use crate::event::BurnView;

/// The latest two winners, and whether the latest was given up before it got a block signed. Whether
/// the one before is silent does not matter: nobody else is left to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SortitionView {
    pub(crate) current: Winner,
    last: Option<Winner>,
    is_current_given_up: bool,
}

impl SortitionView {
    /// What the node says, with a valid latest winner; none if nobody won the latest sortition.
    pub(crate) fn of(view: &BurnView) -> Option<Self> {
        Some(Self {
            current: view.latest.winner()?,
            last: view.last.as_ref().and_then(Sortition::winner),
            is_current_given_up: false,
        })
    }

    /// What the node says now. A winner that was given up stays so: otherwise anybody could bring it
    /// back by proposing a block of a tenure that nobody knows.
    pub(crate) fn read_again(&self, view: &BurnView) -> Option<Self> {
        let mut read = Self::of(view)?;
        read.is_current_given_up = self.is_given_up(&read.current.tenure);
        Some(read)
    }

    /// The winner of a tenure, if it is one of the latest two.
    pub(crate) fn winner_of(&self, tenure: &ConsensusHash) -> Option<Winner> {
        [self.current].into_iter().chain(self.last).find(|winner| winner.tenure == *tenure)
    }

    /// Gives the latest winner up.
    pub(crate) const fn give_up_current(&mut self) {
        self.is_current_given_up = true;
    }

    /// Whether the winner of this tenure was given up.
    pub(crate) fn is_given_up(&self, tenure: &ConsensusHash) -> bool {
        self.is_current_given_up && self.current.tenure == *tenure
    }

    /// Why a miner of the latest two may not mine now: the latest must not have been given up, the
    /// one before may go on only if the latest was.
    pub(crate) fn objection_to(&self, winner: &Winner) -> Option<RejectReason> {
        match (winner.tenure == self.current.tenure, self.is_current_given_up) {
            (true, false) | (false, true) => None,
            (true, true) => Some(RejectReason::InvalidMiner),
            (false, false) => Some(RejectReason::NotLatestSortitionWinner),
        }
    }
}
