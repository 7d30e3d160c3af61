//! Who signs in which reward cycle, as data.

use std::collections::BTreeMap;
use std::ops::Range;

use countersign_wire::{PublicKey, RewardCycle, Signer, SignerSet, Weight};

/// All stackers there ever are. A cycle's signers are those who have weight in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackerPlan {
    /// In any order; the signer sets are sorted by key.
    pub stackers: Vec<Stacker>,
}

/// One stacker's signing key and how its weight changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stacker {
    /// The signing key.
    pub key: PublicKey,
    /// Its weight in each cycle.
    pub weights: WeightSchedule,
}

/// A weight for each reward cycle. Without weight a stacker is not in the cycle's signer set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightSchedule {
    /// The same in every cycle.
    Constant(Weight),
    /// Cycle `c` has the weight at index `c` modulo the length; an empty list means no weight.
    Repeating(Vec<Weight>),
    /// From each cycle named on, until the next one named; no weight before the first.
    Steps(BTreeMap<RewardCycle, Weight>),
    /// Those of another schedule in these cycles, and none in all others.
    Within(Range<RewardCycle>, Box<Self>),
}

impl Stacker {
    /// A stacker that changes its key: its weight belongs to the first one before the cycle `change`, and
    /// to the other from it on.
    pub fn changing_its_key(
        [first, next]: [PublicKey; 2],
        change: RewardCycle,
        weights: &WeightSchedule,
    ) -> [Self; 2] {
        let within = |from, until| WeightSchedule::Within(from..until, Box::new(weights.clone()));
        [
            Self { key: first, weights: within(RewardCycle::new(0), change) },
            Self { key: next, weights: within(change, RewardCycle::new(u64::MAX)) },
        ]
    }
}

impl StackerPlan {
    /// Stackers whose weights never change.
    pub fn constant(stackers: impl IntoIterator<Item = Signer>) -> Self {
        let stackers = stackers
            .into_iter()
            .map(|Signer { key, weight }| Stacker {
                key,
                weights: WeightSchedule::Constant(weight),
            })
            .collect();
        Self { stackers }
    }

    /// The signers of a cycle sorted by key, whether or not a chain knows them yet; none if nobody
    /// has weight. Of two stackers with one key the weights add up, as in a real reward set.
    pub fn signer_set(&self, cycle: RewardCycle) -> Option<SignerSet> {
        let mut weights: BTreeMap<PublicKey, Weight> = BTreeMap::new();
        for stacker in &self.stackers {
            let weight = stacker.weights.at(cycle);
            if weight > Weight::ZERO {
                let sum = weights.entry(stacker.key).or_default();
                *sum = [*sum, weight].into_iter().sum();
            }
        }
        let signers = weights.into_iter().map(|(key, weight)| Signer { key, weight }).collect();
        SignerSet::new(signers).ok()
    }
}

impl WeightSchedule {
    /// The weight in a cycle.
    pub fn at(&self, cycle: RewardCycle) -> Weight {
        match self {
            Self::Constant(weight) => *weight,
            Self::Repeating(weights) => {
                let len = u64::try_from(weights.len()).unwrap_or(u64::MAX).max(1);
                usize::try_from(cycle.get() % len)
                    .ok()
                    .and_then(|index| weights.get(index).copied())
                    .unwrap_or_default()
            }
            Self::Steps(steps) => {
                steps.range(..=cycle).next_back().map(|(_, weight)| *weight).unwrap_or_default()
            }
            Self::Within(cycles, weights) if cycles.contains(&cycle) => weights.at(cycle),
            Self::Within(..) => Weight::ZERO,
        }
    }
}
