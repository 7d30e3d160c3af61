//! What the RPC of a node on this chain says.

use countersign_devnet::chain::{ForkInfoError, Winner};
use countersign_wire::rpc::AnchoredHeader;
use countersign_wire::{BurnHeight, ConsensusHash, NakamotoBlock};

use crate::stage::Stage;

#[test]
fn info_and_pox_name_both_tips_and_the_cycle() {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let empty = stage.burn(None);
    let info = stage.chain.info();
    assert_eq!((info.burn_block_height, info.pox_consensus), (BurnHeight::new(22), empty));
    let tip = stage.chain.stacks_tip();
    assert_eq!((info.stacks_tip, info.stacks_tip_consensus_hash), (tip.sighash(), tenure));
    assert_eq!(info.stacks_tip_height, tip.header.chain_length);
    let pox = stage.chain.pox();
    assert_eq!(pox.current_burnchain_block_height, BurnHeight::new(22));
    assert_eq!((pox.reward_phase_block_length, pox.prepare_phase_block_length), (7, 3));
    assert_eq!((pox.reward_cycle_id, pox.current_epoch.as_str()), (2, "Epoch33"));
}

#[test]
fn a_tenure_tip_is_its_highest_header() {
    let mut stage = Stage::new();
    let tenure = stage.win(0);
    assert_eq!(stage.chain.tenure_tip_response(&tenure), None);
    let start = stage.start(0, &tenure);
    stage.adopt(&start);
    let next = stage.next(0, &tenure);
    stage.adopt(&next);
    let tip = stage.chain.tenure_tip_response(&tenure).unwrap();
    assert_eq!(tip.burn_view, Some(tenure));
    let AnchoredHeader::Nakamoto(header) = tip.anchored_header else { panic!("epoch 3") };
    assert_eq!(header, stage.signed(&next).header);
}

#[test]
fn a_sortition_names_the_tenure_it_builds_on_by_its_first_block() {
    let mut stage = Stage::new();
    let parent = stage.win(0);
    let start = stage.start(0, &parent);
    stage.adopt(&start);
    let next = stage.next(0, &parent);
    stage.adopt(&next);
    stage.win(1);
    let sortition = &stage.chain.latest_and_last()[0];
    assert_eq!(sortition.stacks_parent_ch, Some(parent));
    let committed = sortition.committed_block_hash.unwrap();
    assert_eq!(committed.as_bytes(), start.block_id().as_bytes());
    let burn_hash = sortition.burn_block_hash;
    assert_eq!(stage.chain.sortition_by_burn_hash(&burn_hash).as_ref(), Some(sortition));
}

fn hashes(stage: &Stage, start: &ConsensusHash, stop: &ConsensusHash) -> Vec<ConsensusHash> {
    let page = stage.chain.fork_info(start, stop).unwrap();
    page.iter().map(|tenure| tenure.consensus_hash).collect()
}

#[test]
fn fork_info_goes_back_over_winners_only_except_where_it_begins() {
    let mut stage = Stage::new();
    let first = stage.tenure(0);
    stage.burn(None);
    let second = stage.win(1);
    let empty = stage.burn(None);
    assert_eq!(hashes(&stage, &first, &empty), [empty, second, first]);
    assert_eq!(hashes(&stage, &first, &first), [first]);
    let page = stage.chain.fork_info(&first, &second).unwrap();
    assert_eq!(page[0].first_block_mined, None);
    let start = stage.chain.tenure_tip(&first).unwrap().block_id();
    assert_eq!(page[1].first_block_mined, Some(start));
    assert!(page.iter().all(|tenure| tenure.nakamoto_blocks.is_none()));
}

#[test]
fn fork_info_comes_in_pages_of_ten_winners_that_overlap_by_one() {
    let mut stage = Stage::new();
    let tenures: Vec<_> = (0..15).map(|round| stage.tenure(round % 2)).collect();
    let (first, last) = (&tenures[0], &tenures[14]);
    let page = hashes(&stage, first, last);
    assert_eq!(page.len(), 10);
    assert_eq!(page[9], tenures[5]);
    let rest = hashes(&stage, first, &page[9]);
    assert_eq!(rest, tenures[..=5].iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn fork_info_between_forks_and_of_strangers_is_refused() {
    let mut stage = Stage::new();
    let below = stage.tenure(0);
    let lost = stage.tenure(1);
    let height = stage.chain.burn_block(&below).unwrap().height;
    stage.chain.fork_burn_chain(height);
    let other = stage.tenure(0);
    let error = ForkInfoError::NotOnOneFork { start: lost, stop: other };
    assert_eq!(stage.chain.fork_info(&lost, &other), Err(error));
    let error = ForkInfoError::NotOnOneFork { start: other, stop: below };
    assert_eq!(stage.chain.fork_info(&other, &below), Err(error));
    let stranger = ConsensusHash::new([9; 20]);
    assert_eq!(stage.chain.fork_info(&stranger, &other), Err(ForkInfoError::Unknown(stranger)));
}

#[test]
fn fork_info_of_an_orphaned_fork_brings_the_blocks_that_were_lost() {
    let mut stage = Stage::new();
    let below = stage.tenure(0);
    let lost = stage.tenure(1);
    let next = stage.next(1, &lost);
    stage.adopt(&next);
    let height = stage.chain.burn_block(&below).unwrap().height;
    stage.chain.fork_burn_chain(height);
    let page = stage.chain.fork_info(&below, &lost).unwrap();
    let blocks = page[0].blocks().unwrap().unwrap();
    let sighashes: Vec<_> = blocks.iter().map(NakamotoBlock::sighash).collect();
    assert_eq!(sighashes.len(), 2);
    assert_eq!(sighashes[1], next.sighash());
    assert_eq!(page[1].blocks(), Ok(None));
}

#[test]
fn nobody_builds_where_nobody_won() {
    use countersign_devnet::chain::BuildError;
    let mut stage = Stage::new();
    let empty = stage.burn(None);
    let start = stage.chain.build_tenure_start(&stage.miners[0], &empty, stage.at(), Vec::new());
    assert_eq!(start, Err(BuildError::NoWinner(empty)));
    let nowhere = Winner {
        miner: stage.miners[0].public_key().hash160(),
        committed_parent_tenure: Some(empty),
    };
    let tenure = stage.burn(Some(nowhere));
    let start = stage.chain.build_tenure_start(&stage.miners[0], &tenure, stage.at(), Vec::new());
    assert_eq!(start, Err(BuildError::EmptyTenure(empty)));
}
