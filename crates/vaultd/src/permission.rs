//! Which role may ask for what.

use std::fmt;

use countersign_vault::ipc::RequestKind;
use serde::{Deserialize, Serialize};

/// What a caller is for. A role is a closed list of requests; a caller without a role may ask nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `countersign run`: what a signer of blocks says to the network, and the care of its journal.
    BlockSigner,
    /// A human: what is signed by hand, once in a while.
    Operator,
    /// Reserved. There is no request for it yet, so it may ask nothing.
    SbtcSigner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::BlockSigner, Self::Operator, Self::SbtcSigner];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockSigner => "block-signer",
            Self::Operator => "operator",
            Self::SbtcSigner => "sbtc-signer",
        }
    }

    /// Whether the role includes a request. This table is the whole of the vault's policy.
    pub const fn permits(self, kind: RequestKind) -> bool {
        match kind {
            RequestKind::ExportJournal | RequestKind::ReadStanding | RequestKind::StopSigning => {
                matches!(self, Self::BlockSigner | Self::Operator)
            }
            RequestKind::BlockAcceptance
            | RequestKind::BlockRejection
            | RequestKind::MockSignature
            | RequestKind::SignerMessage
            | RequestKind::StateUpdate
            | RequestKind::ImportMarks
            | RequestKind::ReadHistory
            | RequestKind::TidyJournal => matches!(self, Self::BlockSigner),
            RequestKind::StakingGrant
            | RequestKind::StackingAuthorization
            | RequestKind::SipVote
            | RequestKind::ResumeSigning => matches!(self, Self::Operator),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lets_nothing_more_be_signed_is_permitted_to_two_roles_and_the_reserved_one_has_nothing()
     {
        for kind in RequestKind::ALL {
            let permitted: Vec<_> =
                Role::ALL.into_iter().filter(|role| role.permits(kind)).collect();
            let expected = match kind {
                RequestKind::ExportJournal
                | RequestKind::ReadStanding
                | RequestKind::StopSigning => 2,
                _ => 1,
            };
            assert_eq!(permitted.len(), expected, "{kind}: {permitted:?}");
            assert!(!Role::SbtcSigner.permits(kind), "{kind}");
        }
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let doc = include_str!("../../../docs/operator/vault.md");
        for kind in RequestKind::ALL {
            let mark = |role: Role| if role.permits(kind) { "yes" } else { "–" };
            let [block, operator, sbtc] = Role::ALL.map(mark);
            let row = format!("| `{kind}` | {block} | {operator} | {sbtc} |");
            assert!(doc.contains(&row), "docs/operator/vault.md has no row {row}");
        }
        let documented = doc.lines().filter(|line| {
            line.starts_with("| `") && (line.contains("| yes |") || line.contains("| – |"))
        });
        assert_eq!(documented.count(), RequestKind::ALL.len());
    }
}
