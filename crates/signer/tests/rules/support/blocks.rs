//! Proposals of good blocks, and records of blocks that were proposed.

use countersign_signer::{BlockState, Record};
use countersign_wire::block::BitVec;
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::message::{BlockProposal, BlockProposalData};
use countersign_wire::transaction::{
    AnchorMode, PostConditionMode, SpendingCondition, StacksTransaction, TenureChange,
    TenureChangeCause, TransactionAuth, TransactionPayload, VrfProof,
};
use countersign_wire::{
    ChainId, MessageSignature, NakamotoBlock, NakamotoBlockHeader, StacksHeight,
};

use super::chain::{CYCLE, NOW, burn_height, ch, miner_key, tip_id};

/// The first block of tenure `n`, at `height` on top of tenure `n - 1`.
pub(crate) fn tenure_start(n: u8, height: u64) -> BlockProposal {
    let change = TenureChange {
        tenure: ch(n),
        previous_tenure: ch(n - 1),
        burn_view: ch(n),
        previous_tenure_end: tip_id(n - 1, height - 1),
        previous_tenure_blocks: 1,
        cause: TenureChangeCause::BlockFound,
        key_hash: miner_key(n).public_key().hash160(),
    };
    let coinbase = TransactionPayload::NakamotoCoinbase {
        memo: [0; 32],
        recipient: None,
        vrf_proof: VrfProof::well_formed(&[0; 32]),
    };
    let mut start = bare(n, height, vec![TransactionPayload::TenureChange(change), coinbase]);
    start.block.header.parent_block_id = tip_id(n - 1, height - 1);
    resigned(start)
}

/// A later block of tenure `n`.
pub(crate) fn ordinary(n: u8, height: u64) -> BlockProposal {
    resigned(bare(n, height, vec![transfer()]))
}

/// A later block of tenure `n` with these transactions.
pub(crate) fn with_transactions(
    n: u8,
    height: u64,
    transactions: Vec<StacksTransaction>,
) -> BlockProposal {
    let mut proposal = ordinary(n, height);
    proposal.block.transactions = transactions;
    resigned(proposal)
}

/// A transaction that a user sent, one for each nonce.
pub(crate) fn sent_by_user(nonce: u64) -> StacksTransaction {
    let key = miner_key(0).public_key();
    let auth = TransactionAuth::Standard(SpendingCondition::p2pkh(&key, nonce, 0));
    StacksTransaction { auth, ..transaction(transfer()) }
}

/// A block that extends tenure `n`.
pub(crate) fn extend(n: u8, height: u64, cause: TenureChangeCause) -> BlockProposal {
    let change = TenureChange {
        tenure: ch(n),
        previous_tenure: ch(n),
        burn_view: ch(n),
        previous_tenure_end: tip_id(n, height - 1),
        previous_tenure_blocks: 1,
        cause,
        key_hash: miner_key(n).public_key().hash160(),
    };
    resigned(bare(n, height, vec![TransactionPayload::TenureChange(change)]))
}

/// The same block but for one thing, signed again by the miner of its tenure.
pub(crate) fn spoilt(
    mut proposal: BlockProposal,
    spoil: impl FnOnce(&mut NakamotoBlockHeader),
) -> BlockProposal {
    spoil(&mut proposal.block.header);
    resigned(proposal)
}

/// Another block of the same place in the chain.
pub(crate) fn sibling(proposal: BlockProposal) -> BlockProposal {
    spoilt(proposal, |header| header.state_index_root = StateRoot::new([9; 32]))
}

/// The block as `ordinary` makes it.
pub(crate) fn block(n: u8, height: u64) -> NakamotoBlock {
    ordinary(n, height).block
}

/// A block on record: valid, first seen and promised to now, and not signed.
pub(crate) fn record(proposal: BlockProposal, state: BlockState) -> Record {
    let mut record = Record::new(proposal, NOW);
    record.state = state;
    record.valid = match state {
        BlockState::Unprocessed => None,
        BlockState::LocallyRejected => Some(false),
        _ => Some(true),
    };
    record.approved_at = (record.valid == Some(true)).then_some(NOW);
    record
}

fn bare(n: u8, height: u64, payloads: Vec<TransactionPayload>) -> BlockProposal {
    let header = NakamotoBlockHeader {
        version: 1,
        chain_length: StacksHeight::new(height),
        burn_spent: 0,
        consensus_hash: ch(n),
        parent_block_id: tip_id(n, height - 1),
        tx_merkle_root: TxMerkleRoot::ZERO,
        state_index_root: StateRoot::ZERO,
        timestamp: NOW.as_unix(),
        miner_signature: MessageSignature::EMPTY,
        signer_signature: Vec::new(),
        pox_treatment: BitVec::all_set(4).unwrap(),
        problematic_txs: Vec::new(),
    };
    BlockProposal {
        block: NakamotoBlock {
            header,
            transactions: payloads.into_iter().map(transaction).collect(),
        },
        burn_height: burn_height(n),
        reward_cycle: CYCLE,
        data: BlockProposalData::absent(),
    }
}

fn resigned(mut proposal: BlockProposal) -> BlockProposal {
    let header = &mut proposal.block.header;
    let miner = miner_key(header.consensus_hash.as_bytes()[0]);
    header.miner_signature = miner.sign(&header.miner_signature_hash());
    proposal
}

fn transfer() -> TransactionPayload {
    TransactionPayload::SmartContract {
        clarity_version: None,
        name: "hello".parse().unwrap(),
        code: String::new(),
    }
}

fn transaction(payload: TransactionPayload) -> StacksTransaction {
    let key = miner_key(0).public_key();
    StacksTransaction {
        is_mainnet: false,
        chain_id: ChainId::TESTNET,
        auth: TransactionAuth::Standard(SpendingCondition::p2pkh(&key, 0, 0)),
        anchor_mode: AnchorMode::OnChainOnly,
        post_condition_mode: PostConditionMode::Deny,
        post_conditions: Vec::new(),
        payload,
    }
}
