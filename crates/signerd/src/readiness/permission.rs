//! Whether this instance is the one that signs.

/// What this instance may do with its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// It signs.
    #[default]
    Active,
    /// It listens for its own key before it signs.
    Listening,
    /// It follows the chain and signs nothing, until it is promoted.
    Standby,
    /// It was told to stop signing.
    Demoted,
    /// Somebody else signed with its key.
    Frozen,
}

impl Permission {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Listening, Self::Standby, Self::Demoted, Self::Frozen];

    /// Its name for programs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Listening => "listening",
            Self::Standby => "standby",
            Self::Demoted => "demoted",
            Self::Frozen => "frozen",
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Active => "this instance signs",
            Self::Listening => {
                "after the start, this instance listens for its own key before it signs"
            }
            Self::Standby => "this instance is a standby: it follows the chain and signs nothing",
            Self::Demoted => "this instance was told to stop signing",
            Self::Frozen => "somebody else signed with this key, so this instance stopped signing",
        }
    }

    pub(super) const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Active | Self::Listening => None,
            Self::Standby | Self::Demoted => Some(
                "`countersign promote` makes it the one that signs; first see that no other does",
            ),
            Self::Frozen => Some(
                "find who has the key and stop it; take the key for stolen until you know better",
            ),
        }
    }
}
