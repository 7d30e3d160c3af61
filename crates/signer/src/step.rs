//! What one event changes.

use std::sync::Arc;

use countersign_wire::message::{BlockRejected, MockProposal, SignerMessage, StateMachineUpdate};
use countersign_wire::{
    BurnHeight, ConsensusHash, MessageSignature, NakamotoBlock, NakamotoBlockHeader, PublicKey,
    RewardCycle, Sighash, SlotId, StacksHeight,
};

use crate::burn::{BurnBlockSeen, Superseded};
use crate::event::{Query, Ticket};
use crate::note::Note;
use crate::record::Record;
use crate::replay::ReplaySet;
use crate::time::Timestamp;
use crate::votes::{ParkedVote, RejectionVote};

/// What one event changes: commit `writes` in one transaction, then perform `actions` in order,
/// then report `notes`.
///
/// Every action can be derived again from what was written, so after a crash it is asked for once
/// more; performing an action twice must do no harm.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Step {
    /// What to remember.
    pub writes: Vec<Write>,
    /// What to do, after the writes are committed.
    pub actions: Vec<Action>,
    /// What to tell people.
    pub notes: Vec<Note>,
}

/// One thing to remember.
#[derive(Clone, Debug)]
pub enum Write {
    /// Insert or replace what is known about a block, votes excepted. The content never changes; a
    /// record that comes without it leaves the content that is stored.
    Record(Box<Record>),
    /// Forget a block's content, and nothing else about it.
    ForgetContent(Sighash),
    /// Forget the votes on a block: it is decided for good.
    ForgetVotes(Sighash),
    /// Forget a block and its votes: it is far below what is final. The vault remembers for ever
    /// what was signed.
    ForgetRecord(Sighash),
    /// A signer promised to sign; whatever rejection of it was stored is void.
    PreCommit {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
    },
    /// A signer signed; whatever rejection of it was stored is void.
    Acceptance {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// Its signature; the first one stays.
        signature: MessageSignature,
    },
    /// A signer rejected; replaces its earlier reason.
    Rejection {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// Its reason.
        vote: RejectionVote,
    },
    /// A vote for a block that is not known yet.
    Park(ParkedVote),
    /// The parked votes for a block were used, or evicted if `vote` names one.
    Unpark {
        /// The block.
        sighash: Sighash,
        /// Only this vote; all of the block's votes if none.
        vote: Option<ParkedVote>,
    },
    /// A burn block arrived.
    BurnBlock(BurnBlockSeen),
    /// A signer's latest state machine update.
    PeerUpdate {
        /// The cycle.
        cycle: RewardCycle,
        /// The signer.
        from: SlotId,
        /// Its view.
        update: StateMachineUpdate,
        /// When this update arrived; the first report of a burn block starts its miner's clock.
        at: Timestamp,
    },
    /// A tenure's miner showed signs of life.
    Activity {
        /// The tenure.
        tenure: ConsensusHash,
        /// When.
        at: Timestamp,
    },
    /// A tenure may be orphaned.
    Superseded(Superseded),
    /// Forget burn blocks, activity and permissions that are this deep.
    PruneBelow(countersign_wire::BurnHeight),
    /// Forget everything about a reward cycle's peers.
    ForgetCycle(RewardCycle),
}

/// One thing to do. None of them waits: the shell enqueues it and goes on.
#[derive(Clone, Debug)]
pub enum Action {
    /// Ask the node; the answer comes as [`Event::Answered`](crate::Event::Answered).
    Ask {
        /// To be returned with the answer.
        ticket: Ticket,
        /// The question.
        query: Query,
    },
    /// Hand a block to the node for validation; the outcome comes as
    /// [`Event::ValidationSubmitted`](crate::Event::ValidationSubmitted).
    Validate {
        /// The block.
        sighash: Sighash,
        /// Its content.
        block: Arc<NakamotoBlock>,
        /// What it must replay; empty in the ordinary case.
        replay: ReplaySet,
    },
    /// Ask the vault to sign a block; the answer comes as
    /// [`Event::Signed`](crate::Event::Signed) or
    /// [`Event::SigningRefused`](crate::Event::SigningRefused).
    SignAcceptance(AcceptanceOrder),
    /// Have the vault sign this rejection and publish it. Its signature field is empty.
    Reject {
        /// The cycle whose contract it goes to.
        cycle: RewardCycle,
        /// Our slot.
        slot: SlotId,
        /// The key of ours that has a seat in the cycle, and signs.
        key: PublicKey,
        /// The rejection, unsigned.
        rejection: Box<BlockRejected>,
    },
    /// Have the vault sign this mock proposal of epoch 2.5 and publish the mock signature.
    SignMock {
        /// The cycle whose contract it goes to.
        cycle: RewardCycle,
        /// Our slot.
        slot: SlotId,
        /// The key of ours that has a seat in the cycle, and signs.
        key: PublicKey,
        /// What a miner proposes.
        proposal: Box<MockProposal>,
    },
    /// Publish a message in its lane.
    Publish {
        /// The cycle whose contract it goes to.
        cycle: RewardCycle,
        /// Our slot.
        slot: SlotId,
        /// The key of ours that has a seat in the cycle, and signs.
        key: PublicKey,
        /// The message.
        message: Box<SignerMessage>,
    },
    /// Upload a signed block to the node and have it broadcast; success comes as
    /// [`Event::Uploaded`](crate::Event::Uploaded).
    Upload {
        /// The block with its signatures.
        block: Arc<NakamotoBlock>,
    },
    /// Read every slot of the cycle's lanes and of the miners, and turn them into events.
    ReadSlots {
        /// The cycle.
        cycle: RewardCycle,
        /// How many slots each lane has.
        slots: u32,
    },
}

/// What the vault is asked to sign, and which earlier signatures may be overridden by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceOrder {
    /// The key of ours that has a seat in the block's cycle, and signs.
    pub key: PublicKey,
    /// The block's header without signatures of signers. The vault hashes it itself, so that it never
    /// signs a digest that somebody else has chosen.
    pub header: Box<NakamotoBlockHeader>,
    /// Its signer signature hash, by which the answer is known.
    pub sighash: Sighash,
    /// The burn block at which the block was proposed, in blocks from Bitcoin's first.
    pub burn_height: BurnHeight,
    /// Earlier signatures at or above this height that no longer bind, and why.
    pub overriding: Vec<(Sighash, OverrideReason)>,
    /// When it was decided.
    pub at: Timestamp,
}

impl AcceptanceOrder {
    /// The block's height.
    pub const fn height(&self) -> StacksHeight {
        self.header.chain_length
    }

    /// The block's tenure.
    pub const fn tenure(&self) -> ConsensusHash {
        self.header.consensus_hash
    }
}

/// Why an earlier signature no longer binds (`signer-behaviour.md` 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverrideReason {
    /// It is older than the freshness window and the node's tip of the block's tenure is below it.
    Stale,
    /// It is fresh, but the node shows that its block cannot be part of the chain any more, or that
    /// the chain has moved past it.
    NotLive,
    /// Its tenure was permitted to be orphaned, and the permission still stands.
    Permitted,
}
