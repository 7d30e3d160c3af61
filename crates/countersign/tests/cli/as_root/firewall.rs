//! `docs/operator/firewall.md`, carried out on a host that systemd has booted, and `firewall check` in a network namespace.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::booted::Host;
use crate::blocks::blocks;
use crate::support::said;

/// One host, whose users every machine has.
const SITE: &str = r#"network = "mocknet"
[hosts.signer]
name = "signer-1"
[users]
node = "daemon"
bitcoin = "bin"
"#;

/// Runs a script where no other packet passes.
fn elsewhere(folder: &Path, script: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("unshare")
        .args(["--net", "--", "bash", "-euxc", script])
        .current_dir(folder)
        .env("PATH", search)
        .output()
        .unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("countersign.toml"), SITE).unwrap();
    folder
}

#[test]
#[ignore = "needs root: namespaces, systemd, nftables"]
fn a_newcomer_closes_a_host_with_the_commands_of_the_page_alone() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new("signer", None, folder.path());
    host.run(folder.path(), "countersign init --yes --network testnet && countersign render");
    let page = blocks(include_str!("../../../../../docs/operator/firewall.md"));
    let look = "systemctl is-enabled countersign-firewall.service";
    let said = host.run(folder.path(), &format!("exec 2>&1\n{page}{look}"));
    assert!(said.contains("are on trial: in 120 s everything is open again"), "{said}");
    assert!(said.contains("the rules in table inet countersign_a are in force"), "{said}");
    assert!(said.ends_with("\nenabled\n"), "{said}");
}

#[test]
#[ignore = "needs root: a network namespace, and nftables"]
fn a_rule_that_was_added_by_hand_ends_the_check_with_its_own_code() {
    let add = "nft insert rule inet countersign_a input tcp dport 5432 accept";
    let script = format!(
        "countersign firewall check --config countersign.toml --json || test $? = 14
         countersign firewall apply --config countersign.toml
         countersign firewall status --json
         countersign firewall confirm
         countersign firewall confirm || test $? = 1
         {add}
         countersign firewall check --config countersign.toml || test $? = 14"
    );
    let done = elsewhere(folder().path(), &script);
    let said = said(&done);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("{\"state\":\"open\"}"), "{said}");
    assert!(said.contains("+ chain input: tcp dport 5432 accept"), "{said}");
    assert!(said.contains("no rules are on trial"), "{said}");
    assert!(said.contains("\"state\":\"on_trial\""), "{said}");
}
