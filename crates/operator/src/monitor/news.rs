//! What the watch has to tell.

use std::fmt;

use countersign_node::NodeError;
use countersign_wire::{PublicKey, RewardCycle, StacksAddress, Weight};
use serde::Serialize;

use super::roster::{Roster, Seat};

/// What the watch has to tell.
#[derive(Debug)]
pub enum News {
    /// These signers are watched from now on.
    Watching {
        /// Their reward cycle.
        cycle: RewardCycle,
        /// The StackerDB that they write to.
        contract: String,
        /// All of them.
        signers: Vec<WatchedSigner>,
    },
    /// A cycle has begun whose signers or slots the node does not know yet.
    NotReady {
        /// The cycle.
        cycle: RewardCycle,
    },
    /// One look at everybody.
    Round(Round),
    /// The node did not answer; it will be asked again.
    NodeFailed(NodeError),
}

/// One look at the signers of a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// The cycle.
    pub cycle: RewardCycle,
    /// How many signers it has.
    pub signers: usize,
    /// Their weight together.
    pub total_weight: Weight,
    /// Whose slots are empty.
    pub missing: Vec<WatchedSigner>,
    /// Who has written nothing for longer than the greatest age.
    pub stale: Vec<WatchedSigner>,
    /// Who has written something else than an answer of its own.
    pub unexpected: Vec<WatchedSigner>,
}

/// One signer, as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchedSigner {
    /// The owner of its slot.
    pub address: StacksAddress,
    /// Its key.
    pub public_key: PublicKey,
    /// Its weight.
    pub weight: Weight,
    /// What it has written, if that was not expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'static str>,
}

impl WatchedSigner {
    pub(super) fn new(seat: &Seat, found: Option<&'static str>) -> Self {
        let Seat { signer, address } = *seat;
        Self { address, public_key: signer.key, weight: signer.weight, found }
    }
}

impl News {
    pub(super) fn watching(roster: &Roster, contract: String) -> Self {
        let signers = roster.seats.iter().map(|seat| WatchedSigner::new(seat, None)).collect();
        Self::Watching { cycle: roster.cycle, contract, signers }
    }

    /// Whether somebody should look after it.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Watching { .. } | Self::NotReady { .. } => false,
            Self::Round(round) => !round.is_good(),
            Self::NodeFailed(_) => true,
        }
    }

    /// Writes it to the log: trouble as a warning.
    pub fn log(&self) {
        if self.is_trouble() {
            tracing::warn!("{self}");
        } else {
            tracing::info!("{self}");
        }
    }

    /// One JSON object, without a line end.
    pub fn to_json(&self) -> String {
        let value = match self {
            Self::Watching { cycle, contract, signers } => serde_json::json!({
                "event": "watching", "cycle": cycle, "contract": contract, "signers": signers,
            }),
            Self::NotReady { cycle } => {
                serde_json::json!({ "event": "not_ready", "cycle": cycle })
            }
            Self::Round(round) => serde_json::json!({ "event": "round", "round": round }),
            Self::NodeFailed(error) => serde_json::json!({
                "event": "node_failed", "kind": error.kind(), "message": error.to_string(),
            }),
        };
        value.to_string()
    }
}

impl Round {
    /// Whether everybody answers.
    pub const fn is_good(&self) -> bool {
        self.missing.is_empty() && self.stale.is_empty() && self.unexpected.is_empty()
    }
}

/// One line for people.
impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watching { cycle, contract, signers } => {
                write!(f, "cycle {cycle}: watching {} signers in {contract}", signers.len())
            }
            Self::NotReady { cycle } => write!(
                f,
                "cycle {cycle}: the node does not know its signers and their slots yet; asking again"
            ),
            Self::Round(round) => round.fmt(f),
            Self::NodeFailed(error) => write!(f, "{error}; asking again"),
        }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cycle {}: ", self.cycle)?;
        if self.is_good() {
            return write!(f, "all {} signers answer as they should", self.signers);
        }
        let lists =
            [("missing", &self.missing), ("stale", &self.stale), ("unexpected", &self.unexpected)];
        for (position, (name, signers)) in
            lists.into_iter().filter(|(_, signers)| !signers.is_empty()).enumerate()
        {
            let weight: Weight = signers.iter().map(|signer| signer.weight).sum();
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{name} {} of {} signers", signers.len(), self.signers)?;
            write!(f, " (weight {weight} of {}):", self.total_weight)?;
            for WatchedSigner { address, public_key, found, .. } in signers {
                write!(f, " {address} key {public_key}")?;
                if let Some(found) = found {
                    write!(f, " ({found})")?;
                }
            }
        }
        Ok(())
    }
}
