//! What the node has said for one evaluation.
//!
//! A rule that needs a fact asks its bag of facts; what is not there yet comes back as [`Need`], and
//! the signer asks the node and judges again when the answer is there. So rules stay plain
//! functions, and no decision uses a fact that was read for another one.

use std::collections::BTreeMap;

use countersign_wire::rpc::{NodeInfo, PoxInfo, TenureForkInfo, TenureTip};
use countersign_wire::{BurnBlockHash, ConsensusHash, RewardCycle};

use crate::event::{Answer, BurnView, NodeFailure, Query, RegistrationFacts};
use crate::grounds::{Reading, in_words};
use crate::time::Timestamp;

/// A question that must be answered before a rule can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need(pub(crate) Query);

/// What a rule concludes, or what it must know first.
pub(crate) type Known<T> = Result<T, Need>;

/// An answer of the node, or that it could not give one.
pub(crate) type Reply<T> = Result<T, NodeFailure>;

/// The answers for one evaluation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(BTreeMap<Query, (Timestamp, Reply<Answer>)>);

impl Facts {
    pub(crate) fn insert(&mut self, query: Query, answer: Reply<Answer>, now: Timestamp) {
        self.0.insert(query, (now, answer));
    }

    /// Everything that was said, in words.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        let reading = |(query, (at, reply)): (&Query, &(Timestamp, Reply<Answer>))| Reading {
            query: *query,
            said: in_words(reply),
            at: *at,
        };
        self.0.iter().map(reading).collect()
    }

    pub(crate) fn pox(&self) -> Known<Reply<&PoxInfo>> {
        self.look_up(Query::Pox, |answer| match answer {
            Answer::Pox(pox) => Some(pox),
            _ => None,
        })
    }

    pub(crate) fn info(&self) -> Known<Reply<&NodeInfo>> {
        self.look_up(Query::Info, |answer| match answer {
            Answer::Info(info) => Some(info),
            _ => None,
        })
    }

    pub(crate) fn burn_view(&self) -> Known<Reply<&BurnView>> {
        self.look_up(Query::BurnView, |answer| match answer {
            Answer::BurnView(view) => Some(&**view),
            _ => None,
        })
    }

    pub(crate) fn registration(&self, cycle: RewardCycle) -> Known<Reply<&RegistrationFacts>> {
        self.look_up(Query::Registration(cycle), |answer| match answer {
            Answer::Registration(facts) => Some(facts),
            _ => None,
        })
    }

    pub(crate) fn tenure_tip(&self, tenure: ConsensusHash) -> Known<Reply<Option<&TenureTip>>> {
        self.look_up(Query::TenureTip(tenure), |answer| match answer {
            Answer::TenureTip(tip) => Some(tip.as_ref()),
            _ => None,
        })
    }

    pub(crate) fn is_canonical(&self, burn_block: BurnBlockHash) -> Known<Reply<bool>> {
        self.look_up(Query::SortitionOf(burn_block), |answer| match answer {
            Answer::SortitionOf(found) => Some(*found),
            _ => None,
        })
    }

    pub(crate) fn forks(
        &self,
        from: ConsensusHash,
        to: ConsensusHash,
    ) -> Known<Reply<&[TenureForkInfo]>> {
        self.look_up(Query::Forks { from, to }, |answer| match answer {
            Answer::Forks(forks) => Some(forks.as_slice()),
            _ => None,
        })
    }

    fn look_up<'a, T>(
        &'a self,
        query: Query,
        pick: impl FnOnce(&'a Answer) -> Option<T>,
    ) -> Known<Reply<T>> {
        match self.0.get(&query) {
            None => Err(Need(query)),
            Some((_, Err(failure))) => Ok(Err(failure.clone())),
            Some((_, Ok(answer))) => Ok(pick(answer).ok_or_else(|| NodeFailure {
                text: "the shell answered another question than it was asked".to_owned(),
            })),
        }
    }
}
