//! Landlock: what can still be opened.

use std::path::PathBuf;

use super::SandboxError;

/// Closes everything but `folders`. A kernel with an older Landlock enforces what it knows.
#[cfg(target_os = "linux")]
pub(super) fn restrict(folders: &[PathBuf]) -> Result<String, SandboxError> {
    use landlock::{
        Access as _, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
    };

    let rules = |error: RulesetError| SandboxError::Rules(Box::new(error));
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(rules)?;
    let within = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile;
    for path in folders {
        let folder = PathFd::new(path).map_err(|source| SandboxError::Folder {
            path: path.clone(),
            source: Box::new(source),
        })?;
        ruleset = ruleset.add_rule(PathBeneath::new(folder, within)).map_err(rules)?;
    }
    let status = ruleset.restrict_self().map_err(rules)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("only the named folders can be opened".to_owned()),
        RulesetStatus::PartiallyEnforced => {
            Ok("only the named folders can be opened, as far as this kernel can enforce it"
                .to_owned())
        }
        RulesetStatus::NotEnforced => Err(SandboxError::NoLandlock),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn restrict(_folders: &[PathBuf]) -> Result<String, SandboxError> {
    Err(SandboxError::OtherSystem)
}

/// The newest version whose rights were tested here.
#[cfg(target_os = "linux")]
const NEWEST: landlock::ABI = landlock::ABI::V7;
