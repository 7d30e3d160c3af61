//! What a node's validation says about a block: the rules in their order, the first failure wins
//! (`signer-behaviour.md` section 2.10).

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_wire::event::{ExecutionCost, ValidationOk, ValidationReject};
use countersign_wire::fixed::StateRoot;
use countersign_wire::hash::sha512_256;
use countersign_wire::merkle::tx_merkle_root;
use countersign_wire::message::ValidateCode;
use countersign_wire::transaction::{
    NonFungibleCode, PostCondition, PostConditionMode, StacksTransaction, TransactionPayload,
};
use countersign_wire::{ChainId, NakamotoBlock, Network, Txid, UnixSeconds, Wire as _};

use super::blocks::BlockRecord;
use super::burn::BurnBlock;
use super::config::Epoch;
use super::{Chain, POX_BITS};

/// Why a block is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ValidateCode,
    pub(super) reason: String,
    pub(super) failed_txid: Option<Txid>,
}

impl Refusal {
    pub(super) fn new(code: ValidateCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), failed_txid: None }
    }
}

impl Chain {
    /// A node's verdict on a proposed block, at the time `now` of that node. `chain_id` is what the
    /// request names. The time that validation took is left at zero.
    pub fn validate(
        &self,
        block: &NakamotoBlock,
        chain_id: ChainId,
        now: UnixSeconds,
    ) -> Result<ValidationOk, ValidationReject> {
        match self.judge_proposal(block, chain_id, now) {
            Ok(record) => Ok(ValidationOk {
                sighash: record.sighash,
                cost: record.cost,
                size: u64::try_from(block.to_bytes().len()).unwrap_or(u64::MAX),
                validation_time_ms: 0,
                replay_tx_hash: None,
                replay_tx_exhausted: false,
            }),
            Err(Refusal { code, reason, failed_txid }) => {
                Err(ValidationReject { sighash: block.sighash(), reason, code, failed_txid })
            }
        }
    }

    fn judge_proposal(
        &self,
        block: &NakamotoBlock,
        chain_id: ChainId,
        now: UnixSeconds,
    ) -> Result<BlockRecord, Refusal> {
        if chain_id != self.config.chain_id {
            let ours = self.config.chain_id;
            let reason = format!("the request is for chain {chain_id}, this is chain {ours}");
            return Err(Refusal::new(ValidateCode::NetworkChainMismatch, reason));
        }
        let parent = self.parent_of(block)?;
        let burn_view = self.burn_view_of(block, parent)?;
        let tenure = self.canonical_tenure_of(block)?;
        self.check_builds_on_highest(block, parent)?;
        self.check_static(block, tenure)?;
        self.check_tenure(block, tenure, parent, burn_view)?;
        check_timestamp(block, parent)?;
        if block.header.timestamp.get() > now.get().saturating_add(MAX_FUTURE_SECS) {
            let reason = "the block is from the future";
            return Err(Refusal::new(ValidateCode::InvalidTimestamp, reason));
        }
        self.execute(block, parent, burn_view)
    }

    /// The rules for a block with signer signatures: all but those that only concern proposals,
    /// which are the request's chain id, the highest parent and the node's clock.
    pub(super) fn judge_signed(&self, block: &NakamotoBlock) -> Result<BlockRecord, Refusal> {
        let parent = self.parent_of(block)?;
        let burn_view = self.burn_view_of(block, parent)?;
        let tenure = self.canonical_tenure_of(block)?;
        check_well_formed(block)?;
        self.check_static(block, tenure)?;
        self.check_tenure(block, tenure, parent, burn_view)?;
        check_timestamp(block, parent)?;
        self.execute(block, parent, burn_view)
    }

    fn parent_of(&self, block: &NakamotoBlock) -> Result<&BlockRecord, Refusal> {
        self.blocks.record(&block.header.parent_block_id).map(Arc::as_ref).ok_or_else(|| {
            Refusal::new(ValidateCode::UnknownParent, "the parent block has not been processed")
        })
    }

