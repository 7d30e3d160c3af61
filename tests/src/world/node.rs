//! Nodes: each sees the shared chain as it was a moment ago, fails now and then, and validates one
//! block at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_devnet::chain::{Chain, ForkInfoError};
use countersign_signer::{Answer, BurnView, NodeFailure, Query, RegistrationFacts};
use countersign_wire::event::{NewBlock, NewBurnBlock, ProposalResponse, ValidationReject};
use countersign_wire::rpc::TenureForkInfo;
use countersign_wire::{
    ConsensusHash, NakamotoBlock, Sighash, SignerSet, StacksAddress, UnixSeconds,
};

/// The chain after a change, and what a node that learns of it announces.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) chain: Arc<Chain>,
    pub(super) news: Vec<News>,
}

/// A callback.
#[derive(Clone, Debug)]
pub(super) enum News {
    BurnBlock(NewBurnBlock),
    StacksBlock(NewBlock),
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The version of the chain that it answers from.
    pub(super) seen: usize,
    /// The version that it has announced: an announcement may be ahead of the answers.
    pub(super) announced: usize,
    /// The version that it has been sent.
    pub(super) offered: usize,
    pub(super) is_up: bool,
    pub(super) is_validating: bool,
}

impl Node {
    pub(super) const fn new() -> Self {
        Self { seen: 0, announced: 0, offered: 0, is_up: true, is_validating: false }
    }
}

/// Verdicts that were computed before: what a version says about a block does not change.
#[derive(Debug, Default)]
pub(super) struct Verdicts(BTreeMap<(usize, Sighash), ProposalResponse>);

impl Verdicts {
    pub(super) fn judge(
        &mut self,
        version: usize,
        chain: &Chain,
        block: &NakamotoBlock,
        now: UnixSeconds,
    ) -> ProposalResponse {
        let chain_id = chain.config().chain_id;
        let verdict = || match chain.validate(block, chain_id, now) {
            Ok(ok) => ProposalResponse::Ok(ok),
            Err(ValidationReject { sighash, reason, code, failed_txid }) => {
                ProposalResponse::Reject(ValidationReject { sighash, reason, code, failed_txid })
            }
        };
        self.0.entry((version, block.sighash())).or_insert_with(verdict).clone()
    }
}

/// What a node that knows `chain` answers.
pub(super) fn answer(chain: &Chain, query: &Query) -> Result<Answer, NodeFailure> {
    Ok(match query {
        Query::Pox => Answer::Pox(chain.pox()),
        Query::Info => Answer::Info(chain.info()),
        Query::BurnView => {
            let mut sortitions = chain.latest_and_last().into_iter();
            let latest = sortitions.next().ok_or_else(|| failure("there is no sortition"))?;
            let view = BurnView { info: chain.info(), latest, last: sortitions.next() };
            Answer::BurnView(Box::new(view))
        }
        Query::Registration(cycle) => {
            if chain.last_set_cycle() < *cycle {
                return Err(failure("the reward set is not available yet"));
            }
            let set = chain.stacker_set(*cycle).map(Arc::unwrap_or_clone);
            let network = chain.config().network;
            let signers = set.iter().flat_map(SignerSet::signers);
            let slots =
                signers.map(|signer| StacksAddress::single_sig(network, &signer.key)).collect();
            let last_set_cycle = chain.last_set_cycle();
            Answer::Registration(RegistrationFacts { set, last_set_cycle, slots })
        }
        Query::TenureTip(tenure) => {
            let tip = chain.tenure_tip_response(tenure);
            Answer::TenureTip(tip.map(|response| response.tip(tenure)))
        }
        Query::SortitionOf(hash) => {
            Answer::SortitionOf(chain.sortition_by_burn_hash(hash).is_some())
        }
        Query::Forks { from, to } => {
            let forks = forks(chain, from, to).map_err(|error| failure(&error.to_string()))?;
            Answer::Forks(forks)
        }
    })
}

/// All pages of the way from `to` back to `from`; each page begins with the last of the one before.
fn forks(
    chain: &Chain,
    from: &ConsensusHash,
    to: &ConsensusHash,
) -> Result<Vec<TenureForkInfo>, ForkInfoError> {
    let mut all = chain.fork_info(from, to)?;
    while let Some(last) = all.last().map(|last| last.consensus_hash)
        && last != *from
    {
        let page = chain.fork_info(from, &last)?;
        if page.len() < 2 {
            break;
        }
        all.extend(page.into_iter().skip(1));
    }
    Ok(all)
}

fn failure(text: &str) -> NodeFailure {
    NodeFailure { text: text.to_owned() }
}
