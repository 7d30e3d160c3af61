//! StackerDBs: what may be written, and what a reconfiguration keeps.

use countersign_devnet::chain::StackerDb;
use countersign_wire::stackerdb::{
    Chunk, ChunkRefusal, Lane, MAX_SIGNER_CHUNK_LEN, SignersContract,
};
use countersign_wire::{PrivateKey, RewardCycle, SlotId, SlotVersion};

use crate::stage::{Stage, key};

fn lane(cycle: u64) -> StackerDb {
    StackerDb::Signers(SignersContract::new(RewardCycle::new(cycle), Lane::Responses))
}

fn chunk(key: &PrivateKey, slot: SlotId, version: u32) -> Chunk {
    Chunk::sign(key, slot, SlotVersion::new(version), vec![1, 2, 3])
}

fn slot_of(stage: &Stage, cycle: u64, signer: usize) -> SlotId {
    let set = stage.chain.stacker_set(RewardCycle::new(cycle)).unwrap();
    set.slot_of(&stage.signers[signer].public_key()).unwrap()
}

#[test]
fn an_owner_writes_versions_that_rise_with_gaps() {
    let mut stage = Stage::new();
    let slot = slot_of(&stage, 2, 0);
    for (version, accepted) in [(0, false), (1, true), (1, false), (7, true), (6, false)] {
        let chunk = chunk(&stage.signers[0], slot, version);
        let ack = stage.chain.put_chunk(lane(2), &chunk);
        assert_eq!(ack.accepted, accepted, "{version}");
        let code = if accepted { None } else { Some(ChunkRefusal::DataAlreadyExists) };
        assert_eq!(ack.code, code, "{version}");
    }
    assert_eq!(stage.chain.chunk(lane(2), slot).unwrap().slot_version, SlotVersion::new(7));
}

#[test]
fn a_refusal_tells_the_version_to_jump_past() {
    let mut stage = Stage::new();
    let slot = slot_of(&stage, 2, 0);
    let stored = chunk(&stage.signers[0], slot, 5);
    stage.chain.put_chunk(lane(2), &stored);
    let ack = stage.chain.put_chunk(lane(2), &chunk(&stage.signers[0], slot, 1));
    assert_eq!(ack.metadata, Some(stored.metadata()));
}

#[test]
fn every_other_write_is_refused_with_its_code() {
    let mut stage = Stage::new();
    let slot = slot_of(&stage, 2, 0);
    let size = MAX_SIGNER_CHUNK_LEN as usize + 1;
    let mut forged = chunk(&stage.signers[0], slot, 1);
    forged.data.push(4);
    let too_big =
        Chunk::sign(&stage.signers[0], SlotId::new(99), SlotVersion::new(1), vec![0; size]);
    let rows = [
        ("size is judged before all else", too_big, ChunkRefusal::ChunkTooBig),
        ("no such slot", chunk(&stage.signers[0], SlotId::new(5), 1), ChunkRefusal::NoSuchSlot),
        ("another's slot", chunk(&stage.signers[1], slot, 1), ChunkRefusal::BadSigner),
        ("a stranger", chunk(&key("stranger"), slot, 1), ChunkRefusal::BadSigner),
        ("changed after signing", forged, ChunkRefusal::BadSigner),
    ];
    for (why, chunk, code) in rows {
        let ack = stage.chain.put_chunk(lane(2), &chunk);
        assert_eq!(ack.code, Some(code), "{why}");
    }
    assert!(stage.chain.chunk(lane(2), slot).is_none());
}

#[test]
fn signers_own_one_slot_each_in_the_order_of_the_set() {
    let stage = Stage::new();
    let set = stage.chain.stacker_set(RewardCycle::new(2)).unwrap();
    let keys: Vec<_> = set.signers().iter().map(|signer| signer.key.hash160()).collect();
    assert_eq!(stage.chain.slot_owners(lane(2)), keys);
    assert!(set.signers().is_sorted_by_key(|signer| signer.key));
    let slots = stage.chain.metadata(lane(2)).unwrap();
    assert_eq!(slots.len(), 5);
    assert!(slots.iter().all(|slot| slot.slot_version == SlotVersion::new(0)));
}

/// The slots of the miner with this index, as the owners of `.miners` tell.
fn owned(stage: &Stage, miner: usize) -> Vec<usize> {
    let hash = stage.miners[miner].public_key().hash160();
    let owners = stage.chain.slot_owners(StackerDb::Miners);
    (0..owners.len()).filter(|slot| owners[*slot] == hash).collect()
}

#[test]
fn a_winner_keeps_its_slots_while_it_is_the_winner_before() {
    let mut stage = Stage::new();
    // The history has three winners, so this is the fourth.
    let first = stage.win(0);
    assert_eq!(owned(&stage, 0), [0, 1]);
    assert_eq!(stage.chain.miner_slot(&first), Some(SlotId::new(0)));
    let mine = chunk(&stage.miners[0], SlotId::new(0), 3);
    assert!(stage.chain.put_chunk(StackerDb::Miners, &mine).accepted);
    let second = stage.win(1);
    assert_eq!((owned(&stage, 0), owned(&stage, 1)), (vec![0, 1], vec![2, 3]));
    assert_eq!(stage.chain.miner_slot(&second), Some(SlotId::new(2)));
    assert_eq!(stage.chain.chunk(StackerDb::Miners, SlotId::new(0)), Some(&mine));
    stage.burn(None);
    assert_eq!(stage.chain.chunk(StackerDb::Miners, SlotId::new(0)), Some(&mine));
    stage.win(1);
    assert_eq!((owned(&stage, 0), owned(&stage, 1)), (vec![], vec![0, 1, 2, 3]));
    assert_eq!(stage.chain.chunk(StackerDb::Miners, SlotId::new(0)), None);
    assert_eq!(stage.chain.miner_slot(&first), None);
}
