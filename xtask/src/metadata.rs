//! What `cargo metadata` says about the workspace and the crates under it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cargo::Cargo;
use crate::report::StepError;

/// The packages of the workspace and all that Cargo.lock holds for them.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: BTreeSet<String>,
    /// The folder of what is built.
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression; some old crates write `MIT/Apache-2.0`.
    pub(crate) license: Option<String>,
    /// Absent for a package of the workspace.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a `[dependencies]` table.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version that is asked for, `*` if any will do.
    pub(crate) req: String,
    /// Absent for a normal dependency, otherwise `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// The folder of a package of the workspace.
    pub(crate) path: Option<String>,
}

impl Metadata {
    /// Asks cargo. Its `resolve` part is left alone: it knows nothing of weak features, so it links
    /// crates that are never built.
    pub(crate) fn read(cargo: &Cargo) -> Result<Self, StepError> {
        let text = cargo.output(&["metadata", "--format-version", "1", "--quiet"])?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StepError> {
        serde_json::from_str(text).map_err(|error| StepError::Malformed {
            what: "the output of `cargo metadata`".to_owned(),
            reason: error.to_string(),
        })
    }

    /// The packages of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

impl Package {
    /// The name of the folder that the package lives in: what ARCHITECTURE.md calls it.
    pub(crate) fn folder(&self) -> &str {
        let folder = Path::new(&self.manifest_path).parent();
        folder.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or(&self.name)
    }
}

impl Dependency {
    /// Whether it is linked into the package, or runs while it is built; not only its tests.
    pub(crate) fn is_production(&self) -> bool {
        self.kind.as_deref() != Some("dev")
    }

    /// The folder's name, if this is a package of the workspace.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.path.as_deref().and_then(|path| Path::new(path).file_name()?.to_str())
    }
}
