//! What the loop tells: small, and nothing that others could make large.

use countersign_signer::{Answer, Event, Note};
use countersign_wire::message::{BlockResponse, MinerState, SignerMessage, StateMachineUpdate};
use countersign_wire::rpc::{NodeInfo, PoxInfo};
use countersign_wire::{
    BurnHeight, ConsensusHash, PublicKey, RewardCycle, SlotId, StacksHeight, Weight,
};

/// One thing that the page is told.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// A remark of the core.
    Note(Box<Note>),
    /// How a signer sees the chain; ours if nobody is named.
    View { cycle: RewardCycle, from: Option<SlotId>, view: Sight },
    /// A signer wrote something.
    Heard { key: PublicKey, program: Option<String> },
    /// The node's reward cycles.
    Calendar(Box<PoxInfo>),
    /// Where the node is.
    Tip { burn: BurnHeight, stacks: StacksHeight },
    /// Who signs in a cycle.
    Roster { cycle: RewardCycle, signers: Vec<(PublicKey, Weight)> },
    /// Another node is asked from now on.
    NodeSwitched,
}

/// How a signer sees the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) burn_block: ConsensusHash,
    pub(super) burn_height: BurnHeight,
    pub(super) miner: MinerState,
    pub(super) protocol: u64,
}

impl Sight {
    const fn of(update: &StateMachineUpdate) -> Self {
        let content = &update.content;
        Self {
            burn_block: content.burn_block,
            burn_height: content.burn_height,
            miner: content.miner,
            protocol: update.active_version,
        }
    }
}

impl Word {
    /// What an event says beside what the core makes of it.
    pub(super) fn of_event(event: &Event) -> Option<Self> {
        let tip = |info: &NodeInfo| Self::Tip {
            burn: info.burn_block_height,
            stacks: info.stacks_tip_height,
        };
        match event {
            Event::Peer { from, message, .. } => {
                Some(Self::Heard { key: *from, program: program_of(message) })
            }
            Event::Answered { answer: Ok(answer), .. } => match answer {
                Answer::Pox(pox) => Some(Self::Calendar(Box::new(pox.clone()))),
                Answer::Info(info) => Some(tip(info)),
                Answer::BurnView(view) => Some(tip(&view.info)),
                _ => None,
            },
            Event::NodeSwitched => Some(Self::NodeSwitched),
            _ => None,
        }
    }

    /// Who signs, if an event says so. It comes beside [`of_event`](Self::of_event), once a cycle.
    pub(super) fn roster_of(event: &Event) -> Option<Self> {
        let Event::Answered { query, answer: Ok(Answer::Registration(facts)), .. } = event else {
            return None;
        };
        let countersign_signer::Query::Registration(cycle) = query else { return None };
        let signers = facts.set.as_ref()?.signers().iter();
        let signers = signers.map(|signer| (signer.key, signer.weight)).collect();
        Some(Self::Roster { cycle: *cycle, signers })
    }

    /// What a remark says to somebody who looks; nothing if it explains a decision.
    pub(super) fn of_note(note: &Note) -> Option<Self> {
        match note {
            Note::Judged { .. } | Note::VoteParked { .. } | Note::StrangerIgnored { .. } => None,
            Note::PeerUpdate { cycle, from, update } => {
                Some(Self::View { cycle: *cycle, from: Some(*from), view: Sight::of(update) })
            }
            Note::ViewChanged { cycle, update, .. } => {
                Some(Self::View { cycle: *cycle, from: None, view: Sight::of(update) })
            }
            other => Some(Self::Note(Box::new(other.clone()))),
        }
    }
}

/// What the sender of a response calls its program: printable, and not long.
fn program_of(message: &SignerMessage) -> Option<String> {
    let version = match message {
        SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => &accepted.server_version,
        SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) => &rejected.server_version,
        _ => return None,
    };
    let shown: String =
        version.chars().filter(|char| !char.is_control()).take(MAX_PROGRAM_LEN).collect();
    (!shown.is_empty()).then_some(shown)
}

/// How many characters of a program's name are kept.
const MAX_PROGRAM_LEN: usize = 80;
