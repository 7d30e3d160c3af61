//! Whether an earlier signature stands in the way of a new one (`signer-behaviour` 4.4).

use countersign_wire::Sighash;

use crate::facts::Known;
use crate::note::WithheldSignature;
use crate::record::{BlockState, Record};
use crate::rules::Situation;
use crate::step::OverrideReason;
use crate::time::{Millis, Timestamp};

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
    let rivals = at.ledger.rivals_of(block);
    let newest =
        rivals.iter().filter_map(|rival| counted_from(rival, at)).max().unwrap_or_default();
    let mut overridden = Vec::new();
    for rival in rivals {
        let reason = if is_permitted(rival, block, at)? {
            OverrideReason::Permitted
        } else if is_fresh(rival, at) {
            if is_live(rival, block, at)? {
                return Ok(Clearance::Withheld(WithheldSignature::FreshRival(rival.sighash)));
            }
            OverrideReason::NotLive
        } else if has_head_start(newest, at) && is_stronger_sibling(rival, block, at) {
            return Ok(Clearance::Withheld(WithheldSignature::FreshRival(rival.sighash)));
        } else {
            OverrideReason::Stale
        };
        let is_own_tenure = rival.tenure() == block.tenure();
        if is_own_tenure && is_confirmed_at(block, at)? {
            return Ok(Clearance::Withheld(WithheldSignature::ConfirmedRival(rival.sighash)));
        }
        overridden.push((rival.sighash, reason));
    }
    Ok(Clearance::Clear(overridden))
}

fn is_fresh(rival: &Record, at: &Situation<'_>) -> bool {
    counted_from(rival, at)
        .is_some_and(|endorsed| endorsed.plus(at.params.timeouts.tenure_last_block) > at.now)
}

/// Since when the age of a rival is counted. Nobody knows how long a stop took if the machine's clock
/// was set meanwhile, so what was signed before counts as signed at the start.
fn counted_from(rival: &Record, at: &Situation<'_>) -> Option<Timestamp> {
    rival.endorsed_at().map(|endorsed| endorsed.max(at.started_at))
}

/// How much longer than the freshness window a signer stays with the stronger of two siblings.
const HEAD_START: Millis = Millis::from_secs(10);

/// The next moment at which the passing of time alone may change the guard's answer.
pub(crate) fn reconsider_at(block: &Record, at: &Situation<'_>) -> Option<Timestamp> {
    let window = at.params.timeouts.tenure_last_block.plus(Millis::new(1));
    let rivals = at.ledger.rivals_of(block);
    let stale_at: Vec<Timestamp> = rivals
        .iter()
        .filter_map(|rival| counted_from(rival, at))
        .map(|at| at.plus(window))
        .collect();
    let yields_at = stale_at.iter().max().map(|newest| newest.plus(HEAD_START));
    stale_at.into_iter().chain(yields_at).filter(|moment| *moment > at.now).min()
}

/// Whether the newest rival has become stale only just now.
fn has_head_start(newest: Timestamp, at: &Situation<'_>) -> bool {
    newest.plus(at.params.timeouts.tenure_last_block).plus(HEAD_START) > at.now
}

/// Whether the rival is a sibling that more have signed, as far as we know.
///
/// If a miner showed two blocks to two halves of the signers, the signatures of both halves become
/// stale together; changing sides at the same moment, they would approve both blocks. So those who
/// signed the weaker one change first, and the others find the stronger one in the chain.
fn is_stronger_sibling(rival: &Record, block: &Record, at: &Situation<'_>) -> bool {
    let strength = |record: &Record| {
        let entry = at.ledger.get(&record.sighash);
        let weight = entry.map(|entry| entry.votes.acceptance_weight(at.set));
        (weight, record.sighash)
    };
    rival.tenure() == block.tenure()
        && rival.height() == block.height()
        && strength(rival) > strength(block)
}

/// Whether the rival's tenure may be orphaned, and the node still has the sortition that may do so.
/// A node that does not answer does not let a permission stand. It is a permission for other tenures:
/// within the tenure that may be orphaned, two blocks at a height contradict each other as ever.
fn is_permitted(rival: &Record, block: &Record, at: &Situation<'_>) -> Known<bool> {
    if rival.tenure() == block.tenure() {
        return Ok(false);
    }
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
        // A 404 is trusted only from a node that had got that far before it was asked: asked for its
        // height afterwards, it may have caught up in between.
        let has_reached = at.facts.info()?.is_ok_and(|info| info.burn_block_height >= seen.height);
        match at.facts.is_canonical(seen.hash)? {
            Ok(true) => {}
            Ok(false) => return Ok(!has_reached),
            Err(_) => return Ok(true),
        }
    }
    Ok(match at.facts.tenure_tip(rival.tenure())? {
        Err(_) => true,
        Ok(Some(tip)) if tip.height >= rival.height() => true,
        // The chain has moved past it. Within its own tenure it cannot: the node's answers are late.
        Ok(_) if rival.state == BlockState::GloballyAccepted => rival.tenure() == block.tenure(),
        Ok(_) => rival.height() == block.height(),
    })
}
