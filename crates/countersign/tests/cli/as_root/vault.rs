//! The journal of a vault, whose files belong to the vault's user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use countersign_vault::{Birth, Vault};
use countersign_wire::PrivateKey;

use super::user::Home;
use crate::support::said;
use crate::vault::Site;

#[test]
#[ignore = "needs root: it makes a user"]
fn the_journal_of_a_vault_is_looked_after_by_the_vaults_user_and_not_even_by_root() {
    let home = Home::new();
    let journal = home.path().join("journal.sqlite");
    let key = PrivateKey::from_bytes([0xb7; 32]).unwrap();
    Vault::create(key, &journal, Birth::WithKey).unwrap().close_cleanly().unwrap();
    for file in fs::read_dir(home.path()).unwrap() {
        home.give(&file.unwrap().path(), 0o600);
    }
    let config = home.write(
        "vault.toml",
        &format!(
            "socket = \"{0}/vault.sock\"\njournal = \"{0}/journal.sqlite\"\nnetwork = \"testnet\"\n\
             key = {{ credential = \"signing-key\" }}\n[[caller]]\nuid = {1}\nroles = [\"operator\"]\n",
            home.path().display(),
            home.user.uid,
        ),
    );
    let args = ["journal", "hold", "--from-burn-height", "900", "--vault-config"];
    let as_root = Command::new(home.program()).args(args).arg(&config).output().unwrap();
    let said_to_root = said(&as_root);
    assert!(said_to_root.starts_with("exit: 2\n"), "{said_to_root}");
    assert!(
        said_to_root.contains(&format!("`runuser -u {} --`", home.user.name)),
        "{said_to_root}"
    );
    let owner = [args.as_slice(), &["vault.toml"]].concat();
    let held = said(&home.run(&owner));
    assert!(held.starts_with("exit: 0\n") && held.contains("from burn height 900 on"), "{held}");
    for file in fs::read_dir(home.path()).unwrap() {
        let found = file.unwrap().metadata().unwrap();
        assert_eq!((found.uid(), found.permissions().mode() & 0o077), (home.user.uid, 0));
    }
}

/// As in a container: from there nobody outside has a process id.
#[test]
#[ignore = "needs root: a namespace of processes"]
fn a_vault_hears_a_caller_whose_process_it_cannot_see() {
    let site = Site::new("[\"block-signer\"]");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_countersign")]);
    command.args(["vault", "--config", "vault.toml"]);
    let vault = site.start_as(command);
    let heard = site.ask("check-config --config signer-config.toml");
    drop(vault);
    let public = format!("Public key: {}", site.key().public_key());
    assert!(heard.starts_with("exit: 0\n") && heard.contains(&public), "{heard}");
}
