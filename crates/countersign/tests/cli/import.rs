use std::fs;

use crate::support::Place;

/// A folder with the database that a real stacks-signer 4.0.2 left, and its configuration.
fn place() -> Place {
    // Written by the real program in a devnet; its key signs nothing any more.
    let key = "3255ff3092e9b9b30c41578305c1f021a42bb607c125ef4557b1ba3a95ee20c1";
    let place =
        Place::good().with("stacks_private_key", &format!("stacks_private_key = \"{key}\""));
    let database = include_bytes!("../../../signerd/tests/import/stacks-signer-4.0.2.sqlite");
    fs::write(place.path().join("signer.sqlite"), database).unwrap();
    place.write();
    place
}

fn ask(place: &Place, args: &[&str]) -> String {
    let args: Vec<&str> = std::iter::once("import").chain(args.iter().copied()).collect();
    let output = crate::support::countersign(&args).current_dir(place.path()).output().unwrap();
    crate::support::said(&output)
}

#[test]
fn import_says_what_it_took_and_what_it_would_take() {
    let place = place();
    insta::assert_snapshot!(ask(&place, &["--dry-run"]), @r"
    exit: 0
    --- stdout
    Read signer.sqlite: schema 20
    Signed up to height 30, slots written up to version 158
    There are to be taken 27 signed blocks, 28 decisions, 22 burn blocks, 19 other facts; nothing was written
    ");
    insta::assert_snapshot!(ask(&place, &[]), @r"
    exit: 0
    --- stdout
    Read signer.sqlite: schema 20
    Signed up to height 30, slots written up to version 158
    Journal signer.countersign-journal.sqlite: 27 signed blocks taken, 0 were there
    Store signer.countersign.sqlite: 28 of 28 decisions taken, 22 of 22 burn blocks, 19 of 19 other facts; the others were there
    ");
}

#[test]
fn import_writes_json_for_machines() {
    let said = ask(&place(), &["--json", "--from", "signer.sqlite"]);
    let json: serde_json::Value = serde_json::from_str(said.lines().nth(2).unwrap()).unwrap();
    assert_eq!((&json["signed"], &json["taken"]["signed"]), (&27.into(), &27.into()));
    assert_eq!((&json["schema"], &json["highest_signed"]), (&20.into(), &30.into()));
}

#[test]
fn import_from_nowhere_names_the_file_and_has_a_code_of_its_own() {
    insta::assert_snapshot!(ask(&place(), &["--from", "missing.sqlite"]), @r"
    exit: 8
    --- stderr
    error: nothing is taken from missing.sqlite
      caused by: it cannot be read; check the path and its permissions
      caused by: No such file or directory (os error 2)
    ");
}
