//! Whether this instance is the one that signs.

/// What this instance may do with its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// It signs.
    #[default]
    Active,
    /// It listens for its own key before it signs.
    Listening,
    /// The instance before it is lost, and it waits until what that one signed is history.
    Waiting,
    /// It follows the chain and signs nothing, until it is promoted.
    Standby,
    /// It was told to stop signing.
    Demoted,
    /// Somebody else signed with its key.
    Frozen,
}

impl Permission {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Active, Self::Listening, Self::Waiting, Self::Standby, Self::Demoted, Self::Frozen];

    /// Its name for programs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Listening => "listening",
            Self::Waiting => "waiting",
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
            Self::Waiting => {
                "the instance before is lost, and this one waits until what it signed is history"
            }
            Self::Standby => "this instance is a standby: it follows the chain and signs nothing",
            Self::Demoted => "this instance was told to stop signing",
            Self::Frozen => "somebody else signed with this key, so this instance stopped signing",
        }
    }

    pub(super) const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Active | Self::Listening | Self::Waiting => None,
            Self::Standby | Self::Demoted => Some(
                "`countersign promote` makes it the one that signs; first see that no other does",
            ),
            Self::Frozen => Some(
                "find who has the key and stop it; take the key for stolen until you know better",
            ),
        }
    }
}
