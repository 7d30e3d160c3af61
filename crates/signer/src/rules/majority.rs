//! Which miner a majority follows that we could follow, too (`signer-behaviour` 5.6 steps 3 and 4).

use countersign_wire::message::{ActiveMiner, MinerState};
use countersign_wire::{BurnHeight, StacksBlockId, StacksHeight, Weight};

use crate::agreement::Views;
use crate::facts::Known;
use crate::machine::BurnTip;
use crate::note::ViewConflict;
use crate::record::BlockState;
use crate::rules::{Situation, parent_tip};

/// A miner that signers of some weight follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) miner: ActiveMiner,
    pub(crate) weight: Weight,
}

/// What keeps a miner with enough weight behind it from being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidacy {
    /// Nothing: its tenure has this burn height.
    Given(BurnHeight),
    /// Our node has not seen the block that its tenure is said to build on.
    AheadOfNode,
    /// It has no accepted block and too little weight, or we do not know its burn block.
    None,
}

/// The end of this miner's parent tenure as it is now; none if there is no miner, or the node does
/// not tell.
pub(crate) fn refreshed(
    miner: &MinerState,
    at: &Situation<'_>,
) -> Known<Option<(StacksHeight, StacksBlockId)>> {
    match miner {
        MinerState::NoValidMiner => Ok(None),
        MinerState::Active(miner) => Ok(parent_tip(&miner.parent_tenure, at)?.ok()),
    }
}

/// The miner to follow. `views` hold everybody's latest view, ours included, and `own` is the burn
/// block that our view is of.
///
/// A miner that has an accepted block may pull us with over three tenths of the weight, any other
/// needs agreement. Its burn block and the block that it builds on must be known here. Of several
/// the one of the highest burn block is followed, of these the one with more weight, and of these
/// the greatest value: any order will do that is the same for everybody.
pub(crate) fn majority(
    own: BurnTip,
    views: &Views,
    at: &Situation<'_>,
) -> Known<Result<Followed, ViewConflict>> {
    let agreed = views.burn_view(at.set);
    if agreed.map(|burn| burn.consensus_hash) != Some(own.consensus_hash) {
        return Ok(Err(ViewConflict::BurnBlockDelay));
    }
    let mut candidates = Vec::new();
    let mut conflict = ViewConflict::MinerView;
    for (miner, weight) in views.miners_at(&own.consensus_hash, at.set) {
        match candidacy(&miner, weight, own, at)? {
            Candidacy::Given(height) => candidates.push((height, weight, miner)),
            Candidacy::AheadOfNode => conflict = ViewConflict::StacksBlockDelay,
            Candidacy::None => {}
        }
    }
    let best = candidates.into_iter().max();
    Ok(best.map(|(_, weight, miner)| Followed { miner, weight }).ok_or(conflict))
}

fn candidacy(
    miner: &ActiveMiner,
    weight: Weight,
    own: BurnTip,
    at: &Situation<'_>,
) -> Known<Candidacy> {
    let total = at.set.total();
    let has_accepted_block =
        at.ledger.of_tenure(&miner.tenure).any(|block| block.state == BlockState::GloballyAccepted);
    if !weight.disagrees(total) || !(has_accepted_block || weight.agrees(total)) {
        return Ok(Candidacy::None);
    }
    // Announced burn blocks above our own tip may be invented.
    let Some(burn) = at.burn.get(&miner.tenure).filter(|burn| burn.height <= own.height) else {
        return Ok(Candidacy::None);
    };
    Ok(match parent_tip(&miner.parent_tenure, at)? {
        Ok((height, _)) if height >= miner.parent_last_height => Candidacy::Given(burn.height),
        Ok(_) | Err(_) => Candidacy::AheadOfNode,
    })
}
