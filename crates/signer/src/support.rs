//! How far the signers of the current cycle are from agreeing on a state, for whoever looks on. No decision reads it.

use countersign_wire::Weight;

use crate::signer::Signer;

/// The weights behind the states that the signers of a cycle see (`signer-behaviour` 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Support {
    /// Of all signers of the cycle.
    pub total: Weight,
    /// Of those whose view is known, ours included.
    pub known: Weight,
    /// The greatest that stands behind one state: burn block and miner.
    pub greatest: Weight,
    /// A state is agreed on; so is a version then, since everybody whose view is known supports one.
    pub is_agreed: bool,
}

impl Signer {
    /// The weights behind the views of the current cycle; none without a seat in it.
    pub fn support(&self) -> Option<Support> {
        let cycle = self.cycle(self.current_cycle()?)?;
        let (views, set) = (&cycle.views, &cycle.set);
        Some(Support {
            total: set.total(),
            known: views.known(set),
            greatest: views.states(set).into_values().max().unwrap_or_default(),
            is_agreed: views.state(set).is_some(),
        })
    }

    /// How many blocks the node validates for us, or will.
    pub fn validations_pending(&self) -> usize {
        self.validation.pending()
    }
}
