//! What the signers of a cycle agree on: protocol version, burn view, miner and replay set.
//!
//! From `signer-behaviour` 5.2 and 5.3. Agreement takes seven tenths of the weight rounded down,
//! unlike the approval of a block, which rounds up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use countersign_wire::message::{ActiveMiner, MinerState, StateMachineUpdate};
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{BurnHeight, ConsensusHash, SignerSet, SlotId, SlotVersion, Txid, Weight};

use crate::machine::BurnTip;

/// The latest update of every signer of a cycle, ourselves included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    latest: BTreeMap<SlotId, StateMachineUpdate>,
    versions: BTreeMap<SlotId, SlotVersion>,
}

/// The state that the signers agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgreedState {
    pub(crate) burn_block: ConsensusHash,
    pub(crate) burn_height: BurnHeight,
    pub(crate) miner: MinerState,
}

impl Views {
    /// Replaces a signer's view.
    pub(crate) fn set(&mut self, from: SlotId, update: StateMachineUpdate) {
        self.latest.insert(from, update);
    }

    /// Takes in what a signer wrote as `version` of its slot. False if that is old news: the slots
    /// are read again after a start, and what is read may be overtaken by what is announced.
    pub(crate) fn hear(
        &mut self,
        from: SlotId,
        version: SlotVersion,
        update: &StateMachineUpdate,
    ) -> bool {
        if self.versions.get(&from).is_some_and(|heard| *heard >= version) {
            return false;
        }
        self.versions.insert(from, version);
        self.latest.insert(from, update.clone()).as_ref() != Some(update)
    }

    /// From now on whatever is heard first counts. The version of a chunk of another contract, which
    /// anybody can repeat because its signature does not say which contract it is for, may be far above
    /// all that the signer will ever write here.
    pub(crate) fn forget_versions(&mut self) {
        self.versions.clear();
    }

    /// The view of one signer.
    pub(crate) fn of(&self, from: SlotId) -> Option<&StateMachineUpdate> {
        self.latest.get(&from)
    }

    /// The highest version that signers with agreeing weight support.
    pub(crate) fn version(&self, set: &SignerSet) -> Option<u64> {
        let mut supported: Vec<(u64, Weight)> = self
            .latest
            .iter()
            .map(|(slot, update)| (update.supported_version, set.weight_of(*slot)))
            .collect();
        supported.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
        let mut weight = Weight::ZERO;
        supported.into_iter().find_map(|(version, own)| {
            weight = [weight, own].into_iter().sum();
            weight.agrees(set.total()).then_some(version)
        })
    }

    /// The burn block that signers with agreeing weight see, whoever they think may mine.
    pub(crate) fn burn_view(&self, set: &SignerSet) -> Option<BurnTip> {
        let mut weights: BTreeMap<(ConsensusHash, BurnHeight), Weight> = BTreeMap::new();
        for (slot, update) in &self.latest {
            let seen = (update.content.burn_block, update.content.burn_height);
            add(weights.entry(seen).or_default(), set.weight_of(*slot));
        }
        weights
            .into_iter()
            .find(|(_, weight)| weight.agrees(set.total()))
            .map(|((consensus_hash, height), _)| BurnTip { height, consensus_hash })
    }

    /// How much weight follows each miner, among those whose burn tip is this block.
    pub(crate) fn miners_at(
        &self,
        burn_block: &ConsensusHash,
        set: &SignerSet,
    ) -> BTreeMap<ActiveMiner, Weight> {
        let mut weights = BTreeMap::new();
        for (slot, update) in &self.latest {
            if let MinerState::Active(miner) = update.content.miner
                && update.content.burn_block == *burn_block
            {
                add(weights.entry(miner).or_default(), set.weight_of(*slot));
            }
        }
        weights
    }

    /// The state that signers with agreeing weight see. The version that each acts by does not
    /// matter: the agreed version stands in for it.
    pub(crate) fn state(&self, set: &SignerSet) -> Option<AgreedState> {
        let mut states = self.states(set).into_iter();
        states.find(|(_, weight)| weight.agrees(set.total())).map(|(state, _)| state)
    }

    /// How much weight sees each state.
    pub(crate) fn states(&self, set: &SignerSet) -> BTreeMap<AgreedState, Weight> {
        let mut weights: BTreeMap<AgreedState, Weight> = BTreeMap::new();
        for (slot, update) in &self.latest {
            let seen = AgreedState {
                burn_block: update.content.burn_block,
                burn_height: update.content.burn_height,
                miner: update.content.miner,
            };
            add(weights.entry(seen).or_default(), set.weight_of(*slot));
        }
        weights
    }

    /// The weight of those whose view is known.
    pub(crate) fn known(&self, set: &SignerSet) -> Weight {
        self.latest.keys().map(|slot| set.weight_of(*slot)).sum()
    }

    /// The transactions that are to be replayed, of signers who agree on a state: the set that enough of
    /// them name, or the longest beginning of the heaviest set that enough of them begin with.
    pub(crate) fn replay_set(&self, set: &SignerSet) -> &[StacksTransaction] {
        if self.latest.values().all(|update| update.content.replay_transactions.is_empty())
            || self.state(set).is_none()
        {
            return &[];
        }
        let mut sets: Vec<(&[StacksTransaction], Weight)> = Vec::new();
        for (slot, update) in &self.latest {
            let named = update.content.replay_transactions.as_slice();
            let own = set.weight_of(*slot);
            match sets.iter_mut().find(|(known, _)| *known == named) {
                Some((_, weight)) => *weight = [*weight, own].into_iter().sum(),
                None => sets.push((named, own)),
            }
        }
        if let Some((exact, _)) = sets.iter().find(|(_, weight)| weight.agrees(set.total())) {
            return exact;
        }
        sets.sort_by_cached_key(|(named, weight)| {
            let txids: Vec<Txid> = named.iter().map(StacksTransaction::txid).collect();
            (Reverse(*weight), Reverse(named.len()), txids)
        });
        let Some((heaviest, _)) = sets.first() else { return &[] };
        let common = common_beginning(heaviest, &sets, set.total());
        heaviest.get(..common).unwrap_or_default()
    }
}

/// How many transactions of `heaviest` enough weight begins with.
fn common_beginning(
    heaviest: &[StacksTransaction],
    sets: &[(&[StacksTransaction], Weight)],
    total: Weight,
) -> usize {
    let mut shared: Vec<(usize, Weight)> = sets
        .iter()
        .map(|(named, weight)| {
            let same = heaviest.iter().zip(*named).take_while(|(one, other)| one == other).count();
            (same, *weight)
        })
        .collect();
    shared.sort_unstable_by_key(|(same, _)| Reverse(*same));
    let mut weight = Weight::ZERO;
    let enough = shared.into_iter().find(|(_, own)| {
        weight = [weight, *own].into_iter().sum();
        weight.agrees(total)
    });
    enough.map_or(0, |(same, _)| same)
}

fn add(sum: &mut Weight, weight: Weight) {
    *sum = [*sum, weight].into_iter().sum();
}
