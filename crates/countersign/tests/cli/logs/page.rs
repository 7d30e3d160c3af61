//! `docs/operator/logs.md`, carried out.

use std::path::Path;
use std::process::Command;

use super::verify::logged;
use crate::blocks::blocks;

#[test]
fn every_command_of_the_page_works() {
    let place = logged();
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let script = blocks(include_str!("../../../../../docs/operator/logs.md"));
    assert!(script.lines().count() >= 10, "{script}");
    let ran = Command::new("bash")
        .args(["-euc", &format!("set -o pipefail\n{script}")])
        .current_dir(place.path())
        .env("PATH", search)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{errors}");
    for wanted in [
        "decisions: it reaches back ",
        "= The node cannot deliver an event.",
        "Signer spawned successfully. Waiting for messages to process... (countersign, stacks-signer)",
        "✔ the chain holds from the first line to the last",
        "it would hold:",
        "written: bundle.tar.gz",
        "countersign-support/manifest.json",
        "\"what\": \"countersign-support-bundle\"",
    ] {
        assert!(said.contains(wanted), "{wanted} is not in {said}\n{errors}");
    }
    assert!(place.path().join("records/logs.decisions.json").is_file(), "{errors}");
}
