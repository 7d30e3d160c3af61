//! What the vault can be asked to sign.

use countersign_wire::clarity::Principal;
use countersign_wire::message::{MockProposal, SignerMessage};
use countersign_wire::sip018::Pox4Authorization;
use countersign_wire::stackerdb::SignersContract;
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, NakamotoBlockHeader, Sighash, SlotId, SlotVersion,
    StacksHeight, UnixSeconds,
};

/// Asks for the signature that makes a block ours: over the 32 bytes of its signer signature hash
/// (`signer-wire.md` section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceRequest {
    /// The block's header. The vault hashes it itself: no caller can have a digest signed that is not
    /// a block's. Signatures of signers in it do not matter.
    pub header: Box<NakamotoBlockHeader>,
    /// The burn block at which the block was proposed, in blocks from Bitcoin's first.
    pub burn_height: BurnHeight,
    /// The rivals that the caller knows of and lets go, each with the rule that allows it. Naming a
    /// block that was never signed does nothing.
    pub overriding: Vec<Override>,
    /// When the decision was made. For the record only.
    pub at: UnixSeconds,
}

impl AcceptanceRequest {
    /// What is signed: the block's signer signature hash.
    pub fn sighash(&self) -> Sighash {
        self.header.sighash()
    }

    /// The block's height. Everything signed at or above it is a rival.
    pub const fn height(&self) -> StacksHeight {
        self.header.chain_length
    }

    /// The block's tenure. For the record only: rivals of every tenure count.
    pub const fn tenure(&self) -> ConsensusHash {
        self.header.consensus_hash
    }
}

/// A block signed earlier that a new acceptance may contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// The block signed earlier.
    pub sighash: Sighash,
    /// Why it may be contradicted.
    pub rule: OverrideRule,
}

/// Why a block signed earlier no longer binds its signer (`signer-behaviour.md` section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OverrideRule {
    /// Our signature on the rival and its group signature are both older than the freshness window
    /// (30 seconds unless configured), and the node's tip of the tenure is below the new block.
    Stale,
    /// The rival is younger than that, but the node shows that it cannot win any more: a Bitcoin fork
    /// orphaned its tenure, or the chain moved past it.
    NotLive,
    /// A reorg that the timing rule sanctioned supersedes the rival's tenure, and the node still
    /// knows the sortition that supersedes it.
    Permitted,
}

impl OverrideRule {
    /// The name in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NotLive => "not-live",
            Self::Permitted => "permitted",
        }
    }
}

/// Asks for the signature of a rejection: over the SIP-018 hash of the block's signer signature hash
/// (`signer-wire.md` section 4.3). It covers no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectionRequest {
    /// The block.
    pub sighash: Sighash,
    /// The chain id of the SIP-018 domain: `Network::rejection_chain_id`.
    pub chain_id: ChainId,
    /// When the decision was made. For the record only.
    pub at: UnixSeconds,
}

/// Asks for a mock signature of epoch 2.5: over the SIP-018 hash, in the domain `mock-signer`, of a
/// miner's mock proposal (`signer-wire.md` section 4.5). It is over no block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockRequest {
    /// What the miner proposes.
    pub proposal: MockProposal,
    /// What this signer calls itself in its answer. It is not signed.
    pub server_version: String,
}

/// Asks for a signed StackerDB chunk that holds one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRequest {
    /// Where the chunk goes. The chunk's signature does not cover it, so only this check keeps a
    /// message out of a lane where it does not belong (`signer-wire.md` section 5.3).
    pub contract: SignersContract,
    /// Our slot.
    pub slot_id: SlotId,
    /// Larger than the version that the slot has.
    pub slot_version: SlotVersion,
    /// What to publish. A block response or mock signature must carry a signature that this vault made.
    pub message: SignerMessage,
}

/// Asks for the grant that lets a manager register this signer's key (pox-5,
/// `signer-wire.md` section 9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakingGrantRequest {
    /// Who may register the key.
    pub manager: Principal,
    /// Makes the grant usable once.
    pub auth_id: u128,
    /// The chain where it is valid: the configured one.
    pub chain_id: ChainId,
}

/// Asks for the authorization that lets a stacker use this signer's key (pox-4, before epoch 4.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackingRequest {
    /// What is allowed.
    pub authorization: Pox4Authorization,
    /// The chain where it is valid: the configured one.
    pub chain_id: ChainId,
}

/// Asks for a vote on a SIP. It is the same on every chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipVoteRequest {
    /// The number of the SIP.
    pub sip: u32,
    /// Yes or no.
    pub is_yes: bool,
}

/// Asks for a chunk of any StackerDB with any content, as an operator writes by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChunkRequest {
    /// The slot.
    pub slot_id: SlotId,
    /// Larger than the version that the slot has.
    pub slot_version: SlotVersion,
    /// The content.
    pub data: Vec<u8>,
}

/// A block that this key signed in another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The block.
    pub sighash: Sighash,
    /// Its height.
    pub height: StacksHeight,
    /// Its tenure.
    pub tenure: ConsensusHash,
    /// When it was signed. For the record only.
    pub at: UnixSeconds,
}

/// What became of marks that were taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New in the journal.
    pub added: u64,
    /// In the journal already.
    pub known: u64,
    /// At or below the height at which nothing is signed any more.
    pub covered: u64,
}
