//! Which node should be asked, by how the nodes looked in the rounds so far. Pure: a round in, at most
//! one switch out.
//!
//! The active node is kept unless there is a reason of some duration: it is silent in
//! [`MISSES`] rounds in a row, or another node that has its tip was ahead of it in [`LATE`] rounds in a
//! row. Only a node on another network is left at once. Whatever the reason, the next node must have
//! answered well in [`STEADY`] rounds in a row. Back to the preferred node leads only that node's own
//! good conduct, and the more of it, the sooner it had failed after the last return.
//!
//! A node that is further on another fork is never a reason to leave the active one. If the active node
//! is on the losing fork, it will reorganise as soon as it sees the other; if it is on the winning one,
//! leaving it would be wrong. Until then the signers' agreement decides what is signed, as on one node.

use super::PREFERRED;
use super::sight::{Look, Sight, Standing, Tip};

/// A change of the active node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) why: Reason,
}

/// Why the active node changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It does not answer.
    Silent,
    /// It is on another network.
    WrongNetwork,
    /// It stays behind a node that has its tip.
    Late,
    /// The preferred node is well again.
    Preferred,
}

impl Reason {
    /// Every reason.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] =
        [Self::Silent, Self::WrongNetwork, Self::Late, Self::Preferred];

    /// The reason as a metric label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::WrongNetwork => "wrong_network",
            Self::Late => "late",
            Self::Preferred => "preferred",
        }
    }
}

/// How a node is doing, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    Silent,
    WrongNetwork,
    Late,
    Apart,
}

/// What is remembered about a node: for how many rounds in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Card {
    /// It was silent.
    missed: u32,
    /// It was on another network.
    elsewhere: u32,
    /// It answered, and was on the right network.
    steady: u32,
    /// It was ahead of the active node.
    leading: u32,
    /// It was behind the active node.
    trailing: u32,
    /// It was on another fork than the active node.
    apart: u32,
    /// It could have been the active node.
    fit: u32,
}

/// Keeps the score.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    cards: Vec<Card>,
    active: usize,
    /// Where the active node's chains ended when it last said so.
    tip: Option<Tip>,
    /// Rounds since the last switch; at the start as many as matter.
    stay: u32,
    /// How many times [`RETURN`] the preferred node must be well before it is returned to.
    caution: u32,
}

impl Scores {
    /// This many nodes, of which nothing is known; the preferred one is active.
    pub(super) fn of(nodes: usize) -> Self {
        let cards = vec![Card::default(); nodes];
        Self { cards, active: PREFERRED, tip: None, stay: PROBATION, caution: 1 }
    }

    /// The tip that the nodes' are compared with in a round in which they are seen like this.
    pub(super) fn reference(&self, sights: &[Sight]) -> Option<Tip> {
        match sights.get(self.active) {
            Some(Sight::At(tip)) => Some(*tip),
            _ => self.tip,
        }
    }

    /// Takes in one round, a look at each node in their order.
    pub(super) fn round(&mut self, looks: &[Look]) -> Option<Switch> {
        self.stay = self.stay.saturating_add(1);
        let sights: Vec<Sight> = looks.iter().map(|look| look.sight).collect();
        self.tip = self.reference(&sights);
        for (card, look) in self.cards.iter_mut().zip(looks) {
            card.take_in(look, self.tip.as_ref());
        }
        let (to, why) = self.proposal(looks)?;
        let switch = Switch { from: self.active, to, why };
        self.carry_out(switch, looks);
        Some(switch)
    }

    /// How a node is doing, by more than one round.
    pub(super) fn condition(&self, node: usize) -> Condition {
        let Some(card) = self.cards.get(node) else { return Condition::Silent };
        let is_active = node == self.active;
        if card.elsewhere > 0 {
            Condition::WrongNetwork
        } else if card.missed >= MISSES {
            Condition::Silent
        } else if !is_active && card.apart >= LATE {
            Condition::Apart
        } else if (!is_active && card.trailing >= LATE) || (is_active && self.is_late()) {
            Condition::Late
        } else {
            Condition::Well
        }
    }

    fn is_late(&self) -> bool {
        self.cards.iter().any(|card| card.leading >= LATE)
    }

