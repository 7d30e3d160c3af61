//! Which chunks are signed.

use countersign_vault::{ChunkRequest, MockRequest, SignError, Vault};
use countersign_wire::message::{
    BlockAccepted, BlockRejected, BlockResponse, MinerState, MockProposal, MockSignature, PeerInfo,
    RejectCode, RejectReason, ResponseData, SignerMessage, StateMachineUpdate, UpdateContent,
};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, MessageSignature, SlotId, SlotVersion, StacksHeight,
    UnixSeconds, Wire as _,
};

use crate::support::{acceptance, block, key, other_key, overriding, rejection, vault};

pub(crate) fn request(message: SignerMessage) -> ChunkRequest {
    let lane = message.lane().unwrap_or(Lane::Responses);
    ChunkRequest {
        contract: SignersContract { parity: 1, lane },
        slot_id: SlotId::new(3),
        slot_version: SlotVersion::new(9),
        message,
    }
}

fn data(reason: RejectReason) -> ResponseData {
    ResponseData::current(UnixSeconds::new(32), reason, UnixSeconds::new(17), None)
}

fn accepted(number: u64, signature: MessageSignature) -> SignerMessage {
    SignerMessage::BlockResponse(BlockResponse::Accepted(BlockAccepted {
        sighash: block(number, 10),
        signature,
        server_version: "test".to_owned(),
        data: data(RejectReason::NotRejected),
    }))
}

fn rejected(number: u64, signature: MessageSignature) -> SignerMessage {
    SignerMessage::BlockResponse(BlockResponse::Rejected(BlockRejected {
        reason: "no".to_owned(),
        code: RejectCode::SortitionViewMismatch,
        sighash: block(number, 10),
        chain_id: ChainId::TESTNET,
        signature,
        server_version: "test".to_owned(),
        data: data(RejectReason::InvalidMiner),
    }))
}

pub(crate) fn mock_request() -> MockRequest {
    MockRequest { proposal: mock_proposal(), server_version: String::new() }
}

pub(crate) fn update() -> SignerMessage {
    SignerMessage::StateMachineUpdate(StateMachineUpdate {
        active_version: 2,
        supported_version: 2,
        content: UpdateContent {
            burn_block: ConsensusHash::new([5; 20]),
            burn_height: BurnHeight::new(100),
            miner: MinerState::NoValidMiner,
            replay_transactions: Vec::new(),
        },
    })
}

/// One good message per lane, their signatures recorded in `vault`.
pub(crate) fn good(vault: &mut Vault) -> [SignerMessage; 4] {
    let acceptance = vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let rejection = vault.sign_rejection(&rejection(2)).unwrap();
    [
        accepted(1, acceptance),
        rejected(2, rejection),
        update(),
        SignerMessage::BlockPreCommit(block(3, 10)),
    ]
}

#[test]
fn a_chunk_holds_the_message_and_is_signed_by_the_slots_owner() {
    let mut vault = vault();
    for message in good(&mut vault) {
        let chunk = vault.sign_chunk(&request(message.clone())).unwrap();
        assert_eq!((chunk.slot_id, chunk.slot_version), (SlotId::new(3), SlotVersion::new(9)));
        assert_eq!(chunk.data, message.to_bytes());
        assert_eq!(chunk.recover(), Some(key().public_key()));
    }
}

#[test]
fn the_same_request_gives_the_same_chunk() {
    let mut vault = vault();
    for message in good(&mut vault) {
        let first = vault.sign_chunk(&request(message.clone())).unwrap();
        assert_eq!(vault.sign_chunk(&request(message)).unwrap(), first);
    }
}

#[test]
fn a_message_in_the_wrong_lane_is_refused() {
    let mut vault = vault();
    for message in good(&mut vault) {
        for lane in [Lane::Responses, Lane::StateUpdates, Lane::PreCommits] {
            let mut request = request(message.clone());
            request.contract.lane = lane;
            let answer = vault.sign_chunk(&request);
            if message.lane() == Some(lane) {
                answer.unwrap();
            } else {
                assert!(
                    matches!(answer, Err(SignError::WrongLane { lane: named }) if named == lane)
                );
            }
        }
    }
}

