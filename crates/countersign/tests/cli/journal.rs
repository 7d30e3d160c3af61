//! The verbs that look after a signing journal.

use std::fs;
use std::path::PathBuf;

use countersign_vault::{Birth, FLOOR, Vault};
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};

use crate::support::{KEY, Place, countersign, said};

/// A folder whose journal knows three signed blocks and was closed in an orderly way.
fn place() -> Place {
    let place = Place::good();
    place.write();
    let mut vault = Vault::create(key(), &journal(&place), Birth::WithKey).unwrap();
    vault.import(&[mark(1), mark(2), mark(3)]).unwrap();
    vault.close_cleanly().unwrap();
    place
}

fn key() -> PrivateKey {
    PrivateKey::from_hex(KEY).unwrap()
}

fn mark(height: u8) -> countersign_vault::Mark {
    countersign_vault::Mark {
        sighash: Sighash::new([height; 32]),
        height: StacksHeight::new(height.into()),
        tenure: ConsensusHash::new([9; 20]),
        at: UnixSeconds::new(1_700_000_000),
    }
}

fn journal(place: &Place) -> PathBuf {
    place.path().join("signer.countersign-journal.sqlite")
}

fn ask(place: &Place, args: &str) -> String {
    let args: Vec<&str> = std::iter::once("journal").chain(args.split(' ')).collect();
    said(&countersign(&args).current_dir(place.path()).output().unwrap())
}

fn json(place: &Place, args: &str) -> serde_json::Value {
    let said = ask(place, args);
    assert!(said.starts_with("exit: 0\n"), "{said}");
    serde_json::from_str(said.lines().nth(2).unwrap()).unwrap()
}

/// The same folder after a change of keys: the journal of the key that has taken the other's place is
/// named after it, and the one with the usual name is the old key's.
fn after_a_change_of_keys() -> (Place, PathBuf) {
    let place = place();
    let name = format!("signer.countersign-journal-{}.sqlite", key().public_key());
    let named = place.path().join(name);
    fs::rename(journal(&place), &named).unwrap();
    fs::rename(journal(&place).with_extension("witness"), named.with_extension("witness")).unwrap();
    let old = PrivateKey::from_bytes([3; 32]).unwrap();
    let old = Vault::create(old, &journal(&place), Birth::WithKey).unwrap();
    old.close_cleanly().unwrap();
    (place, named)
}

#[test]
fn a_key_that_has_taken_the_others_place_is_served_from_the_journal_that_is_named_after_it() {
    let (place, named) = after_a_change_of_keys();
    let said = ask(&place, "status");
    let name = named.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(name), "{said}");
    ask(&place, "hold --from-burn-height 900");
    let is_held = |place: &Place| ask(place, "status").contains("900");
    assert!(is_held(&place), "the hold is in the journal of the key that signs");
    let exported = ask(&place, "export --out export.json");
    assert!(exported.starts_with("exit: 0"), "{exported}");
    assert!(exported.contains(&key().public_key().to_string()), "{exported}");
}

#[test]
fn the_journal_of_a_next_key_that_is_not_configured_is_not_guessed() {
    let said = ask(&place(), "status --next");
    assert!(said.starts_with("exit: 2") && said.contains("names no `next_key`"), "{said}");
}

