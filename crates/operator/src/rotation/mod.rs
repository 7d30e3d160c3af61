//! Where an operator stands in a change of keys, and what is next (`docs/operator/rotation.md`).
//!
//! Everything is read from the node: who signs in the running reward cycle and, once it is known, in the
//! next one. Nothing is changed and nothing is signed. Keys are compared in full: on mainnet there are two
//! that begin with the same six digits.

mod report;
mod stage;

use countersign_node::{NodeClient, NodeError};
use countersign_wire::rpc::PoxInfo;
use countersign_wire::{BurnHeight, PublicKey, RewardCycle, SignerSet, Weight};

pub use stage::{Stage, Trouble};

/// The keys of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The key that signs until another takes its place.
    pub first: PublicKey,
    /// The key that is to take its place, if one is configured.
    pub next: Option<PublicKey>,
    /// Whether the running signer has loaded both; none if that is not known.
    pub are_loaded: Option<bool>,
}

/// What the node says about the keys of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The keys.
    pub keys: Keys,
    /// Height of the burn tip.
    pub burn_height: BurnHeight,
    /// The reward cycle that runs.
    pub current: CycleSight,
    /// The one after it.
    pub next: CycleSight,
    /// The last burn block at which a registration counts for the next cycle that it can count for.
    pub deadline: Deadline,
}

/// What is known about one reward cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleSight {
    /// The cycle.
    pub number: RewardCycle,
    /// Height of its first burn block.
    pub begins: BurnHeight,
    /// Its signers; none while the node does not know them.
    pub set: Option<SignerSet>,
}

/// Until when a key has to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The last burn block that counts.
    pub height: BurnHeight,
    /// The cycle that the registration is for.
    pub cycle: RewardCycle,
}

/// A key's seat in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its weight.
    pub weight: Weight,
    /// Everybody's weight.
    pub total: Weight,
}

impl CycleSight {
    /// The seat of a key, if the cycle is known and the key has one.
    pub fn seat_of(&self, key: &PublicKey) -> Option<Seat> {
        let set = self.set.as_ref()?;
        let slot = set.slot_of(key)?;
        Some(Seat { weight: set.weight_of(slot), total: set.total() })
    }

    /// Keys in the cycle that are not `key` and are easily taken for it.
    pub fn look_alikes<'a>(&'a self, key: &'a PublicKey) -> impl Iterator<Item = PublicKey> + 'a {
        let ours = key.to_string();
        let others = self.set.iter().flat_map(SignerSet::signers).map(|signer| signer.key);
        others.filter(move |other| {
            let other = other.to_string();
            other != ours && other.get(..LOOK_ALIKE) == ours.get(..LOOK_ALIKE)
        })
    }
}

impl Rotation {
    /// Asks the node.
    pub async fn look(node: &NodeClient, keys: Keys) -> Result<Self, NodeError> {
        let pox = node.pox().await?;
        let current = pox.cycle_of(pox.current_burnchain_block_height);
        let sets = (signers(node, current).await?, signers(node, current.next()).await?);
        Ok(Self::new(keys, &pox, sets))
    }

    /// What these answers of a node mean: the calendar, and the signers of the running and of the next
    /// cycle.
    pub fn new(
        keys: Keys,
        pox: &PoxInfo,
        (current, next): (Option<SignerSet>, Option<SignerSet>),
    ) -> Self {
        let burn_height = pox.current_burnchain_block_height;
        let running = pox.cycle_of(burn_height);
        let sight = |number, set| CycleSight { number, begins: first_height(pox, number), set };
        Self {
            keys,
            burn_height,
            current: sight(running, current),
            next: sight(running.next(), next),
            deadline: Deadline::after(burn_height, pox),
        }
    }
}

impl Deadline {
    /// The next one at this height: before the prepare phase that comes next, in which the signers of the
    /// cycle after it are computed once and for all.
    fn after(height: BurnHeight, pox: &PoxInfo) -> Self {
        let running = pox.cycle_of(height);
        let last = |cycle: RewardCycle| {
            let first = first_height(pox, cycle).get();
            BurnHeight::new(first.saturating_add(pox.reward_phase_block_length))
        };
        let begun = if last(running) > height { running } else { running.next() };
        Self { height: last(begun), cycle: begun.next() }
    }
}

/// The signers of a cycle; none while the node does not know them.
async fn signers(node: &NodeClient, cycle: RewardCycle) -> Result<Option<SignerSet>, NodeError> {
    Ok(node.stacker_set(cycle).await?.and_then(|set| set.signer_set().ok()))
}

fn first_height(pox: &PoxInfo, cycle: RewardCycle) -> BurnHeight {
    let offset = cycle.get().saturating_mul(pox.cycle_length());
    BurnHeight::new(pox.first_burnchain_block_height.get().saturating_add(offset))
}

/// How many digits at the beginning make two keys look alike.
const LOOK_ALIKE: usize = 6;

#[cfg(test)]
mod tests;
