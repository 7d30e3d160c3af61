//! What signers and miners write into StackerDB slots (`signer-wire.md` section 4).
//!
//! The formats grow at their ends, and old and new programs meet in one network. So some decoders
//! here read more than the encoders write: a missing tail is read as empty, an unknown tail is kept,
//! a code of a later version becomes `Unknown`. What is written is always what release 4.0.2
//! understands. Each tolerance is named where it lives.
//!
//! Only two kinds of message are signed inside, responses and mocks; pre-commits and state machine
//! updates speak for whoever signed the chunk that holds them ([`crate::stackerdb::Chunk::recover`]).

mod mock;
mod proposal;
mod reject;
mod response;
mod state;

pub use mock::{MockBlock, MockProposal, MockSignature, PeerInfo};
pub use proposal::{BlockProposal, BlockProposalData, MinerDiagnostics, MiningReason};
pub use reject::{RejectCode, RejectReason, ValidateCode};
pub use response::{BlockAccepted, BlockRejected, BlockResponse, ResponseData};
pub use state::{ActiveMiner, MAX_CONTENT_VERSION, MinerState, StateMachineUpdate, UpdateContent};

use crate::block::NakamotoBlock;
use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire};
use crate::fixed::Sighash;
use crate::stackerdb::Lane;

/// A chunk's data: one message, selected by its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerMessage {
    /// 0: a miner asks for signatures.
    BlockProposal(Box<BlockProposal>),
    /// 1: a signer answers.
    BlockResponse(BlockResponse),
    /// 2: a miner publishes a signed block.
    BlockPushed(Box<NakamotoBlock>),
    /// 3: epoch 2.5 only.
    MockProposal(MockProposal),
    /// 4: epoch 2.5 only.
    MockSignature(MockSignature),
    /// 5: epoch 2.5 only.
    MockBlock(MockBlock),
    /// 6: a signer tells how it sees the burn chain and its miner.
    StateMachineUpdate(StateMachineUpdate),
    /// 7: a signer promises to sign.
    BlockPreCommit(Sighash),
}

impl SignerMessage {
    /// Decodes the data of a chunk and ignores what follows the message, as every program of the
    /// network does. [`Wire::from_bytes`] is the strict form.
    pub fn from_chunk_data(data: &[u8]) -> Result<Self, DecodeError> {
        Self::from_prefix(data)
    }

    /// The first byte of the encoding.
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::BlockProposal(_) => BLOCK_PROPOSAL,
            Self::BlockResponse(_) => BLOCK_RESPONSE,
            Self::BlockPushed(_) => BLOCK_PUSHED,
            Self::MockProposal(_) => MOCK_PROPOSAL,
            Self::MockSignature(_) => MOCK_SIGNATURE,
            Self::MockBlock(_) => MOCK_BLOCK,
            Self::StateMachineUpdate(_) => STATE_MACHINE_UPDATE,
            Self::BlockPreCommit(_) => BLOCK_PRE_COMMIT,
        }
    }

    /// The signers' lane that this message belongs in; none for what miners write.
    pub const fn lane(&self) -> Option<Lane> {
        Lane::for_message_type(self.message_type())
    }

    /// The kind of message, fit for a metric's label.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::BlockProposal(_) => "block_proposal",
            Self::BlockResponse(_) => "block_response",
            Self::BlockPushed(_) => "block_pushed",
            Self::MockProposal(_) => "mock_proposal",
            Self::MockSignature(_) => "mock_signature",
            Self::MockBlock(_) => "mock_block",
            Self::StateMachineUpdate(_) => "state_machine_update",
            Self::BlockPreCommit(_) => "block_pre_commit",
        }
    }
}

impl Wire for SignerMessage {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.message_type());
        match self {
            Self::BlockProposal(proposal) => proposal.encode(out),
            Self::BlockResponse(response) => response.encode(out),
            Self::BlockPushed(block) => block.encode(out),
            Self::MockProposal(proposal) => proposal.encode(out),
            Self::MockSignature(signature) => signature.encode(out),
            Self::MockBlock(block) => block.encode(out),
            Self::StateMachineUpdate(update) => update.encode(out),
            Self::BlockPreCommit(sighash) => sighash.encode(out),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("message type")? {
            BLOCK_PROPOSAL => Self::BlockProposal(Box::new(BlockProposal::decode(reader)?)),
            BLOCK_RESPONSE => Self::BlockResponse(BlockResponse::decode(reader)?),
            BLOCK_PUSHED => Self::BlockPushed(Box::new(NakamotoBlock::decode(reader)?)),
            MOCK_PROPOSAL => Self::MockProposal(MockProposal::decode(reader)?),
            MOCK_SIGNATURE => Self::MockSignature(MockSignature::decode(reader)?),
            MOCK_BLOCK => Self::MockBlock(MockBlock::decode(reader)?),
            STATE_MACHINE_UPDATE => Self::StateMachineUpdate(StateMachineUpdate::decode(reader)?),
            BLOCK_PRE_COMMIT => Self::BlockPreCommit(Sighash::decode(reader)?),
            tag => return Err(DecodeError::UnknownTag { what: "message type", tag: tag.into() }),
        })
    }
}

const BLOCK_PROPOSAL: u8 = 0;
const BLOCK_RESPONSE: u8 = 1;
const BLOCK_PUSHED: u8 = 2;
const MOCK_PROPOSAL: u8 = 3;
const MOCK_SIGNATURE: u8 = 4;
const MOCK_BLOCK: u8 = 5;
const STATE_MACHINE_UPDATE: u8 = 6;
const BLOCK_PRE_COMMIT: u8 = 7;

/// The longest versioned part of a message, whose length prefix comes before it: 2 MiB.
const MAX_INNER_LEN: u32 = 2 * 1024 * 1024;

/// Text for people: a length prefix and UTF-8.
fn decode_text(reader: &mut Reader<'_>, what: &'static str) -> Result<String, DecodeError> {
    let bytes = reader.bytes(MAX_MESSAGE_LEN, what)?;
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::Invalid { what })
}

/// The sender's software. Old messages end before it, and it is for logs only: what cannot be read
/// is read as empty, and a length that the message does not hold ends the message.
fn decode_server_version(reader: &mut Reader<'_>) -> String {
    if let Ok(bytes) = reader.bytes(MAX_MESSAGE_LEN, "server version") {
        std::str::from_utf8(bytes).unwrap_or_default().to_owned()
    } else {
        reader.take_rest();
        String::new()
    }
}