    /// The burn block that the tenure sees from this block on: what its tenure change says, or what
    /// its parent sees.
    fn burn_view_of(
        &self,
        block: &NakamotoBlock,
        parent: &BlockRecord,
    ) -> Result<&BurnBlock, Refusal> {
        let change = block.transactions.iter().find_map(|transaction| match &transaction.payload {
            TransactionPayload::TenureChange(change) => Some(change),
            _ => None,
        });
        let view = change.map_or(&parent.burn_view, |change| &change.burn_view);
        if self.burn.any(view).is_none() {
            let reason = format!("the burn view {view} is not known");
            return Err(Refusal::new(ValidateCode::NoSuchTenure, reason));
        }
        if self.burn.canonical(&parent.burn_view).is_none() {
            return Err(not_canonical("the parent's burn view"));
        }
        self.burn.canonical(view).ok_or_else(|| not_canonical("the block's burn view"))
    }

    pub(super) fn canonical_tenure_of(&self, block: &NakamotoBlock) -> Result<&BurnBlock, Refusal> {
        let tenure = self.burn.canonical(&block.header.consensus_hash);
        tenure.ok_or_else(|| not_canonical("the block's tenure"))
    }

    /// What can be said about a block without looking at its parent.
    fn check_static(&self, block: &NakamotoBlock, tenure: &BurnBlock) -> Result<(), Refusal> {
        let invalid = |reason: &str| Err(Refusal::new(ValidateCode::ChainstateError, reason));
        let header = &block.header;
        let epoch = self.config.epoch_at(tenure.height);
        if header.is_shadow() {
            return invalid("shadow blocks are not made by miners");
        }
        if header.header_version() != epoch.header_version() {
            return invalid("the header's version is not the one of the epoch");
        }
        if header.pox_treatment.len() != POX_BITS {
            return invalid("the PoX treatment has another length than the reward set");
        }
        let Some(winner) = &tenure.winner else {
            return invalid("the sortition of the block's tenure has no winner");
        };
        if header.recover_miner().map(|key| key.hash160()) != Some(winner.miner) {
            return invalid("the block is not signed by the winner of its sortition");
        }
        if header.burn_spent != tenure.burn_spent {
            return invalid("the header misstates what has been spent on the burn chain");
        }
        if !are_problematic_txs_valid(block) {
            return invalid("the list of problematic transactions is not valid");
        }
        self.check_transactions(&block.transactions, epoch)
    }

    fn check_transactions(
        &self,
        transactions: &[StacksTransaction],
        epoch: Epoch,
    ) -> Result<(), Refusal> {
        let invalid = |reason: &str| Err(Refusal::new(ValidateCode::ChainstateError, reason));
        let ids: BTreeSet<_> = transactions.iter().map(StacksTransaction::txid).collect();
        if ids.is_empty() {
            return invalid("the block has no transactions");
        }
        if ids.len() != transactions.len() {
            return invalid("the block has a transaction twice");
        }
        let is_mainnet = self.config.network == Network::Mainnet;
        let is_ours = |transaction: &StacksTransaction| {
            transaction.is_mainnet == is_mainnet && transaction.chain_id == self.config.chain_id
        };
        if !transactions.iter().all(is_ours) {
            return invalid("a transaction of the block is for another network");
        }
        if !transactions.iter().all(|transaction| is_permitted(transaction, epoch)) {
            return invalid("a transaction of the block is not permitted in this epoch");
        }
        Ok(())
    }

    /// Height, transactions and the roots of the result.
    fn execute(
        &self,
        block: &NakamotoBlock,
        parent: &BlockRecord,
        burn_view: &BurnBlock,
    ) -> Result<BlockRecord, Refusal> {
        let header = &block.header;
        if header.chain_length != parent.height().next() {
            let reason = "the block's height does not follow its parent's";
            return Err(Refusal::new(ValidateCode::InvalidBlock, reason));
        }
        let mut ledger = parent.ledger.clone();
        let mut txids = Vec::with_capacity(block.transactions.len());
        for transaction in &block.transactions {
            let txid = transaction.txid();
            ledger.apply(transaction, self.config.network).map_err(|error| Refusal {
                code: ValidateCode::BadTransaction,
                reason: error.to_string(),
                failed_txid: Some(txid),
            })?;
            txids.push(txid);
        }
        let state_root = state_root(&parent.state_root, &txids);
        if header.state_index_root != state_root || header.tx_merkle_root != tx_merkle_root(&txids)
        {
            let reason = "the header names other roots than the block gives";
            return Err(Refusal::new(ValidateCode::BadBlockHash, reason));
        }
        let is_first = *parent.tenure() != header.consensus_hash;
        Ok(BlockRecord {
            id: block.block_id(),
            sighash: block.sighash(),
            burn_view: burn_view.consensus_hash,
            tenure_blocks: if is_first { 1 } else { parent.tenure_blocks.saturating_add(1) },
            tenure_height: parent.tenure_height.saturating_add(u64::from(is_first)),
            state_root,
            ledger,
            cost: total_cost(block.transactions.len()),
            block: Arc::new(block.clone()),
        })
    }
}

