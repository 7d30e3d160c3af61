//! Where the `countersign` program is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The program of the profile that this test was built with.
///
/// `cargo xtask test` builds it before the tests. If it is missing or older than a source, it is built here, once: a
/// test of yesterday's program shows nothing.
pub fn countersign() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(find_or_build)
}

/// A shell in `folder` for what a page of the documentation has typed there. It finds the program, and ends with the
/// first command that fails.
pub fn shell(script: &str, folder: &Path) -> tokio::process::Command {
    let own = countersign().parent().expect("a program is in a folder").to_owned();
    let system = std::env::var_os("PATH").unwrap_or_default();
    let search = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&system)));
    let mut shell = tokio::process::Command::new("bash");
    shell.args(["-euc", script]).current_dir(folder).env("PATH", search.unwrap());
    shell.stdin(Stdio::null()).kill_on_drop(true);
    shell
}

fn find_or_build() -> PathBuf {
    // target/PROFILE/deps/TEST-HASH: the programs are one folder up.
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).expect("tests are built into PROFILE/deps");
    let program = folder.join("countersign");
    if !is_as_new_as_its_sources(&program) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "countersign", "--target-dir"]);
        build.arg(folder.parent().expect("a profile's folder is in the target folder"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo can be started");
        let shown = program.display();
        assert!(
            status.success() && program.exists(),
            "{shown} is missing and cannot be built: run `cargo build --package countersign`"
        );
    }
    program
}

/// Whether nothing that the program is made of was changed since it was linked.
fn is_as_new_as_its_sources(program: &Path) -> bool {
    let Ok(linked) = program.metadata().and_then(|found| found.modified()) else { return false };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is a member");
    let mut left = vec![workspace.join("crates"), workspace.join("Cargo.lock")];
    while let Some(path) = left.pop() {
        // Tests of a crate are no part of the program.
        if path.ends_with("tests") {
            continue;
        }
        if let Ok(entries) = std::fs::read_dir(&path) {
            left.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let changed = path.metadata().and_then(|found| found.modified());
        if changed.is_ok_and(|changed| changed > linked) {
            return false;
        }
    }
    true
}
