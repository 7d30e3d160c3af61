//! Random writes about few things, so that they meet.

use std::sync::Arc;

use countersign_signer::{
    BlockState, BurnBlockSeen, Millis, ParkedVote, Record, RejectionVote, Superseded, Timestamp,
    Vote, Write,
};
use countersign_wire::block::{BitVec, NakamotoBlockHeader};
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::message::{
    ActiveMiner, MinerState, RejectReason, StateMachineUpdate, UpdateContent, ValidateCode,
};
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

fn block() -> impl Strategy<Value = NakamotoBlock> {
    (any::<u64>(), consensus_hash(), signature()).prop_map(|(height, tenure, miner_signature)| {
        let mut block = NakamotoBlock {
            header: NakamotoBlockHeader {
                chain_length: StacksHeight::new(height),
                consensus_hash: tenure,
                miner_signature,
                ..empty_header()
            },
            transactions: vec![],
        };
        block.header.tx_merkle_root = block.tx_merkle_root();
        block
    })
}

fn record() -> impl Strategy<Value = Record> {
    let times = prop::collection::vec(prop::option::of(time()), 3);
    (
        (sighash(), cycle(), block(), any::<u64>(), prop::sample::select(&BlockState::ALL[..])),
        (any::<Option<bool>>(), time(), times, any::<u64>()),
        (prop::option::of(reason()), any::<bool>()),
    )
        .prop_map(|(first, second, third)| {
            let (sighash, cycle, block, burn_height, state) = first;
            let (valid, proposed_at, times, validation_time) = second;
            let (reject_reason, uploaded) = third;
            Record {
                sighash,
                cycle,
                block: Arc::new(block),
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
