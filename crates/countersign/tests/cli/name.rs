//! The program under the name of the one whose place it takes.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::{Place, said};

/// Runs a line of words as `stacks-signer`, through a link in the folder.
fn ask(place: &Place, line: &str) -> String {
    let program = place.path().join("stacks-signer");
    if !program.exists() {
        symlink(env!("CARGO_BIN_EXE_countersign"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command.current_dir(place.path()).args(line.split_whitespace());
    said(&command.output().unwrap())
}

#[test]
fn the_versions_are_those_of_the_program_whose_place_is_taken() {
    let place = Place::good();
    assert_eq!(ask(&place, "-V"), "exit: 0\n--- stdout\nstacks-signer 0.0.1");
    let long = ask(&place, "--version");
    assert!(
        long.starts_with("exit: 0\n--- stdout\nstacks-signer 4.0.2 (countersign 0.1.0, "),
        "{long}"
    );
    place.write();
    let checked = ask(&place, "check-config -c signer-config.toml");
    let line = "exit: 0\n--- stdout\nSigner version: stacks-signer 4.0.2 (countersign 0.1.0, ";
    assert!(checked.starts_with(line), "{checked}");
}

#[test]
fn no_arguments_ask_for_the_help_of_the_other_program() {
    let place = Place::good();
    let help = ask(&place, "");
    assert_eq!(help, ask(&place, "--help"));
    insta::assert_snapshot!(help);
}

#[test]
fn usage_errors_end_with_2_and_other_failures_with_101() {
    let place = Place::good();
    place.write();
    let grant =
        "generate-staking-signature --signer-manager ST000000000000000000002AMW42H.m --auth-id 1";
    let rows = [
        (2, "nonsense".to_owned()),
        (2, "generate-vote -c signer-config.toml --sip 45 --vote maybe".to_owned()),
        (2, "put-chunk --host 127.0.0.1:9 -c ST000000000000000000002AMW42H.x --slot-id 0 --slot-version 1 -p abc 2NEp".to_owned()),
        (101, format!("{grant} -c missing.toml")),
        (0, format!("{grant} -c signer-config.toml")),
        (101, "check-config -c missing.toml".to_owned()),
        (101, "list-chunks --host localhost -c ST000000000000000000002AMW42H.signers-0-1".to_owned()),
        (101, "list-chunks --host 127.0.0.1:9 -c ST000000000000000000002AMW42H.signers-0-1".to_owned()),
        (101, "monitor-signers --host 127.0.0.1:9".to_owned()),
    ];
    for (code, line) in rows {
        let said = ask(&place, &line);
        assert!(said.starts_with(&format!("exit: {code}\n")), "{line}: {said}");
    }
}

#[test]
fn a_signer_keeps_the_exit_codes_that_a_supervisor_can_tell_apart() {
    let place = Place::startable().with("db_path", "db_path = \"missing/signer.sqlite\"");
    place.write();
    let said = ask(&place, "run --config signer-config.toml");
    assert!(said.starts_with("exit: 3\n"), "{said}");
}

#[test]
fn verbs_that_the_other_program_lacks_work_without_being_shown() {
    let place = Place::good();
    assert!(ask(&place, "devnet --help").starts_with("exit: 0\n"));
    assert!(!ask(&place, "--help").contains("devnet"));
}
