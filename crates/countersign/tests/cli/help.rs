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

    Runs until SIGTERM or SIGINT. `countersign status` says whether it signs, and if not, why.

    Examples:
      countersign run --config signer-config.toml
      countersign run --config signer-config.toml --init   (once, for a key that has signed nothing)
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

/// The verbs that the help of `path` lists.
fn verbs_of(path: &[String]) -> Vec<String> {
    let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = ask(&args);
    assert!(help.starts_with("exit: 0\n"), "{help}");
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let names = list.lines().take_while(|line| !line.trim().is_empty());
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_help_of_every_verb_at_every_depth_has_an_example_of_that_verb() {
    let mut waiting = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let verbs = verbs_of(&path);
        if verbs.is_empty() {
            let help = ask(&[&path.join(" "), "--help"].join(" ").split(' ').collect::<Vec<_>>());
            let (_, examples) = help.split_once("\nExample").unwrap_or(("", ""));
            let verb = format!("countersign {}", path.join(" "));
            assert!(examples.contains(&verb), "no example of `{verb}`:\n{help}");
            seen += 1;
        }
        waiting.extend(verbs.into_iter().map(|verb| [path.as_slice(), &[verb]].concat()));
    }
    assert!(seen > 60, "{seen} verbs were seen");
}

#[test]
fn what_a_verb_is_for_is_one_sentence() {
    let help = ask(&["help"]);
    let listed = help.lines().filter(|line| line.starts_with("  ") && line.len() > 140);
    assert_eq!(listed.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    for args in [&["alerts", "list"][..], &["doctor", "--list"], &["alerts", "rules"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = countersign(args).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
    }
}

#[test]
fn the_short_version_is_a_number_and_the_long_one_names_the_build() {
    assert_eq!(ask(&["-V"]), "exit: 0\n--- stdout\ncountersign 0.1.0");
    assert_eq!(ask(&["--version"]), "exit: 0\n--- stdout\ncountersign 0.1.0 (<build>)");
}

#[test]
fn a_wrong_command_line_ends_with_code_2() {
    for args in [
        &["sing"][..],
        &["run"],
        &["run", "--config"],
        &["check-config", "--colour"],
        // These mean something on a real network only.
        &["devnet", "--stop-after-blocks", "1", "--epoch-4"],
        &["devnet", "--stop-after-blocks", "1", "--restart-after-seconds", "1"],
        &["devnet", "--stop-after-blocks", "1", "--page", "192.0.2.1:80"],
    ] {
        let said = ask(args);
        assert!(said.starts_with("exit: 2\n--- stderr\nerror: "), "{said}");
    }
}
