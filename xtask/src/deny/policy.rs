//! The part of deny.toml that the fallback understands. Cargo-deny reads the rest.

use serde::Deserialize;

use crate::report::StepError;

#[derive(Debug, Deserialize)]
pub(super) struct Policy {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    package: String,
    /// Every ban carries one.
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl Policy {
    pub(super) fn parse(text: &str) -> Result<Self, StepError> {
        toml::from_str(text).map_err(|error| StepError::Malformed {
            what: "deny.toml".to_owned(),
            reason: error.to_string(),
        })
    }

    /// Whether a package of this name may be taken under this licence.
    pub(super) fn is_allowed(&self, licence: &str, package: &str) -> bool {
        let exceptions = self.licenses.exceptions.iter().filter(|e| e.package == package);
        let mut allowed = exceptions.flat_map(|e| &e.allow).chain(&self.licenses.allow);
        allowed.any(|allowed| allowed == licence)
    }

    /// Why a package of this name must not be used, if it must not.
    pub(super) fn ban(&self, package: &str) -> Option<&str> {
        self.bans.deny.iter().find(|ban| ban.package == package).map(|ban| ban.reason.as_str())
    }

    /// Whether packages may come from there; `source` is as in Cargo.lock.
    pub(super) fn is_known_source(&self, source: &str) -> bool {
        let registry = source.strip_prefix("registry+");
        registry.is_some_and(|url| self.sources.allow_registry.iter().any(|known| known == url))
    }
}
