//! Whether a key may sign at all.

use std::fmt;

use countersign_wire::UnixSeconds;

/// What a vault may do with its key. It is durable: no restart changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It signs.
    Active,
    /// It stopped on purpose, so that another instance may sign with this key.
    Demoted {
        /// When.
        at: UnixSeconds,
    },
    /// It stopped because something is wrong, such as a signature of this key that it did not make.
    Frozen {
        /// When.
        at: UnixSeconds,
        /// What was wrong, for a human.
        reason: String,
    },
}

impl Standing {
    /// Whether the key signs.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }

    /// The name in the journal and in its exports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Demoted { .. } => "demoted",
            Self::Frozen { .. } => "frozen",
        }
    }

    /// What the names stand for; none for a name that there is not.
    pub(crate) fn from_parts(name: &str, at: UnixSeconds, reason: String) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "demoted" => Some(Self::Demoted { at }),
            "frozen" => Some(Self::Frozen { at, reason }),
            _ => None,
        }
    }

    /// Since when it is not active; zero if it is.
    pub(crate) const fn since(&self) -> UnixSeconds {
        match self {
            Self::Active => UnixSeconds::new(0),
            Self::Demoted { at } | Self::Frozen { at, .. } => *at,
        }
    }

    /// Why it is frozen; empty if it is not.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Frozen { reason, .. } => reason,
            Self::Active | Self::Demoted { .. } => "",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("active"),
            Self::Demoted { at } => write!(f, "demoted since {at}"),
            Self::Frozen { at, reason } => write!(f, "frozen since {at} ({reason})"),
        }
    }
}
