//! Which crate may depend on which, and what the pure crates may take from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cargo::Cargo;
use crate::files;
use crate::metadata::{Metadata, Package};
use crate::report::{Report, StepError};

/// Folder of a crate, and the folders it may depend on. ARCHITECTURE.md has the same table.
const ARROWS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("signer", &["wire"]),
    ("vault", &["wire"]),
    ("custody", &["wire", "vault"]),
    ("vaultd", &["wire", "vault", "custody", "ops"]),
    ("node", &["wire"]),
    ("ops", &[]),
    ("status", &["ops"]),
    ("devnet", &["wire"]),
    ("signerd", &["wire", "signer", "vault", "custody", "node", "ops", "watch", "logs", "status"]),
    ("operator", &["wire", "vault", "node", "ops"]),
    ("watch", &[]),
    ("site", &["wire", "watch"]),
    ("logs", &["wire"]),
    ("backup", &["wire", "vault", "node", "ops"]),
    ("doctor", &["wire", "vault", "custody", "node", "ops", "site", "watch", "logs", "backup"]),
    (
        "countersign",
        &[
            "signerd", "devnet", "operator", "custody", "vault", "vaultd", "node", "ops", "wire",
            "status", "watch", "site", "logs", "backup", "doctor",
        ],
    ),
    (
        "tests",
        &[
            "wire",
            "signer",
            "vault",
            "vaultd",
            "custody",
            "node",
            "ops",
            "devnet",
            "signerd",
            "status",
            "watch",
            "site",
            "logs",
            "backup",
            "doctor",
            "countersign",
        ],
    ),
    ("xtask", &[]),
];

/// The outside crates that a pure crate may name. A line more is a decision, not a detail.
const OUTSIDE: &[(&str, &[&str])] = &[
    (
        "wire",
        &[
            "curve25519-dalek",
            "hex",
            "ripemd",
            "secp256k1",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "zeroize",
        ],
    ),
    ("signer", &["serde", "thiserror"]),
];

/// What must not be linked into a pure crate, however far down.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "log",
    "mio",
    "rand",
    "rand_core",
    "reqwest",
    "rusqlite",
    "rustix",
    "socket2",
    "time",
    "tokio",
    "tracing",
];

const DESIGN: &str = "ARCHITECTURE.md";

/// Compares the workspace with [`ARROWS`], and [`ARROWS`] with the table in ARCHITECTURE.md.
pub(crate) fn check(cargo: &Cargo) -> Result<Report, StepError> {
    let metadata = Metadata::read(cargo)?;
    let mut findings = forbidden(&inside_arrows(&metadata), ARROWS);
    for (crate_name, allowed) in OUTSIDE {
        if let Some(package) = metadata.members().find(|p| p.folder() == *crate_name) {
            findings.extend(outside(package, allowed));
            findings.extend(impure(package, &linked(package, cargo)?));
        }
    }
    let design = files::text(&cargo.root().join(Path::new(DESIGN)))?;
    findings.extend(differences(&table(&design), ARROWS));
    Ok(Report { summary: format!("{} packages", metadata.workspace_members.len()), findings })
}

/// For each package of the workspace, the packages of the workspace it is built on.
fn inside_arrows(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    metadata
        .members()
        .map(|package| {
            let production = package.dependencies.iter().filter(|d| d.is_production());
            let to = production.filter_map(|d| d.folder()).map(str::to_owned).collect();
            (package.folder().to_owned(), to)
        })
        .collect()
}

/// Every arrow in `found` that is not in `allowed`, and every package that has no row there.
fn forbidden(
    found: &BTreeMap<String, BTreeSet<String>>,
    allowed: &[(&str, &[&str])],
) -> Vec<String> {
    let rows: BTreeMap<&str, &[&str]> = allowed.iter().copied().collect();
    let mut findings = Vec::new();
    for (from, tos) in found {
        let Some(row) = rows.get(from.as_str()) else {
            findings.push(format!(
                "{from}: no row for this package: add it to {DESIGN} and to ARROWS in xtask"
            ));
            continue;
        };
        for to in tos.iter().filter(|to| !row.contains(&to.as_str())) {
            findings.push(format!(
                "{from} must not depend on {to}: move the code, or change {DESIGN} and ARROWS"
            ));
        }
    }
    findings
}

/// The outside crates that a pure crate names without being allowed to.
fn outside(package: &Package, allowed: &[&str]) -> Vec<String> {
    let named = package.dependencies.iter().filter(|d| d.is_production() && d.path.is_none());
    named
        .filter(|d| !allowed.contains(&d.name.as_str()))
        .map(|d| {
            format!(
                "{} must not use {}: it is pure; do without, or add the crate to OUTSIDE in xtask",
                package.folder(),
                d.name
            )
        })
        .collect()
}

