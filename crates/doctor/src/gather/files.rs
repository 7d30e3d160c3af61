//! Where the installation's files are, and who else could read or change them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_custody::guard::{Finding, Secrecy, findings_for};
use countersign_custody::{Check, Subject, examine};

use super::bounded::unreadable;
use crate::facts::FileFinding;
use crate::grade::{Fact, Fix, Unknown};
use crate::target::{Opened, Signer};

/// What `doctor key` says, for the user that the signer runs as.
pub(super) fn key(
    signer: &Signer,
    opened: &Opened,
    user: Option<u32>,
    is_private_network: bool,
    now: u64,
) -> Vec<Check> {
    // Who may read the file is what counts, not who asks: root asks for the signer's user.
    let owner = || fs::metadata(&signer.config).ok().map(|metadata| metadata.uid());
    let is_root = rustix::process::geteuid().is_root();
    examine(&Subject {
        place: &opened.key,
        config: &signer.config,
        is_private_network,
        ledger: opened.proofs.as_deref(),
        now,
        user: user.or_else(|| owner().filter(|_| is_root)),
    })
}

/// What is wrong with where these files are. Each may belong to whom it likes, as long as it is nobody
/// else's.
pub(super) fn findings(paths: &[PathBuf]) -> Fact<Vec<FileFinding>> {
    if paths.is_empty() {
        return Err(Unknown::not_here("no configuration was named or found"));
    }
    let mut found = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let owner = metadata.uid();
        let findings =
            findings_for(owner, path, Secrecy::Secret).map_err(|error| unreadable(path, &error))?;
        let findings =
            findings.into_iter().filter(|finding| !is_groups(finding, owner, metadata.mode()));
        found.extend(findings.map(|finding| with_fix(path, finding, owner, metadata.mode())));
    }
    Ok(found)
}

/// Root's own file may be read by the group of the program.
fn is_groups(finding: &Finding, owner: u32, mode: u32) -> bool {
    finding.check == "mode" && owner == 0 && mode & 0o777 & !0o740 == 0
}

fn with_fix(path: &Path, finding: Finding, owner: u32, mode: u32) -> FileFinding {
    let left = if owner == 0 { 0o740 } else { 0o700 };
    let fix = (finding.check == "mode").then(|| Fix { path: path.to_owned(), mode: mode & left });
    let remedy = fix.as_ref().map_or(finding.remedy, ToString::to_string);
    FileFinding { path: path.to_owned(), kind: finding.check, what: finding.what, remedy, fix }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_others_read_is_found_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        fs::write(&path, "").unwrap();
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(0o600);
        assert_eq!(findings(std::slice::from_ref(&path)).unwrap(), []);
        set(0o644);
        let found = findings(std::slice::from_ref(&path)).unwrap();
        let first = found.first().unwrap();
        assert_eq!(first.kind, "mode");
        let mode = first.fix.as_ref().unwrap().mode;
        assert_eq!(mode & 0o007, 0);
        assert!(first.remedy.starts_with("chmod 06"), "{}", first.remedy);
        assert!(findings(&[folder.path().join("missing")]).is_err());
        assert!(findings(&[]).is_err());
    }
}
