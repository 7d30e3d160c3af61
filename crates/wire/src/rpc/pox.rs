//! Reward cycles: how long they are and where the chain is.

use serde::{Deserialize, Deserializer, Serialize};

use crate::quantity::{BurnHeight, RewardCycle};

/// `GET /v2/pox`: the lengths of a reward cycle and where the chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoxInfo {
    /// Burn height of the first reward cycle's first block.
    pub first_burnchain_block_height: BurnHeight,
    /// Height of the burn tip.
    pub current_burnchain_block_height: BurnHeight,
    /// Burn blocks of a cycle's reward phase. Zero is refused when reading.
    #[serde(deserialize_with = "positive")]
    pub reward_phase_block_length: u64,
    /// Burn blocks of a cycle's prepare phase, which ends the cycle. Zero is refused when reading.
    #[serde(deserialize_with = "positive")]
    pub prepare_phase_block_length: u64,
    /// The cycle at the burn tip.
    pub reward_cycle_id: u64,
    /// Name of the epoch at the burn tip, such as `Epoch33`.
    #[serde(default)]
    pub current_epoch: String,
}

impl PoxInfo {
    /// Burn blocks of a whole cycle; at least 1.
    pub const fn cycle_length(&self) -> u64 {
        let length = self.reward_phase_block_length.saturating_add(self.prepare_phase_block_length);
        if length == 0 { 1 } else { length }
    }

    /// The cycle that a burn height falls in: plain division, as signers and miners count. Heights
    /// below the first cycle count into it.
    pub const fn cycle_of(&self, height: BurnHeight) -> RewardCycle {
        RewardCycle::new(self.since_first(height) / self.cycle_length())
    }

    /// Whether a burn height is in the prepare phase of the cycle after its own: among the last
    /// blocks of its cycle, in which the next signers are chosen.
    pub const fn is_prepare_phase(&self, height: BurnHeight) -> bool {
        let length = self.cycle_length();
        let offset = self.since_first(height) % length;
        offset >= length.saturating_sub(self.prepare_phase_block_length)
    }

    /// Burn blocks from a burn height until the next cycle begins; at least 1.
    pub const fn blocks_left(&self, height: BurnHeight) -> u64 {
        let length = self.cycle_length();
        length - self.since_first(height) % length
    }

    const fn since_first(&self, height: BurnHeight) -> u64 {
        height.get().saturating_sub(self.first_burnchain_block_height.get())
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    std::num::NonZeroU64::deserialize(deserializer).map(std::num::NonZeroU64::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> PoxInfo {
        PoxInfo {
            first_burnchain_block_height: BurnHeight::new(100),
            current_burnchain_block_height: BurnHeight::new(140),
            reward_phase_block_length: 15,
            prepare_phase_block_length: 5,
            reward_cycle_id: 2,
            current_epoch: "Epoch33".to_owned(),
        }
    }

    #[test]
    fn a_cycle_starts_with_its_reward_phase_and_ends_with_the_next_ones_prepare_phase() {
        let rows = [
            (100, 0, false),
            (114, 0, false),
            (115, 0, true),
            (119, 0, true),
            (120, 1, false),
            (u64::MAX, (u64::MAX - 100) / 20, true),
        ];
        for (height, cycle, prepare) in rows {
            let height = BurnHeight::new(height);
            assert_eq!(good().cycle_of(height), RewardCycle::new(cycle), "{height}");
            assert_eq!(good().is_prepare_phase(height), prepare, "{height}");
        }
    }

    #[test]
    fn a_height_below_the_first_cycle_counts_into_it() {
        assert_eq!(good().cycle_of(BurnHeight::new(99)), RewardCycle::new(0));
        assert!(!good().is_prepare_phase(BurnHeight::new(99)));
    }

    #[test]
    fn a_phase_without_blocks_is_refused() {
        for key in ["reward_phase_block_length", "prepare_phase_block_length"] {
            let mut json = serde_json::to_value(good()).expect("well-formed by construction");
            assert_eq!(
                serde_json::from_value::<PoxInfo>(json.clone())
                    .expect("well-formed by construction"),
                good()
            );
            json.as_object_mut()
                .expect("well-formed by construction")
                .insert(key.to_owned(), 0.into());
            assert!(serde_json::from_value::<PoxInfo>(json).is_err(), "{key}");
        }
    }

    #[test]
    fn lengths_of_zero_in_a_hand_made_value_do_not_divide() {
        let none =
            PoxInfo { reward_phase_block_length: 0, prepare_phase_block_length: 0, ..good() };
        assert_eq!(none.cycle_of(BurnHeight::new(107)), RewardCycle::new(7));
    }
}
