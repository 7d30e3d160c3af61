use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{KEY, Place, countersign, said};

/// The public key of [`KEY`].
fn public() -> String {
    countersign_wire::PrivateKey::from_hex(KEY).unwrap().public_key().to_string()
}

fn scan(place: &Place, args: &[&str]) -> String {
    let output = place.command(&[&["keys", "scan"], args].concat()).output().unwrap();
    let text = said(&output).replace(&format!("{}/", place.path().display()), "");
    assert!(!text.contains(&KEY[..12]), "the key is shown: {text}");
    text
}

fn git(folder: &Path, args: &[&str]) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(folder)
        .env("PATH", search)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git must be installed (package git)")
}

#[test]
fn a_find_names_place_form_key_and_remedy_and_ends_with_code_11() {
    let place = Place::good();
    fs::write(place.path().join("notes.txt"), format!("todo\nkey {KEY}\n")).unwrap();
    insta::assert_snapshot!(scan(&place, &[".", "--public-key", &public()]), @r"
    exit: 11
    --- stdout
    notes.txt, line 2
      private key of 02db3ee269c096bb07fad458f7b1cfada089a72dba6404c2d1a516efd59f2699e5
      written as hex
      If anybody else could read this file or a backup of it, rotate the key first. Then destroy the file (shred -u)

    searched 1 files, 0 Git objects, 0 MB, 2 candidates: 1 found
    --- stderr
    error: a private key was found in 1 place
    ");
}

#[test]
fn nothing_ends_with_code_0() {
    let place = Place::good();
    fs::write(place.path().join("notes.txt"), "todo\n").unwrap();
    insta::assert_snapshot!(scan(&place, &[".", "--public-key", &public()]), @r"
    exit: 0
    --- stdout
    searched 1 files, 0 Git objects, 0 MB, 0 candidates: 0 found
    ");
}

#[test]
fn what_cannot_be_read_ends_with_code_1_if_nothing_was_found() {
    let place = Place::good();
    let text = scan(&place, &["missing", "--public-key", &public()]);
    insta::assert_snapshot!(text, @r"
    exit: 1
    --- stdout
    not read: missing: No such file or directory (os error 2)
    searched 0 files, 0 Git objects, 0 MB, 0 candidates: 0 found
    --- stderr
    error: no private key was found, but 1 thing could not be read, or not to the end
    ");
    fs::write(place.path().join("key"), KEY).unwrap();
    let text = scan(&place, &["missing", ".", "--public-key", &public()]);
    assert!(text.starts_with("exit: 11\n") && text.contains("not read: missing: "), "{text}");
}

#[test]
fn the_key_of_a_configuration_is_searched_for_everywhere_but_in_that_file() {
    let place = Place::good();
    place.write();
    let args = [".", "--config", "signer-config.toml"];
    assert!(scan(&place, &args).starts_with("exit: 0\n"), "{}", scan(&place, &args));
    fs::copy(place.path().join("signer-config.toml"), place.path().join("copy.toml")).unwrap();
    let text = scan(&place, &args);
    assert!(text.starts_with("exit: 11\n--- stdout\ncopy.toml, line 3\n"), "{text}");
}

#[test]
fn machines_get_one_object() {
    let place = Place::good();
    fs::write(place.path().join("notes.txt"), format!("key {KEY}\n")).unwrap();
    let text = scan(&place, &[".", "--json", "--public-key", &public()]);
    let json = text.strip_prefix("exit: 11\n--- stdout\n").unwrap().lines().next().unwrap();
    let object: serde_json::Value = serde_json::from_str(json).unwrap();
    let finding = &object["findings"][0];
    assert_eq!(finding["public_key"], public());
    assert_eq!(finding["line"], 1);
    assert_eq!(finding["forms"][0], "hex");
    assert_eq!(finding["remedy"], "destroy");
    assert_eq!(object["totals"]["files"], 1);
}

#[test]
fn an_argument_that_is_no_public_key_is_not_repeated() {
    let place = Place::good();
    let text = scan(&place, &[".", "--public-key", KEY]);
    insta::assert_snapshot!(text, @r"
    exit: 2
    --- stderr
    error: what --public-key names, number 1, is not a key
      caused by: neither a public key (66 or 130 hex digits) nor a Stacks address; a private key does not belong on a command line
    ");
}

#[test]
fn neither_a_path_nor_a_key_is_a_usage_error() {
    let place = Place::good();
    for args in
        [&[".", "--json"][..], &["--public-key", "x"], &[".", "--staged", "--public-key", "x"]]
    {
        assert!(scan(&place, args).starts_with("exit: 2\n"), "{args:?}");
    }
}

#[test]
fn the_commands_of_the_page_search_and_its_hook_stops_a_commit_with_the_key() {
    let place = Place::startable();
    place.write();
    assert!(git(place.path(), &["init", "--quiet"]).status.success());
    fs::create_dir_all(place.path().join(".git/hooks")).unwrap();
    fs::create_dir(place.path().join("infra")).unwrap();
    fs::write(place.path().join("image.tar"), "").unwrap();
    let ours = [
        ("FOLDER=~/infra\n", place.path().join("infra")),
        ("ADDRESS=SP2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKNRV9EJ7\n", public().into()),
    ];
    let page = include_str!("../../../../docs/operator/keys-scan.md");
    let searched = crate::page::follow(page, &ours, place.path());
    assert_eq!(searched.matches(": 0 found").count(), 4, "{searched}");

    fs::write(place.path().join("good.txt"), "good").unwrap();
    git(place.path(), &["add", "good.txt"]);
    let committed = git(place.path(), &["commit", "-m", "Good"]);
    assert!(committed.status.success(), "{}", said(&committed));

    fs::write(place.path().join("bad.txt"), KEY).unwrap();
    git(place.path(), &["add", "bad.txt"]);
    // All of the index, and a part of it that Git writes into an index of its own.
    for args in [&["commit", "-m", "Bad"][..], &["commit", "-m", "Bad", "bad.txt"]] {
        let refused = git(place.path(), args);
        assert!(!refused.status.success(), "{}", said(&refused));
        assert!(said(&refused).contains("bad.txt » blob "), "{}", said(&refused));
    }
    git(place.path(), &["rm", "--quiet", "--cached", "bad.txt"]);
    let committed = git(place.path(), &["commit", "--allow-empty", "-m", "Good again"]);
    assert!(committed.status.success(), "{}", said(&committed));
}

#[test]
fn help_shows_examples_and_codes() {
    let help = said(&countersign(&["keys", "scan", "--help"]).output().unwrap());
    insta::assert_snapshot!(help, @r"
    exit: 0
    --- stdout
    Find our private keys in folders, Git histories, images of containers and archives

    Usage: countersign keys scan [OPTIONS] [PATH]...

    Arguments:
      [PATH]...  Files and folders to search

    Options:
      -k, --public-key <HEX|ADDRESS>  A key to search for: its public key, or its Stacks address (may be given more than once)
      -c, --config <FILE>             Search for the key of this signer's configuration; the file itself may hold it
          --staged                    Search what the next commit of the Git work tree here would add, and nothing else
          --json                      Print one JSON object
      -q, --quiet                     Show no progress
      -h, --help                      Print help

    Ends with 0 if nothing was found, with 11 if a key was, and with 1 if none was but not everything could be
    read. Never shows a private key.

    Examples:
      countersign keys scan ~/infra /var/backups image.tar --config signer-config.toml
      countersign keys scan . --public-key SP185PX4EBXC3QWDN697MJEM13Y8E9JNSRRG0M7R1
      countersign keys scan --staged --config signer-config.toml   (in .git/hooks/pre-commit)
    ");
}
