//! Pages of the documentation, carried out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::blocks::blocks;

/// Runs every block of a page in a folder whose programs come before the system's, with our values in the place of the
/// page's. What it printed.
pub(crate) fn follow(page: &str, ours: &[(&str, PathBuf)], folder: &Path) -> String {
    let ours: Vec<_> =
        ours.iter().map(|(theirs, ours)| (*theirs, ours.display().to_string())).collect();
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    follow_with(page, &ours, folder, &[folder, program])
}

/// The same with values of any kind, and with the programs in these folders.
pub(crate) fn follow_with(
    page: &str,
    ours: &[(&str, String)],
    folder: &Path,
    programs: &[&Path],
) -> String {
    let mut script = blocks(page);
    for (theirs, ours) in ours {
        assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
        let (name, _) = theirs.split_once('=').unwrap();
        script = script.replace(theirs, &format!("{name}={ours}\n"));
    }
    // If a step fails, what was started before it ends with the shell.
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    let system = std::env::var_os("PATH").unwrap();
    let search = programs.iter().map(PathBuf::from).chain(std::env::split_paths(&system));
    let ran = Command::new("bash")
        .args(["-euxc", &script])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(search).unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    said.into_owned()
}
