//! What signers and miners write into StackerDB slots (`signer-wire.md` section 4).

mod mock;
mod proposal;
mod response;
mod state;

pub use mock::{MockBlock, MockProposal, MockSignature, PeerInfo};
pub use proposal::{BlockProposal, BlockProposalData, MinerDiagnostics, MiningReason};
pub use response::{
    BlockAccepted, BlockRejected, BlockResponse, RejectCode, RejectReason, ResponseData,
    ValidateCode,
};
pub use state::{ActiveMiner, MinerState, StateMachineUpdate, UpdateContent};

use crate::block::NakamotoBlock;
use crate::fixed::Sighash;

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
