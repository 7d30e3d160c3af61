//! Mock messages (types 3 to 5): epoch 2.5 only.

use crate::fixed::ConsensusHash;
use crate::keys::MessageSignature;
use crate::network::ChainId;
use crate::quantity::{BurnHeight, StacksHeight};

/// What a miner saw when it mocked a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Burn tip height.
    pub burn_block_height: BurnHeight,
    /// Tenure of the Stacks tip.
    pub stacks_tip_consensus_hash: ConsensusHash,
    /// Block hash of the Stacks tip.
    pub stacks_tip: [u8; 32],
    /// Height of the Stacks tip.
    pub stacks_tip_height: StacksHeight,
    /// The node's software, at most 255 bytes.
    pub server_version: String,
    /// Consensus hash of the burn tip.
    pub pox_consensus: ConsensusHash,
    /// The chain id.
    pub network_id: ChainId,
}

/// Type 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockProposal {
    /// What the miner saw.
    pub peer_info: PeerInfo,
    /// By the miner, over the `mock-miner` SIP-018 hash.
    pub signature: MessageSignature,
}

/// Type 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockSignature {
    /// By the signer, over the `mock-signer` SIP-018 hash.
    pub signature: MessageSignature,
    /// What it signed.
    pub proposal: MockProposal,
    /// The signer's software.
    pub server_version: String,
}

/// Type 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockBlock {
    /// What was proposed.
    pub proposal: MockProposal,
    /// Who signed it.
    pub signatures: Vec<MockSignature>,
}
