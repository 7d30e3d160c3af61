//! Reward cycles: when signers are known, how they change, and a chain that crosses the boundary.

use std::collections::BTreeMap;

use countersign_devnet::chain::{
    Chain, ChainConfig, ConfigError, Stacker, StackerDb, StackerPlan, WeightSchedule,
};
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};
use countersign_wire::{BurnHeight, RewardCycle, SlotId, SlotVersion, Weight};

use crate::stage::{Stage, config, constant, key, signer_keys};

/// Five signers, of whom number 4 is there in even cycles only, number 3 from cycle 3 on, and
/// number 0 changes its weight.
fn changing() -> StackerPlan {
    let schedules = [
        WeightSchedule::Repeating(vec![Weight::new(30), Weight::new(20)]),
        WeightSchedule::Constant(Weight::new(25)),
        WeightSchedule::Constant(Weight::new(20)),
        WeightSchedule::Steps(BTreeMap::from([(RewardCycle::new(3), Weight::new(15))])),
        WeightSchedule::Repeating(vec![Weight::new(10), Weight::ZERO]),
    ];
    let stackers = signer_keys().into_iter().zip(schedules);
    let stacker = |(key, weights): (countersign_wire::PrivateKey, _)| Stacker {
        key: key.public_key(),
        weights,
    };
    StackerPlan { stackers: stackers.map(stacker).collect() }
}

fn members(stage: &Stage, cycle: u64) -> Option<Vec<(usize, u32)>> {
    let set = stage.chain.stacker_set(RewardCycle::new(cycle))?;
    let weight = |signer: usize| {
        let slot = set.slot_of(&stage.signers[signer].public_key())?;
        Some((signer, set.weight_of(slot).get()))
    };
    Some((0..5).filter_map(weight).collect())
}

#[test]
fn the_next_signers_are_known_from_the_prepare_phase_on() {
    for delay in 0..3 {
        let mut stage = Stage::with(ChainConfig { reward_set_delay: delay, ..config(changing()) });
        assert_eq!(stage.chain.last_set_cycle(), RewardCycle::new(2));
        // The prepare phase of cycle 2 is 27 to 29.
        while stage.chain.burn_tip().height < BurnHeight::new(26 + delay) {
            stage.win(0);
            assert_eq!(members(&stage, 3), None, "{}", stage.chain.burn_tip().height);
        }
        stage.win(0);
        assert_eq!(stage.chain.last_set_cycle(), RewardCycle::new(3));
        assert_eq!(members(&stage, 2), Some(vec![(0, 30), (1, 25), (2, 20), (4, 10)]));
        assert_eq!(members(&stage, 3), Some(vec![(0, 20), (1, 25), (2, 20), (3, 15)]));
        assert_eq!(stage.chain.current_cycle(), RewardCycle::new(2));
    }
}

#[test]
fn a_slot_keeps_its_content_across_a_cycle_if_its_owner_keeps_the_slot() {
    let mut stage = Stage::with(config(changing()));
    let db = StackerDb::Signers(SignersContract::new(RewardCycle::new(2), Lane::PreCommits));
    let before = stage.chain.slot_owners(db);
    for (slot, owner) in (0..).zip(&before) {
        let key = stage.signers.iter().find(|key| key.public_key().hash160() == *owner).unwrap();
        let chunk = Chunk::sign(key, SlotId::new(slot), SlotVersion::new(9), vec![7]);
        assert!(stage.chain.put_chunk(db, &chunk).accepted);
    }
    while stage.chain.last_set_cycle() < RewardCycle::new(4) {
        stage.win(0);
    }
    let after = stage.chain.slot_owners(db);
    assert_ne!(before, after);
    let mut kept = 0;
    for (index, slot) in (0..).zip(&after) {
        let is_same = before.get(index) == Some(slot);
        let slot = SlotId::new(u32::try_from(index).unwrap());
        assert_eq!(stage.chain.chunk(db, slot).is_some(), is_same, "{slot}");
        kept += usize::from(is_same);
    }
    assert!(0 < kept && kept < after.len(), "the plan must have slots of both kinds");
}

#[test]
fn a_chain_crosses_two_cycles_with_the_signers_of_each() {
    let mut stage = Stage::with(config(changing()));
    let start = stage.chain.stacks_tip().header.chain_length.get();
    let mut blocks = 0;
    for round in 0..25 {
        let miner = round % 2;
        let tenure = stage.tenure(miner);
        let block = stage.next(miner, &tenure);
        stage.validate(&block).unwrap();
        stage.adopt(&block);
        blocks += 2;
        let cycle = stage.chain.signing_cycle(&tenure).unwrap();
        let signed = stage.chain.stacks_tip().header.signer_signature.len();
        assert_eq!(signed, stage.chain.stacker_set(cycle).unwrap().count());
    }
    assert_eq!(stage.chain.current_cycle(), RewardCycle::new(4));
    assert_eq!(stage.chain.stacks_tip().header.chain_length.get(), start + blocks);
}

#[test]
fn a_tenure_is_signed_by_the_cycle_of_its_sortition_even_after_the_boundary() {
    let mut stage = Stage::with(config(changing()));
    while stage.chain.burn_tip().height < BurnHeight::new(29) {
        stage.tenure(0);
    }
    let tenure = stage.chain.burn_tip().consensus_hash;
    stage.burn(None);
    assert_eq!(stage.chain.current_cycle(), RewardCycle::new(3));
    assert_eq!(stage.chain.signing_cycle(&tenure), Some(RewardCycle::new(2)));
    let block = stage.next(0, &tenure);
    assert!(stage.adopt(&block).accepted);
}

#[test]
fn stackers_with_one_key_have_the_sum_of_their_weights() {
    let twice = vec![key("signer 0"), key("signer 0")];
    let set = constant(&twice, &[30, 25]).signer_set(RewardCycle::new(2)).unwrap();
    assert_eq!((set.count(), set.total()), (1, Weight::new(55)));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let good = || config(changing());
    let rows = [
        (
            ChainConfig { prepare_length: 10, ..good() },
            ConfigError::PrepareLength { length: 10, prepare: 10 },
        ),
        (
            ChainConfig { reward_set_delay: 3, ..good() },
            ConfigError::RewardSetDelay { delay: 3, prepare: 3 },
        ),
        (
            ChainConfig { first_burn_height: BurnHeight::new(19), ..good() },
            ConfigError::NoHistory { genesis: BurnHeight::new(20), first: BurnHeight::new(19) },
        ),
        (ChainConfig { stackers: StackerPlan::default(), ..good() }, ConfigError::NoSigners),
    ];
    for (config, error) in rows {
        assert_eq!(Chain::new(config).err(), Some(error));
    }
}
