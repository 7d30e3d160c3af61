//! A check: a question about an installation, and how its answer is judged.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::facts::Facts;
use crate::grade::{Fact, Outcome};

/// Whose installation it is; decides which checks are made and how strict they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Somebody who signs with their own stake.
    Solo,
    /// Somebody who signs for others: two of everything.
    Pool,
    /// One of the sBTC signers.
    Sbtc,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Solo, Self::Pool, Self::Sbtc];

    /// As the command line writes it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Solo => "solo",
            Self::Pool => "pool",
            Self::Sbtc => "sbtc",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// No profile has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{0}`; there are solo, pool and sbtc")]
pub struct NoSuchProfile(String);

impl FromStr for Profile {
    type Err = NoSuchProfile;

    fn from_str(text: &str) -> Result<Self, NoSuchProfile> {
        let found = Self::ALL.into_iter().find(|profile| profile.label() == text);
        found.ok_or_else(|| NoSuchProfile(text.to_owned()))
    }
}

/// Every profile.
pub(crate) const EVERYBODY: &[Profile] = &Profile::ALL;
/// Those who sign for others.
pub(crate) const FOR_OTHERS: &[Profile] = &[Profile::Pool, Profile::Sbtc];
/// The sBTC signers.
pub(crate) const SBTC: &[Profile] = &[Profile::Sbtc];

/// What is gathered for a check. Only what the chosen checks need is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Processors, memory, swap, core files, environments.
    Machine,
    /// File systems, their speed, and how they fill.
    Storage,
    /// The clock, against others.
    Clock,
    /// Owners, modes and lists of the installation's files.
    Files,
    /// What the configurations say; always gathered, for they name what else is to be looked at.
    Configs,
    /// The Stacks node.
    Node,
    /// The signer's daemon.
    Daemon,
    /// bitcoind.
    Bitcoin,
    /// The sBTC signer.
    Sbtc,
    /// Sockets that listen, and the firewall.
    Network,
    /// The effective settings of sshd.
    Ssh,
    /// Units of the service manager.
    Units,
    /// Certificates.
    Certificates,
    /// How far back the logs reach.
    Logs,
    /// What the regular jobs did last.
    Records,
}

/// A named check.
pub struct Check {
    /// A word for machines and for `--only`. Never changes its meaning.
    pub id: &'static str,
    /// The rows of docs/practices.md that it covers.
    pub rows: &'static [&'static str],
    /// Whose installations it concerns.
    pub profiles: &'static [Profile],
    /// What it asks, in a few words.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What must be gathered.
    pub source: Source,
    /// Judges what was gathered. Pure.
    pub judge: fn(&Facts) -> Fact<Outcome>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}
