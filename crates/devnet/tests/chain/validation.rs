//! One test for each reason for which a node's validation refuses a block.

use countersign_devnet::chain::{BlockKind, BlockTemplate, ChainConfig};
use countersign_wire::block::{BitVec, ProblematicTransaction};
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::message::ValidateCode;
use countersign_wire::transaction::{TenureChangeCause, TransactionPayload};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, NakamotoBlock, StacksBlockId, StacksHeight, UnixSeconds,
    Wire as _,
};

use crate::stage::{Stage, config, constant, sign_header, signer_keys};

/// A stage with a running tenure of miner 0, and its next block.
fn good() -> (Stage, ConsensusHash, NakamotoBlock) {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let block = stage.next(0, &tenure);
    (stage, tenure, block)
}

/// The good block after `spoil` and a new signature by its miner.
fn spoilt(spoil: impl FnOnce(&mut NakamotoBlock)) -> (Stage, NakamotoBlock) {
    let (stage, _, mut block) = good();
    spoil(&mut block);
    sign_header(&mut block, &stage.miners[0]);
    (stage, block)
}

#[test]
fn a_block_as_a_miner_makes_it_is_valid_and_survives_the_wire() {
    let (stage, _, block) = good();
    let verdict = stage.validate(&block).unwrap();
    assert_eq!(verdict.sighash, block.sighash());
    assert_eq!(verdict.size, block.to_bytes().len() as u64);
    assert_eq!(NakamotoBlock::from_bytes(&block.to_bytes()).unwrap(), block);
}

#[test]
fn a_request_for_another_chain_is_refused() {
    let (stage, _, block) = good();
    let reject = stage.chain.validate(&block, ChainId::MAINNET, stage.at()).unwrap_err();
    assert_eq!(reject.code, ValidateCode::NetworkChainMismatch);
}

#[test]
fn a_parent_that_nobody_knows_is_refused() {
    let (stage, block) = spoilt(|block| block.header.parent_block_id = StacksBlockId::new([9; 32]));
    stage.refuses(&block, ValidateCode::UnknownParent);
}

fn extend(stage: &Stage, tenure: ConsensusHash, burn_view: ConsensusHash) -> NakamotoBlock {
    let template = BlockTemplate {
        parent: stage.chain.tenure_tip(&tenure).unwrap().block_id(),
        tenure,
        kind: BlockKind::TenureExtend { cause: TenureChangeCause::Extended, burn_view },
        at: stage.at(),
        transactions: Vec::new(),
    };
    stage.chain.build(&stage.miners[0], template).unwrap()
}

#[test]
fn a_tenure_extend_to_an_unknown_burn_view_is_refused() {
    let (stage, tenure, _) = good();
    let unknown = ConsensusHash::new([9; 20]);
    stage.refuses(&extend(&stage, tenure, unknown), ValidateCode::NoSuchTenure);
}

#[test]
fn a_tenure_extends_to_a_later_burn_block_and_not_back() {
    let (mut stage, tenure, _) = good();
    let later = stage.burn(None);
    let forwards = extend(&stage, tenure, later);
    stage.validate(&forwards).unwrap();
    stage.adopt(&forwards);
    stage.now += 1;
    stage.refuses(&extend(&stage, tenure, tenure), ValidateCode::ChainstateError);
    let tip = stage.chain.tenure_tip_response(&tenure).unwrap();
    assert_eq!(tip.burn_view, Some(later));
}

#[test]
fn a_tenure_that_a_bitcoin_fork_took_away_is_refused() {
    let (mut stage, _, block) = good();
    let below = BurnHeight::new(stage.chain.burn_tip().height.get() - 1);
    stage.chain.fork_burn_chain(below);
    stage.refuses(&block, ValidateCode::NonCanonicalTenure);
}

#[test]
fn a_block_beside_the_highest_of_its_tenure_is_refused() {
    let (mut stage, tenure, block) = good();
    let rival = stage.next(0, &tenure);
    stage.adopt(&rival);
    assert_ne!(rival, block);
    stage.refuses(&block, ValidateCode::InvalidParentBlock);
}

#[test]
fn a_first_block_below_the_tip_of_its_parent_tenure_is_refused() {
    let (mut stage, _, block) = good();
    let tenure = stage.win(1);
    let start = stage.start(1, &tenure);
    stage.validate(&start).unwrap();
    stage.adopt(&block);
    stage.refuses(&start, ValidateCode::InvalidParentBlock);
}

#[test]
fn a_block_that_does_not_start_its_empty_tenure_is_refused() {
    let (mut stage, old, _) = good();
    let tenure = stage.win(1);
    let template = BlockTemplate {
        parent: stage.chain.stacks_tip_id(),
        tenure,
        kind: BlockKind::Ordinary,
        at: stage.at(),
        transactions: stage.transfers(&old, 1),
    };
    let block = stage.chain.build(&stage.miners[1], template).unwrap();
    stage.refuses(&block, ValidateCode::NoSuchTenure);
}

#[test]
fn a_first_block_without_coinbase_is_refused() {
    let (mut stage, ..) = good();
    let tenure = stage.win(1);
    let mut block = stage.start(1, &tenure);
    block.transactions.pop();
    stage.chain.seal(&mut block, &stage.miners[1]);
    stage.refuses(&block, ValidateCode::InvalidBlock);
}

