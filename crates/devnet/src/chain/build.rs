//! Making blocks as a miner does.

use countersign_wire::block::{BitVec, NakamotoBlockHeader};
use countersign_wire::clarity::Principal;
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::transaction::{StacksTransaction, TenureChange, TenureChangeCause};
use countersign_wire::{
    ConsensusHash, MessageSignature, NakamotoBlock, PrivateKey, StacksAddress, StacksBlockId, Txid,
    UnixSeconds,
};

use super::blocks::BlockRecord;
use super::burn::BurnBlock;
use super::ledger::TransactionError;
use super::transactions::TransactionDomain;
use super::validate::state_root;
use super::{Chain, POX_BITS};

/// What a block is made of besides its miner's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTemplate {
    /// The block below; it must be processed.
    pub parent: StacksBlockId,
    /// The tenure.
    pub tenure: ConsensusHash,
    /// What it does to its tenure.
    pub kind: BlockKind,
    /// Its timestamp, moved to one second after its parent's if it is not later.
    pub at: UnixSeconds,
    /// Transactions after those that the kind of block needs.
    pub transactions: Vec<StacksTransaction>,
}

/// What a block does to its tenure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// It is the first.
    TenureStart,
    /// Nothing. Such a block needs transactions.
    Ordinary,
    /// It extends it.
    TenureExtend {
        /// In which dimensions.
        cause: TenureChangeCause,
        /// The burn block that the tenure sees from here on.
        burn_view: ConsensusHash,
    },
}

/// Why a block cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no burn block with this consensus hash.
    #[error("there is no burn block with the consensus hash {0}")]
    UnknownTenure(ConsensusHash),
    /// Nobody won the sortition, so nobody can build.
    #[error("the sortition {0} has no winner")]
    NoWinner(ConsensusHash),
    /// The tenure has no processed block to build on.
    #[error("the tenure {0} has no block to build on")]
    EmptyTenure(ConsensusHash),
    /// The block to build on has not been processed.
    #[error("the block {0} to build on has not been processed")]
    UnknownParent(StacksBlockId),
    /// A transaction cannot stand where the block puts it.
    #[error("the transaction {txid} cannot be part of the block")]
    Transaction {
        /// The transaction.
        txid: Txid,
        /// Why it cannot.
        #[source]
        source: TransactionError,
    },
}

impl Chain {
    /// The first block of a tenure, on the tip of the tenure that its winner has committed to.
    pub fn build_tenure_start(
        &self,
        miner: &PrivateKey,
        tenure: &ConsensusHash,
        at: UnixSeconds,
        transactions: Vec<StacksTransaction>,
    ) -> Result<NakamotoBlock, BuildError> {
        let burn = self.burn.any(tenure).ok_or(BuildError::UnknownTenure(*tenure))?;
        let winner = burn.winner.as_ref().ok_or(BuildError::NoWinner(*tenure))?;
        let parent = self.tip_to_build_on(&winner.parent_tenure)?;
        let kind = BlockKind::TenureStart;
        self.build(miner, BlockTemplate { parent, tenure: *tenure, kind, at, transactions })
    }

    /// The next block of a tenure, on its tip. It is valid only if there are transactions.
    pub fn build_next(
        &self,
        miner: &PrivateKey,
        tenure: &ConsensusHash,
        at: UnixSeconds,
        transactions: Vec<StacksTransaction>,
    ) -> Result<NakamotoBlock, BuildError> {
        let parent = self.tip_to_build_on(tenure)?;
        let kind = BlockKind::Ordinary;
        self.build(miner, BlockTemplate { parent, tenure: *tenure, kind, at, transactions })
    }

    /// A block that extends a tenure in all dimensions, on its tip, up to the newest burn block.
    pub fn build_tenure_extend(
        &self,
        miner: &PrivateKey,
        tenure: &ConsensusHash,
        at: UnixSeconds,
        transactions: Vec<StacksTransaction>,
    ) -> Result<NakamotoBlock, BuildError> {
        let parent = self.tip_to_build_on(tenure)?;
        let burn_view = self.burn_tip().consensus_hash;
        let kind = BlockKind::TenureExtend { cause: TenureChangeCause::Extended, burn_view };
        self.build(miner, BlockTemplate { parent, tenure: *tenure, kind, at, transactions })
    }

