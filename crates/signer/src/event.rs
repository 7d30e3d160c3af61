//! What happens to a signer: callbacks of its node, answers to its questions, signatures of its
//! vault, and time.

use countersign_wire::event::{NewBlock, NewBurnBlock, ProposalResponse};
use countersign_wire::message::{BlockProposal, MockProposal, SignerMessage};
use countersign_wire::rpc::{NodeInfo, PoxInfo, Sortition, TenureForkInfo, TenureTip};
use countersign_wire::{
    BurnBlockHash, ConsensusHash, MessageSignature, NakamotoBlock, PublicKey, RewardCycle, Sighash,
    SignerSet, SlotVersion, StacksAddress,
};

/// One input of the core.
#[derive(Clone, Debug)]
pub enum Event {
    /// Nothing but time has passed.
    Deadline,
    /// The process, or its machine, stood still for a while: facts that were read before are of
    /// another time, and callbacks may have been missed.
    Resumed,
    /// From now on another node is asked, and its answers alone count. The shell sends this after the
    /// last question to the node before and ahead of the first to this one; the actions of this
    /// event's own step are for the new node.
    NodeSwitched,
    /// The machine's clock was set. The time of events goes on steadily all the same; only what is
    /// compared with the time in blocks, or said to miners, goes by the clock.
    ClockSet {
        /// How far the clock is ahead of the time of events, in milliseconds.
        ahead: i64,
    },
    /// The node announced a burn block. Only a trigger: the view is read again from the node.
    BurnBlock(NewBurnBlock),
    /// The node announced a Stacks block that it has processed.
    StacksBlock(NewBlock),
    /// The node's validation of a block has ended.
    Verdict(ProposalResponse),
    /// A miner asks for signatures.
    Proposal(Box<BlockProposal>),
    /// A miner asks for mock signatures, as in epoch 2.5.
    MockProposal(Box<MockProposal>),
    /// A miner publishes a signed block.
    Pushed(Box<NakamotoBlock>),
    /// Another signer, or the echo of this one, says something in the set of `parity`. `from` is
    /// the key recovered from the chunk's signature; it may belong to anybody.
    Peer {
        /// Reward cycle modulo 2 of the contract.
        parity: u8,
        /// Who wrote the chunk.
        from: PublicKey,
        /// Version of the slot: of two views of a signer the higher version counts.
        version: SlotVersion,
        /// A block response, state machine update or pre-commit that was in its own lane.
        message: SignerMessage,
    },
    /// The answer to an [`Action::Ask`](crate::Action::Ask) with the same ticket and question.
    Answered {
        /// The ticket of the question.
        ticket: Ticket,
        /// The question.
        query: Query,
        /// What the node said, or that it could not be asked.
        answer: Result<Answer, NodeFailure>,
    },
    /// What became of an [`Action::Validate`](crate::Action::Validate).
    ValidationSubmitted {
        /// The block.
        sighash: Sighash,
        /// What the node said.
        outcome: Submission,
    },
    /// The vault signed a block.
    Signed {
        /// The block.
        sighash: Sighash,
        /// The vault's signature.
        signature: MessageSignature,
    },
    /// The vault refuses to sign a block, because it would contradict an earlier signature that the
    /// request did not name.
    SigningRefused {
        /// The block.
        sighash: Sighash,
        /// The earlier block.
        rival: Sighash,
    },
    /// The node has a block that was uploaded.
    Uploaded {
        /// The block.
        sighash: Sighash,
    },
}

/// Which evaluation a question belongs to. An answer whose ticket is out of date is ignored, so a
/// fact is never used for another decision than the one that it was read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The number of this ticket, for logs and recordings.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A question to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// Reward cycle lengths and position: `/v2/pox`.
    Pox,
    /// Burn tip, Stacks tip and network: `/v2/info`.
    Info,
    /// The burn tip and the latest two winning sortitions: `/v2/info`, then
    /// `/v3/sortitions/latest_and_last`.
    BurnView,
    /// Reward set, slot list and last computed cycle of a reward cycle.
    Registration(RewardCycle),
    /// The highest known block of a tenure: `/v3/tenures/tip_metadata/…`.
    TenureTip(ConsensusHash),
    /// Whether a burn block is on the canonical fork: `/v3/sortitions/burn/…`.
    SortitionOf(BurnBlockHash),
    /// The tenures between two: `/v3/tenures/fork_info/{from}/{to}`, newest first.
    Forks {
        /// The oldest tenure of the answer.
        from: ConsensusHash,
        /// The newest tenure of the answer.
        to: ConsensusHash,
    },
}

/// What the node said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Query::Pox`].
    Pox(PoxInfo),
    /// To [`Query::Info`].
    Info(NodeInfo),
    /// To [`Query::BurnView`].
    BurnView(Box<BurnView>),
    /// To [`Query::Registration`].
    Registration(RegistrationFacts),
    /// To [`Query::TenureTip`]; none if the tenure has no block.
    TenureTip(Option<TenureTip>),
    /// To [`Query::SortitionOf`]; false if the burn block is not on the canonical fork.
    SortitionOf(bool),
    /// To [`Query::Forks`].
    Forks(Vec<TenureForkInfo>),
}

/// The burn chain as the node sees it.
#[derive(Clone, Debug)]
pub struct BurnView {
    /// Read before the sortitions.
    pub info: NodeInfo,
    /// The latest sortition with a winner.
    pub latest: Sortition,
    /// The winning sortition before it.
    pub last: Option<Sortition>,
}

/// What the node says about one reward cycle.
#[derive(Clone, Debug)]
pub struct RegistrationFacts {
    /// The reward set; none if the cycle has no Nakamoto signers.
    pub set: Option<SignerSet>,
    /// The highest cycle whose StackerDB slots are written.
    pub last_set_cycle: RewardCycle,
    /// Owners of the slots of this cycle's parity, in slot order.
    pub slots: Vec<StacksAddress>,
}

/// The node could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFailure {
    /// For people: what went wrong.
    pub text: String,
}

/// What became of a request to validate a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// 202: the verdict will come.
    Accepted,
    /// 429: the node validates another block.
    Busy,
    /// Any other status; asking again would not help.
    Refused(String),
    /// The node could not be reached.
    Unreachable(String),
}
