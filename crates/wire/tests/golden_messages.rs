//! Signer messages and chunks against `vectors/signer_messages`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

use std::str::FromStr;

use countersign_wire::message::{
    ActiveMiner, BlockAccepted, BlockRejected, BlockResponse, MinerState, MockProposal,
    MockSignature, PeerInfo, RejectCode, RejectReason, ResponseData, SignerMessage,
    StateMachineUpdate, UpdateContent, ValidateCode,
};
use countersign_wire::stackerdb::{Chunk, Lane, chunk_digest, data_hash};
use countersign_wire::{
    BurnHeight, ChainId, DecodeError, MessageSignature, PrivateKey, PublicKey, SlotId, SlotVersion,
    StacksHeight, UnixSeconds, Wire,
};
use toml::Table;

/// One of the files, or a table in it.
struct Vectors(Table);

impl Vectors {
    fn load(name: &str) -> Self {
        let path = format!("{}/../../vectors/signer_messages/{name}", env!("CARGO_MANIFEST_DIR"));
        Self(std::fs::read_to_string(path).unwrap().parse().unwrap())
    }

    fn current() -> Self {
        Self::load("current.toml")
    }

    fn table(&self, key: &str) -> Self {
        Self(self.0[key].as_table().unwrap().clone())
    }

    fn tables(&self, key: &str) -> Vec<Self> {
        let tables = self.0[key].as_array().unwrap().iter();
        tables.map(|table| Self(table.as_table().unwrap().clone())).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("{key} is not text"))
    }

    fn number(&self, key: &str) -> u64 {
        self.0[key].as_integer().unwrap().try_into().unwrap()
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        hex::decode(self.text(key)).unwrap()
    }

    fn parse<T: FromStr>(&self, key: &str) -> T {
        self.text(key).parse().unwrap_or_else(|_| panic!("{key} does not parse"))
    }

    fn key(&self) -> PrivateKey {
        PrivateKey::from_hex(self.text("private_key")).unwrap()
    }

    fn response_data(&self, reason: RejectReason) -> ResponseData {
        ResponseData::current(
            UnixSeconds::new(self.number("full_extend_at")),
            reason,
            UnixSeconds::new(self.number("read_count_extend_at")),
            None,
        )
    }
}

/// `message` encodes to `bytes`, and they decode to it.
fn assert_is(message: &SignerMessage, bytes: &[u8]) {
    assert_eq!(hex::encode(message.to_bytes()), hex::encode(bytes));
    assert_eq!(SignerMessage::from_bytes(bytes).as_ref(), Ok(message));
}

#[test]
fn an_acceptance_is_made_as_the_reference_makes_it() {
    let vectors = Vectors::current();
    let expected = vectors.table("accepted");
    let mut accepted = BlockAccepted {
        sighash: vectors.parse("sighash"),
        signature: MessageSignature::EMPTY,
        server_version: vectors.text("server_version").to_owned(),
        data: vectors.response_data(RejectReason::NotRejected),
    };
    assert_eq!(accepted.recover(), None);
    accepted.signature = vectors.key().sign(accepted.sighash.as_bytes());
    assert_eq!(accepted.signature, expected.parse("signature"));
    assert_eq!(accepted.recover(), Some(vectors.parse("public_key")));
    let message = SignerMessage::BlockResponse(BlockResponse::Accepted(accepted));
    assert_is(&message, &expected.bytes("bytes"));
}

#[test]
fn a_rejection_is_made_as_the_reference_makes_it() {
    let vectors = Vectors::current();
    let expected = vectors.table("rejected");
    let reason = RejectReason::ValidationFailed(ValidateCode::BadBlockHash);
    let mut rejected = BlockRejected {
        reason: expected.text("reason").to_owned(),
        code: reason.legacy_code(),
        sighash: vectors.parse("sighash"),
        chain_id: ChainId::TESTNET,
        signature: MessageSignature::EMPTY,
        server_version: vectors.text("server_version").to_owned(),
        data: vectors.response_data(reason),
    };
    assert_eq!(hex::encode(rejected.digest()), expected.text("digest"));
    rejected.signature = vectors.key().sign(&rejected.digest());
    assert_eq!(rejected.signature, expected.parse("signature"));
    assert_eq!(rejected.recover(), Some(vectors.parse("public_key")));
    let message = SignerMessage::BlockResponse(BlockResponse::Rejected(rejected));
    assert_is(&message, &expected.bytes("bytes"));
}

