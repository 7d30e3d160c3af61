//! Sortitions: who may mine which tenure, and on top of which.

use serde::{Deserialize, Serialize};

use crate::fixed::{
    BurnBlockHash, ConsensusHash, Hash160, Sighash, SortitionId, prefixed, prefixed_option,
};
use crate::quantity::BurnHeight;

/// One element of `GET /v3/sortitions/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sortition {
    /// The burn block.
    #[serde(with = "prefixed")]
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Its header's timestamp.
    pub burn_header_timestamp: u64,
    /// Identifies the sortition across forks.
    #[serde(with = "prefixed")]
    pub sortition_id: SortitionId,
    /// The sortition below.
    #[serde(with = "prefixed")]
    pub parent_sortition_id: SortitionId,
    /// The burn block's consensus hash; the tenure, if there is a winner.
    #[serde(with = "prefixed")]
    pub consensus_hash: ConsensusHash,
    /// Whether a miner won.
    pub was_sortition: bool,
    /// Hash of the winner's key.
    #[serde(default, with = "prefixed_option")]
    pub miner_pk_hash160: Option<Hash160>,
    /// The tenure that the winner committed to build on.
    #[serde(default, with = "prefixed_option")]
    pub stacks_parent_ch: Option<ConsensusHash>,
    /// The sortition with a winner before this one.
    #[serde(default, with = "prefixed_option")]
    pub last_sortition_ch: Option<ConsensusHash>,
    /// The block that the winner committed to.
    #[serde(default, with = "prefixed_option")]
    pub committed_block_hash: Option<Sighash>,
    /// Seed of the winner's VRF.
    #[serde(default, with = "prefixed_option")]
    pub vrf_seed: Option<SortitionId>,
}

impl Sortition {
    /// The miner that won, or none if there is no winner or the node does not say enough about it.
    pub const fn winner(&self) -> Option<Winner> {
        match (self.was_sortition, self.miner_pk_hash160, self.stacks_parent_ch) {
            (true, Some(key_hash), Some(parent_tenure)) => Some(Winner {
                key_hash,
                tenure: self.consensus_hash,
                parent_tenure,
                last_sortition: self.last_sortition_ch,
                burn_block_hash: self.burn_block_hash,
                burn_height: self.burn_block_height,
            }),
            _ => None,
        }
    }
}

/// A sortition with a winner, checked: what a signer needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winner {
    /// Hash of the miner's key.
    pub key_hash: Hash160,
    /// Its tenure.
    pub tenure: ConsensusHash,
    /// The tenure that it committed to build on.
    pub parent_tenure: ConsensusHash,
    /// The sortition with a winner before this one. Absent for the first one ever; a reference signer
    /// does not use a sortition without it as the latest one.
    pub last_sortition: Option<ConsensusHash>,
    /// The burn block.
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_height: BurnHeight,
}

/// `GET /v3/sortitions/latest_and_last`: the latest two sortitions with a winner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Sortition>", into = "Vec<Sortition>")]
pub struct LatestAndLast {
    /// The latest sortition with a winner; not always that of the burn tip.
    pub latest: Sortition,
    /// The one that `latest` names as its `last_sortition_ch`.
    pub last: Option<Sortition>,
}

/// Why sortitions are not an answer to `latest_and_last`. A reference signer fails alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SortitionViewError {
    /// The list is empty.
    #[error("the node names no sortition")]
    Empty,
    /// The first sortition has no winner.
    #[error("the node names a latest sortition that nobody won")]
    NoWinner,
    /// The first sortition names one before it, and that is missing or another.
    #[error("the node does not tell about the sortition {0}, the last one before the latest")]
    LastMissing(ConsensusHash),
}

impl TryFrom<Vec<Sortition>> for LatestAndLast {
    type Error = SortitionViewError;

    fn try_from(sortitions: Vec<Sortition>) -> Result<Self, SortitionViewError> {
        let mut sortitions = sortitions.into_iter();
        let latest = sortitions.next().ok_or(SortitionViewError::Empty)?;
        if !latest.was_sortition {
            return Err(SortitionViewError::NoWinner);
        }
        let last = match latest.last_sortition_ch {
            None => None,
            Some(named) => Some(
                sortitions
                    .next()
                    .filter(|last| last.consensus_hash == named)
                    .ok_or(SortitionViewError::LastMissing(named))?,
            ),
        };
        Ok(Self { latest, last })
    }
}

impl From<LatestAndLast> for Vec<Sortition> {
    fn from(view: LatestAndLast) -> Self {
        std::iter::once(view.latest).chain(view.last).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    fn sortition(number: u8) -> Sortition {
        Sortition {
            burn_block_hash: BurnBlockHash::new([number; 32]),
            burn_block_height: BurnHeight::new(number.into()),
            burn_header_timestamp: 1_700_000_000,
            sortition_id: SortitionId::new([number; 32]),
            parent_sortition_id: SortitionId::new([number - 1; 32]),
            consensus_hash: ConsensusHash::new([number; 20]),
            was_sortition: true,
            miner_pk_hash160: Some(Hash160::new([0xab; 20])),
            stacks_parent_ch: Some(ConsensusHash::new([number - 1; 20])),
            last_sortition_ch: Some(ConsensusHash::new([number - 1; 20])),
            committed_block_hash: None,
            vrf_seed: None,
        }
    }

    fn good() -> Vec<Sortition> {
        vec![sortition(9), sortition(8)]
    }

    #[test]
    fn the_latest_two_winners_are_read_and_written_as_a_list() {
        let json = serde_json::to_string(&good()).expect("well-formed by construction");
        let view: LatestAndLast = serde_json::from_str(&json).expect("well-formed by construction");
        assert_eq!(view, LatestAndLast { latest: sortition(9), last: Some(sortition(8)) });
        assert_eq!(serde_json::to_string(&view).expect("well-formed by construction"), json);
    }

    #[test]
    fn a_latest_sortition_without_a_winner_fails() {
        let mut spoilt = good();
        spoilt[0].was_sortition = false;
        assert_eq!(LatestAndLast::try_from(spoilt), Err(SortitionViewError::NoWinner));
    }

    #[test]
    fn a_missing_or_another_last_sortition_fails() {
        let named = ConsensusHash::new([8; 20]);
        for spoilt in [vec![sortition(9)], vec![sortition(9), sortition(7)]] {
            let error = LatestAndLast::try_from(spoilt);
            assert_eq!(error, Err(SortitionViewError::LastMissing(named)));
        }
        assert_eq!(LatestAndLast::try_from(vec![]), Err(SortitionViewError::Empty));
    }

    #[test]
    fn the_first_sortition_ever_has_none_before_it() {
        let mut first = sortition(9);
        first.last_sortition_ch = None;
        let view = LatestAndLast::try_from(vec![first]).expect("well-formed by construction");
        assert_eq!(view.last, None);
        assert_eq!(view.latest.winner().expect("well-formed by construction").last_sortition, None);
    }

    #[test]
    fn a_winner_needs_a_key_and_a_parent_tenure() {
        assert!(sortition(9).winner().is_some());
        assert!(Sortition { was_sortition: false, ..sortition(9) }.winner().is_none());
        assert!(Sortition { miner_pk_hash160: None, ..sortition(9) }.winner().is_none());
        assert!(Sortition { stacks_parent_ch: None, ..sortition(9) }.winner().is_none());
    }
}
