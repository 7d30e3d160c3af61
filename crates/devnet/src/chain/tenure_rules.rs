//! How a block fits its tenure and the tenure before.

use countersign_wire::NakamotoBlock;
use countersign_wire::message::ValidateCode;
use countersign_wire::transaction::TenureChange;

use super::Chain;
use super::blocks::BlockRecord;
use super::burn::{BurnBlock, Commitment};
use super::validate::{Refusal, check_well_formed};

impl Chain {
    /// A proposed block builds on the highest known block: a tenure's first on that of its parent's
    /// tenure, every other on that of its own.
    ///
    /// A second first block of a tenure passes, as it does on a real node: signers refuse it.
    pub(super) fn check_builds_on_highest(
        &self,
        block: &NakamotoBlock,
        parent: &BlockRecord,
    ) -> Result<(), Refusal> {
        check_well_formed(block)?;
        let is_first = block.tenure_start().is_some();
        let tenure = if is_first { parent.tenure() } else { &block.header.consensus_hash };
        let Some(highest) = self.tenure_tip(tenure) else {
            let reason = "the block's tenure has no blocks, and this one does not start it";
            return Err(Refusal::new(ValidateCode::NoSuchTenure, reason));
        };
        if highest.block_id() == parent.id {
            return Ok(());
        }
        let reason = "the block does not build on the highest block of its tenure or its parent's";
        Err(Refusal::new(ValidateCode::InvalidParentBlock, reason))
    }

    /// Its tenure change, if it has one, tells the truth; without one it stays in its parent's
    /// tenure.
    pub(super) fn check_tenure(
        &self,
        block: &NakamotoBlock,
        tenure: &BurnBlock,
        parent: &BlockRecord,
        burn_view: &BurnBlock,
    ) -> Result<(), Refusal> {
        let winner = tenure.winner.as_ref().ok_or_else(|| invalid("the tenure has no winner"))?;
        let stays = *parent.tenure() == block.header.consensus_hash;
        if let Some(change) = block.tenure_start() {
            check_change(change, winner, parent)?;
            return check_start(change, winner, block, parent);
        }
        if !stays {
            return Err(invalid("the block neither starts its tenure nor follows a block of it"));
        }
        if let Some(change) = block.tenure_extend() {
            check_change(change, winner, parent)?;
            let seen = self.burn.any(&parent.burn_view).map(|view| view.height);
            if seen.is_some_and(|seen| burn_view.height < seen) {
                return Err(invalid("the tenure extend goes back to an earlier burn view"));
            }
        }
        Ok(())
    }
}

fn check_change(
    change: &TenureChange,
    winner: &Commitment,
    parent: &BlockRecord,
) -> Result<(), Refusal> {
    if change.key_hash != winner.miner {
        return Err(invalid("the tenure change names another miner than the winner"));
    }
    if change.previous_tenure_blocks != parent.tenure_blocks {
        return Err(invalid("the tenure change miscounts the blocks before it"));
    }
    Ok(())
}

fn check_start(
    change: &TenureChange,
    winner: &Commitment,
    block: &NakamotoBlock,
    parent: &BlockRecord,
) -> Result<(), Refusal> {
    if change.tenure != block.header.consensus_hash || change.burn_view != change.tenure {
        return Err(invalid("the tenure change is for another tenure than its block"));
    }
    if change.previous_tenure != *parent.tenure() {
        return Err(invalid("the tenure change names another tenure than its parent block's"));
    }
    if change.previous_tenure != winner.parent_tenure {
        return Err(invalid("the tenure starts on another tenure than the winner committed to"));
    }
    Ok(())
}

fn invalid(reason: &str) -> Refusal {
    Refusal::new(ValidateCode::ChainstateError, reason)
}