    /// The node that should take over, and why.
    fn proposal(&self, looks: &[Look]) -> Option<(usize, Reason)> {
        let active = self.cards.get(self.active)?;
        if active.elsewhere > 0 {
            return Some((self.best(looks)?, Reason::WrongNetwork));
        }
        if active.missed >= MISSES {
            return Some((self.best(looks)?, Reason::Silent));
        }
        let others = || self.cards.iter().enumerate().filter(|(index, _)| *index != self.active);
        if let Some((ahead, _)) = others().find(|(_, card)| card.leading >= LATE) {
            return Some((ahead, Reason::Late));
        }
        let preferred = self.cards.get(PREFERRED)?;
        let is_trusted = preferred.fit >= RETURN.saturating_mul(self.caution);
        (self.active != PREFERRED && is_trusted).then_some((PREFERRED, Reason::Preferred))
    }

    /// The best node to take over from one that cannot be used: the first that is not worse than that
    /// one was when it was last seen; otherwise the one that is the least far behind; a node on another
    /// fork if there is no other.
    fn best(&self, looks: &[Look]) -> Option<usize> {
        let steady = |index: &usize| {
            *index != self.active
                && self.cards.get(*index).is_some_and(|card| card.steady >= STEADY)
        };
        let rank = |index: &usize| {
            let look = looks.get(*index)?;
            let Sight::At(tip) = look.sight else { return None };
            let standing = self.tip.map_or(Some(Standing::Behind), |tip| look.standing(&tip))?;
            let progress = (tip.burn_height, tip.stacks_height);
            Some(match standing {
                Standing::Level | Standing::Ahead => (0, None),
                Standing::Behind => (1, Some(std::cmp::Reverse(progress))),
                Standing::Apart => (2, Some(std::cmp::Reverse(progress))),
            })
        };
        let candidates = (0..self.cards.len()).filter(steady);
        candidates.filter_map(|index| Some((rank(&index)?, index))).min().map(|(_, index)| index)
    }

    fn carry_out(&mut self, switch: Switch, looks: &[Look]) {
        if switch.from == PREFERRED {
            // Left so soon after it was returned to, it is to be trusted less the next time.
            let is_relapse = self.stay < PROBATION;
            self.caution = if is_relapse { (self.caution * 2).min(MAX_CAUTION) } else { 1 };
        }
        self.stay = 0;
        self.active = switch.to;
        if let Some(Look { sight: Sight::At(tip), .. }) = looks.get(switch.to) {
            self.tip = Some(*tip);
        }
        // What was seen from the other node's tip means nothing from this one's.
        for card in &mut self.cards {
            (card.leading, card.trailing, card.apart, card.fit) = (0, 0, 0, 0);
        }
    }
}

impl Card {
    fn take_in(&mut self, look: &Look, active: Option<&Tip>) {
        let count = |counter: &mut u32, holds: bool| {
            *counter = if holds { counter.saturating_add(1) } else { 0 };
        };
        let standing = active.and_then(|active| look.standing(active));
        count(&mut self.missed, look.sight == Sight::Silent);
        count(&mut self.elsewhere, look.sight == Sight::Elsewhere);
        count(&mut self.steady, matches!(look.sight, Sight::At(_)));
        count(&mut self.leading, standing == Some(Standing::Ahead));
        count(&mut self.trailing, standing == Some(Standing::Behind));
        count(&mut self.apart, standing == Some(Standing::Apart));
        count(&mut self.fit, matches!(standing, Some(Standing::Level | Standing::Ahead)));
    }
}

/// In how many rounds in a row the active node must be silent to be left.
pub(super) const MISSES: u32 = 3;
/// In how many rounds in a row a node must have answered well to be switched to.
pub(super) const STEADY: u32 = 3;
/// In how many rounds in a row the active node must be behind another to be left. A burn block takes a
/// node some seconds, and some nodes more than others.
pub(super) const LATE: u32 = 20;
/// In how many rounds in a row the preferred node must be well to be returned to.
pub(super) const RETURN: u32 = 30;
/// For how many rounds after a return the preferred node is on probation.
pub(super) const PROBATION: u32 = 300;
/// How many times as long a node that keeps failing is at most waited for.
pub(super) const MAX_CAUTION: u32 = 16;

#[cfg(test)]
mod tests;
