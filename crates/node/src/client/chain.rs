//! Where the chains are: tips, sortitions, tenures, reward sets, accounts.

use countersign_wire::rpc::{
    AccountResponse, LatestAndLast, NodeHealth, NodeInfo, PoxInfo, SignerBlocks, Sortition,
    StackerSet, StackerSetRefusal, StackerSetResponse, TenureForkInfo, TenureTip,
    TenureTipResponse,
};
use countersign_wire::{BurnBlockHash, ConsensusHash, PublicKey, RewardCycle, StacksAddress};
use hyper::StatusCode;

use super::{Answer, Endpoint, NodeClient, malformed};
use crate::error::NodeError;

impl NodeClient {
    /// Tips, software and chain id of the node.
    pub async fn info(&self) -> Result<NodeInfo, NodeError> {
        self.get(Endpoint::Info, "/v2/info").await?.json()
    }

    /// The lengths of a reward cycle, and where the burn chain is in it.
    pub async fn pox(&self) -> Result<PoxInfo, NodeError> {
        self.get(Endpoint::Pox, "/v2/pox").await?.json()
    }

    /// The reward set of a cycle; nothing while the node has not computed it.
    pub async fn stacker_set(&self, cycle: RewardCycle) -> Result<Option<StackerSet>, NodeError> {
        let answer = self.get(Endpoint::StackerSet, &format!("/v3/stacker_set/{cycle}")).await?;
        if answer.status == StatusCode::BAD_REQUEST
            && serde_json::from_slice(&answer.body)
                .is_ok_and(|refusal: StackerSetRefusal| refusal.is_not_available_yet())
        {
            return Ok(None);
        }
        answer.json::<StackerSetResponse>().map(|response| Some(response.stacker_set))
    }

    /// The latest sortition with a winner, and the one with a winner before it.
    pub async fn latest_and_last(&self) -> Result<LatestAndLast, NodeError> {
        self.get(Endpoint::LatestAndLast, "/v3/sortitions/latest_and_last").await?.json()
    }

    /// The sortition of a burn block; nothing if the block is not on the node's canonical fork.
    pub async fn sortition_by_burn_block(
        &self,
        hash: BurnBlockHash,
    ) -> Result<Option<Sortition>, NodeError> {
        let path = format!("/v3/sortitions/burn/{hash}");
        first_sortition(self.get(Endpoint::SortitionByBurnBlock, &path).await?)
    }

    /// The sortition with a consensus hash; nothing if it is not on the node's canonical fork.
    pub async fn sortition_by_consensus(
        &self,
        consensus_hash: ConsensusHash,
    ) -> Result<Option<Sortition>, NodeError> {
        let path = format!("/v3/sortitions/consensus/{consensus_hash}");
        first_sortition(self.get(Endpoint::SortitionByConsensus, &path).await?)
    }

    /// The highest block that the node knows in a tenure; nothing if it knows none.
    pub async fn tenure_tip(&self, tenure: ConsensusHash) -> Result<Option<TenureTip>, NodeError> {
        let path = format!("/v3/tenures/tip_metadata/{tenure}");
        let response: Option<TenureTipResponse> =
            self.get(Endpoint::TenureTip, &path).await?.json_if_found()?;
        Ok(response.map(|response| response.tip(&tenure)))
    }

    /// The tenures from `stop` back to `start`, newest first, both included. `stop` is listed whatever
    /// it is, the others only if a miner won them.
    ///
    /// The node gives them in pages whose edges overlap (`signer-wire.md` section 6.7).
    pub async fn fork_info(
        &self,
        start: ConsensusHash,
        stop: ConsensusHash,
    ) -> Result<Vec<TenureForkInfo>, NodeError> {
        let mut tenures = self.fork_page(start, stop).await?;
        for _ in 1..MAX_FORK_PAGES {
            let Some(edge) = tenures.last().map(|last| last.consensus_hash) else {
                return Err(malformed(Endpoint::ForkInfo, ForkInfoError::Empty));
            };
            if edge == start {
                return Ok(tenures);
            }
            let mut page = self.fork_page(start, edge).await?.into_iter();
            if page.next().is_none_or(|first| first.consensus_hash != edge) {
                return Err(malformed(Endpoint::ForkInfo, ForkInfoError::Gap(edge)));
            }
            let known = tenures.len();
            tenures.extend(page);
            if tenures.len() == known {
                return Err(malformed(Endpoint::ForkInfo, ForkInfoError::Stuck(edge)));
            }
        }
        Err(malformed(Endpoint::ForkInfo, ForkInfoError::Endless))
    }

    async fn fork_page(
        &self,
        start: ConsensusHash,
        stop: ConsensusHash,
    ) -> Result<Vec<TenureForkInfo>, NodeError> {
        let path = format!("/v3/tenures/fork_info/{start}/{stop}");
        self.get(Endpoint::ForkInfo, &path).await?.json()
    }

    /// How many blocks of a cycle have a signature of `key` in their headers, as far as the node has
    /// processed them: the chain's own word on whether a signer takes part. The node counts nothing that
    /// was signed too late for the header.
    pub async fn signer_blocks(
        &self,
        key: &PublicKey,
        cycle: RewardCycle,
    ) -> Result<SignerBlocks, NodeError> {
        let path = format!("/v3/signer/{key}/{cycle}");
        self.get(Endpoint::SignerBlocks, &path).await?.json()
    }

    /// How far the node is behind its peers.
    pub async fn health(&self) -> Result<NodeHealth, NodeError> {
        self.get(Endpoint::Health, "/v3/health").await?.json()
    }

    /// Balance and nonce of an account.
    pub async fn account(&self, address: &StacksAddress) -> Result<AccountResponse, NodeError> {
        self.get(Endpoint::Account, &format!("/v2/accounts/{address}?proof=0")).await?.json()
    }
}

/// Sortitions always come as a list.
fn first_sortition(answer: Answer) -> Result<Option<Sortition>, NodeError> {
    let endpoint = answer.endpoint;
    let Some(sortitions) = answer.json_if_found::<Vec<Sortition>>()? else { return Ok(None) };
    match sortitions.into_iter().next() {
        Some(sortition) => Ok(Some(sortition)),
        None => Err(malformed(endpoint, NoSortition)),
    }
}

/// A sortition that is found must be told.
#[derive(Debug, thiserror::Error)]
#[error("the list of sortitions is empty")]
struct NoSortition;

/// Why pages of tenures do not make a way from one to another.
#[derive(Debug, thiserror::Error)]
enum ForkInfoError {
    #[error("the list of tenures is empty")]
    Empty,
    #[error("the page that was to begin with tenure {0} does not")]
    Gap(ConsensusHash),
    #[error("the page that begins with tenure {0} goes no further")]
    Stuck(ConsensusHash),
    #[error("the tenure that was asked for is not among the last {MAX_FORK_PAGES} pages")]
    Endless,
}

/// Ten winners a page: 640 burn blocks with a winner, more than four days. No miner may reorganise
/// nearly as much.
const MAX_FORK_PAGES: usize = 64;
