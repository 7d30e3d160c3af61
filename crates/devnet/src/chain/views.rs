//! What a node's RPC says about the chain (`signer-wire.md` section 6).

use countersign_wire::clarity::Principal;
use countersign_wire::codec::encode_list;
use countersign_wire::rpc::{
    AccountResponse, AnchoredHeader, NodeInfo, PoxInfo, Sortition, TenureForkInfo,
    TenureTipResponse,
};
use countersign_wire::transaction::TransactionPayload;
use countersign_wire::{
    BurnBlockHash, ConsensusHash, MessageSignature, NakamotoBlock, PublicKey, RewardCycle,
    StacksAddress, StacksBlockId,
};

use super::burn::BurnBlock;
use super::{Chain, StackerDb};

/// Why the way from one tenure back to another cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkInfoError {
    /// No burn block has this consensus hash: status 404.
    #[error("there is no burn block with the consensus hash {0}")]
    Unknown(ConsensusHash),
    /// The two are not on one fork, or in the wrong order: status 400.
    #[error("the burn block {start} is not below {stop}")]
    NotOnOneFork {
        /// Where the way should end.
        start: ConsensusHash,
        /// Where it begins.
        stop: ConsensusHash,
    },
}

impl Chain {
    /// `GET /v2/info`.
    pub fn info(&self) -> NodeInfo {
        let burn = self.burn_tip();
        let boot = self.config.network.boot_address();
        NodeInfo {
            burn_block_height: burn.height,
            pox_consensus: burn.consensus_hash,
            stacks_tip: self.tip.sighash,
            stacks_tip_consensus_hash: *self.tip.tenure(),
            stacks_tip_height: self.tip.height(),
            server_version: self.config.server_version.clone(),
            network_id: self.config.chain_id,
            is_fully_synced: Some(true),
            stackerdbs: Some(
                StackerDb::ALL.iter().map(|db| format!("{boot}.{}", db.name())).collect(),
            ),
        }
    }

    /// `GET /v3/signer/{key}/{cycle}`: how many of the cycle's blocks, from the tip back, have this key's
    /// signature in their headers.
    pub fn blocks_signed(&self, key: &PublicKey, cycle: RewardCycle) -> u64 {
        let mut signed = 0;
        let mut next = Some(self.stacks_tip());
        while let Some(block) = next {
            let header = &block.header;
            match self.signing_cycle(&header.consensus_hash) {
                Some(of_block) if of_block > cycle => {}
                Some(of_block) if of_block == cycle => {
                    let digest = block.sighash();
                    let has_signed = |signature: &MessageSignature| {
                        signature.recover(digest.as_bytes()).is_some_and(|signer| signer == *key)
                    };
                    signed += u64::from(header.signer_signature.iter().any(has_signed));
                }
                _ => break,
            }
            next = self.block(&header.parent_block_id);
        }
        signed
    }

    /// `GET /v2/pox`.
    pub fn pox(&self) -> PoxInfo {
        let height = self.burn_tip().height;
        PoxInfo {
            first_burnchain_block_height: self.config.first_burn_height,
            current_burnchain_block_height: height,
            reward_phase_block_length: self
                .config
                .cycle_length
                .saturating_sub(self.config.prepare_length),
            prepare_phase_block_length: self.config.prepare_length,
            reward_cycle_id: self.current_cycle().get(),
            current_epoch: self.config.epoch_at(height).name().to_owned(),
        }
    }

    /// `GET /v3/sortitions/latest_and_last`: the newest sortition with a winner, and the one with a
    /// winner before it.
    pub fn latest_and_last(&self) -> Vec<Sortition> {
        let latest = self.latest_winner();
        let last = latest
            .and_then(|latest| latest.last_winner.as_ref())
            .and_then(|last| self.burn.canonical(last));
        latest.into_iter().chain(last).map(sortition).collect()
    }

    /// `GET /v3/sortitions/burn/{hash}`: none if the block is not on the canonical fork.
    pub fn sortition_by_burn_hash(&self, hash: &BurnBlockHash) -> Option<Sortition> {
        self.burn.by_hash(hash).map(sortition)
    }

    /// `GET /v3/sortitions/consensus/{consensus hash}`: none if the block is not on the canonical
    /// fork.
    pub fn sortition_by_consensus(&self, consensus_hash: &ConsensusHash) -> Option<Sortition> {
        self.burn.canonical(consensus_hash).map(sortition)
    }

