//! Strategies for the signer messages and the chunks that carry them.

use countersign_wire::fixed::{BurnBlockHash, Sighash, Txid};
use countersign_wire::message::{
    ActiveMiner, BlockAccepted, BlockProposal, BlockProposalData, BlockRejected, BlockResponse,
    MinerDiagnostics, MinerState, MiningReason, MockBlock, MockProposal, MockSignature, PeerInfo,
    RejectCode, RejectReason, ResponseData, SignerMessage, StateMachineUpdate, UpdateContent,
    ValidateCode,
};
use countersign_wire::quantity::{
    BurnHeight, RewardCycle, SlotId, SlotVersion, StacksHeight, UnixSeconds,
};
use countersign_wire::stackerdb::Chunk;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::strategies_consensus::{
    block, block_id, chain_id, consensus_hash, hash160, signature, transaction,
};

pub fn sighash() -> impl Strategy<Value = Sighash> {
    any::<[u8; 32]>().prop_map(Sighash::new)
}

fn seconds() -> impl Strategy<Value = UnixSeconds> {
    any::<u64>().prop_map(UnixSeconds::new)
}

fn burn_height() -> impl Strategy<Value = BurnHeight> {
    any::<u64>().prop_map(BurnHeight::new)
}

fn stacks_height() -> impl Strategy<Value = StacksHeight> {
    any::<u64>().prop_map(StacksHeight::new)
}

fn rest() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

/// Text of any language, at most 240 bytes.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..60).prop_map(String::from_iter)
}

pub fn validate_code() -> impl Strategy<Value = ValidateCode> {
    any::<u8>().prop_map(ValidateCode::from_u8)
}

pub fn reject_code() -> impl Strategy<Value = RejectCode> {
    prop_oneof![
        validate_code().prop_map(RejectCode::ValidationFailed),
        select(vec![
            RejectCode::ConnectivityIssues,
            RejectCode::RejectedInPriorRound,
            RejectCode::NoSortitionView,
            RejectCode::SortitionViewMismatch,
            RejectCode::TestingDirective,
        ]),
        (6..=u8::MAX).prop_map(RejectCode::Unknown),
    ]
}

pub fn reject_reason() -> impl Strategy<Value = RejectReason> {
    prop_oneof![
        validate_code().prop_map(RejectReason::ValidationFailed),
        (consensus_hash(), consensus_hash()).prop_map(|(expected, actual)| {
            RejectReason::ConsensusHashMismatch { expected, actual }
        }),
        select(vec![
            RejectReason::ConnectivityIssues,
            RejectReason::RejectedInPriorRound,
            RejectReason::NoSortitionView,
            RejectReason::SortitionViewMismatch,
            RejectReason::TestingDirective,
            RejectReason::ReorgNotAllowed,
            RejectReason::InvalidBitvec,
            RejectReason::PubkeyHashMismatch,
            RejectReason::InvalidMiner,
            RejectReason::NotLatestSortitionWinner,
            RejectReason::InvalidParentBlock,
            RejectReason::DuplicateBlockFound,
            RejectReason::InvalidTenureExtend,
            RejectReason::IrrecoverablePubkeyHash,
            RejectReason::NoSignerConsensus,
            RejectReason::ProblematicTransactions,
            RejectReason::Unknown,
            RejectReason::NotRejected,
        ]),
    ]
}

/// Of every version: each leaves out what came after it.
pub fn response_data() -> impl Strategy<Value = ResponseData> {
    let txid = option::of(any::<[u8; 32]>().prop_map(Txid::new));
    (0..=6_u8, seconds(), reject_reason(), seconds(), txid, rest()).prop_map(
        |(version, full, reason, read_count, txid, rest)| {
            let mut data = ResponseData { version, rest, ..ResponseData::absent() };
            if data == ResponseData::absent() {
                return data;
            }
            data.reason = if version < 3 { RejectReason::Unknown } else { reason };
            if version >= 2 {
                data.full_extend_at = full;
            }
            if version >= 4 {
                data.read_count_extend_at = read_count;
            }
            if version >= 5 {
                data.failed_txid = txid;
            }
            data
        },
    )
}

pub fn block_accepted() -> impl Strategy<Value = BlockAccepted> {
    (sighash(), signature(), text(), response_data()).prop_map(
        |(sighash, signature, server_version, data)| BlockAccepted {
            sighash,
            signature,
            server_version,
            data,
        },
    )
}

pub fn block_rejected() -> impl Strategy<Value = BlockRejected> {
    (text(), reject_code(), sighash(), chain_id(), signature(), text(), response_data()).prop_map(
        |(reason, code, sighash, chain_id, signature, server_version, data)| BlockRejected {
            reason,
            code,
            sighash,
            chain_id,
            signature,
            server_version,
            data,
        },
    )
}

pub fn block_response() -> impl Strategy<Value = BlockResponse> {
    prop_oneof![
        block_accepted().prop_map(BlockResponse::Accepted),
        block_rejected().prop_map(BlockResponse::Rejected),
    ]
}

pub fn mining_reason() -> impl Strategy<Value = MiningReason> {
    select(vec![MiningReason::BlockFound, MiningReason::Extended, MiningReason::ReadCountExtend])
}

