//! Whether an earlier signature stands in the way of a new one (`signer-behaviour` 4.4).

use countersign_wire::Sighash;

use crate::facts::Known;
use crate::note::WithheldSignature;
use crate::record::{BlockState, Record};
use crate::rules::Situation;
use crate::step::OverrideReason;

/// The answer of the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clearance {
    /// Sign, naming these earlier signatures as overridden.
    Clear(Vec<(Sighash, OverrideReason)>),
    /// Do not sign now. The next vote, or the rival's ageing, may change it.
    Withheld(WithheldSignature),
}

/// Compares a block with every other block at or above its height that was ever signed, in any
/// tenure. Freshness is looked at first, then permissions, then what the node says.
pub(crate) fn check_rivals(block: &Record, at: &Situation<'_>) -> Known<Clearance> {
    let mut overridden = Vec::new();
    for rival in at.ledger.rivals_of(block) {
        let reason = if is_permitted(rival, at)? {
            OverrideReason::Permitted
        } else if is_fresh(rival, at) {
            if is_live(rival, block, at)? {
                return Ok(Clearance::Withheld(WithheldSignature::FreshRival(rival.sighash)));
            }
            OverrideReason::NotLive
        } else {
            OverrideReason::Stale
        };
        let is_own_tenure = rival.tenure() == block.tenure();
        if is_own_tenure && reason != OverrideReason::Permitted && is_confirmed_at(block, at)? {
            return Ok(Clearance::Withheld(WithheldSignature::ConfirmedRival(rival.sighash)));
        }
        overridden.push((rival.sighash, reason));
    }
    Ok(Clearance::Clear(overridden))
}

fn is_fresh(rival: &Record, at: &Situation<'_>) -> bool {
    rival
        .endorsed_at()
        .is_some_and(|endorsed| endorsed.plus(at.params.timeouts.tenure_last_block) > at.now)
}

/// Whether the rival's tenure may be orphaned, and the node still has the sortition that may do so.
/// A node that does not answer does not let a permission stand.
fn is_permitted(rival: &Record, at: &Situation<'_>) -> Known<bool> {
    match at.burn.permission(&rival.tenure()) {
        None => Ok(false),
        Some(permission) => Ok(at.facts.is_canonical(permission.by_burn_block)?.unwrap_or(false)),
    }
}

/// Whether the node's tip of the block's own tenure is at or above the block. A tip that cannot be
/// had counts as not confirmed.
fn is_confirmed_at(block: &Record, at: &Situation<'_>) -> Known<bool> {
    Ok(match at.facts.tenure_tip(block.tenure())? {
        Ok(Some(tip)) => tip.height >= block.height(),
        Ok(None) | Err(_) => false,
    })
}

/// Whether a rival may still become, or be, part of the chain.
fn is_live(rival: &Record, block: &Record, at: &Situation<'_>) -> Known<bool> {
    if let Some(seen) = at.burn.get(&rival.tenure()) {
        match at.facts.is_canonical(seen.hash)? {
            Ok(true) => {}
            Ok(false) => {
                // A 404 is trusted only from a node that has got that far.
                let orphaned =
                    at.facts.info()?.is_ok_and(|info| info.burn_block_height >= seen.height);
                return Ok(!orphaned);
            }
            Err(_) => return Ok(true),
        }
    }
    Ok(match at.facts.tenure_tip(rival.tenure())? {
        Err(_) => true,
        Ok(Some(tip)) if tip.height >= rival.height() => true,
        Ok(_) if rival.state == BlockState::GloballyAccepted => false,
        Ok(_) => rival.height() == block.height(),
    })
}
