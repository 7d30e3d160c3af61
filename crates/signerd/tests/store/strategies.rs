//! Random writes about few things, so that they meet.

use std::sync::Arc;

use countersign_signer::{
    BlockState, BurnBlockSeen, Millis, Outline, ParkedVote, Record, RejectionVote, Superseded,
    Timestamp, Vote, Write,
};
use countersign_wire::block::{BitVec, NakamotoBlockHeader, TenureRole};
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::message::{
    ActiveMiner, BlockProposal, BlockProposalData, MinerState, RejectReason, StateMachineUpdate,
    UpdateContent, ValidateCode,
};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, Hash160, MessageSignature, NakamotoBlock,
    RewardCycle, Sighash, SlotId, StacksBlockId, StacksHeight, UnixSeconds,
};
use proptest::prelude::*;

const FEW: u8 = 4;

prop_compose! {
    fn sighash()(byte in 0..FEW) -> Sighash { Sighash::new([byte; 32]) }
}
prop_compose! {
    fn consensus_hash()(byte in 0..FEW) -> ConsensusHash { ConsensusHash::new([byte; 20]) }
}
prop_compose! {
    fn burn_hash()(byte in any::<u8>()) -> BurnBlockHash { BurnBlockHash::new([byte; 32]) }
}
prop_compose! {
    fn slot()(id in prop_oneof![0..3u32, Just(u32::MAX)]) -> SlotId { SlotId::new(id) }
}
prop_compose! {
    fn cycle()(cycle in prop_oneof![7..9u64, Just(u64::MAX)]) -> RewardCycle { RewardCycle::new(cycle) }
}
prop_compose! {
    fn time()(at in any::<u64>()) -> Timestamp { Timestamp::from_millis(at) }
}
prop_compose! {
    fn height()(height in 0..20u64) -> BurnHeight { BurnHeight::new(height) }
}
prop_compose! {
    fn signature()(id in 0..=3u8, byte in any::<u8>()) -> MessageSignature {
        let mut bytes = [byte; 65];
        bytes[0] = id;
        MessageSignature::from_bytes(bytes).unwrap()
    }
}

fn reason() -> impl Strategy<Value = RejectReason> {
    prop_oneof![
        Just(RejectReason::ConnectivityIssues),
        Just(RejectReason::NoSignerConsensus),
        Just(RejectReason::Unknown),
        Just(RejectReason::ValidationFailed(ValidateCode::UnknownParent)),
        (consensus_hash(), consensus_hash()).prop_map(|(expected, actual)| {
            RejectReason::ConsensusHashMismatch { expected, actual }
        }),
    ]
}

fn rejection() -> impl Strategy<Value = RejectionVote> {
    reason().prop_map(|reason| RejectionVote { reason })
}

fn vote() -> impl Strategy<Value = Vote> {
    prop_oneof![
        Just(Vote::PreCommit),
        signature().prop_map(Vote::Acceptance),
        rejection().prop_map(Vote::Rejection),
    ]
}

/// The block of this hash, as it were: what a block is never changes.
fn block(sighash: Sighash) -> NakamotoBlock {
    let mut block = NakamotoBlock {
        header: NakamotoBlockHeader {
            chain_length: StacksHeight::new(u64::from(sighash.as_bytes()[0])),
            consensus_hash: ConsensusHash::new([sighash.as_bytes()[0] / 2; 20]),
            ..empty_header()
        },
        transactions: vec![],
    };
    block.header.tx_merkle_root = block.tx_merkle_root();
    block
}

/// A block that was just proposed.
pub(crate) fn proposed(number: u8) -> Record {
    let block = block(Sighash::new([number; 32]));
    let proposal = BlockProposal {
        block,
        burn_height: BurnHeight::new(9),
        reward_cycle: RewardCycle::new(7),
        data: BlockProposalData::absent(),
    };
    Record::new(proposal, Timestamp::from_secs(1))
}

fn record() -> impl Strategy<Value = Record> {
    let times = prop::collection::vec(prop::option::of(time()), 3);
    (
        (
            sighash(),
            cycle(),
            any::<bool>(),
            any::<u64>(),
            prop::sample::select(&BlockState::ALL[..]),
        ),
        (any::<Option<bool>>(), time(), times, any::<u64>()),
        (prop::option::of(reason()), any::<bool>()),
    )
        .prop_map(|(first, second, third)| {
            let (sighash, cycle, has_content, burn_height, state) = first;
            let block = block(sighash);
            let (valid, proposed_at, times, validation_time) = second;
            let (reject_reason, uploaded) = third;
            Record {
                sighash,
                cycle,
                outline: Outline { role: role(sighash), ..Outline::of(&block) },
                block: has_content.then(|| Arc::new(block)),
                burn_height: BurnHeight::new(burn_height),
                state,
                valid,
                proposed_at,
                approved_at: times[0],
                signed_self_at: times[1],
                signed_group_at: times[2],
                validation_time: Millis::new(validation_time),
                reject_reason,
                uploaded,
            }
        })
}

