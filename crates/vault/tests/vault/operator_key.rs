//! What an operator signs by hand.

use countersign_vault::{
    OperatorKey, RawChunkRequest, SipVoteRequest, StackingRequest, StakingGrantRequest,
};
use countersign_wire::clarity::Principal;
use countersign_wire::sip018::{self, Pox4Authorization, Pox4Topic, PoxAddress};
use countersign_wire::{ChainId, SlotId, SlotVersion};

use crate::support::key;

fn operator() -> OperatorKey {
    OperatorKey::new(key())
}

fn grant() -> StakingGrantRequest {
    let manager: Principal = "ST000000000000000000002AMW42H.manager".parse().unwrap();
    StakingGrantRequest { manager, auth_id: 7, chain_id: ChainId::TESTNET }
}

fn stacking() -> StackingRequest {
    let authorization = Pox4Authorization {
        pox_address: PoxAddress { version: 4, hash_bytes: vec![9; 20] },
        reward_cycle: 100,
        topic: Pox4Topic::StackStx,
        period: 12,
        max_amount: 1_000_000,
        auth_id: 3,
    };
    StackingRequest { authorization, chain_id: ChainId::TESTNET }
}

#[test]
fn each_request_is_signed_in_its_own_domain() {
    let key = operator().public_key();
    let grant = grant();
    let digest = sip018::staking_grant(&grant.manager, grant.auth_id, grant.chain_id);
    assert_eq!(operator().sign_staking_grant(&grant).unwrap().recover(&digest), Some(key));

    let stacking = stacking();
    let digest = sip018::stacking_pox4(&stacking.authorization, stacking.chain_id);
    assert_eq!(operator().sign_stacking(&stacking).unwrap().recover(&digest), Some(key));

    let vote = operator().sign_sip_vote(SipVoteRequest { sip: 45, is_yes: true }).unwrap();
    assert_eq!(vote.recover(&sip018::sip_vote(45, true)), Some(key));
    assert_ne!(vote.recover(&sip018::sip_vote(45, false)), Some(key));
}

#[test]
fn a_grant_for_one_chain_is_none_for_another() {
    let here = operator().sign_staking_grant(&grant()).unwrap();
    let there = operator()
        .sign_staking_grant(&StakingGrantRequest { chain_id: ChainId::MAINNET, ..grant() })
        .unwrap();
    assert_ne!(here, there);
}

#[test]
fn a_chunk_is_signed_by_the_key_for_its_slot_and_version() {
    let request = RawChunkRequest {
        slot_id: SlotId::new(3),
        slot_version: SlotVersion::new(9),
        data: b"content".to_vec(),
    };
    let chunk = operator().sign_chunk(request).unwrap();
    assert_eq!(chunk.recover(), Some(operator().public_key()));
    let spoiled = countersign_wire::stackerdb::Chunk { slot_id: SlotId::new(4), ..chunk };
    assert_ne!(spoiled.recover(), Some(operator().public_key()));
}

#[test]
fn debug_output_of_an_operators_key_shows_no_secret() {
    let shown = format!("{:?}", operator());
    assert!(shown.starts_with("OperatorKey { public_key: "), "{shown}");
    assert!(!shown.contains("0707"), "{shown}");
}
