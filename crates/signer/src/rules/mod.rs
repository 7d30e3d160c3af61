//! The rules: facts in, verdict out. One rule a file; [`proposal::judge`] shows their order.

pub(crate) mod extend;
pub(crate) mod guard;
pub(crate) mod idle;
pub(crate) mod majority;
pub(crate) mod parent_choice;
pub(crate) mod proposal;
pub(crate) mod sortition_v1;
pub(crate) mod tip;

use countersign_wire::{ConsensusHash, SignerSet, StacksBlockId, StacksHeight};

use crate::burn::{BurnHistory, BurnReports, Calendar};
use crate::event::NodeFailure;
use crate::facts::{Facts, Known, Reply};
use crate::ledger::Ledger;
use crate::params::Params;
use crate::sortitions::SortitionView;
use crate::time::Timestamp;

/// Everything that a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) params: &'a Params,
    pub(crate) calendar: Option<Calendar>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) burn: &'a BurnHistory,
    pub(crate) reports: &'a BurnReports,
    pub(crate) set: &'a SignerSet,
    /// The version that we act by.
    pub(crate) version: u64,
    /// Our own sortition view, if it was read since the last burn block.
    pub(crate) sortitions: Option<&'a SortitionView>,
    pub(crate) facts: &'a Facts,
    /// When this process took up its work.
    pub(crate) started_at: Timestamp,
    pub(crate) now: Timestamp,
}

/// Height and id of the last block of a tenure, as a state machine update states it: the higher of
/// the node's tip and our own fresh signature; our own on equal height (`signer-behaviour` 5.4
/// step 6). Other signers must arrive at the same, or no state is agreed on.
pub(crate) fn parent_tip(
    tenure: &ConsensusHash,
    at: &Situation<'_>,
) -> Known<Reply<(StacksHeight, StacksBlockId)>> {
    let node = at.facts.tenure_tip(*tenure)?;
    let own = at
        .ledger
        .fresh_accepted(tenure, None, at.params.timeouts.tenure_last_block, at.now)
        .map(|record| (record.height(), record.block_id()));
    Ok(match (node, own) {
        (Ok(Some(tip)), Some(own)) if tip.height > own.0 => Ok((tip.height, tip.block_id)),
        (_, Some(own)) => Ok(own),
        (Ok(Some(tip)), None) => Ok((tip.height, tip.block_id)),
        (Ok(None), None) => Err(NodeFailure {
            text: format!("the node has no block of the parent tenure {tenure}"),
        }),
        (Err(failure), None) => Err(failure),
    })
}