fn role(sighash: Sighash) -> TenureRole {
    match sighash.as_bytes()[0] {
        0 => TenureRole::Start,
        1 => TenureRole::Extend(TenureChangeCause::Extended),
        2 => TenureRole::Extend(TenureChangeCause::ExtendedReadCount),
        _ => TenureRole::Ordinary,
    }
}

fn parked() -> impl Strategy<Value = ParkedVote> {
    (cycle(), sighash(), slot(), vote(), time())
        .prop_map(|(cycle, sighash, from, vote, at)| ParkedVote { cycle, sighash, from, vote, at })
}

fn update() -> impl Strategy<Value = StateMachineUpdate> {
    let miner = prop_oneof![
        Just(MinerState::NoValidMiner),
        (consensus_hash(), any::<u64>()).prop_map(|(tenure, height)| {
            MinerState::Active(ActiveMiner {
                key_hash: Hash160::ZERO,
                tenure,
                parent_tenure: tenure,
                parent_last_block: StacksBlockId::ZERO,
                parent_last_height: StacksHeight::new(height),
            })
        }),
    ];
    (0..=2u64, consensus_hash(), any::<u64>(), miner).prop_map(
        |(version, burn_block, at, miner)| StateMachineUpdate {
            active_version: version,
            supported_version: 2,
            content: UpdateContent {
                burn_block,
                burn_height: BurnHeight::new(at),
                miner,
                replay_transactions: vec![],
            },
        },
    )
}

fn vote_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        (sighash(), slot()).prop_map(|(sighash, from)| Write::PreCommit { sighash, from }),
        (sighash(), slot(), signature()).prop_map(|(sighash, from, signature)| {
            Write::Acceptance { sighash, from, signature }
        }),
        (sighash(), slot(), rejection()).prop_map(|(sighash, from, vote)| Write::Rejection {
            sighash,
            from,
            vote
        }),
        parked().prop_map(Write::Park),
        parked().prop_map(Write::Park),
        parked().prop_map(|vote| Write::Unpark { sighash: vote.sighash, vote: Some(vote) }),
        sighash().prop_map(|sighash| Write::Unpark { sighash, vote: None }),
    ]
}

fn chain_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        (burn_hash(), height(), consensus_hash(), burn_hash(), time()).prop_map(
            |(hash, height, consensus_hash, parent, received_at)| {
                Write::BurnBlock(BurnBlockSeen {
                    hash,
                    height,
                    consensus_hash,
                    parent,
                    received_at,
                })
            }
        ),
        (cycle(), slot(), update(), time())
            .prop_map(|(cycle, from, update, at)| Write::PeerUpdate { cycle, from, update, at }),
        (consensus_hash(), time()).prop_map(|(tenure, at)| Write::Activity { tenure, at }),
        (consensus_hash(), height(), consensus_hash(), burn_hash(), time()).prop_map(
            |(tenure, burn_height, by, by_burn_block, at)| {
                Write::Superseded(Superseded { tenure, burn_height, by, by_burn_block, at })
            }
        ),
        height().prop_map(Write::PruneBelow),
        cycle().prop_map(Write::ForgetCycle),
    ]
}

/// Any write.
pub(crate) fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        2 => record().prop_map(|record| Write::Record(Box::new(record))),
        1 => sighash().prop_map(Write::ForgetRecord),
        1 => sighash().prop_map(Write::ForgetContent),
        1 => sighash().prop_map(Write::ForgetVotes),
        6 => vote_write(),
        5 => chain_write(),
    ]
}

fn empty_header() -> NakamotoBlockHeader {
    NakamotoBlockHeader {
        version: 0,
        chain_length: StacksHeight::new(0),
        burn_spent: 0,
        consensus_hash: ConsensusHash::ZERO,
        parent_block_id: StacksBlockId::ZERO,
        tx_merkle_root: TxMerkleRoot::ZERO,
        state_index_root: StateRoot::ZERO,
        timestamp: UnixSeconds::new(0),
        miner_signature: MessageSignature::EMPTY,
        signer_signature: vec![],
        pox_treatment: BitVec::all_set(1).unwrap(),
        problematic_txs: vec![],
    }
}
