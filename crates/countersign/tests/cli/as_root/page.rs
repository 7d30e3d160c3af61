//! `docs/operator/keys.md`, carried out.

use std::fs;
use std::process::Command;

use super::user::Home;
use crate::support::KEY;

/// The blocks of the page that a shell can run, in their order. Those in lists are indented.
pub(super) fn blocks(page: &str) -> String {
    let mut script = String::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line.trim_start() {
            "```sh" => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => {
                script.push_str(line.strip_prefix("   ").unwrap_or(line));
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
#[ignore = "needs root: it makes a user; systemd-creds of the distribution"]
fn a_newcomer_moves_to_an_encrypted_key_with_the_commands_of_the_page_alone() {
    let home = Home::new();
    let bare = format!(
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nstacks_private_key = \"{KEY}\"\n\
         network = \"testnet\"\nauth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n"
    );
    home.write("signer-config.toml", &bare);
    let page = include_str!("../../../../../docs/operator/keys.md");
    let ours = [
        ("SIGNER_USER=countersign\n", format!("SIGNER_USER={}\n", home.user.name)),
        ("SIGNER_DIR=/etc/countersign\n", format!("SIGNER_DIR={}\n", home.path().display())),
    ];
    let mut script = blocks(page);
    for (theirs, ours) in ours {
        assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
        script = script.replace(theirs, &ours);
    }
    let search = format!("{}:{}", home.above().display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-euxc", &script])
        .current_dir(home.path())
        .env("PATH", search)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(
        said.contains(&format!("The backup restores the key {}", crate::keys::PUBLIC)),
        "{said}"
    );
    assert!(!said.contains(&KEY[..16]), "{said}");
    // Neither the key nor its passphrase is on the disk any more.
    let left: Vec<String> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for gone in ["bare.toml", "sealed.toml", "passphrase", "shares"] {
        assert!(!left.contains(&gone.to_owned()), "{left:?}");
    }
    let config = fs::read_to_string(home.path().join("signer-config.toml")).unwrap();
    assert!(!config.contains(&KEY[..16]) && config.contains("key = { age = "), "{config}");
}