/// The names of the crates that are linked into `package` at run time, however far down.
fn linked(package: &Package, cargo: &Cargo) -> Result<BTreeSet<String>, StepError> {
    let edges = ["--edges", "normal,no-proc-macro", "--target", "all"];
    let form = ["--prefix", "none", "--format", "{p}"];
    let mut args = vec!["tree", "--quiet", "--package", &package.name];
    args.extend(edges.iter().chain(&form));
    Ok(names(&cargo.output(&args)?))
}

/// The first word of each line: `name v1.2.3 (…)`.
fn names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The crates under a pure crate that bring in I/O, time or randomness.
fn impure(package: &Package, linked: &BTreeSet<String>) -> Vec<String> {
    linked
        .iter()
        .filter(|below| IMPURE.contains(&below.as_str()))
        .map(|below| {
            format!(
                "{} has {below} linked into it: switch off the feature that asks for it \
                 (`cargo tree -p {} -i {below}`)",
                package.folder(),
                package.name
            )
        })
        .collect()
}

/// The rows of the table "crate | may depend on | …" of ARCHITECTURE.md.
fn table(design: &str) -> BTreeMap<String, BTreeSet<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    design
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("| crate | may depend on |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| {
            let mut cells = cells(line).into_iter();
            let from = cells.next()?;
            let to = cells.next()?;
            let names =
                to.split(',').map(str::trim).filter(|name| !matches!(*name, "–" | "-" | ""));
            Some((from, names.map(str::to_owned).collect()))
        })
        .collect()
}

/// How the documented table differs from the one that is enforced.
fn differences(
    documented: &BTreeMap<String, BTreeSet<String>>,
    enforced: &[(&str, &[&str])],
) -> Vec<String> {
    let enforced: BTreeMap<String, BTreeSet<String>> = enforced
        .iter()
        .map(|(from, to)| ((*from).to_owned(), to.iter().map(|t| (*t).to_owned()).collect()))
        .collect();
    let names: BTreeSet<&String> = documented.keys().chain(enforced.keys()).collect();
    names
        .into_iter()
        .filter(|name| documented.get(*name) != enforced.get(*name))
        .map(|name| {
            format!(
                "{DESIGN}: the row of {name} is not the one of ARROWS in xtask: make them the same"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> BTreeMap<String, BTreeSet<String>> {
        ARROWS
            .iter()
            .map(|(from, to)| ((*from).to_owned(), to.iter().map(|t| (*t).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn every_arrow_of_the_table_is_allowed() {
        assert_eq!(forbidden(&good(), ARROWS), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_from_the_core_to_the_daemon_is_named() {
        let mut found = good();
        found.get_mut("signer").unwrap().insert("signerd".to_owned());
        let findings = forbidden(&found, ARROWS);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("signer must not depend on signerd"), "{findings:?}");
    }

    #[test]
    fn a_package_without_a_row_is_named() {
        let mut found = good();
        found.insert("helpers".to_owned(), BTreeSet::new());
        assert!(forbidden(&found, ARROWS)[0].starts_with("helpers: no row"));
    }

    #[test]
    fn a_row_that_differs_from_the_documented_one_is_named() {
        let design = "x\n\n| crate | may depend on | y |\n| --- | --- | --- |\n| wire | – | z |\n\
                      | vault | wire, node | z |\n\ntext";
        let enforced: &[(&str, &[&str])] = &[("wire", &[]), ("vault", &["wire"])];
        let findings = differences(&table(design), enforced);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("the row of vault"), "{findings:?}");
    }

    const METADATA: &str = r#"{
        "packages": [
            {"id": "w", "name": "countersign-wire", "version": "0.1.0", "license": "MIT", "source": null,
             "manifest_path": "/x/crates/wire/Cargo.toml",
             "dependencies": [
                {"name": "hex", "req": "^0.4", "kind": null, "path": null},
                {"name": "proptest", "req": "^1", "kind": "dev", "path": null}
             ]}
        ],
        "workspace_members": ["w"], "target_directory": "/x/target"
    }"#;

    #[test]
    fn randomness_far_below_a_pure_crate_is_found() {
        let metadata = Metadata::parse(METADATA).unwrap();
        let wire = metadata.members().next().unwrap();
        let tree = "countersign-wire v0.1.0 (/x)\nhex v0.4.3\ngetrandom v0.3.0\nhex v0.4.3 (*)\n";
        let findings = impure(wire, &names(tree));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("wire has getrandom linked into it"), "{findings:?}");
    }

    #[test]
    fn what_only_tests_need_may_be_anything() {
        let metadata = Metadata::parse(METADATA).unwrap();
        let wire = metadata.members().next().unwrap();
        assert_eq!(outside(wire, &["hex"]), Vec::<String>::new());
    }

    #[test]
    fn an_outside_crate_that_is_not_on_the_list_is_named() {
        let metadata = Metadata::parse(METADATA).unwrap();
        let wire = metadata.members().next().unwrap();
        assert!(outside(wire, &[])[0].starts_with("wire must not use hex"));
    }
}
