//! Whether a block is higher than what its tenure is known to have (`signer-behaviour` 3.5).

use countersign_wire::{ConsensusHash, Sighash, StacksHeight};

use crate::facts::Known;
use crate::record::BlockState;
use crate::rules::Situation;

/// What the comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TipCheck {
    /// Whether the block is high enough.
    pub(crate) exceeds: bool,
    /// The attempt counts as a sign of life of the proposing miner.
    pub(crate) is_activity: bool,
    /// The node's tip is this block, which we track and did not know to be accepted.
    pub(crate) confirms: Option<Sighash>,
}

/// Compares a block at `height` with the tip of `tenure`: our own fresh signatures first, then the
/// node's tip. A block that others have signed before us need not exceed `itself`. A node that does not answer passes the block: its own validation is the backstop.
pub(crate) fn check_tip(
    tenure: &ConsensusHash,
    height: StacksHeight,
    itself: Option<Sighash>,
    at: &Situation<'_>,
) -> Known<TipCheck> {
    let timeouts = &at.params.timeouts;
    let mut check = TipCheck { exceeds: true, is_activity: false, confirms: None };
    if let Some(signed) =
        at.ledger.fresh_accepted(tenure, itself, timeouts.tenure_last_block, at.now)
        && height <= signed.height()
    {
        check.exceeds = false;
        check.is_activity = signed
            .signed_group_at
            .is_none_or(|group| group.plus(timeouts.reorg_attempts_activity) > at.now);
        return Ok(check);
    }
    check.is_activity = at.ledger.highest_engaged(tenure).is_some_and(|promised| {
        promised.state == BlockState::PreCommitted
            && height <= promised.height()
            && promised
                .approved_at
                .is_some_and(|approved| approved.plus(timeouts.tenure_last_block) > at.now)
    });
    if let Ok(Some(tip)) = at.facts.tenure_tip(*tenure)? {
        check.confirms = tip.sighash.filter(|sighash| {
            at.ledger
                .get(sighash)
                .is_some_and(|entry| entry.record.state != BlockState::GloballyAccepted)
        });
        check.exceeds = tip.height < height;
    }
    Ok(check)
}