pub fn miner_diagnostics() -> impl Strategy<Value = MinerDiagnostics> {
    let burn_block_hash = any::<[u8; 32]>().prop_map(BurnBlockHash::new);
    (burn_height(), consensus_hash(), burn_block_hash, seconds(), seconds(), mining_reason())
        .prop_map(|(burn_height, consensus_hash, burn_block_hash, full, read_count, reason)| {
            MinerDiagnostics {
                burn_height,
                consensus_hash,
                burn_block_hash,
                full_extend_at: full,
                read_count_extend_at: read_count,
                reason,
            }
        })
}

/// Diagnostics are missing from old versions, and where a short rest stands in their place.
pub fn block_proposal_data() -> impl Strategy<Value = BlockProposalData> {
    (0..=4_u8, text(), option::of(miner_diagnostics()), rest()).prop_map(
        |(version, server_version, diagnostics, rest)| BlockProposalData {
            version,
            server_version,
            diagnostics: diagnostics.filter(|_| version >= 3),
            rest,
        },
    )
}

pub fn block_proposal() -> impl Strategy<Value = BlockProposal> {
    (block(), burn_height(), any::<u64>(), block_proposal_data()).prop_map(
        |(block, burn_height, cycle, data)| BlockProposal {
            block,
            burn_height,
            reward_cycle: RewardCycle::new(cycle),
            data,
        },
    )
}

pub fn peer_info() -> impl Strategy<Value = PeerInfo> {
    let ends = (burn_height(), consensus_hash(), any::<[u8; 32]>(), stacks_height());
    (ends, text(), consensus_hash(), chain_id()).prop_map(
        |((burn_height, tenure, tip, height), server_version, pox_consensus, network_id)| {
            PeerInfo {
                burn_block_height: burn_height,
                stacks_tip_consensus_hash: tenure,
                stacks_tip: tip,
                stacks_tip_height: height,
                server_version,
                pox_consensus,
                network_id,
            }
        },
    )
}

pub fn mock_proposal() -> impl Strategy<Value = MockProposal> {
    (peer_info(), signature())
        .prop_map(|(peer_info, signature)| MockProposal { peer_info, signature })
}

pub fn mock_signature() -> impl Strategy<Value = MockSignature> {
    (signature(), mock_proposal(), text()).prop_map(|(signature, proposal, server_version)| {
        MockSignature { signature, proposal, server_version }
    })
}

pub fn mock_block() -> impl Strategy<Value = MockBlock> {
    (mock_proposal(), prop::collection::vec(mock_signature(), 0..3))
        .prop_map(|(proposal, signatures)| MockBlock { proposal, signatures })
}

pub fn active_miner() -> impl Strategy<Value = ActiveMiner> {
    (hash160(), consensus_hash(), consensus_hash(), block_id(), stacks_height()).prop_map(
        |(key_hash, tenure, parent_tenure, parent_last_block, parent_last_height)| ActiveMiner {
            key_hash,
            tenure,
            parent_tenure,
            parent_last_block,
            parent_last_height,
        },
    )
}

pub fn miner_state() -> impl Strategy<Value = MinerState> {
    prop_oneof![Just(MinerState::NoValidMiner), active_miner().prop_map(MinerState::Active)]
}

/// Versions whose lower one has a layout; layout 0 has no transactions.
pub fn state_machine_update() -> impl Strategy<Value = StateMachineUpdate> {
    let content = (consensus_hash(), burn_height(), miner_state());
    let transactions = prop::collection::vec(transaction(), 0..3);
    (0..=2_u64, any::<u64>(), any::<bool>(), content, transactions).prop_map(
        |(low, other, active_is_low, (burn_block, burn_height, miner), transactions)| {
            let high = other.max(low);
            let (active_version, supported_version) =
                if active_is_low { (low, high) } else { (high, low) };
            let replay_transactions = if low == 0 { Vec::new() } else { transactions };
            let content = UpdateContent { burn_block, burn_height, miner, replay_transactions };
            StateMachineUpdate { active_version, supported_version, content }
        },
    )
}

pub fn signer_message() -> impl Strategy<Value = SignerMessage> {
    prop_oneof![
        block_proposal().prop_map(|proposal| SignerMessage::BlockProposal(Box::new(proposal))),
        block_response().prop_map(SignerMessage::BlockResponse),
        block().prop_map(|block| SignerMessage::BlockPushed(Box::new(block))),
        mock_proposal().prop_map(SignerMessage::MockProposal),
        mock_signature().prop_map(SignerMessage::MockSignature),
        mock_block().prop_map(SignerMessage::MockBlock),
        state_machine_update().prop_map(SignerMessage::StateMachineUpdate),
        sighash().prop_map(SignerMessage::BlockPreCommit),
    ]
}

pub fn chunk() -> impl Strategy<Value = Chunk> {
    (any::<u32>(), any::<u32>(), signature(), prop::collection::vec(any::<u8>(), 0..100)).prop_map(
        |(slot, version, signature, data)| Chunk {
            slot_id: SlotId::new(slot),
            slot_version: SlotVersion::new(version),
            signature,
            data,
        },
    )
}
