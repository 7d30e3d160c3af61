//! The rules by each signer's own sortition view, for agreed versions below 2
//! (`signer-behaviour` 3.2).

use countersign_wire::NakamotoBlock;
use countersign_wire::message::RejectReason;
use countersign_wire::rpc::Winner;
use countersign_wire::transaction::TenureChange;

use crate::agreement::Views;
use crate::burn::Superseded;
use crate::facts::Known;
use crate::inactivity::is_timed_out;
use crate::rules::Situation;
use crate::rules::extend::is_extend_permitted;
use crate::rules::parent_choice::{ParentChoice, judge_parent_choice};
use crate::rules::proposal::{Judged, Judgement, compared_tenure};
use crate::rules::tip::{TipCheck, check_tip};
use crate::sortitions::SortitionView;

/// The first protocol version whose rules are those of the agreed state.
pub(crate) const GLOBAL_STATE_VERSION: u64 = 2;

/// Judges a block by our own sortition view: `at` has the one that was read before, or none. It is
/// read once more if it does not know the block's tenure.
pub(crate) fn judge(block: &NakamotoBlock, views: &Views, at: &Situation<'_>) -> Known<Judged> {
    let mut superseded = Vec::new();
    if let Some(known) = at.sortitions {
        let mut view = known.clone();
        let refusal = judge_in(&mut view, block, (views, at), &mut superseded)?;
        if refusal != Err(Refusal::UnknownTenure) {
            return Ok(concluded(refusal, view, superseded));
        }
    }
    let read = at.facts.burn_view()?.ok().and_then(|answer| match at.sortitions {
        Some(known) => known.read_again(answer),
        None => SortitionView::of(answer),
    });
    let Some(mut view) = read else {
        return Ok(Judged::by_agreement(Judgement::Reject(RejectReason::NoSortitionView, None)));
    };
    let refusal = judge_in(&mut view, block, (views, at), &mut superseded)?;
    Ok(concluded(refusal, view, superseded))
}

/// Our own sortition view, read if there is none yet; none for versions that do without, or if the
/// node does not tell.
pub(crate) fn current_sortitions(at: &Situation<'_>) -> Known<Option<SortitionView>> {
    if at.version >= GLOBAL_STATE_VERSION {
        return Ok(None);
    }
    match at.sortitions {
        Some(known) => Ok(Some(known.clone())),
        None => Ok(at.facts.burn_view()?.ok().and_then(SortitionView::of)),
    }
}

/// Why a block is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The view does not know its tenure.
    UnknownTenure,
    /// A rule says so; the comparison with the tip, if that was reached.
    Rule(RejectReason, Option<TipCheck>),
}

type Checked<T> = Known<Result<T, Refusal>>;

const fn refuse<T>(reason: RejectReason) -> Result<T, Refusal> {
    Err(Refusal::Rule(reason, None))
}

fn concluded(
    answer: Result<TipCheck, Refusal>,
    view: SortitionView,
    superseded: Vec<Superseded>,
) -> Judged {
    let judgement = match answer {
        Ok(check) => Judgement::Validate(check),
        Err(Refusal::Rule(reason, check)) => Judgement::Reject(reason, check),
        Err(Refusal::UnknownTenure) => Judgement::Reject(RejectReason::SortitionViewMismatch, None),
    };
    Judged { judgement, sortitions: Some(view), superseded }
}