#[test]
fn a_pre_commit_is_a_type_and_a_hash() {
    let vectors = Vectors::current();
    let message = SignerMessage::BlockPreCommit(vectors.parse("sighash"));
    assert_is(&message, &vectors.table("pre_commit").bytes("bytes"));
    assert_eq!(message.lane(), Some(Lane::PreCommits));
}

#[test]
fn a_state_machine_update_is_made_as_the_reference_makes_it() {
    let vectors = Vectors::current().table("state_machine_update");
    let active = MinerState::Active(ActiveMiner {
        key_hash: vectors.parse("key_hash"),
        tenure: vectors.parse("tenure"),
        parent_tenure: vectors.parse("parent_tenure"),
        parent_last_block: vectors.parse("parent_last_block"),
        parent_last_height: StacksHeight::new(vectors.number("parent_last_height")),
    });
    for (miner, bytes) in [(active, "bytes"), (MinerState::NoValidMiner, "bytes_without_a_miner")] {
        let update = StateMachineUpdate {
            active_version: 2,
            supported_version: 2,
            content: UpdateContent {
                burn_block: vectors.parse("burn_block"),
                burn_height: BurnHeight::new(vectors.number("burn_height")),
                miner,
                replay_transactions: Vec::new(),
            },
        };
        assert_is(&SignerMessage::StateMachineUpdate(update), &vectors.bytes(bytes));
    }
}

#[test]
fn a_chunk_is_signed_as_the_reference_signs_it() {
    let vectors = Vectors::current();
    let expected = vectors.table("chunk");
    let data = vectors.table("pre_commit").bytes("bytes");
    let slot = SlotId::new(expected.number("slot_id").try_into().unwrap());
    let version = SlotVersion::new(expected.number("slot_version").try_into().unwrap());
    assert_eq!(hex::encode(data_hash(&data)), expected.text("data_hash"));
    assert_eq!(hex::encode(chunk_digest(slot, version, &data)), expected.text("digest"));
    let chunk = Chunk::sign(&vectors.key(), slot, version, data);
    assert_eq!(chunk.signature, expected.parse("signature"));
    assert_eq!(chunk.recover(), Some(vectors.parse("public_key")));
    assert_eq!(chunk.metadata().recover(), chunk.recover());

    let another = Chunk { slot_version: version.next(), ..chunk };
    assert_ne!(another.recover(), Some(vectors.parse::<PublicKey>("public_key")));
}

#[test]
fn mock_messages_are_signed_as_the_reference_signs_them() {
    let vectors = Vectors::current();
    let expected = vectors.table("mock_proposal");
    let mut proposal = MockProposal {
        peer_info: PeerInfo {
            burn_block_height: BurnHeight::new(expected.number("burn_block_height")),
            stacks_tip_consensus_hash: expected.parse("stacks_tip_consensus_hash"),
            stacks_tip: expected.bytes("stacks_tip").try_into().unwrap(),
            stacks_tip_height: StacksHeight::new(expected.number("stacks_tip_height")),
            server_version: expected.text("server_version").to_owned(),
            pox_consensus: expected.parse("pox_consensus"),
            network_id: ChainId::TESTNET,
        },
        signature: MessageSignature::EMPTY,
    };
    assert_eq!(hex::encode(proposal.digest()), expected.text("digest"));
    proposal.signature = vectors.key().sign(&proposal.digest());
    assert_eq!(proposal.signature, expected.parse("signature"));
    assert_eq!(proposal.recover(), Some(vectors.parse("public_key")));

    let signature = MessageSignature::EMPTY;
    let mut signed = MockSignature { signature, proposal, server_version: String::new() };
    assert_eq!(hex::encode(signed.digest()), expected.text("digest_of_a_signer"));
    signed.signature = vectors.key().sign(&signed.digest());
    assert_eq!(signed.recover(), Some(vectors.parse("public_key")));
}

