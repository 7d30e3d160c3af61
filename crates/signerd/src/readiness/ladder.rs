//! The ladder: what a signer must have before it signs, from the ground up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rung. Each has its own reason to hold or not; a signer is ready when all hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The signing key can be used.
    KeyOpen,
    /// What was signed before is known, and what will be signed can be recorded.
    JournalGood,
    /// The node answers.
    NodeReached,
    /// The node is on the configured chain.
    RightNetwork,
    /// The node is not behind the chain.
    InSync,
    /// The key has a seat in the running reward cycle.
    Registered,
    /// This instance is the one that signs.
    AllowedToSign,
    /// Proposals arrive and are judged.
    Deciding,
}

impl Rung {
    /// Every rung, from the ground up.
    pub const ALL: [Self; 8] = [
        Self::KeyOpen,
        Self::JournalGood,
        Self::NodeReached,
        Self::RightNetwork,
        Self::InSync,
        Self::Registered,
        Self::AllowedToSign,
        Self::Deciding,
    ];

    /// Its name for programs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::KeyOpen => "key_open",
            Self::JournalGood => "journal_good",
            Self::NodeReached => "node_reached",
            Self::RightNetwork => "right_network",
            Self::InSync => "in_sync",
            Self::Registered => "registered",
            Self::AllowedToSign => "allowed_to_sign",
            Self::Deciding => "deciding",
        }
    }
}

/// What is the matter with a rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The rung.
    pub rung: Rung,
    /// Whether it holds.
    pub holds: bool,
    /// Why it holds or not, for programs; `docs/operator/readiness.md` lists the codes.
    pub code: String,
    /// The same for people.
    pub text: String,
    /// What to do about it; nothing where there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Since when the code is this one, in seconds since 1970.
    pub since: u64,
}

/// All rungs, from the ground up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// The rungs.
    pub rungs: Vec<Step>,
}

impl Ladder {
    /// Whether every rung holds. A ladder without rungs does not.
    pub fn is_ready(&self) -> bool {
        !self.rungs.is_empty() && self.missing().is_none()
    }

    /// The first rung that does not hold.
    pub fn missing(&self) -> Option<&Step> {
        self.rungs.iter().find(|step| !step.holds)
    }

    /// One line: ready, or what is missing first.
    pub fn headline(&self) -> String {
        match (self.missing(), self.rungs.last()) {
            (Some(Step { rung, text, .. }), _) => format!("not ready, {}: {text}", rung.label()),
            (None, Some(last)) => format!("ready: {}", last.text),
            (None, None) => "not ready: starting".to_owned(),
        }
    }

    /// The ladder as JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "ready": self.is_ready(),
            "missing": self.missing().map(|step| step.rung.label()),
            "rungs": self.rungs,
        })
    }
}

/// A line per rung: `ok` or `--`, name, code and text.
impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        for Step { rung, holds, code, text, .. } in &self.rungs {
            let mark = if *holds { "ok" } else { "--" };
            writeln!(f, "{mark} {:<15} {code}: {text}", rung.label())?;
        }
        Ok(())
    }
}
