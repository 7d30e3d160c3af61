//! A key whose journal began with it, on a network where something is at stake.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use countersign_vault::JournalFile;

use super::user::Home;
use crate::start::{terminate, wait_until_ready};
use crate::support::said;

#[test]
#[ignore = "needs root: it makes a user, since root may not run a signer"]
fn a_key_that_was_made_with_its_journal_starts_without_init_and_without_a_wait() {
    let home = Home::new();
    home.write("passphrase", "correct horse battery staple");
    home.write(
        "signer-config.toml",
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nnetwork = \"testnet\"\n\
         auth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n[countersign]\n\
         key = { age = \"k.age\", passphrase_file = \"passphrase\" }\n",
    );
    let new = ["keys", "new", "--to", "age:k.age", "--passphrase-file", "passphrase", "--json"];
    let made = home.run(&[&new[..], &["--config", "signer-config.toml"]].concat());
    assert!(made.status.success(), "{}", said(&made));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    // The address is that of the configuration's network.
    assert!(made["address"].as_str().unwrap().starts_with("ST"), "{made}");

    let mut signer = Command::new(home.program())
        .args(["run", "--config", "signer-config.toml"])
        .current_dir(home.path())
        .uid(home.user.uid)
        .gid(home.user.uid)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_ready(&mut signer);
    terminate(&signer, "-TERM");
    let ended = signer.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
    let journal = home.path().join(made["journal"].as_str().unwrap());
    let found = JournalFile::inspect(&journal).unwrap();
    assert_eq!(found.public_key.to_string(), made["public_key"]);
    assert!(found.wait.is_zero() && found.is_clean && found.openings == 2, "{found:?}");
    assert!(!home.path().join("signer.countersign-journal.sqlite").exists());
}
