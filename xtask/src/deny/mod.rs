//! What comes in from outside, checked against deny.toml by cargo-deny or by this module; and that
//! each outside crate has a reason.
//!
//! The fallback checks licences, bans, wildcard versions and sources of every package in
//! Cargo.lock, from what their manifests say. It does not read licence texts, and it does not know
//! security advisories.

mod licence;
mod policy;
mod reasons;

use std::io::Write;

use crate::cargo::Cargo;
use crate::files;
use crate::metadata::{Metadata, Package};
use crate::report::{self, Report, StepError};

use self::licence::Expression;
use self::policy::Policy;

const ADVISORIES: &str = "advisories are not checked here, because their database is on GitHub: \
                          run `cargo deny check advisories` (cargo install cargo-deny --locked)";

/// Checks every outside crate; says who checked and what was left out.
pub(crate) fn check(cargo: &Cargo, out: &mut dyn Write) -> Result<Report, StepError> {
    writeln!(out, "   {ADVISORIES}")?;
    out.flush()?;
    let metadata = Metadata::read(cargo)?;
    let text = |name: &str| files::text(&cargo.root().join(name));
    let mut findings =
        reasons::findings(&text("Cargo.toml")?, &text("CONTRIBUTING.md")?, &metadata)?;
    let checker = if cargo.has(&["deny", "--version"]) {
        let result = cargo.run(&["deny", "check", "licenses", "bans", "sources"], &[]);
        findings.extend(result.err().map(|error| report::with_causes(&error)));
        "cargo-deny"
    } else {
        let policy = Policy::parse(&text("deny.toml")?)?;
        findings.extend(metadata.packages.iter().flat_map(|p| self::findings(p, &policy)));
        "xtask, because cargo-deny is not installed"
    };
    let summary = format!("{} packages, checked by {checker}", metadata.packages.len());
    Ok(Report { summary, findings })
}

/// What is wrong with one package.
fn findings(package: &Package, policy: &Policy) -> Vec<String> {
    let named = format!("{} {}", package.name, package.version);
    let found = [licence(package, policy), ban(package, policy), source(package, policy)];
    let mut findings: Vec<String> = found.into_iter().flatten().collect();
    findings.extend(wildcards(package));
    findings.iter().map(|finding| format!("deny.toml: {named}: {finding}")).collect()
}

fn licence(package: &Package, policy: &Policy) -> Option<String> {
    let Some(text) = &package.license else {
        return Some("it names no licence: do without it".to_owned());
    };
    match Expression::parse(text) {
        Err(reason) => Some(format!("its licence `{text}` is not understood: {reason}")),
        Ok(licence) if licence.is_met_by(&|term| policy.is_allowed(term, &package.name)) => None,
        Ok(_) => Some(format!(
            "its licence `{text}` is not allowed: do without it, or allow the licence with a reason"
        )),
    }
}

fn ban(package: &Package, policy: &Policy) -> Option<String> {
    let reason = policy.ban(&package.name)?;
    Some(format!(
        "it is banned ({reason}): find who asks for it with `cargo tree -i {}`",
        package.name
    ))
}

fn source(package: &Package, policy: &Policy) -> Option<String> {
    let source = package.source.as_deref()?;
    let message =
        || format!("it comes from {source}: only the registries of deny.toml are allowed");
    (!policy.is_known_source(source)).then(message)
}

/// Dependencies of the workspace's own packages on any version of an outside crate.
fn wildcards(package: &Package) -> impl Iterator<Item = String> {
    let own = package.source.is_none();
    let dependencies = package.dependencies.iter().filter(move |_| own);
    dependencies
        .filter(|dependency| dependency.req == "*" && dependency.path.is_none())
        .map(|dependency| format!("it takes any version of {}: name one", dependency.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "secp256k1", allow = ["CC0-1.0"] }]
        [bans]
        deny = [{ crate = "openssl", reason = "one crypto library is enough" }]
        [sources]
        allow-registry = ["https://github.com/rust-lang/crates.io-index"]
    "#;

    fn good() -> Package {
        Package {
            id: String::new(),
            name: "hex".to_owned(),
            version: "0.4.3".to_owned(),
            license: Some("MIT OR Apache-2.0".to_owned()),
            source: Some("registry+https://github.com/rust-lang/crates.io-index".to_owned()),
            manifest_path: String::new(),
            dependencies: Vec::new(),
        }
    }

    fn only_finding(package: &Package) -> String {
        let findings = findings(package, &Policy::parse(POLICY).unwrap());
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].clone()
    }

    #[test]
    fn a_permissive_crate_of_the_registry_passes() {
        let findings = findings(&good(), &Policy::parse(POLICY).unwrap());
        assert_eq!(findings, Vec::<String>::new());
    }

    #[test]
    fn a_licence_that_is_not_on_the_list_is_named() {
        let package = Package { license: Some("GPL-3.0-only".to_owned()), ..good() };
        assert!(only_finding(&package).contains("`GPL-3.0-only` is not allowed"));
    }

    #[test]
    fn an_exception_holds_for_its_crate_only() {
        let package = Package { license: Some("CC0-1.0".to_owned()), ..good() };
        assert!(only_finding(&package).contains("`CC0-1.0` is not allowed"));
        let package = Package { name: "secp256k1".to_owned(), ..package };
        assert_eq!(findings(&package, &Policy::parse(POLICY).unwrap()), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_licence_is_named() {
        let package = Package { license: None, ..good() };
        assert!(only_finding(&package).contains("names no licence"));
    }

    #[test]
    fn a_banned_crate_is_named_with_the_reason() {
        let package = Package { name: "openssl".to_owned(), ..good() };
        assert!(only_finding(&package).contains("one crypto library is enough"));
    }

    #[test]
    fn a_crate_from_a_git_repository_is_named() {
        let package = Package { source: Some("git+https://example.org/hex".to_owned()), ..good() };
        assert!(only_finding(&package).contains("it comes from git+https://example.org/hex"));
    }

    #[test]
    fn a_dependency_of_ours_on_any_version_is_named() {
        let any =
            Dependency { name: "serde".to_owned(), req: "*".to_owned(), kind: None, path: None };
        let package = Package { source: None, dependencies: vec![any], ..good() };
        assert!(only_finding(&package).contains("any version of serde"));
    }

    #[test]
    fn the_policy_of_this_repository_is_understood() {
        let policy = Policy::parse(include_str!("../../../deny.toml")).unwrap();
        assert!(policy.is_allowed("MIT", "hex"));
        assert!(policy.ban("stacks-common").is_some());
    }
}
