//! Verbs that sign by hand and need no node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Place, said};

/// Key A of the worked vectors: private, public, and its testnet address (`signer-wire.md` 12.1).
const KEY: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
const ADDRESS: &str = "ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0";
/// Its grant to itself and its vote for SIP 45 (`signer-wire.md` 12.5).
const GRANT: &str = "9c6b0b5b98c71da2f1507e24d01893b30f535e0986c2eedb7f1da94ddede2e4878fed51acb7409657be891e1a9987e0a01803295ac0adbc558bbe00165aff25701";
const VOTE: &str = "00f39971a3c7beb5395aee4d60eb8fc519abc144c8f4da5cd30ec045610bd8a7bc2470092cc72cd3b1df24f6c71ab70a8d9ffbbc7eb901760ce5b616e9cb6a08a7";

/// A folder with the configuration of key A.
fn place() -> Place {
    let place =
        Place::good().with("stacks_private_key", &format!("stacks_private_key = \"{KEY}\""));
    place.write();
    place
}

/// Runs a line of words.
fn ask(place: &Place, line: &str) -> String {
    said(&place.command(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap())
}

/// The standard output, to the byte.
fn printed(place: &Place, line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let output = place.command(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(output.stderr.is_empty(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_grant_is_printed_for_people_and_for_machines() {
    let line = format!(
        "generate-staking-signature -c signer-config.toml --signer-manager {ADDRESS} --auth-id 7"
    );
    let place = place();
    assert_eq!(
        printed(&place, &line),
        format!("Signer Public Key: 0x{PUBLIC}\nSigner Key Signature: 0x{GRANT}\n\n\n")
    );
    assert_eq!(
        printed(&place, &format!("{line} --json")),
        format!(
            "{{\"authId\":\"7\",\"signerKey\":\"{PUBLIC}\",\"signerManager\":\"{ADDRESS}\",\"signerSignature\":\"{GRANT}\"}}\n"
        )
    );
    assert!(place.files().is_empty(), "nothing is created");
}

/// The same place, whose next key is key A, handed over as systemd would.
fn place_with_next_key() -> Place {
    let next = "[countersign]\nnext_key = { credential = \"next\" }";
    let place = Place::good().with("[countersign]", next);
    place.write();
    fs::write(place.path().join("next"), KEY).unwrap();
    place
}

#[test]
fn a_grant_for_the_next_key_is_signed_by_it() {
    let place = place_with_next_key();
    let line =
        format!("generate-staking-signature -c signer-config.toml --signer-manager {ADDRESS}");
    let words: Vec<_> = line.split_whitespace().chain(["--auth-id", "7", "--next"]).collect();
    let output = place.command(&words).env("CREDENTIALS_DIRECTORY", place.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        printed,
        format!("Signer Public Key: 0x{PUBLIC}\nSigner Key Signature: 0x{GRANT}\n\n\n")
    );
}

#[test]
fn a_grant_for_a_next_key_that_is_not_there_is_refused() {
    let place = place();
    let line = format!(
        "generate-staking-signature -c signer-config.toml --signer-manager {ADDRESS} --auth-id 7 --next"
    );
    let said = ask(&place, &line);
    assert!(said.starts_with("exit: 2"), "{said}");
    assert!(said.contains("names no `next_key`"), "{said}");
}

#[test]
fn a_backup_of_the_next_key_is_of_that_one_and_refused_where_there_is_none() {
    let line = "keys backup -c signer-config.toml --shares 2/3 --out shares";
    let words: Vec<_> = line.split(' ').collect();
    let back_up = |place: &Place, next: &[&str]| {
        let mut command = place.command(&[&words, next].concat());
        said(&command.env("CREDENTIALS_DIRECTORY", place.path()).output().unwrap())
    };
    let place = place_with_next_key();
    let made = back_up(&place, &["--next"]);
    assert!(made.starts_with("exit: 0\n"), "{made}");
    assert!(made.contains(&format!("Public key: {PUBLIC}\n")), "{made}");
    fs::remove_dir_all(place.path().join("shares")).unwrap();
    // The other one is another one's.
    let other = back_up(&place, &[]);
    assert!(other.starts_with("exit: 0\n") && !other.contains(PUBLIC), "{other}");

    let none = Place::good();
    none.write();
    let refused = back_up(&none, &["--next"]);
    assert!(refused.starts_with("exit: 2\n"), "{refused}");
    assert!(refused.contains("names no `next_key`"), "{refused}");
    assert!(!none.path().join("shares").exists());
}

#[test]
fn a_change_of_keys_without_a_node_says_that_the_node_does_not_answer() {
    let place = place();
    let said = ask(&place, "keys rotate -c signer-config.toml");
    assert!(said.starts_with("exit: 1\n--- stderr\nerror: "), "{said}");
    assert!(place.files().is_empty(), "nothing is created");
}

#[test]
fn the_next_key_is_shown_with_its_place() {
    let place = place_with_next_key();
    let said = place.said("check-config");
    assert!(said.contains("Next public key: sealed\nNext key: credential next\n"), "{said}");
}

#[test]
fn a_signer_that_runs_does_not_keep_its_operator_from_signing() {
    let place = place().with("network", "network = \"mocknet\"");
    let mut child = place.start();
    let ready = crate::start::wait_until_spawned(&mut child);
    assert!(ready.starts_with("Signer spawned successfully"), "{ready}");
    let vote = printed(&place, "generate-vote -c signer-config.toml --sip 45 --vote yes");
    crate::start::terminate(&child, "-TERM");
    child.wait().unwrap();
    assert_eq!(vote, format!("{VOTE}\n"));
}

#[test]
fn a_vote_is_printed_and_verified() {
    let place = place();
    let vote = printed(&place, "generate-vote --config signer-config.toml --sip 45 --vote YES");
    assert_eq!(vote, format!("{VOTE}\n"));
    let verify = format!("verify-vote -p {PUBLIC} -s {VOTE} --sip 45 --vote");
    assert_eq!(printed(&place, &format!("{verify} yes")), "Valid vote\n");
    assert_eq!(printed(&place, &format!("{verify} no")), "Invalid vote\n");
    assert_eq!(printed(&place, &format!("{verify} no --json")), "{\"valid\":false}\n");
}

#[test]
fn a_signature_that_is_nobodys_is_a_failure() {
    let verify = format!("verify-vote -p {PUBLIC} -s 04{} --sip 45 --vote yes", &VOTE[2..]);
    insta::assert_snapshot!(ask(&place(), &verify), @r#"
    exit: 1
    --- stderr
    error: the signature recovers no key; it should be the 130 hex digits that generate-vote prints
    "#);
}

#[test]
fn a_stacking_signature_has_the_address_as_it_was_given() {
    let place = place();
    let line = "generate-stacking-signature -c signer-config.toml --method stack-stx --period 12 \
                --pox-address mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8 --reward-cycle 1 --auth-id 111 \
                --max-amount 340282366920938463463374607431768211455";
    insta::assert_snapshot!(printed(&place, &format!("{line} --json")));
    let lines = printed(&place, line);
    assert!(lines.starts_with(&format!("Signer Public Key: 0x{PUBLIC}\nSigner Key Signature: 0x")));
    assert!(lines.ends_with("\n\n\n"));
}

#[test]
fn a_stacking_signature_for_the_other_bitcoin_network_is_refused() {
    let line = "generate-stacking-signature -c signer-config.toml --method stack-stx --period 12 \
                --pox-address bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 --reward-cycle 1 \
                --auth-id 111 --max-amount 1000";
    insta::assert_snapshot!(ask(&place(), line), @r#"
    exit: 2
    --- stderr
    error: --pox-address bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 is not of the Bitcoin network that belongs to `network = "mocknet"`; rewards would be lost
    "#);
    let line = line.replace(
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8",
    );
    let aggregate = ask(&place(), &line.replace("stack-stx", "agg-commit"));
    assert!(aggregate.starts_with("exit: 2\n") && aggregate.contains("--period 1"), "{aggregate}");
}

#[test]
fn arguments_that_make_no_sense_end_with_code_2() {
    let place = place();
    let lines = [
        "generate-vote -c signer-config.toml --sip 45 --vote maybe".to_owned(),
        "generate-vote -c signer-config.toml --sip 4294967296 --vote yes".to_owned(),
        "generate-staking-signature -c signer-config.toml --signer-manager nonsense --auth-id 1"
            .to_owned(),
        format!(
            "generate-staking-signature -c signer-config.toml --signer-manager {ADDRESS} --auth-id -1"
        ),
        format!("verify-vote -p zz -s {VOTE} --sip 45 --vote yes"),
        format!("verify-vote -p {PUBLIC} -s 00 --sip 45 --vote yes"),
        "generate-vote -c missing.toml --sip 45 --vote yes".to_owned(),
    ];
    for line in lines {
        let said = ask(&place, &line);
        assert!(said.starts_with("exit: 2\n--- stderr\nerror: "), "{line}: {said}");
    }
}

#[test]
fn a_private_key_is_read_from_a_file_and_never_shown() {
    let place = place();
    let file = place.path().join("signer.key");
    fs::write(&file, format!("{}\n", &KEY[..60])).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let put = "put-chunk --host 127.0.0.1:9 -c ST000000000000000000002AMW42H.signers-0-1 --slot-id 0 \
               --slot-version 1";
    let rows = [
        format!("{put} --private-key-file signer.key 2NEp"),
        format!("{put} --private-key {} 2NEp", &KEY[..60]),
        format!("{put} -p 0x{KEY} 2NEp"),
        format!("{put} -p {KEY} --slot-id 3 2NEp"),
        format!("{put} --private-key-file signer.key {KEY}"),
    ];
    for line in rows {
        let said = ask(&place, &line);
        assert!(said.starts_with("exit: 2\n"), "{line}: {said}");
        assert!(!said.contains(&KEY[..16]), "{line}: {said}");
    }
}