#[test]
fn a_tenure_start_must_tell_the_truth_about_the_tenure_before() {
    type Spoil = fn(&mut countersign_wire::transaction::TenureChange);
    let rows: [(&str, Spoil); 4] = [
        ("another miner", |change| change.key_hash = countersign_wire::Hash160::ZERO),
        ("another count of blocks", |change| change.previous_tenure_blocks += 1),
        ("another tenure before", |change| change.previous_tenure = change.tenure),
        ("another tenure", |change| change.tenure = change.previous_tenure),
    ];
    for (why, spoil) in rows {
        let (mut stage, ..) = good();
        let tenure = stage.win(1);
        let mut block = stage.start(1, &tenure);
        let TransactionPayload::TenureChange(change) = &mut block.transactions[0].payload else {
            panic!("the first transaction changes the tenure");
        };
        spoil(change);
        block.transactions[0].sign_origin(&stage.miners[1]).unwrap();
        stage.chain.seal(&mut block, &stage.miners[1]);
        let reject = stage.validate(&block).expect_err(why);
        assert_eq!(reject.code, ValidateCode::ChainstateError, "{why}: {}", reject.reason);
    }
}

#[test]
fn a_first_block_on_another_tenure_than_committed_is_refused() {
    let (mut stage, old, _) = good();
    let before = stage.chain.burn_block(&old).unwrap().winner.unwrap().parent_tenure;
    let tenure = stage.win(1);
    let template = BlockTemplate {
        parent: stage.chain.tenure_tip(&before).unwrap().block_id(),
        tenure,
        kind: BlockKind::TenureStart,
        at: stage.at(),
        transactions: Vec::new(),
    };
    let block = stage.chain.build(&stage.miners[1], template).unwrap();
    stage.refuses(&block, ValidateCode::ChainstateError);
}

#[test]
fn a_second_first_block_passes_the_node_and_is_left_to_the_signers() {
    let mut stage = Stage::new();
    let tenure = stage.win(0);
    let first = stage.start(0, &tenure);
    stage.now += 1;
    let second = stage.start(0, &tenure);
    stage.adopt(&first);
    assert_ne!(first.sighash(), second.sighash());
    stage.validate(&second).unwrap();
}

#[test]
fn static_faults_are_refused() {
    type Spoil = fn(&mut NakamotoBlock);
    let rows: [(&str, Spoil); 6] = [
        ("a version of another epoch", |block| block.header.version = 1),
        ("a shadow block", |block| block.header.version = 0x80),
        ("another burn amount", |block| block.header.burn_spent += 1),
        ("another number of PoX bits", |block| {
            block.header.pox_treatment = BitVec::all_set(2).unwrap();
        }),
        ("no transactions", |block| block.transactions.clear()),
        ("a transaction twice", |block| {
            let copy = block.transactions[0].clone();
            block.transactions.push(copy);
        }),
    ];
    for (why, spoil) in rows {
        let (stage, block) = spoilt(spoil);
        let reject = stage.validate(&block).expect_err(why);
        assert_eq!(reject.code, ValidateCode::ChainstateError, "{why}: {}", reject.reason);
    }
}

#[test]
fn a_block_by_another_miner_than_the_winner_is_refused() {
    let (stage, _, mut block) = good();
    sign_header(&mut block, &stage.miners[1]);
    stage.refuses(&block, ValidateCode::ChainstateError);
}

#[test]
fn a_transaction_for_another_network_is_refused() {
    let (stage, block) = spoilt(|block| block.transactions[0].is_mainnet = true);
    stage.refuses(&block, ValidateCode::ChainstateError);
}

#[test]
fn epoch_4_has_headers_of_version_1_which_mark_only_transactions_that_may_be_marked() {
    let mut stage = Stage::with(ChainConfig {
        epoch_40_at: Some(BurnHeight::new(0)),
        ..config(constant(&signer_keys(), &[30, 25, 20, 15, 10]))
    });
    let tenure = stage.tenure(0);
    let mut block = stage.next(0, &tenure);
    assert_eq!(block.header.version, 1);
    stage.validate(&block).unwrap();
    block.header.problematic_txs = vec![ProblematicTransaction { tx_index: 0, category: 1 }];
    sign_header(&mut block, &stage.miners[0]);
    stage.validate(&block).unwrap();
    block.header.problematic_txs = vec![ProblematicTransaction { tx_index: 2, category: 1 }];
    sign_header(&mut block, &stage.miners[0]);
    stage.refuses(&block, ValidateCode::ChainstateError);
}

#[test]
fn a_timestamp_is_after_the_parents_and_at_most_15_seconds_ahead() {
    let (_, tenure, _) = good();
    let parent = good().0.chain.tenure_tip(&tenure).unwrap().header.timestamp.get();
    let now = good().0.now;
    let rows = [
        (parent, Some(ValidateCode::InvalidTimestamp)),
        (parent + 1, None),
        (now + 15, None),
        (now + 16, Some(ValidateCode::InvalidTimestamp)),
    ];
    for (timestamp, code) in rows {
        let (stage, block) = spoilt(|block| block.header.timestamp = UnixSeconds::new(timestamp));
        let verdict = stage.validate(&block).err().map(|reject| reject.code);
        assert_eq!(verdict, code, "{timestamp}");
    }
}

#[test]
fn a_height_that_does_not_follow_is_refused() {
    let (stage, block) = spoilt(|block| {
        block.header.chain_length = StacksHeight::new(block.header.chain_length.get() + 1);
    });
    stage.refuses(&block, ValidateCode::InvalidBlock);
}

#[test]
fn other_roots_than_the_block_gives_are_refused() {
    let (stage, block) = spoilt(|block| block.header.state_index_root = StateRoot::ZERO);
    stage.refuses(&block, ValidateCode::BadBlockHash);
    let (stage, block) = spoilt(|block| block.header.tx_merkle_root = TxMerkleRoot::ZERO);
    stage.refuses(&block, ValidateCode::BadBlockHash);
}
