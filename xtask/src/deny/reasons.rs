//! Every outside crate has a use and, in CONTRIBUTING.md, a reason.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::metadata::Metadata;
use crate::report::StepError;

/// What is wrong with the outside crates of the workspace's manifest, as a list of findings.
pub(super) fn findings(
    manifest: &str,
    contributing: &str,
    metadata: &Metadata,
) -> Result<Vec<String>, StepError> {
    let outside = outside(manifest)?;
    let reasons = reasons(contributing);
    let used: BTreeSet<&str> =
        metadata.members().flat_map(|p| &p.dependencies).map(|d| d.name.as_str()).collect();

    let mut findings = Vec::new();
    for name in &outside {
        if !used.contains(name.as_str()) {
            findings.push(format!("Cargo.toml: {name}: no package uses it: remove the line"));
        }
        if !reasons.contains(name) {
            findings.push(format!(
                "CONTRIBUTING.md: {name}: its reason is missing: add a row to the table of outside crates"
            ));
        }
    }
    for name in reasons.difference(&outside) {
        findings.push(format!(
            "CONTRIBUTING.md: {name}: it is not in [workspace.dependencies]: remove the row"
        ));
    }
    Ok(findings)
}

/// The names in `[workspace.dependencies]` that are not packages of the workspace.
fn outside(manifest: &str) -> Result<BTreeSet<String>, StepError> {
    let malformed = |reason: String| StepError::Malformed { what: "Cargo.toml".to_owned(), reason };
    let manifest: Table =
        manifest.parse().map_err(|e: toml::de::Error| malformed(e.to_string()))?;
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .ok_or_else(|| malformed("there is no [workspace.dependencies]".to_owned()))?;
    let is_outside = |(_, value): &(&String, &Value)| value.get("path").is_none();
    Ok(dependencies.iter().filter(is_outside).map(|(name, _)| name.clone()).collect())
}

/// The names in the first column of the table "crate | reason".
fn reasons(contributing: &str) -> BTreeSet<String> {
    contributing
        .lines()
        .skip_while(|line| !line.starts_with("| crate | reason |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| Some(line.split('`').nth(1)?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "[workspace.dependencies]\nown = { path = \"crates/own\" }\nhex = \"0.4\"\n";
    const CONTRIBUTING: &str = "| crate | reason |\n| --- | --- |\n| `hex` | hex |\n\ntext\n";
    const METADATA: &str = r#"{"packages": [{"id": "o", "name": "own", "version": "0.1.0",
        "license": null, "source": null, "manifest_path": "/x/crates/own/Cargo.toml",
        "dependencies": [{"name": "hex", "req": "^0.4", "kind": null, "path": null}]}],
        "workspace_members": ["o"], "target_directory": "/x/target"}"#;

    fn found(manifest: &str, contributing: &str, metadata: &str) -> Vec<String> {
        findings(manifest, contributing, &Metadata::parse(metadata).unwrap()).unwrap()
    }

    #[test]
    fn a_crate_with_a_use_and_a_reason_passes() {
        assert_eq!(found(MANIFEST, CONTRIBUTING, METADATA), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_reason_is_named() {
        let found = found(MANIFEST, "| crate | reason |\n| --- | --- |\n", METADATA);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("CONTRIBUTING.md: hex: its reason is missing"));
    }

    #[test]
    fn a_reason_without_a_crate_is_named() {
        let contributing = CONTRIBUTING.replace("\n\ntext", "\n| `rand` | none |\n\ntext");
        let found = found(MANIFEST, &contributing, METADATA);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("CONTRIBUTING.md: rand: it is not in"));
    }

    #[test]
    fn a_crate_that_nobody_uses_is_named() {
        let metadata = METADATA.replace("\"hex\"", "\"serde\"");
        let found = found(MANIFEST, CONTRIBUTING, &metadata);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Cargo.toml: hex: no package uses it"));
    }
}
