//! Rules of form that neither rustc nor clippy checks.
//!
//! In production sources: the length of functions and files, and in the pure crates the words that
//! must not appear. In every file of the tree: no path of one developer's machine. Code that only
//! exists for tests is left out: modules and functions under `#[cfg(test)]` or `#[test]`, files
//! that such a module names, and the `tests/` folders.

mod pure;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;
use crate::report::{Report, StepError};

use self::source::Source;

/// Lines of a function, from `fn` to the closing brace.
const LONGEST_FUNCTION: usize = 60;

/// Lines of a file, its tests included. About 400 is the aim; this is the end.
const LONGEST_FILE: usize = 600;

/// Folders of the crates that must stay pure.
const PURE: [&str; 2] = ["crates/wire/", "crates/signer/"];

/// Paths that exist in one workplace only. Put together here, so that this file does not hold them.
const WORKPLACE: [&str; 2] = [concat!("/wo", "rk/"), concat!("../sha", "red/")];

/// What is not part of the sources. In a second worktree `.git` is a file.
const SKIPPED: [&str; 3] = ["target", ".git", "corpus"];

/// Checks all sources under `root`.
pub(crate) fn check(root: &Path) -> Result<Report, StepError> {
    let all = files::under(root, &is_skipped)?;
    let sources: Vec<&PathBuf> =
        all.iter().filter(|path| is_production(&files::shown(path, root))).collect();

    let mut findings = Vec::new();
    let mut parsed = Vec::new();
    let mut tests = BTreeSet::new();
    for path in sources {
        let source = Source::parse(path, &files::text(path)?)?;
        tests.extend(source.test_files().iter().cloned());
        parsed.push(source);
    }
    for source in &parsed {
        let shown = files::shown(source.path(), root);
        let is_test = source.is_test() || tests.iter().any(|test| source.path().starts_with(test));
        findings.extend(judge(source, &shown, is_test));
    }
    for path in &all {
        if let Ok(text) = String::from_utf8(files::bytes(path)?) {
            findings.extend(workplace(&files::shown(path, root), &text));
        }
    }
    Ok(Report { summary: format!("{} sources, {} files", parsed.len(), all.len()), findings })
}

fn is_skipped(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped))
}

/// Whether this is a source of a crate's library or program.
fn is_production(shown: &str) -> bool {
    let mut parts = shown.split('/');
    let in_sources = match parts.next() {
        Some("crates") => parts.nth(1) == Some("src"),
        Some("xtask") => parts.next() == Some("src"),
        _ => false,
    };
    let is_rust = Path::new(shown).extension().is_some_and(|extension| extension == "rs");
    in_sources && is_rust
}

fn judge(source: &Source, shown: &str, is_test: bool) -> Vec<String> {
    let mut findings = Vec::new();
    if source.lines() > LONGEST_FILE {
        findings.push(format!(
            "{shown}:{}: the file has {} lines, {LONGEST_FILE} are allowed: split it by concept",
            LONGEST_FILE + 1,
            source.lines()
        ));
    }
    if is_test {
        return findings;
    }
    for function in source.functions().iter().filter(|f| f.lines > LONGEST_FUNCTION) {
        findings.push(format!(
            "{shown}:{}: `{}` has {} lines, {LONGEST_FUNCTION} are allowed: split it, or give the \
             reason in #[expect(clippy::too_many_lines, reason = \"…\")]",
            function.line, function.name, function.lines
        ));
    }
    if PURE.iter().any(|folder| shown.starts_with(folder)) {
        findings.extend(pure::findings(source, shown));
    }
    findings
}

/// The lines that name a folder of a workplace.
fn workplace(shown: &str, text: &str) -> Vec<String> {
    if !WORKPLACE.iter().any(|path| text.contains(path)) {
        return Vec::new();
    }
    let numbered = text.lines().zip(1..);
    let found = numbered.filter_map(|(line, number)| {
        let path = WORKPLACE.iter().find(|path| line.contains(**path))?;
        Some(format!(
            "{shown}:{number}: `{path}` exists on one machine only: write a path from the root, or say \
             in words where it comes from"
        ))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Findings in a tree that holds this one source.
    fn findings(path: &str, text: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        check(root.path()).unwrap().findings
    }

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_sixty_lines_passes() {
        assert_eq!(findings("crates/vault/src/lib.rs", &function(60)), Vec::<String>::new());
    }

    #[test]
    fn a_function_of_sixty_one_lines_is_named_with_its_line() {
        let text = format!("struct S;\n\nimpl S {{\n/// Does it.\npub {}}}\n", function(61));
        let findings = findings("crates/vault/src/lib.rs", &text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].starts_with("crates/vault/src/lib.rs:5: `long` has 61 lines"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_long_function_with_a_reason_passes() {
        let reason = "#[expect(clippy::too_many_lines, reason = \"it is the table\")]\n";
        let text = format!("{reason}{}", function(90));
        assert_eq!(findings("crates/vault/src/lib.rs", &text), Vec::<String>::new());
    }

    #[test]
    fn long_tests_pass_wherever_they_are() {
        let long = function(90);
        let inside = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(findings("crates/vault/src/lib.rs", &inside), Vec::<String>::new());
        assert_eq!(
            findings("crates/vault/src/lib.rs", &format!("#[test]\n{long}")),
            Vec::<String>::new()
        );
        assert_eq!(findings("crates/vault/tests/journal.rs", &long), Vec::<String>::new());
        assert_eq!(
            findings("crates/vault/src/tests.rs", &format!("#![cfg(test)]\n{long}")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_file_that_a_test_module_names_is_a_test() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("crates/signer/src");
        fs::create_dir_all(folder.join("rules/cases")).unwrap();
        fs::write(folder.join("lib.rs"), "mod rules;\n").unwrap();
        fs::write(folder.join("rules.rs"), "#[cfg(test)]\nmod cases;\n").unwrap();
        fs::write(folder.join("rules/cases.rs"), format!("mod deep;\n{}", function(90))).unwrap();
        fs::write(folder.join("rules/cases/deep.rs"), "fn f() { x.unwrap(); }\n").unwrap();
        assert_eq!(check(root.path()).unwrap().findings, Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_too_long_is_named() {
        let found = findings("xtask/src/main.rs", &"// line\n".repeat(601));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("xtask/src/main.rs:601: the file has 601 lines"), "{found:?}");
    }

    #[test]
    fn a_path_of_a_workplace_is_found_in_any_file() {
        let found = findings("docs/notes.md", &format!("one\nsee {}x\n", WORKPLACE[0]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("docs/notes.md:2: "), "{found:?}");
    }

    #[test]
    fn a_clock_is_found_in_a_pure_crate_only() {
        let text = "fn now() -> u64 {\n    read(std::time::SystemTime::now())\n}\n";
        let found = findings("crates/signer/src/lib.rs", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/signer/src/lib.rs:2: `SystemTime`"), "{found:?}");
        assert_eq!(findings("crates/ops/src/lib.rs", text), Vec::<String>::new());
    }
}