/// The state after a block stands for the state before it and the transactions.
pub(super) fn state_root(parent: &StateRoot, txids: &[Txid]) -> StateRoot {
    let ids: Vec<u8> = txids.iter().flat_map(|txid| *txid.as_bytes()).collect();
    StateRoot::new(sha512_256(&[b"state", parent.as_bytes(), &ids]))
}

/// What a transaction costs: about what a transfer costs on a real network.
pub(super) const TRANSACTION_COST: ExecutionCost = ExecutionCost {
    write_length: 182,
    write_count: 4,
    read_length: 1_600,
    read_count: 6,
    runtime: 4_300,
};

/// How far a proposed block's timestamp may be ahead of a node's clock, in seconds.
const MAX_FUTURE_SECS: u64 = 15;

fn total_cost(transactions: usize) -> ExecutionCost {
    let count = u64::try_from(transactions).unwrap_or(u64::MAX);
    ExecutionCost {
        write_length: TRANSACTION_COST.write_length.saturating_mul(count),
        write_count: TRANSACTION_COST.write_count.saturating_mul(count),
        read_length: TRANSACTION_COST.read_length.saturating_mul(count),
        read_count: TRANSACTION_COST.read_count.saturating_mul(count),
        runtime: TRANSACTION_COST.runtime.saturating_mul(count),
    }
}

fn not_canonical(what: &str) -> Refusal {
    let reason = format!("{what} is not on the canonical burn chain");
    Refusal::new(ValidateCode::NonCanonicalTenure, reason)
}

/// A block with a tenure change or a coinbase starts or extends its tenure by the rules.
pub(super) fn check_well_formed(block: &NakamotoBlock) -> Result<(), Refusal> {
    let is_about_tenures = |transaction: &StacksTransaction| {
        let payload = &transaction.payload;
        payload.is_coinbase() || matches!(payload, TransactionPayload::TenureChange(_))
    };
    let has_role = block.tenure_start().is_some() || block.tenure_extend().is_some();
    if has_role || !block.transactions.iter().any(is_about_tenures) {
        return Ok(());
    }
    let reason = "the block neither starts nor extends its tenure by the rules";
    Err(Refusal::new(ValidateCode::InvalidBlock, reason))
}

fn check_timestamp(block: &NakamotoBlock, parent: &BlockRecord) -> Result<(), Refusal> {
    if block.header.timestamp > parent.block.header.timestamp {
        return Ok(());
    }
    let reason = "the block is not later than its parent";
    Err(Refusal::new(ValidateCode::InvalidTimestamp, reason))
}

/// Indices strictly increase, exist, and name no transaction that a tenure needs.
fn are_problematic_txs_valid(block: &NakamotoBlock) -> bool {
    let entries = &block.header.problematic_txs;
    let is_markable = |index: u32| {
        let transaction = usize::try_from(index).ok().and_then(|at| block.transactions.get(at));
        transaction.is_some_and(|transaction| {
            let payload = &transaction.payload;
            !payload.is_coinbase() && !matches!(payload, TransactionPayload::TenureChange(_))
        })
    };
    entries.is_sorted_by(|a, b| a.tx_index < b.tx_index)
        && entries.iter().all(|entry| is_markable(entry.tx_index))
}

/// Whether an epoch knows everything that a transaction uses (`signer-wire.md` section 3.3).
fn is_permitted(transaction: &StacksTransaction, epoch: Epoch) -> bool {
    let is_old = |condition: &PostCondition| match condition {
        PostCondition::Stx { .. } | PostCondition::Fungible { .. } => true,
        PostCondition::NonFungible { code, .. } => *code != NonFungibleCode::MaybeSent,
        PostCondition::Staking { .. } | PostCondition::Pox { .. } => false,
    };
    match epoch {
        Epoch::Epoch40 => true,
        Epoch::Epoch33 => {
            transaction.post_condition_mode != PostConditionMode::Originator
                && transaction.post_conditions.iter().all(is_old)
        }
    }
}
