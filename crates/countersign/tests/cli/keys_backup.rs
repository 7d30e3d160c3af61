//! Backups of keys, and the proof that they restore them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::keys::{Desk, PUBLIC, RECIPIENT, files};

#[test]
fn the_key_of_a_vault_is_backed_up_through_the_vaults_configuration() {
    let desk = Desk::new();
    let made = ["keys", "new", "--to", "age:signer.age", "--recipient", RECIPIENT, "--json"];
    let made: serde_json::Value = serde_json::from_slice(&desk.run(&made).stdout).unwrap();
    desk.write(
        "vault.toml",
        "socket = \"/run/none.sock\"\njournal = \"/var/lib/none/journal.sqlite\"\nnetwork = \"mocknet\"\n\
         key = { age = \"signer.age\", identity = \"identity\" }\n[[caller]]\nuid = 4711\nroles = []\n",
    );
    let backup =
        ["keys", "backup", "--vault-config", "vault.toml", "--shares", "2/3", "--out", "shares"];
    let said = desk.done(&backup);
    let public_key = made["public_key"].as_str().unwrap();
    assert!(said.contains(public_key), "{said}");
    let prove = ["keys", "restore", "--prove", "--public-key", public_key, "--from"];
    let proven = desk.done(&[&prove[..], &["shares/share-1.txt", "shares/share-3.txt"]].concat());
    assert!(proven.contains(public_key) && proven.contains("not written down"), "{proven}");
    let prove = ["keys", "restore", "--prove", "--vault-config", "vault.toml", "--from"];
    let prove = [&prove[..], &["shares/share-1.txt", "shares/share-3.txt"]].concat();
    let nowhere = desk.said(&prove);
    assert!(nowhere.starts_with("exit: 2\n") && nowhere.contains("--records"), "{nowhere}");
    let written = desk.done(&[&prove[..], &["--records", "records"]].concat());
    assert!(written.contains(public_key) && written.contains("written down"), "{written}");
    let proof = desk.path(&format!("records/key-backup.{public_key}.json"));
    assert!(fs::read_to_string(proof).unwrap().contains("\"kind\": \"shares\""));
    assert!(desk.path("records/drill.restore.key.json").exists());
    let both = desk.said(&[
        "keys",
        "backup",
        "--vault-config",
        "vault.toml",
        "--config",
        "x",
        "--single",
        "--out",
        "y",
    ]);
    assert!(both.starts_with("exit: 2\n"), "{both}");
}

#[test]
fn a_backup_to_recipients_is_proven_and_the_date_written_down() {
    let desk = Desk::new();
    let public_key = desk.born();
    let one =
        ["keys", "backup", "--config", "sealed.toml", "--out", "b.age", "--recipient", RECIPIENT];
    let said = desk.said(&one);
    assert!(said.starts_with("exit: 2\n") && said.contains("a second --recipient"), "{said}");
    desk.done(&[&one[..], &["--single"]].concat());
    let prove = [
        "keys",
        "restore",
        "--prove",
        "--config",
        "sealed.toml",
        "--from",
        "b.age",
        "--from-identity",
        "identity",
    ];
    let said = desk.done(&prove);
    assert!(said.contains(&format!("restores the key {public_key}")), "{said}");
    let proof = desk.path(&format!("records/key-backup.{public_key}.json"));
    let record = fs::read_to_string(&proof).unwrap();
    assert!(record.contains("\"kind\": \"age\""));
    let doctor = || desk.said(&["doctor", "key", "--config", "sealed.toml"]);
    let said = doctor();
    assert!(said.contains("ok    backup       a backup (age) was proven 0 days ago"), "{said}");
    // A record that no restoration has written proves nothing.
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    for (name, value, wanted) in [
        ("at", serde_json::json!(99_999_999_999_u64), "from the future"),
        ("outcome", serde_json::json!("failed"), "no backup of this key was ever proven"),
    ] {
        let mut record = record.clone();
        record[name] = value;
        fs::write(&proof, record.to_string()).unwrap();
        let said = doctor();
        assert!(said.contains("warn  backup") && said.contains(wanted), "{said}");
    }
    // What works and is not written down is said to be both.
    fs::remove_dir_all(desk.path("records")).unwrap();
    fs::write(desk.path("records"), "").unwrap();
    let said = desk.said(&prove);
    assert!(said.starts_with("exit: 1\n") && said.contains("signed a challenge"), "{said}");
    assert!(said.contains("could not be written down"), "{said}");
    // The backup of another key proves nothing.
    let other = [&prove[..], &["--public-key", PUBLIC]].concat();
    let said = desk.said(&other);
    assert!(said.starts_with("exit: 11\n") && said.contains("and not of"), "{said}");
    // The key that is to take another one's place is the signer's, too.
    fs::remove_file(desk.path("records")).unwrap();
    let place = |file: &str| format!("{{ age = \"{file}\", passphrase_file = \"passphrase\" }}");
    desk.done(&["keys", "new", "--to", "age:old.age", "--passphrase-file", "passphrase"]);
    desk.configure(&place("old.age"));
    let said = desk.said(&prove);
    assert!(said.starts_with("exit: 11\n") && said.contains("and not of"), "{said}");
    desk.configure(&format!("{}\nnext_key = {}", place("old.age"), place("k.age")));
    let said = desk.done(&prove);
    assert!(said.contains(&format!("restores the key {public_key}")), "{said}");
}

#[test]
fn shares_restore_the_key_into_a_new_place_and_too_few_do_not() {
    let desk = Desk::new();
    let public_key = desk.born();
    desk.done(&["keys", "backup", "--config", "sealed.toml", "--shares", "2/3", "--out", "shares"]);
    for path in files(&desk.path("shares")) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let share = |number: u8| format!("shares/share-{number}.txt");
    let few = share(1);
    let said =
        desk.said(&["keys", "restore", "--prove", "--config", "sealed.toml", "--from", &few]);
    assert!(said.starts_with("exit: 11\n") && said.contains("1 of these shares"), "{said}");
    let (one, three) = (share(1), share(3));
    let restore = [
        "keys",
        "restore",
        "--from",
        &three,
        &one,
        "--to",
        "age:new.age",
        "--recipient",
        RECIPIENT,
        "--network",
        "mocknet",
    ];
    let said = desk.done(&restore);
    assert!(said.contains(&public_key), "{said}");
    // One letter of a share is mistyped.
    let text = fs::read_to_string(desk.path(&one)).unwrap();
    let at = text.find("share1").unwrap() + 20;
    let other = if &text[at..=at] == "q" { "p" } else { "q" };
    fs::write(desk.path(&one), format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    let said = desk.said(&restore);
    assert!(said.contains("line 4 of shares/share-1.txt: a share was mistyped"), "{said}");
}
