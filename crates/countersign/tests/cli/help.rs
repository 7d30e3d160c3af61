use crate::support::{countersign, said};

fn ask(args: &[&str]) -> String {
    said(&countersign(args).output().unwrap())
}

#[test]
fn no_arguments_ask_for_help() {
    let help = ask(&[]);
    assert!(help.starts_with("exit: 0\n--- stdout\n"), "{help}");
    assert_eq!(help, ask(&["--help"]));
}

#[test]
fn help_lists_every_exit_code() {
    let help = ask(&["help"]);
    assert!(help.starts_with("exit: 0\n"), "{help}");
    for row in countersign_ops::exit::TABLE {
        let line = format!("  {}  {}", row.exit.code(), row.meaning);
        assert!(help.contains(&line), "{line} is not in {help}");
    }
}

#[test]
fn help_for_run_is_short() {
    insta::assert_snapshot!(ask(&["run", "--help"]), @r#"
    exit: 0
    --- stdout
    Sign blocks: run the signer of a Stacks node

    Usage: countersign run [OPTIONS] --config <FILE>

    Options:
      -c, --config <FILE>  The signer's configuration, the same file that the reference signer reads
          --init           Begin a signing journal: what this key has signed is not known, or it has signed nothing. Nothing is signed for ten minutes. Refused if there is a journal
      -h, --help           Print help
    "#);
}

#[test]
fn the_help_of_every_verb_that_signs_or_looks_shows_an_example() {
    for verb in [
        "generate-staking-signature",
        "generate-stacking-signature",
        "generate-vote",
        "verify-vote",
        "get-chunk",
        "get-latest-chunk",
        "list-chunks",
        "put-chunk",
        "monitor-signers",
    ] {
        let help = ask(&[verb, "--help"]);
        assert!(help.contains(&format!("Example:\n  countersign {verb} ")), "{help}");
        insta::assert_snapshot!(verb, help);
    }
}

#[test]
fn the_short_version_is_a_number_and_the_long_one_names_the_build() {
    assert_eq!(ask(&["-V"]), "exit: 0\n--- stdout\ncountersign 0.1.0");
    assert_eq!(ask(&["--version"]), "exit: 0\n--- stdout\ncountersign 0.1.0 (<build>)");
}

#[test]
fn a_wrong_command_line_ends_with_code_2() {
    for args in [&["sing"][..], &["run"], &["run", "--config"], &["check-config", "--colour"]] {
        let said = ask(args);
        assert!(said.starts_with("exit: 2\n--- stderr\nerror: "), "{said}");
    }
}
