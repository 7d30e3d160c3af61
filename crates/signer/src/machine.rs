//! How this signer sees the burn chain and who may mine: its own state machine
//! (`signer-behaviour` 5.1 and 5.4).

use countersign_wire::message::{ActiveMiner, MinerState};
use countersign_wire::rpc::{Sortition, Winner};
use countersign_wire::{BurnHeight, ConsensusHash};

use crate::burn::Superseded;
use crate::facts::{Known, Reply};
use crate::inactivity::is_timed_out;
use crate::rules::parent_choice::{ParentChoice, judge_parent_choice};
use crate::rules::{Situation, parent_tip};
use crate::time::{Millis, Timestamp};

/// A burn block, as state machines name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BurnTip {
    pub(crate) height: BurnHeight,
    pub(crate) consensus_hash: ConsensusHash,
}

/// A view that can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) burn: BurnTip,
    pub(crate) miner: MinerState,
}

/// The state machine of one reward cycle.
#[derive(Clone, Debug)]
pub(crate) enum Machine {
    /// No view was ever derived.
    Uninitialized,
    /// A burn block was announced, and the node has not answered for it, or has not reached it.
    Pending {
        /// The announced burn block; none after a start.
        expected: Option<BurnTip>,
        /// When it was announced.
        since: Timestamp,
        /// The view before it.
        prior: Option<View>,
    },
    /// A view that is up to date.
    Ready(View),
}

impl Machine {
    /// The view, unless it is out of date.
    pub(crate) fn view(&self) -> Option<&View> {
        match self {
            Self::Ready(view) => Some(view),
            Self::Uninitialized | Self::Pending { .. } => None,
        }
    }

    /// The last view that was derived, up to date or not: what peers know of us.
    pub(crate) fn last_view(&self) -> Option<&View> {
        match self {
            Self::Ready(view) => Some(view),
            Self::Pending { prior, .. } => prior.as_ref(),
            Self::Uninitialized => None,
        }
    }

    /// Starts to wait for the view at `burn`. An earlier, higher expectation stays.
    pub(crate) fn expect(&mut self, burn: Option<BurnTip>, now: Timestamp) {
        let prior = self.last_view().copied();
        let earlier = match self {
            Self::Pending { expected: Some(expected), since, .. } => Some((*expected, *since)),
            _ => None,
        };
        let (expected, since) = match (earlier, burn) {
            (Some((earlier, since)), Some(burn)) if earlier.height >= burn.height => {
                (Some(earlier), since)
            }
            (Some((earlier, since)), None) => (Some(earlier), since),
            (_, burn) => (burn, now),
        };
        *self = Self::Pending { expected, since, prior };
    }

    /// Takes in a view of the node's burn tip. If the node is behind the burn block that was
    /// announced, it is waited for; but not for ever, because whoever reaches our endpoint can
    /// announce a burn block. True if that wait goes on.
    pub(crate) fn arrive(&mut self, view: View, is_behind: bool, now: Timestamp) -> bool {
        if let Self::Pending { since, prior, .. } = self
            && is_behind
            && now.since(*since) < BEHIND_PATIENCE
        {
            // What peers know of us does not go back to a burn block before: a node that has just
            // taken the place of another may need a moment to come up with it.
            if prior.is_none_or(|prior| prior.burn.height <= view.burn.height) {
                *prior = Some(view);
            }
            return true;
        }
        *self = Self::Ready(view);
        false
    }

    /// Whether the view has been waited for so long that it must do without what the node does not
    /// tell.
    pub(crate) fn is_impatient(&self, now: Timestamp) -> bool {
        matches!(self, Self::Pending { since, .. } if now.since(*since) >= BEHIND_PATIENCE)
    }

    /// The burn block that the view waits for.
    pub(crate) fn expected(&self) -> Option<BurnTip> {
        match self {
            Self::Pending { expected, .. } => *expected,
            Self::Uninitialized | Self::Ready(_) => None,
        }
    }
}

/// How long the node may be behind a burn block that was announced.
const BEHIND_PATIENCE: Millis = Millis::from_secs(30);

/// What the burn-block routine arrives at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Derived {
    /// The view at the node's burn tip, the tenures that it permits to be orphaned, and whether the
    /// node has not reached the burn block that was announced.
    View { view: View, superseded: Vec<Superseded>, is_behind: bool },
    /// The node did not tell what is needed.
    Failed { text: String },
}

/// The burn-block routine: who may mine after the node's burn tip, given that `expected` was
/// announced.
pub(crate) fn derive_view(expected: Option<BurnTip>, at: &Situation<'_>) -> Known<Derived> {
    let answer = match at.facts.burn_view()? {
        Ok(answer) => answer,
        Err(failure) => return Ok(Derived::Failed { text: failure.text }),
    };
    let node = BurnTip {
        height: answer.info.burn_block_height,
        consensus_hash: answer.info.pox_consensus,
    };
    let is_behind = expected.is_some_and(|expected| is_behind(node, expected));
    let Some(current) = answer.latest.winner() else {
        return Ok(Derived::Failed { text: "the latest sortition has no winner".to_owned() });
    };
    let mut superseded = Vec::new();
    let miner = match candidate(&current, at, &mut superseded)? {
        Ok(Some(miner)) => MinerState::Active(miner),
        Ok(None) => match fall_back(answer.last.as_ref(), at, &mut superseded)? {
            Ok(miner) => miner,
            Err(failure) => return Ok(Derived::Failed { text: failure.text }),
        },
        Err(failure) => return Ok(Derived::Failed { text: failure.text }),
    };
    Ok(Derived::View { view: View { burn: node, miner }, superseded, is_behind })
}

/// The miner of the sortition before the latest, which must exist when the latest is not valid.
fn fall_back(
    last: Option<&Sortition>,
    at: &Situation<'_>,
    superseded: &mut Vec<Superseded>,
) -> Known<Reply<MinerState>> {
    let Some(last) = last.and_then(Sortition::winner) else {
        return Ok(Err(crate::event::NodeFailure {
            text: "the latest winner is not valid and there is no sortition before it".to_owned(),
        }));
    };
    Ok(candidate(&last, at, superseded)?
        .map(|miner| miner.map_or(MinerState::NoValidMiner, MinerState::Active)))
}

/// A sortition's winner as a miner, if it may build where it committed to and is not silent.
pub(crate) fn candidate(
    winner: &Winner,
    at: &Situation<'_>,
    superseded: &mut Vec<Superseded>,
) -> Known<Reply<Option<ActiveMiner>>> {
    match judge_parent_choice(winner, at)? {
        Err(failure) => return Ok(Err(failure)),
        Ok(ParentChoice::Refused) => return Ok(Ok(None)),
        Ok(ParentChoice::Allowed { orphans }) => superseded.extend(orphans),
    }
    if is_timed_out(&winner.tenure, at) {
        return Ok(Ok(None));
    }
    Ok(parent_tip(&winner.parent_tenure, at)?.map(|(height, block_id)| {
        Some(ActiveMiner {
            key_hash: winner.key_hash,
            tenure: winner.tenure,
            parent_tenure: winner.parent_tenure,
            parent_last_block: block_id,
            parent_last_height: height,
        })
    }))
}

fn is_behind(node: BurnTip, expected: BurnTip) -> bool {
    node.height < expected.height
        || (node.height == expected.height && node.consensus_hash != expected.consensus_hash)
}