#[test]
fn status_says_what_the_journal_comes_to_and_leaves_it_as_it_was() {
    let place = place();
    let before = fs::read(journal(&place)).unwrap();
    for _ in 0..2 {
        ask(&place, "verify");
    }
    insta::assert_snapshot!(ask(&place, "status"), @r"
        exit: 0
        --- stdout
        journal:    signer.countersign-journal.sqlite
        key:        02db3ee269c096bb07fad458f7b1cfada089a72dba6404c2d1a516efd59f2699e5
        standing:   active
        hold:       none
        wait:       none
        signed:     3 blocks, 3 of them remembered one by one
        highest:    3
        last at:    1700000000
        floor:      none
        rejections: 0
        openings:   1
        last stop:  clean
        ");
    assert_eq!(fs::read(journal(&place)).unwrap(), before);
    let json = json(&place, "status --json");
    assert_eq!((&json["standing"], &json["records"]), (&"active".into(), &3.into()));
}

#[test]
fn a_journal_moves_to_another_host_and_binds_there() {
    let old = place();
    let exported = json(&old, "export --out moved.json --json");
    assert_eq!((&exported["acceptances"], &exported["highest"]), (&3.into(), &3.into()));
    let verified = ask(&old, "verify moved.json");
    assert!(
        verified.contains("the export is whole") && verified.contains("made by this key"),
        "{verified}"
    );
    // A file that is there is not written over.
    assert!(ask(&old, "export --out moved.json").starts_with("exit: 1\n"));

    let new = Place::good();
    new.write();
    drop(Vault::create(key(), &journal(&new), Birth::Init { wait: FLOOR }).unwrap());
    fs::copy(old.path().join("moved.json"), new.path().join("moved.json")).unwrap();
    for (flag, added) in [(" --dry-run", 3), ("", 3), ("", 0)] {
        let imported = json(&new, &format!("import moved.json --json{flag}"));
        assert_eq!(imported["added"], added, "{imported}");
    }
    assert_eq!(json(&new, "status --json")["records"], 3);
    // It was not known what the key had signed; that is for the operator or `promote` to say.
    assert_eq!(json(&new, "status --json")["wait_secs"], 600);
}

#[test]
fn an_export_that_was_cut_or_is_of_another_key_is_refused_whole() {
    let place = place();
    json(&place, "export --out moved.json --json");
    let path = place.path().join("moved.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let said = ask(&place, "import moved.json");
    assert!(said.starts_with("exit: 4\n") && said.contains("it was cut"), "{said}");
    fs::write(&path, text.replace("\"height\": 2,", "\"height\": 1,")).unwrap();
    let said = ask(&place, "verify moved.json");
    assert!(said.contains("it was changed or spoilt on the way"), "{said}");

    let other = Place::good();
    other.write();
    let stranger = PrivateKey::from_bytes([5; 32]).unwrap();
    let mut vault = Vault::create(stranger, &journal(&other), Birth::WithKey).unwrap();
    fs::write(&path, vault.export_journal(UnixSeconds::new(1)).unwrap().to_json()).unwrap();
    let said = ask(&place, "import moved.json");
    assert!(said.starts_with("exit: 4\n") && said.contains("nothing was taken"), "{said}");
}

#[test]
fn a_file_without_an_end_is_no_journal_and_is_not_read_for_ever() {
    let place = place();
    for line in ["verify /dev/zero", "import /dev/zero"] {
        let refused = ask(&place, line);
        assert!(refused.starts_with("exit: 2\n"), "{refused}");
        assert!(refused.contains("it is larger than any journal"), "{refused}");
    }
    let words = ["promote", "--config", "signer-config.toml", "--journal", "/dev/zero"];
    let refused = said(&place.command(&words).output().unwrap());
    assert!(refused.contains("it is larger than any journal"), "{refused}");
}

#[test]
fn a_hold_is_set_lowered_and_released_and_a_clean_stop_stays_one() {
    let place = place();
    insta::assert_snapshot!(ask(&place, "hold --from-burn-height 900"), @r"
    exit: 0
    --- stdout
    nothing is signed from burn height 900 on
    ");
    assert_eq!(json(&place, "hold --from-burn-height 950 --json")["hold"], 900);
    assert_eq!(json(&place, "status --json")["is_clean"], true);
    assert_eq!(json(&place, "release --json")["hold"], serde_json::Value::Null);
    assert_eq!(json(&place, "status --json")["is_clean"], true);
}

#[test]
fn a_journal_that_is_not_the_latest_is_taken_only_if_the_operator_says_so() {
    let place = place();
    let yesterday = fs::read(journal(&place)).unwrap();
    let mut vault = Vault::open(key(), &journal(&place)).unwrap();
    vault.import(&[mark(4)]).unwrap();
    vault.close_cleanly().unwrap();
    fs::write(journal(&place), yesterday).unwrap();
    let said = ask(&place, "status");
    assert!(said.starts_with("exit: 4\n") && said.contains("is not the latest one"), "{said}");
    let accepted = json(&place, "accept --json");
    assert_eq!((&accepted["records"], &accepted["wait_secs"]), (&3.into(), &600.into()));
    assert_eq!(json(&place, "status --json")["wait_secs"], 600);
}

#[test]
fn a_journal_in_use_is_left_to_the_signer_that_uses_it() {
    let place = place();
    let _vault = Vault::open(key(), &journal(&place)).unwrap();
    for verb in ["status", "verify", "release", "hold --from-burn-height 1", "export --out x"] {
        let said = ask(&place, verb);
        assert!(said.starts_with("exit: 4\n") && said.contains("`countersign demote`"), "{said}");
    }
}

#[test]
fn a_start_without_a_journal_is_refused_with_its_own_code_and_leaves_nothing() {
    // A key that root may open on a network where something is at stake: a credential.
    let credentials = tempfile::tempdir().unwrap();
    let place = Place::startable();
    fs::write(credentials.path().join("signer-key"), place.key()).unwrap();
    let place = place
        .without("stacks_private_key")
        .with("network", "network = \"testnet\"")
        .with("[countersign]", "[countersign]\nkey = { credential = \"signer-key\" }");
    place.write();
    let mut run = place.command(&["run", "--config", "signer-config.toml"]);
    let said = said(&run.env("CREDENTIALS_DIRECTORY", credentials.path()).output().unwrap());
    assert!(said.starts_with("exit: 4\n") && said.contains("start once with `--init`"), "{said}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}