    /// A block on a parent of choice, signed by `miner`. Its transactions must be possible on that
    /// parent; whether the block is valid in the tenure is not checked.
    pub fn build(
        &self,
        miner: &PrivateKey,
        template: BlockTemplate,
    ) -> Result<NakamotoBlock, BuildError> {
        let BlockTemplate { parent, tenure, kind, at, transactions } = template;
        let parent = self.blocks.record(&parent).ok_or(BuildError::UnknownParent(parent))?;
        let burn = self.burn.any(&tenure).ok_or(BuildError::UnknownTenure(tenure))?;
        let mut all = self.tenure_transactions(miner, parent, burn, kind);
        all.extend(transactions);
        let mut ledger = parent.ledger.clone();
        for transaction in &all {
            ledger
                .apply(transaction, self.config.network)
                .map_err(|source| BuildError::Transaction { txid: transaction.txid(), source })?;
        }
        let header = self.header_on(parent, burn, at);
        let mut block = NakamotoBlock { header, transactions: all };
        self.seal(&mut block, miner);
        Ok(block)
    }

    /// Makes the header fit a block that was changed: derives both roots from its transactions and
    /// its parent, signs as `miner` and drops the signers' signatures. The state root is left alone
    /// if the parent is not processed.
    pub fn seal(&self, block: &mut NakamotoBlock, miner: &PrivateKey) {
        block.header.tx_merkle_root = block.tx_merkle_root();
        if let Some(parent) = self.blocks.record(&block.header.parent_block_id) {
            block.header.state_index_root = state_root(&parent.state_root, &block.txids());
        }
        sign_as_miner(block, miner);
    }

    fn tip_to_build_on(&self, tenure: &ConsensusHash) -> Result<StacksBlockId, BuildError> {
        let tip = self.processed_tip(tenure);
        tip.map(|record| record.id).ok_or(BuildError::EmptyTenure(*tenure))
    }

    fn header_on(
        &self,
        parent: &BlockRecord,
        burn: &BurnBlock,
        at: UnixSeconds,
    ) -> NakamotoBlockHeader {
        let earliest = parent.block.header.timestamp.get().saturating_add(1);
        NakamotoBlockHeader {
            version: self.config.epoch_at(burn.height).header_version(),
            chain_length: parent.height().next(),
            burn_spent: burn.burn_spent,
            consensus_hash: burn.consensus_hash,
            parent_block_id: parent.id,
            tx_merkle_root: TxMerkleRoot::ZERO,
            state_index_root: StateRoot::ZERO,
            timestamp: UnixSeconds::new(at.get().max(earliest)),
            miner_signature: MessageSignature::EMPTY,
            signer_signature: Vec::new(),
            pox_treatment: BitVec::all_set(POX_BITS).expect("one bit is a valid length"),
            problematic_txs: Vec::new(),
        }
    }

    /// The transactions that start or extend a tenure, by the miner's own account.
    fn tenure_transactions(
        &self,
        miner: &PrivateKey,
        parent: &BlockRecord,
        burn: &BurnBlock,
        kind: BlockKind,
    ) -> Vec<StacksTransaction> {
        let domain =
            TransactionDomain { network: self.config.network, chain_id: self.config.chain_id };
        let address = StacksAddress::single_sig(self.config.network, &miner.public_key());
        let nonce = parent.ledger.account(&Principal::Standard(address)).nonce;
        let tenure = burn.consensus_hash;
        let (cause, burn_view, previous_tenure) = match kind {
            BlockKind::Ordinary => return Vec::new(),
            BlockKind::TenureStart => (TenureChangeCause::BlockFound, tenure, *parent.tenure()),
            BlockKind::TenureExtend { cause, burn_view } => (cause, burn_view, tenure),
        };
        let change = TenureChange {
            tenure,
            previous_tenure,
            burn_view,
            previous_tenure_end: parent.id,
            previous_tenure_blocks: parent.tenure_blocks,
            cause,
            key_hash: miner.public_key().hash160(),
        };
        let change = domain.tenure_change(miner, nonce, change);
        if kind == BlockKind::TenureStart {
            let seed = burn.winner.map_or(burn.sortition_id, |winner| winner.vrf_seed);
            let coinbase = domain.coinbase(miner, nonce.saturating_add(1), seed.as_bytes());
            vec![change, coinbase]
        } else {
            vec![change]
        }
    }
}

/// Signs a block's header as its miner, and drops the signers' signatures, which it invalidates.
pub(super) fn sign_as_miner(block: &mut NakamotoBlock, miner: &PrivateKey) {
    block.header.miner_signature = miner.sign(&block.header.miner_signature_hash());
    block.header.signer_signature.clear();
}
