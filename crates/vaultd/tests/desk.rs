//! A caller that was taken over: whatever it sends, it gets no signature but over a digest that the vault has
//! made of typed fields, in the domain of that type, and with a record where one is due.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../vault/tests/ipc/strategies.rs"]
#[allow(dead_code, reason = "the tests of the codec use the rest")]
mod strategies;
#[path = "../../wire/tests/support/mod.rs"]
mod support;

use countersign_vault::Vault;
use countersign_vault::ipc::{Answer, Call, Reply, Request};
use countersign_vaultd::{Caller, Chain, Desk, Role};
use countersign_wire::message::MockSignature;
use countersign_wire::stackerdb::chunk_digest;
use countersign_wire::{
    ChainId, MessageSignature, Network, PrivateKey, PublicKey, Wire as _, sip018,
};
use proptest::prelude::*;

fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

fn desk() -> Desk {
    let chain = Chain::new(Network::Testnet, ChainId::TESTNET);
    Desk::new(vec![Vault::in_memory(key()).unwrap()], chain)
}

fn caller(roles: Vec<Role>) -> Caller {
    Caller { user: "countersign".to_owned(), uid: 1001, roles }
}

/// The digest that a request is about, made here and not by the vault; none for one that is not signed.
fn digest(request: &Request) -> Option<[u8; 32]> {
    Some(match request {
        Request::Acceptance(request) => *request.header.sighash().as_bytes(),
        Request::Rejection(request) => sip018::block_rejection(&request.sighash, request.chain_id),
        Request::Mock(proposal) => {
            let (signature, server_version) = (MessageSignature::EMPTY, String::new());
            MockSignature { signature, proposal: (**proposal).clone(), server_version }.digest()
        }
        Request::Chunk(request) => {
            chunk_digest(request.slot_id, request.slot_version, &request.message.to_bytes())
        }
        Request::StakingGrant(request) => {
            sip018::staking_grant(&request.manager, request.auth_id, request.chain_id)
        }
        Request::Stacking(request) => {
            sip018::stacking_pox4(&request.authorization, request.chain_id)
        }
        Request::SipVote(request) => sip018::sip_vote(request.sip, request.is_yes),
        _ => return None,
    })
}

/// Sends bytes and checks the signature that comes back. Gives whether one does.
fn send(desk: &mut Desk, caller: &Caller, bytes: &[u8]) -> Result<bool, TestCaseError> {
    let Ok(served) = desk.serve(caller, bytes) else { return Ok(false) };
    let signature = match served.reply {
        Reply::Done(Answer::Signature(signature)) => signature,
        Reply::Done(Answer::Parcel(Some(parcel))) => {
            // It carries a signature, too: the proof of a key that signs nothing else. These journals have
            // one parcel.
            let export = &parcel.piece;
            prop_assert!(!export.standing.is_active());
            let signed_by = export.proof.unwrap().recover(&export.proof_digest());
            prop_assert_eq!(signed_by, Some(key().public_key()));
            return Ok(false);
        }
        _ => return Ok(false),
    };
    let Call { key: asked, request } = Call::from_bytes(bytes).unwrap();
    let digest = digest(&request).expect("only what has a digest is signed");
    prop_assert_eq!(asked, key().public_key());
    prop_assert_eq!(signature.recover(&digest), Some(key().public_key()));
    let kind = request.kind();
    prop_assert!(caller.role_for(kind).is_some(), "{} was not permitted", kind);
    if let Request::Acceptance(request) = request {
        let (sighash, height) = (request.sighash(), request.height());
        let call = Call { key: asked, request: Request::MayHaveSigned { sighash, height } };
        let signer = self::caller(vec![Role::BlockSigner]);
        let known = desk.serve(&signer, &call.to_bytes()).unwrap().reply;
        prop_assert_eq!(known, Reply::Done(Answer::Truth(true)), "there is no record");
    }
    Ok(true)
}

fn ours() -> impl Strategy<Value = PublicKey> + Clone {
    Just(key().public_key())
}

/// Calls for our key and our chain.
fn good() -> impl Strategy<Value = Call> {
    (ours(), strategies::request()).prop_map(|(key, mut request)| {
        match &mut request {
            Request::Rejection(request) => request.chain_id = ChainId::TESTNET,
            Request::Mock(proposal) => proposal.peer_info.network_id = ChainId::TESTNET,
            Request::StakingGrant(request) => request.chain_id = ChainId::TESTNET,
            Request::Stacking(request) => request.chain_id = ChainId::TESTNET,
            _ => {}
        }
        Call { key, request }
    })
}

/// Calls as they should be, with a byte changed, for other keys and chains, and bytes of all sorts.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => good().prop_map(|call| call.to_bytes()),
        4 => support::spoilt(good()),
        2 => support::spoilt(strategies::call()),
        1 => support::bytes(0..300),
    ]
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    prop::sample::subsequence(Role::ALL.to_vec(), 0..=3)
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn whatever_a_caller_sends_it_gets_no_signature_but_over_what_was_typed_permitted_and_recorded(
        roles in roles(),
        sent in prop::collection::vec(bytes(), 1..30),
    ) {
        let (mut desk, caller) = (desk(), caller(roles));
        for bytes in sent {
            send(&mut desk, &caller, &bytes)?;
        }
    }

    #[test]
    fn a_caller_without_a_role_gets_nothing_at_all(call in good()) {
        let served = desk().serve(&caller(Vec::new()), &call.to_bytes()).unwrap();
        prop_assert!(matches!(served.reply, Reply::Refused(_)));
    }
}

/// The property above would hold for a vault that signs nothing.
#[test]
fn the_calls_of_the_property_do_get_signatures() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let caller = caller(Role::ALL.to_vec());
    let mut signed = 0;
    // A key that a call has stopped signs nothing more.
    for _ in 0..30 {
        let mut desk = desk();
        for _ in 0..10 {
            let bytes = bytes().new_tree(&mut runner).unwrap().current();
            signed += usize::from(send(&mut desk, &caller, &bytes).unwrap());
        }
    }
    assert!(signed > 30, "only {signed} of 300 were signed");
}