    /// `GET /v3/tenures/tip_metadata/{consensus hash}`: none if the tenure has no block.
    pub fn tenure_tip_response(&self, tenure: &ConsensusHash) -> Option<TenureTipResponse> {
        let block = self.tenure_tip(tenure)?;
        Some(TenureTipResponse {
            anchored_header: AnchoredHeader::Nakamoto(block.header.clone()),
            burn_view: self.burn_view_at(block),
        })
    }

    /// `GET /v3/tenures/fork_info/{start}/{stop}`: from `stop` back to `start`, newest first. `stop`
    /// comes first whatever it is, then only burn blocks with winners; a page ends at its tenth.
    pub fn fork_info(
        &self,
        start: &ConsensusHash,
        stop: &ConsensusHash,
    ) -> Result<Vec<TenureForkInfo>, ForkInfoError> {
        let known = |hash: &ConsensusHash| self.burn.any(hash).ok_or(ForkInfoError::Unknown(*hash));
        let (first, mut here) = (known(start)?, known(stop)?);
        let mut page = vec![self.tenure_fork_info(here)];
        let mut winners = u32::from(here.winner.is_some());
        while here.consensus_hash != first.consensus_hash && winners < MAX_WINNERS {
            let below = self.burn.any(&here.parent_consensus_hash);
            here = below
                .filter(|below| below.height >= first.height)
                .ok_or(ForkInfoError::NotOnOneFork { start: *start, stop: *stop })?;
            if here.winner.is_some() {
                page.push(self.tenure_fork_info(here));
                winners += 1;
            }
        }
        Ok(page)
    }

    /// `GET /v2/accounts/{address}`: the account at the canonical tip.
    pub fn account(&self, address: &StacksAddress) -> AccountResponse {
        let account = self.tip.ledger.account(&Principal::Standard(*address));
        AccountResponse {
            balance: format!("0x{:032x}", account.balance),
            locked: format!("0x{:032x}", 0),
            unlock_height: 0,
            nonce: account.nonce,
        }
    }

    fn burn_view_at(&self, block: &NakamotoBlock) -> Option<ConsensusHash> {
        if let Some(record) = self.blocks.record(&block.block_id()) {
            return Some(record.burn_view);
        }
        // A block that waits for its parent says itself what it sees, or does not say it.
        block.transactions.iter().find_map(|transaction| match &transaction.payload {
            TransactionPayload::TenureChange(change) => Some(change.burn_view),
            _ => None,
        })
    }

    fn tenure_fork_info(&self, block: &BurnBlock) -> TenureForkInfo {
        let is_orphaned = self.burn.canonical(&block.consensus_hash).is_none();
        TenureForkInfo {
            burn_block_hash: block.hash,
            burn_block_height: block.height,
            sortition_id: block.sortition_id,
            parent_sortition_id: block.parent_sortition_id,
            consensus_hash: block.consensus_hash,
            was_sortition: block.winner.is_some(),
            first_block_mined: self.first_block_of(&block.consensus_hash),
            nakamoto_blocks: is_orphaned.then(|| self.encoded_tenure(&block.consensus_hash)),
        }
    }

    /// `0x` and the hex of the list of a tenure's blocks, from its first to its tip.
    fn encoded_tenure(&self, tenure: &ConsensusHash) -> String {
        let mut blocks = Vec::new();
        let mut next: Option<StacksBlockId> = self.processed_tip(tenure).map(|record| record.id);
        while let Some(record) = next.and_then(|id| self.blocks.record(&id)) {
            if record.tenure() != tenure {
                break;
            }
            blocks.push(NakamotoBlock::clone(&record.block));
            next = Some(record.block.header.parent_block_id);
        }
        blocks.reverse();
        let mut bytes = Vec::new();
        encode_list(&blocks, &mut bytes);
        format!("0x{}", hex::encode(bytes))
    }
}

/// How many burn blocks with winners one page of fork info has.
const MAX_WINNERS: u32 = 10;

fn sortition(block: &BurnBlock) -> Sortition {
    Sortition {
        burn_block_hash: block.hash,
        burn_block_height: block.height,
        burn_header_timestamp: block.timestamp.get(),
        sortition_id: block.sortition_id,
        parent_sortition_id: block.parent_sortition_id,
        consensus_hash: block.consensus_hash,
        was_sortition: block.winner.is_some(),
        miner_pk_hash160: block.winner.map(|winner| winner.miner),
        stacks_parent_ch: block.winner.map(|winner| winner.parent_tenure),
        last_sortition_ch: block.last_winner,
        committed_block_hash: block.winner.map(|winner| winner.committed_block),
        vrf_seed: block.winner.map(|winner| winner.vrf_seed),
    }
}