#[test]
fn old_and_later_messages_are_read_with_the_named_tolerances() {
    let cases = Vectors::load("tolerance.toml").tables("case");
    assert!(cases.len() > 20);
    for case in cases {
        let name = case.text("name");
        let bytes = case.bytes("bytes");
        let message = SignerMessage::from_chunk_data(&bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected =
            if case.0.contains_key("encodes_to") { case.bytes("encodes_to") } else { bytes };
        assert_eq!(hex::encode(message.to_bytes()), hex::encode(&expected), "{name}");
        assert_eq!(SignerMessage::from_bytes(&expected), Ok(message), "{name}");
    }
}

#[test]
fn spoilt_messages_are_refused() {
    let cases = Vectors::load("tolerance.toml").tables("refused");
    assert!(cases.len() > 10);
    for case in cases {
        let name = case.text("name");
        let kind = match SignerMessage::from_chunk_data(&case.bytes("bytes")) {
            Ok(message) => panic!("{name} decodes to {message:?}"),
            Err(DecodeError::Truncated { .. }) => "Truncated",
            Err(DecodeError::TooLong { .. }) => "TooLong",
            Err(DecodeError::Invalid { .. }) => "Invalid",
            Err(DecodeError::UnknownTag { .. }) => "UnknownTag",
            Err(DecodeError::Trailing(_)) => "Trailing",
        };
        assert_eq!(kind, case.text("error"), "{name}");
    }
}

#[test]
fn an_absent_tail_promises_no_extend() {
    let vectors = Vectors::current();
    let mut bytes = vectors.table("accepted").bytes("bytes");
    bytes.truncate(1 + 1 + 32 + 65);
    let Ok(SignerMessage::BlockResponse(BlockResponse::Accepted(accepted))) =
        SignerMessage::from_bytes(&bytes)
    else {
        panic!("an old acceptance decodes")
    };
    assert_eq!(accepted.server_version, "");
    assert_eq!(accepted.data.full_extend_at, UnixSeconds::new(u64::MAX));
    assert_eq!(accepted.data.read_count_extend_at, UnixSeconds::new(u64::MAX));
    assert_eq!(accepted.data.reason, RejectReason::NotRejected);
    assert_eq!(accepted.recover(), Some(vectors.parse("public_key")));
}

#[test]
fn reasons_past_the_sixth_have_one_legacy_code() {
    let rows = [
        (RejectReason::ConnectivityIssues, RejectCode::ConnectivityIssues),
        (RejectReason::TestingDirective, RejectCode::TestingDirective),
        (RejectReason::ReorgNotAllowed, RejectCode::SortitionViewMismatch),
        (RejectReason::ProblematicTransactions, RejectCode::SortitionViewMismatch),
    ];
    for (reason, code) in rows {
        assert_eq!(reason.legacy_code(), code, "{reason}");
    }
}

#[test]
fn a_validation_code_that_peers_do_not_know_is_not_sent() {
    let reason = RejectReason::ValidationFailed(ValidateCode::Unknown(99));
    let sent = RejectReason::ValidationFailed(ValidateCode::InvalidBlock);
    let never = UnixSeconds::new(u64::MAX);
    assert_eq!(ResponseData::current(never, reason, never, None).reason, sent);
    assert_eq!(reason.legacy_code(), RejectCode::ValidationFailed(ValidateCode::InvalidBlock));
    for code in ValidateCode::ALL {
        assert_eq!(ValidateCode::from_u8(code.as_u8()), code);
        assert_eq!(ValidateCode::from_name(code.name()), Some(code));
        let known = RejectReason::ValidationFailed(code);
        assert_eq!(known.for_sending(), known);
    }
}
