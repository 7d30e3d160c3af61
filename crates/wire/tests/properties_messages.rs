//! The three generated tests for every signer message and for chunks, and round trips of their JSON.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use countersign_wire::event::Callback;
use countersign_wire::message::{
    ActiveMiner, BlockAccepted, BlockProposal, BlockProposalData, BlockRejected, BlockResponse,
    MinerDiagnostics, MinerState, MiningReason, MockBlock, MockProposal, MockSignature, PeerInfo,
    RejectCode, RejectReason, ResponseData, SignerMessage, StateMachineUpdate, ValidateCode,
};
use countersign_wire::stackerdb::{Chunk, ChunkAck, ChunkRefusal, SignersContract};
use proptest::prelude::*;
use support::strategies_messages as any_of;
use support::wire_properties;

wire_properties! {
    validate_code: ValidateCode = any_of::validate_code(), canonical;
    reject_code: RejectCode = any_of::reject_code(), canonical;
    // A reason of a later version reads as unknown.
    reject_reason: RejectReason = any_of::reject_reason(), tolerant;
    // Holds a reason; flags other than 0 read as 1; an empty tail of version 0 reads as none.
    response_data: ResponseData = any_of::response_data(), tolerant;
    // May end before its tail; a server version that is not text reads as none.
    block_accepted: BlockAccepted = any_of::block_accepted(), tolerant;
    // The same.
    block_rejected: BlockRejected = any_of::block_rejected(), tolerant;
    // Holds the two above.
    block_response: BlockResponse = any_of::block_response(), tolerant;

    mining_reason: MiningReason = any_of::mining_reason(), canonical;
    miner_diagnostics: MinerDiagnostics = any_of::miner_diagnostics(), canonical;
    // An empty tail of version 0 reads as none.
    block_proposal_data: BlockProposalData = any_of::block_proposal_data(), tolerant;
    // Holds the tail above, and transactions.
    block_proposal: BlockProposal = any_of::block_proposal(), tolerant;

    peer_info: PeerInfo = any_of::peer_info(), canonical;
    mock_proposal: MockProposal = any_of::mock_proposal(), canonical;
    // May end before its server version.
    mock_signature: MockSignature = any_of::mock_signature(), tolerant;
    // Holds mock signatures.
    mock_block: MockBlock = any_of::mock_block(), tolerant;

    active_miner: ActiveMiner = any_of::active_miner(), canonical;
    miner_state: MinerState = any_of::miner_state(), canonical;
    // Ignores what follows the known fields of its content, and holds transactions.
    state_machine_update: StateMachineUpdate = any_of::state_machine_update(), tolerant;

    // Holds all of them.
    signer_message: SignerMessage = any_of::signer_message(), tolerant;
    chunk: Chunk = any_of::chunk(), canonical;
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn what_follows_the_message_of_a_chunk_is_ignored(
        message in any_of::signer_message().prop_filter(
            "an absent tail would begin with what follows",
            |message| !ends_with_an_absent_tail(message),
        ),
        rest in support::bytes(1..20),
    ) {
        use countersign_wire::Wire as _;
        let mut data = message.to_bytes();
        data.extend_from_slice(&rest);
        prop_assert_eq!(SignerMessage::from_chunk_data(&data), Ok(message));
        prop_assert!(SignerMessage::from_bytes(&data).is_err());
    }

    #[test]
    fn chunks_survive_their_json(chunk in any_of::chunk()) {
        let json = serde_json::to_string(&chunk).unwrap();
        prop_assert_eq!(serde_json::from_str::<Chunk>(&json).unwrap(), chunk);
    }

    #[test]
    fn answers_to_writes_survive_their_json(chunk in any_of::chunk(), code in any::<u32>()) {
        let refused = ChunkAck::refused(ChunkRefusal::from(code), Some(chunk.metadata()));
        for ack in [ChunkAck::accepted(&chunk), refused] {
            let json = serde_json::to_string(&ack).unwrap();
            prop_assert_eq!(serde_json::from_str::<ChunkAck>(&json).unwrap(), ack);
        }
    }

    #[test]
    fn bodies_without_meaning_are_errors_and_never_panic(
        path in prop::sample::select(
            vec!["/stackerdb_chunks", "/proposal_response", "/new_burn_block", "/new_block", "/"],
        ),
        body in support::bytes(0..200),
        text in any::<String>(),
    ) {
        prop_assert!(Callback::parse(path, &body).is_err());
        prop_assert!(Callback::parse(path, text.as_bytes()).is_err());
    }

    #[test]
    fn names_of_lanes_that_parse_are_written_as_they_were_read(name in "signers-[0-2]{1,2}-[0-9]{1,2}") {
        if let Some(contract) = SignersContract::parse(&name) {
            prop_assert_eq!(contract.name(), name);
        }
    }
}

fn ends_with_an_absent_tail(message: &SignerMessage) -> bool {
    match message {
        SignerMessage::BlockProposal(proposal) => proposal.data == BlockProposalData::absent(),
        SignerMessage::BlockResponse(response) => *response.data() == ResponseData::absent(),
        _ => false,
    }
}