#[test]
fn a_response_with_a_signature_of_another_key_is_refused() {
    let mut vault = vault();
    good(&mut vault);
    let stranger = other_key().sign(block(1, 10).as_bytes());
    for message in [
        accepted(1, stranger),
        accepted(1, MessageSignature::EMPTY),
        rejected(2, stranger),
        rejected(2, MessageSignature::EMPTY),
        // Our own signature, but over another block and over the bare hash of a rejected one.
        accepted(1, key().sign(block(4, 10).as_bytes())),
        rejected(2, key().sign(block(2, 10).as_bytes())),
    ] {
        let refused = vault.sign_chunk(&request(message));
        assert!(matches!(refused, Err(SignError::ForeignSignature { .. })));
    }
}

#[test]
fn an_acceptance_is_published_again_after_another_block_was_signed() {
    let mut vault = vault();
    let early = accepted(1, vault.sign_acceptance(&acceptance(1, 10)).unwrap());
    let first = vault.sign_chunk(&request(early.clone())).unwrap();
    let late = vault.sign_acceptance(&overriding(acceptance(2, 10), &[block(1, 10)])).unwrap();
    let late = accepted(2, late);
    vault.sign_chunk(&request(late)).unwrap();
    assert_eq!(vault.sign_chunk(&request(early)).unwrap(), first);
}

#[test]
fn the_latest_signature_is_no_signature_of_another_block() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let latest = vault.sign_acceptance(&acceptance(2, 11)).unwrap();
    let refused = vault.sign_chunk(&request(accepted(1, latest)));
    assert!(matches!(refused, Err(SignError::ForeignSignature { .. })));
}

#[test]
fn a_response_whose_signature_is_not_in_the_journal_is_refused() {
    let mut made_elsewhere = vault();
    for message in &good(&mut made_elsewhere)[..2] {
        let refused = vault().sign_chunk(&request(message.clone())).unwrap_err();
        assert!(matches!(refused, SignError::Unrecorded { .. }) && !refused.is_fatal());
    }
}

#[test]
fn a_rejection_is_not_published_after_an_acceptance() {
    let mut vault = vault();
    let early = rejected(1, vault.sign_rejection(&rejection(1)).unwrap());
    vault.sign_chunk(&request(early.clone())).unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let refused = vault.sign_chunk(&request(early));
    assert!(matches!(refused, Err(SignError::ContradictsAcceptance { .. })));
}

/// A mock proposal without a miner's signature, which the vault does not judge.
fn mock_proposal() -> MockProposal {
    MockProposal {
        peer_info: PeerInfo {
            burn_block_height: BurnHeight::new(1),
            stacks_tip_consensus_hash: ConsensusHash::new([1; 20]),
            stacks_tip: [1; 32],
            stacks_tip_height: StacksHeight::new(1),
            server_version: String::new(),
            pox_consensus: ConsensusHash::new([1; 20]),
            network_id: ChainId::TESTNET,
        },
        signature: MessageSignature::EMPTY,
    }
}

#[test]
fn a_mock_proposal_is_signed_as_such_and_published_among_the_responses() {
    let mut vault = vault();
    let server_version = "a signer".to_owned();
    let request_of_mock = MockRequest { proposal: mock_proposal(), server_version };
    let mock = vault.sign_mock(request_of_mock).unwrap();
    assert_eq!(mock.recover(), Some(vault.public_key()));
    assert_eq!(mock.proposal, mock_proposal());
    let chunk = vault.sign_chunk(&request(SignerMessage::MockSignature(mock.clone()))).unwrap();
    assert_eq!(chunk.recover(), Some(vault.public_key()));
    let elsewhere = ChunkRequest {
        contract: SignersContract { parity: 1, lane: Lane::PreCommits },
        ..request(SignerMessage::MockSignature(mock))
    };
    assert!(matches!(vault.sign_chunk(&elsewhere), Err(SignError::WrongLane { .. })));
}

#[test]
fn no_mock_message_of_others_is_published() {
    let unsigned = MockSignature {
        signature: MessageSignature::EMPTY,
        proposal: mock_proposal(),
        server_version: String::new(),
    };
    let mut spoilt = vault().sign_mock(mock_request()).unwrap();
    spoilt.proposal.peer_info.stacks_tip = [2; 32];
    for message in [
        SignerMessage::MockProposal(mock_proposal()),
        SignerMessage::MockSignature(unsigned),
        SignerMessage::MockSignature(spoilt),
    ] {
        vault().sign_chunk(&request(message)).unwrap_err();
    }
}
