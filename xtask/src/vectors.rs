//! The manifest of the golden vectors, so that a changed vector is always a decision.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::files;
use crate::report::{Report, StepError};

/// One line `<sha256>  <path from vectors/>` for each file, as `sha256sum` writes and checks them.
const MANIFEST: &str = "SHA256SUMS";

const REMEDY: &str =
    "if this change is meant, say why in the commit and run `cargo xtask vectors --accept`";

/// Digest by path from `vectors/`.
type Digests = BTreeMap<String, String>;

/// Compares each file under `vectors/` with the manifest.
pub(crate) fn check(root: &Path) -> Result<Report, StepError> {
    let folder = root.join("vectors");
    let found = digests(&folder)?;
    let summary = format!("{} files", found.len());
    let manifest = folder.join(MANIFEST);
    if !manifest.exists() {
        let finding =
            format!("vectors/{MANIFEST}: there is no manifest: run `cargo xtask vectors --accept`");
        return Ok(Report { summary, findings: vec![finding] });
    }
    let recorded = parse(&files::text(&manifest)?)?;
    Ok(Report { summary, findings: differences(&recorded, &found) })
}

/// Writes the manifest of what is under `vectors/` now.
pub(crate) fn accept(root: &Path) -> Result<Report, StepError> {
    let folder = root.join("vectors");
    let found = digests(&folder)?;
    let lines: Vec<String> =
        found.iter().map(|(path, digest)| format!("{digest}  {path}\n")).collect();
    let manifest = folder.join(MANIFEST);
    fs::write(&manifest, lines.concat())
        .map_err(|source| StepError::Write { path: manifest, source })?;
    let summary = format!("{} files written to vectors/{MANIFEST}", found.len());
    Ok(Report { summary, findings: Vec::new() })
}

fn digests(folder: &Path) -> Result<Digests, StepError> {
    let mut digests = Digests::new();
    for path in files::under(folder, &|_| false)? {
        let shown = files::shown(&path, folder);
        if shown != MANIFEST {
            digests.insert(shown, hex::encode(Sha256::digest(files::bytes(&path)?)));
        }
    }
    Ok(digests)
}

fn parse(manifest: &str) -> Result<Digests, StepError> {
    manifest
        .lines()
        .map(|line| {
            let (digest, path) = line.split_once("  ").ok_or_else(|| StepError::Malformed {
                what: format!("vectors/{MANIFEST}"),
                reason: format!("`{line}` is not `<sha256>  <path>`"),
            })?;
            Ok((path.to_owned(), digest.to_owned()))
        })
        .collect()
}

fn differences(recorded: &Digests, found: &Digests) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, digest) in found {
        match recorded.get(path) {
            Some(known) if known == digest => {}
            Some(_) => findings.push(format!("vectors/{path}: changed: {REMEDY}")),
            None => findings.push(format!("vectors/{path}: not in the manifest: {REMEDY}")),
        }
    }
    let gone = recorded.keys().filter(|path| !found.contains_key(*path));
    findings.extend(gone.map(|path| format!("vectors/{path}: missing: {REMEDY}")));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with two vectors and their manifest.
    fn good() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("vectors/block")).unwrap();
        fs::write(root.path().join("vectors/block/header.toml"), "a").unwrap();
        fs::write(root.path().join("vectors/chunk.toml"), "b").unwrap();
        assert!(accept(root.path()).unwrap().is_passed());
        root
    }

    fn findings(root: &tempfile::TempDir) -> Vec<String> {
        check(root.path()).unwrap().findings
    }

    #[test]
    fn accepted_vectors_pass() {
        assert_eq!(findings(&good()), Vec::<String>::new());
    }

    #[test]
    fn the_manifest_is_what_sha256sum_writes() {
        let manifest = fs::read_to_string(good().path().join("vectors/SHA256SUMS")).unwrap();
        let of_a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        assert_eq!(manifest.lines().next(), Some(format!("{of_a}  block/header.toml").as_str()));
    }

    #[test]
    fn a_changed_vector_is_named() {
        let root = good();
        fs::write(root.path().join("vectors/chunk.toml"), "c").unwrap();
        assert!(findings(&root)[0].starts_with("vectors/chunk.toml: changed"));
    }

    #[test]
    fn a_new_vector_is_named() {
        let root = good();
        fs::write(root.path().join("vectors/new.toml"), "c").unwrap();
        assert!(findings(&root)[0].starts_with("vectors/new.toml: not in the manifest"));
    }

    #[test]
    fn a_deleted_vector_is_named() {
        let root = good();
        fs::remove_file(root.path().join("vectors/chunk.toml")).unwrap();
        assert!(findings(&root)[0].starts_with("vectors/chunk.toml: missing"));
    }

    #[test]
    fn a_missing_manifest_is_an_error_with_the_remedy() {
        let root = good();
        fs::remove_file(root.path().join("vectors/SHA256SUMS")).unwrap();
        assert!(findings(&root)[0].contains("vectors --accept"));
    }
}
