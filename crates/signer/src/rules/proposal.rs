//! Whether a proposal may be handed to the node for validation (`signer-behaviour` 2.3 and 3.3).

use countersign_wire::message::{BlockProposal, MinerState, RejectReason, ValidateCode};
use countersign_wire::{ConsensusHash, NakamotoBlock, SignerSet};

use crate::agreement::Views;
use crate::burn::Superseded;
use crate::facts::Known;
use crate::machine::Machine;
use crate::rules::extend::is_extend_permitted;
use crate::rules::sortition_v1::GLOBAL_STATE_VERSION;
use crate::rules::tip::{TipCheck, check_tip};
use crate::rules::{Situation, sortition_v1};
use crate::sortitions::SortitionView;

/// The answer to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is as it should be, as far as a signer can see: let the node validate it.
    Validate(TipCheck),
    /// It is rejected.
    Reject(RejectReason, Option<TipCheck>),
}

/// The answer to a proposal, and what was found out on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    /// Our own sortition view afterwards, if the block was judged by it.
    pub(crate) sortitions: Option<SortitionView>,
    /// The tenures that were permitted to be orphaned.
    pub(crate) superseded: Vec<Superseded>,
}

impl Judged {
    /// An answer that does not come from our own sortition view.
    pub(crate) const fn by_agreement(judgement: Judgement) -> Self {
        Self { judgement, sortitions: None, superseded: Vec::new() }
    }
}

/// The version that the signers agree on. Who already acts by a version without an agreed state needs
/// no agreement to go on with it.
pub(crate) fn judging_version(active: u64, views: &Views, set: &SignerSet) -> Option<u64> {
    views.version(set).or(Some(active).filter(|version| *version < GLOBAL_STATE_VERSION))
}

/// Judges a proposal by the rules of the version that the signers agree on.
pub(crate) fn judge(proposal: &BlockProposal, views: &Views, at: &Situation<'_>) -> Known<Judged> {
    let version = judging_version(at.version, views, at.set);
    if let Err(reason) = judge_content(proposal, version) {
        return Ok(Judged::by_agreement(Judgement::Reject(reason, None)));
    }
    match version {
        Some(version) if version < GLOBAL_STATE_VERSION => {
            sortition_v1::judge(&proposal.block, views, &Situation { version, ..*at })
        }
        _ => judge_by_state(&proposal.block, views, at).map(Judged::by_agreement),
    }
}

/// The rules of 3.3, by the state that the signers agree on.
fn judge_by_state(block: &NakamotoBlock, views: &Views, at: &Situation<'_>) -> Known<Judgement> {
    if let Err(reason) = judge_by_agreement(block, views, at) {
        return Ok(Judgement::Reject(reason, None));
    }
    let check = check_tip(&compared_tenure(block), block.header.chain_length, None, at)?;
    if let Err(reason) = judge_by_tip(block, check, at) {
        return Ok(Judgement::Reject(reason, Some(check)));
    }
    let is_replaying = || !views.replay_set(at.set).is_empty();
    Ok(if is_extend_permitted(block, is_replaying, at)? {
        Judgement::Validate(check)
    } else {
        Judgement::Reject(RejectReason::InvalidTenureExtend, Some(check))
    })
}

/// Whether a rejection comes only from signers not having agreed yet on what we see ourselves. Such
/// a proposal is worth a short wait: the next update of a peer may settle it.
pub(crate) fn is_ahead_of_agreement(
    proposal: &BlockProposal,
    reason: RejectReason,
    machine: &Machine,
) -> bool {
    let is_about_agreement = matches!(
        reason,
        RejectReason::NoSignerConsensus
            | RejectReason::ConsensusHashMismatch { .. }
            | RejectReason::InvalidMiner
            | RejectReason::PubkeyHashMismatch
            | RejectReason::InvalidParentBlock
    );
    let tenure = proposal.block.header.consensus_hash;
    let is_own_view = match machine.view().map(|view| view.miner) {
        Some(MinerState::Active(miner)) => miner.tenure == tenure,
        Some(MinerState::NoValidMiner) => false,
        // Our own view is being derived: it may turn out to be this tenure.
        None => true,
    };
    is_about_agreement && is_own_view
}

/// Rules a to c of 2.3.
fn judge_content(proposal: &BlockProposal, version: Option<u64>) -> Result<(), RejectReason> {
    if version.is_none() {
        return Err(RejectReason::NoSignerConsensus);
    }
    if !has_sane_magnitudes(proposal) {
        return Err(RejectReason::ValidationFailed(ValidateCode::InvalidBlock));
    }
    if !proposal.block.header.problematic_txs.is_empty() {
        return Err(RejectReason::ProblematicTransactions);
    }
    Ok(())
}

/// Rules 1 to 7 of 3.3: everything that needs no answer of the node.
fn judge_by_agreement(
    block: &NakamotoBlock,
    views: &Views,
    at: &Situation<'_>,
) -> Result<(), RejectReason> {
    let header = &block.header;
    let state = views.state(at.set).ok_or(RejectReason::NoSignerConsensus)?;
    let MinerState::Active(miner) = state.miner else { return Err(RejectReason::InvalidMiner) };
    if header.consensus_hash != miner.tenure {
        return Err(RejectReason::ConsensusHashMismatch {
            expected: miner.tenure,
            actual: header.consensus_hash,
        });
    }
    let key = header.recover_miner().ok_or(RejectReason::IrrecoverablePubkeyHash)?;
    if key.hash160() != miner.key_hash {
        return Err(RejectReason::PubkeyHashMismatch);
    }
    if !header.pox_treatment.is_all_set() {
        return Err(RejectReason::InvalidBitvec);
    }
    if block.tenure_start().is_some_and(|change| change.previous_tenure != miner.parent_tenure) {
        return Err(RejectReason::InvalidParentBlock);
    }
    Ok(())
}

/// Rules 8 and 9 of 3.3.
fn judge_by_tip(
    block: &NakamotoBlock,
    check: TipCheck,
    at: &Situation<'_>,
) -> Result<(), RejectReason> {
    if !check.exceeds {
        return Err(RejectReason::InvalidParentBlock);
    }
    let tenure = &block.header.consensus_hash;
    if block.tenure_start().is_some() && at.ledger.highest_accepted(tenure).is_some() {
        return Err(RejectReason::DuplicateBlockFound);
    }
    Ok(())
}

/// The tenure whose tip the block must exceed: for a tenure's first block the one before.
pub(crate) fn compared_tenure(block: &NakamotoBlock) -> ConsensusHash {
    block.tenure_start().map_or(block.header.consensus_hash, |change| change.previous_tenure)
}

/// Whether height, burn height and cycle fit the signed integers of the reference's store; a block
/// beyond them is refused by every signer.
pub(crate) fn has_sane_magnitudes(proposal: &BlockProposal) -> bool {
    const LIMIT: u64 = i64::MAX as u64;
    proposal.block.header.chain_length.get() < LIMIT
        && proposal.burn_height.get() < LIMIT
        && proposal.reward_cycle.get() < LIMIT
}
