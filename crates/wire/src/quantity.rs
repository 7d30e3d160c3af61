//! Heights, weights, cycles and slots: newtypes with the few operations that make sense.

use std::fmt;

use crate::codec::{DecodeError, Reader, Wire};

macro_rules! quantity {
    ($($(#[$doc:meta])* $name:ident($int:ident);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($int);

        impl $name {
            /// The quantity with this value.
            pub const fn new(value: $int) -> Self {
                Self(value)
            }

            /// The bare number.
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                $int::decode(reader).map(Self)
            }
        }
    )*};
}

quantity! {
    /// Height of a Stacks block (`chain_length` in its header).
    StacksHeight(u64);
    /// Height of a Bitcoin block.
    BurnHeight(u64);
    /// Number of a reward cycle.
    RewardCycle(u64);
    /// Seconds since 1970, as block headers and messages carry them.
    UnixSeconds(u64);
    /// Signing weight: how many reward slots a signer's stackers fill.
    Weight(u32);
    /// Index of a slot in a StackerDB; in the signers' lanes also the signer's index in its reward set.
    SlotId(u32);
    /// Version of a slot's content; 0 means never written.
    SlotVersion(u32);
}

impl StacksHeight {
    /// The height above this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl BurnHeight {
    /// The height above this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl RewardCycle {
    /// The cycle after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// 0 or 1: which of the two alternating contract families the cycle uses.
    pub const fn parity(self) -> u8 {
        if self.0.is_multiple_of(2) { 0 } else { 1 }
    }
}

impl SlotVersion {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The three thresholds round differently on purpose: the network does
/// (`signer-behaviour.md` section 0.2, weak point W33).
impl Weight {
    /// No weight.
    pub const ZERO: Self = Self(0);

    /// The least weight that approves a block: seven tenths of `total`, rounded up.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "seven tenths of a u32 are a u32 again")]
    pub const fn approval_threshold(total: Self) -> Self {
        Self(((total.0 as u64 * 7).div_ceil(10)) as u32)
    }

    /// Whether this weight approves a block: at least seven tenths of `total`, rounded up.
    pub const fn approves(self, total: Self) -> bool {
        self.0 >= Self::approval_threshold(total).0
    }

    /// Whether this weight of rejections makes approval impossible.
    pub const fn blocks_approval(self, total: Self) -> bool {
        self.0 as u64 + Self::approval_threshold(total).0 as u64 > total.0 as u64
    }

    /// The least weight that agrees on a state: seven tenths of `total`, rounded **down**.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "seven tenths of a u32 are a u32 again")]
    pub const fn agreement_threshold(total: Self) -> Self {
        Self((total.0 as u64 * 7 / 10) as u32)
    }

    /// Whether this weight agrees on a state.
    pub const fn agrees(self, total: Self) -> bool {
        self.0 >= Self::agreement_threshold(total).0
    }

    /// Whether this weight can keep others from agreeing: over three tenths of `total`, rounded down.
    pub const fn disagrees(self, total: Self) -> bool {
        self.0 as u64 > total.0 as u64 * 3 / 10
    }
}

impl std::iter::Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self(0), |sum, weight| Self(sum.0.saturating_add(weight.0)))
    }
}
