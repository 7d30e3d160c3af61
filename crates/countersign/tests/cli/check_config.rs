use std::fs;

use crate::support::{KEY, Place, said};

#[test]
fn a_good_configuration_is_shown_without_its_secrets() {
    let place = Place::good();
    let said = place.said("check-config");
    assert!(!said.contains(&KEY[..16]) && !said.contains("correct horse"));
    assert!(place.files().is_empty());
    insta::assert_snapshot!(said, @r#"
    exit: 0
    --- stdout
    Signer version: countersign 0.1.0 (<build>)
    Config:

    Stacks node host: 127.0.0.1:9
    Signer endpoint: 127.0.0.1:0
    Stacks address: STA3WN1J8FFWV302M4NDFTHQ3F87QJ8XZ6E286WJ
    Public key: 02db3ee269c096bb07fad458f7b1cfada089a72dba6404c2d1a516efd59f2699e5
    Network: mocknet
    Chain ID: 0x80000000
    Database path: signer.sqlite
    Metrics endpoint: None
    Dry run: false
    "#);
}

#[test]
fn a_key_that_nobody_knows_is_named_with_what_was_meant() {
    let place = Place::good().with("event_timeout", "event_timeout_msec = 5000");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: unknown key `event_timeout_msec`; did you mean `event_timeout_ms`?
    "#);
}

#[test]
fn a_key_that_is_like_no_other_is_named() {
    let place = Place::good().with("colour", "colour = \"red\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: unknown key `colour`
    "#);
}

#[test]
fn an_unknown_key_in_our_own_table_is_named() {
    let place = Place::good().with("[countersign]", "[countersign]\nfailover = true");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: unknown key `countersign.failover`
    "#);
}

#[test]
fn a_key_that_a_test_build_of_the_reference_knows_is_unknown() {
    let key = "supported_signer_protocol_version";
    let said = Place::good().with(key, &format!("{key} = 1")).said("check-config");
    assert!(said.contains("unknown key `supported_signer_protocol_version`"), "{said}");
}

#[test]
fn a_missing_key_is_named_with_an_example() {
    insta::assert_snapshot!(Place::good().without("node_host").said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: the key `node_host` is missing; add a line `node_host = "127.0.0.1:20443"`
    "#);
    for key in ["endpoint", "stacks_private_key", "network", "auth_password", "db_path"] {
        let said = Place::good().without(key).said("check-config");
        assert!(said.starts_with("exit: 2\n") && said.contains(&format!("key `{key}`")), "{said}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let place = Place::good().with("dry_run", "dry_run = \"yes\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: a value has the wrong type: invalid type: string "yes", expected a boolean in `dry_run`
    "#);
}

#[test]
fn a_number_below_zero_is_the_wrong_type() {
    let said = Place::good().with("chain_id", "chain_id = -1").said("check-config");
    assert!(said.starts_with("exit: 2\n") && said.contains("chain_id"), "{said}");
}

#[test]
fn a_file_that_is_not_toml_is_named_by_its_line_alone() {
    let place = Place::good().with("stacks_private_key", &format!("stacks_private_key = \"{KEY}"));
    let said = place.said("check-config");
    assert!(!said.contains(&KEY[..8]), "{said}");
    insta::assert_snapshot!(said, @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: line 6 is not TOML: invalid basic string, expected `"`
    "#);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::good();
    let output = place.command(&["check-config", "-c", "missing.toml"]).output().unwrap();
    insta::assert_snapshot!(crate::support::said(&output), @r#"
    exit: 2
    --- stderr
    error: missing.toml: the configuration file cannot be read
      caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_file_that_is_not_text_is_named() {
    let place = Place::good();
    fs::write(place.path().join("bytes.toml"), [0xff, 0xfe, 0x00]).unwrap();
    let output = place.command(&["check-config", "-c", "bytes.toml"]).output().unwrap();
    insta::assert_snapshot!(crate::support::said(&output), @r#"
    exit: 2
    --- stderr
    error: bytes.toml: the configuration file cannot be read
      caused by: stream did not contain valid UTF-8
    "#);
}

#[test]
fn a_bad_private_key_is_never_shown() {
    let short = &KEY[..60];
    let rows = [
        (format!("\"{short}\""), "64 hex digits"),
        (format!("\"{short}zzzz\""), "only hex digits"),
        (format!("\"{short}123402\""), "end"),
        (format!("\"{}\"", "0".repeat(64)), "not a valid secp256k1 private key"),
        ("1234567890123456".to_owned(), "wrong type"),
    ];
    for (value, reason) in rows {
        let line = format!("stacks_private_key = {value}");
        let said = Place::good().with("stacks_private_key", &line).said("check-config");
        assert!(said.starts_with("exit: 2\n") && said.contains("stacks_private_key"), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
        assert!(!said.contains(&KEY[..8]) && !said.contains("123456"), "{said}");
    }
}

#[test]
fn a_node_without_a_port_is_refused_at_once() {
    let place = Place::good().with("node_host", "node_host = \"localhost\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: `node_host` = `localhost` has no port; write host:port, such as 127.0.0.1:20443
    "#);
}

#[test]
fn a_value_with_a_line_end_stays_on_the_line_of_its_error() {
    let place = Place::good().with("node_host", "node_host = \"host\\n[evil]\\u001b[2J\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: `node_host` = `host\n[evil]\u{1b}[2J` has no port; write host:port, such as 127.0.0.1:20443
    "#);
}

#[test]
fn a_password_of_the_wrong_type_is_not_shown() {
    let place = Place::good().with("auth_password", "auth_password = 12345");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: a value has the wrong type: it is a secret, so its value is not shown in `auth_password`
    "#);
}

#[test]
fn addresses_that_are_none_are_refused() {
    let rows = [
        ("node_host", "http://127.0.0.1:20443", "scheme"),
        ("node_host", ":20443", "no host"),
        ("node_host", "::1:20443", "brackets"),
        ("node_host", "127.0.0.1:70000", "no port from 0 to 65535"),
        ("endpoint", "127.0.0.1", "no port"),
        ("endpoint", "0.0.0.0:30000/", "is not an address"),
        ("metrics_endpoint", "127.0.0.1:metrics", "no port from 0 to 65535"),
    ];
    for (key, value, reason) in rows {
        let said = Place::good().with(key, &format!("{key} = \"{value}\"")).said("check-config");
        let names = said.starts_with("exit: 2\n") && said.contains(&format!("`{key}` = `{value}`"));
        assert!(names && said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn an_unknown_network_is_named_with_those_that_exist() {
    let place = Place::good().with("network", "network = \"Mainnet\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: `network`: `Mainnet` is not a network; expected `mainnet`, `testnet` or `mocknet`
    "#);
}

#[test]
fn a_signer_of_the_main_network_may_not_forget() {
    let place = Place::good()
        .with("network", "network = \"mainnet\"")
        .with("db_path", "db_path = \":memory:\"");
    insta::assert_snapshot!(place.said("check-config"), @r#"
    exit: 2
    --- stderr
    error: signer-config.toml: `db_path` = `:memory:` forgets at every stop what was signed, which is not allowed on mainnet; name a file
    "#);
}

#[test]
fn every_key_of_the_reference_is_accepted() {
    let keys = [
        "metrics_endpoint = \"127.0.0.1:0\"",
        "chain_id = 0x80000005",
        "event_timeout_ms = 1",
        "first_proposal_burn_block_timing_secs = 1",
        "block_proposal_timeout_ms = 1",
        "tenure_last_block_proposal_timeout_secs = 1",
        "block_proposal_validation_timeout_ms = 1",
        "tenure_idle_timeout_secs = 1",
        "read_count_idle_timeout_secs = 1",
        "tenure_idle_timeout_buffer_secs = 1",
        "block_proposal_max_age_secs = 1",
        "reorg_attempts_activity_timeout_ms = 1",
        "proposal_wait_for_parent_time_secs = 1",
        "capitulate_miner_view_timeout_secs = 1",
        "stackerdb_timeout_secs = 1",
        "dry_run = true",
        "validate_with_replay_tx = true",
        "reset_replay_set_after_fork_blocks = 1",
    ];
    let place = keys
        .iter()
        .fold(Place::good(), |place, line| place.with(line.split(' ').next().unwrap(), line));
    let said = place.said("check-config");
    assert!(said.starts_with("exit: 0\n"), "{said}");
    assert!(said.contains("Chain ID: 0x80000005") && said.contains("Dry run: true"), "{said}");
}

#[test]
fn what_never_ends_is_no_configuration() {
    for line in [
        "run --config /dev/zero",
        "check-config --config /dev/zero",
        "vault --config /dev/zero",
        "link --config /dev/zero",
        "deadman --config /dev/zero",
        "render --config /dev/zero --check",
        "doctor --site /dev/zero",
        "support-bundle --config /dev/zero --out bundle.tar.gz",
    ] {
        let place = Place::good();
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = said(&place.command(&words).output().unwrap());
        assert!(said.starts_with("exit: 2\n") && said.contains("4 MiB"), "{line}: {said}");
        assert!(said.contains("/dev/zero"), "{line}: {said}");
    }
}
