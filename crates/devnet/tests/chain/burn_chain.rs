//! Burn blocks: empty sortitions, forks, and what they do to Stacks blocks.

use countersign_devnet::chain::{Chain, Winner};
use countersign_wire::message::ValidateCode;
use countersign_wire::{BurnHeight, Hash160, StacksHeight};

use crate::stage::{Stage, config, constant, signer_keys};

#[test]
fn a_chain_starts_with_a_tenure_to_build_on_and_sortitions_with_predecessors() {
    let mut stage = Stage::new();
    assert_eq!(stage.chain.burn_tip().height, BurnHeight::new(20));
    assert_eq!(stage.chain.stacks_tip().header.chain_length, StacksHeight::new(2));
    let [latest, last] = &stage.chain.latest_and_last()[..] else { panic!("two sortitions") };
    assert_eq!(latest.last_sortition_ch, Some(last.consensus_hash));
    assert_eq!(latest.stacks_parent_ch, Some(last.consensus_hash));
    assert!(last.last_sortition_ch.is_some());
    let tenure = stage.win(0);
    stage.validate(&stage.start(0, &tenure)).unwrap();
}

#[test]
fn equal_configurations_and_calls_give_equal_chains() {
    let run = |seed: u8| {
        let mut config = config(constant(&signer_keys(), &[30, 25, 20, 15, 10]));
        config.seed = [seed; 32];
        let mut stage = Stage::with(config);
        stage.tenure(0);
        stage.tenure(1);
        stage.chain.stacks_tip_id()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn an_empty_sortition_leaves_the_tenure_to_its_miner() {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let empty = stage.burn(None);
    assert_eq!(stage.chain.burn_tip().consensus_hash, empty);
    assert_eq!(stage.chain.burn_tip().last_winner, Some(tenure));
    assert_eq!(stage.chain.latest_and_last()[0].consensus_hash, tenure);
    let sortition = stage.chain.sortition_by_consensus(&empty).unwrap();
    assert!(!sortition.was_sortition && sortition.miner_pk_hash160.is_none());
    let block = stage.next(0, &tenure);
    stage.validate(&block).unwrap();
    let won = stage.win(1);
    assert_eq!(stage.chain.latest_and_last()[0].last_sortition_ch, Some(tenure));
    assert_eq!(stage.chain.latest_and_last()[0].consensus_hash, won);
}

#[test]
fn a_winner_commits_to_the_tip_unless_it_says_otherwise() {
    let mut stage = Stage::new();
    let first = stage.tenure(0);
    let second = stage.tenure(1);
    let third = stage.win(0);
    let commitment = stage.chain.burn_block(&third).unwrap().winner.unwrap();
    assert_eq!(commitment.parent_tenure, second);
    let unaware = Winner {
        miner: stage.miners[1].public_key().hash160(),
        committed_parent_tenure: Some(first),
    };
    let fourth = stage.burn(Some(unaware));
    let commitment = stage.chain.burn_block(&fourth).unwrap().winner.unwrap();
    assert_eq!(commitment.parent_tenure, first);
    let block = stage.start(1, &fourth);
    stage.validate(&block).unwrap();
    assert_eq!(block.header.parent_block_id, stage.chain.tenure_tip(&first).unwrap().block_id());
}

#[test]
fn at_equal_height_the_block_of_the_newer_tenure_is_the_tip() {
    let mut stage = Stage::new();
    let first = stage.tenure(0);
    let orphan = stage.tenure(1);
    let height = stage.chain.stacks_tip().header.chain_length;
    let unaware = Winner {
        miner: stage.miners[0].public_key().hash160(),
        committed_parent_tenure: Some(first),
    };
    let newer = stage.burn(Some(unaware));
    let block = stage.start(0, &newer);
    stage.adopt(&block);
    assert_eq!(block.header.chain_length, height);
    assert_eq!(stage.chain.stacks_tip().header.consensus_hash, newer);
    assert!(stage.chain.tenure_tip(&orphan).is_some());
}

#[test]
fn a_bitcoin_fork_takes_its_tenures_away_and_the_chain_goes_on() {
    let mut stage = Stage::new();
    let kept = stage.tenure(0);
    let tip = stage.chain.stacks_tip_id();
    let lost = [stage.tenure(1), stage.tenure(0)];
    let height = stage.chain.burn_block(&kept).unwrap().height;
    let hashes: Vec<_> =
        lost.iter().map(|tenure| stage.chain.burn_block(tenure).unwrap().hash).collect();
    assert_eq!(stage.chain.fork_burn_chain(height), lost);
    assert_eq!(stage.chain.stacks_tip_id(), tip);
    for (tenure, hash) in lost.iter().zip(&hashes) {
        assert!(stage.chain.sortition_by_consensus(tenure).is_none());
        assert!(stage.chain.sortition_by_burn_hash(hash).is_none());
        assert!(stage.chain.tenure_tip(tenure).is_some());
    }
    stage.now -= 20;
    let again = stage.tenure(1);
    assert!(!lost.contains(&again), "the same block mined again is another block");
    assert_eq!(stage.chain.stacks_tip().header.consensus_hash, again);
}

#[test]
fn a_tenure_extended_to_a_burn_block_that_a_fork_took_away_ends_before_the_extension() {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let before = stage.chain.stacks_tip_id();
    stage.burn(None);
    let extend = stage.chain.build_tenure_extend(&stage.miners[0], &tenure, stage.at(), Vec::new());
    let extend = extend.unwrap();
    stage.adopt(&extend);
    stage.now += 1;
    let on_top = stage.next(0, &tenure);
    let height = stage.chain.burn_block(&tenure).unwrap().height;
    stage.chain.fork_burn_chain(height);
    assert_eq!(stage.chain.stacks_tip_id(), before);
    assert_eq!(stage.chain.tenure_tip(&tenure).unwrap().block_id(), before);
    stage.refuses(&on_top, ValidateCode::NonCanonicalTenure);
    let block = stage.next(0, &tenure);
    assert_eq!(block.header.parent_block_id, before);
    stage.validate(&block).unwrap();
}

#[test]
fn the_oldest_burn_block_survives_every_fork() {
    let mut stage = Stage::new();
    stage.tenure(0);
    stage.chain.fork_burn_chain(BurnHeight::new(0));
    assert_eq!(stage.chain.burn_tip().height, BurnHeight::new(18));
    assert_eq!(stage.chain.stacks_tip().header.chain_length, StacksHeight::new(0));
    let tenure = stage.tenure(1);
    assert_eq!(stage.chain.stacks_tip().header.consensus_hash, tenure);
}

#[test]
fn a_clone_is_a_chain_of_its_own() {
    let mut stage = Stage::new();
    stage.tenure(0);
    let mut other: Chain = stage.chain.clone();
    other.mine_burn_block(Some(Winner::honest(Hash160::ZERO)), stage.at());
    assert_ne!(other.burn_tip(), stage.chain.burn_tip());
    assert_eq!(other.stacks_tip_id(), stage.chain.stacks_tip_id());
}
