//! Pages of the documentation, carried out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::blocks::blocks;

/// Runs every block of a page in a folder whose programs come before the system's, with our values in the place of the
/// page's. What it printed.
pub(crate) fn follow(page: &str, ours: &[(&str, PathBuf)], folder: &Path) -> String {
    let mut script = blocks(page);
    for (theirs, ours) in ours {
        assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
        let (name, _) = theirs.split_once('=').unwrap();
        script = script.replace(theirs, &format!("{name}={}\n", ours.display()));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let search =
        format!("{}:{}:{}", folder.display(), program.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-euxc", &script])
        .current_dir(folder)
        .env("PATH", search)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    said.into_owned()
}