/// All rules in their order; what they find out about the miners goes into the view.
fn judge_in(
    view: &mut SortitionView,
    block: &NakamotoBlock,
    (views, at): (&Views, &Situation<'_>),
    superseded: &mut Vec<Superseded>,
) -> Checked<TipCheck> {
    if let Some(reason) = review_current(view, block, at, superseded)? {
        return Ok(refuse(reason));
    }
    let winner = match check_miner(view, block) {
        Ok(winner) => winner,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let checked = match block.tenure_start() {
        Some(change) => check_start(change, block, &winner, at, superseded)?,
        None => check_height(block, at)?,
    };
    let Ok(check) = checked else { return Ok(checked) };
    let is_replaying = || !views.replay_set(at.set).is_empty();
    if is_extend_permitted(block, is_replaying, at)? {
        Ok(Ok(check))
    } else {
        Ok(Err(Refusal::Rule(RejectReason::InvalidTenureExtend, Some(check))))
    }
}

/// Rule 1: gives up the latest winner if it is silent, or if it may not build where it committed to
/// although the chain has gone on elsewhere. A reason only if that concerns the block.
fn review_current(
    view: &mut SortitionView,
    block: &NakamotoBlock,
    at: &Situation<'_>,
    superseded: &mut Vec<Superseded>,
) -> Known<Option<RejectReason>> {
    let current = view.current;
    let concerns = block.header.consensus_hash == current.tenure;
    if !view.is_given_up(&current.tenure) && is_timed_out(&current.tenure, at) {
        view.give_up_current();
        return Ok(concerns.then_some(RejectReason::InvalidMiner));
    }
    let is_elsewhere = at
        .ledger
        .canonical_tip()
        .is_some_and(|tip| tip.tenure() != current.tenure && tip.tenure() != current.parent_tenure);
    if !is_elsewhere {
        return Ok(None);
    }
    let objection = objection_to_parent(&current, at, superseded)?;
    if objection == Some(RejectReason::ReorgNotAllowed) {
        view.give_up_current();
        return Ok(objection.filter(|_| concerns));
    }
    Ok(objection)
}

/// Rules 3 to 7: who made the block, and whether that miner may mine now.
fn check_miner(view: &SortitionView, block: &NakamotoBlock) -> Result<Winner, Refusal> {
    let header = &block.header;
    let Some(key) = header.recover_miner() else {
        return refuse(RejectReason::IrrecoverablePubkeyHash);
    };
    if !header.pox_treatment.is_all_set() {
        return refuse(RejectReason::InvalidBitvec);
    }
    let winner = view.winner_of(&header.consensus_hash).ok_or(Refusal::UnknownTenure)?;
    if key.hash160() != winner.key_hash {
        return refuse(RejectReason::PubkeyHashMismatch);
    }
    match view.objection_to(&winner) {
        Some(reason) => refuse(reason),
        None => Ok(winner),
    }
}

/// Rule 8 for a tenure's first block.
fn check_start(
    change: &TenureChange,
    block: &NakamotoBlock,
    winner: &Winner,
    at: &Situation<'_>,
    superseded: &mut Vec<Superseded>,
) -> Checked<TipCheck> {
    if change.previous_tenure != winner.parent_tenure {
        return Ok(refuse(RejectReason::InvalidParentBlock));
    }
    let checked = check_height(block, at)?;
    let Ok(check) = checked else { return Ok(checked) };
    let objection = match objection_to_parent(winner, at, superseded)? {
        None if at.ledger.globally_accepted_span(&winner.tenure) > 0 => {
            Some(RejectReason::DuplicateBlockFound)
        }
        objection => objection,
    };
    Ok(objection.map_or(Ok(check), |reason| Err(Refusal::Rule(reason, Some(check)))))
}

fn check_height(block: &NakamotoBlock, at: &Situation<'_>) -> Checked<TipCheck> {
    let check = check_tip(&compared_tenure(block), block.header.chain_length, None, at)?;
    Ok(if check.exceeds {
        Ok(check)
    } else {
        Err(Refusal::Rule(RejectReason::InvalidParentBlock, Some(check)))
    })
}

/// Why a winner may not build where it committed to.
fn objection_to_parent(
    winner: &Winner,
    at: &Situation<'_>,
    superseded: &mut Vec<Superseded>,
) -> Known<Option<RejectReason>> {
    Ok(match judge_parent_choice(winner, at)? {
        Ok(ParentChoice::Allowed { orphans }) => {
            superseded.extend(orphans);
            None
        }
        Ok(ParentChoice::Refused) => Some(RejectReason::ReorgNotAllowed),
        Err(_) => Some(RejectReason::ConnectivityIssues),
    })
}
