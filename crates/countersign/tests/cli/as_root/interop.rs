//! age, systemd-creds, a terminal and SoftHSM: the programs that operators have.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::keys::Desk;
use crate::support::{KEY, said};

fn sh(desk: &Desk, command: &str) -> String {
    let ran =
        Command::new("sh").args(["-ec", command]).current_dir(desk.path(".")).output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command}: {text}");
    text.into_owned()
}

const VOTE: [&str; 7] =
    ["generate-vote", "--config", "sealed.toml", "--sip", "45", "--vote", "yes"];

/// The same vote with the bare key.
fn vote_of_key(desk: &Desk) -> String {
    desk.write("hex", KEY);
    desk.said(&[
        "keys",
        "import",
        "--from",
        "hex",
        "--to",
        "age:p.age",
        "--passphrase-file",
        "passphrase",
    ]);
    desk.configure("{ age = \"p.age\", passphrase_file = \"passphrase\" }");
    let vote = desk.said(&VOTE);
    assert!(vote.starts_with("exit: 0\n"), "{vote}");
    vote
}

#[test]
#[ignore = "needs root: age of the distribution"]
fn age_opens_our_files_and_we_open_its_files() {
    let desk = Desk::new();
    let expected = vote_of_key(&desk);
    sh(&desk, "age-keygen -o one 2>/dev/null; age-keygen -o two 2>/dev/null");
    let recipients = ["one", "two"].map(|name| sh(&desk, &format!("age-keygen -y {name}")));
    let [one, two] = recipients.each_ref().map(|text| text.trim());
    let backup = [
        "keys",
        "backup",
        "--config",
        "sealed.toml",
        "--out",
        "b.age",
        "--recipient",
        one,
        "--recipient",
        two,
    ];
    assert!(desk.said(&backup).starts_with("exit: 0\n"));
    for identity in ["one", "two"] {
        let opened = sh(&desk, &format!("age --decrypt -i {identity} b.age"));
        assert_eq!(opened.trim(), &KEY[..64], "{identity}");
    }
    // Theirs, armored and not, with and without the ending 01 of compressed keys.
    for (name, command) in [
        ("t1.age", format!("printf %s {KEY} | age -r {one} -o t1.age")),
        ("t2.age", format!("echo {} | age -a -r {two} -r {one} -o t2.age", &KEY[..64])),
    ] {
        sh(&desk, &command);
        desk.configure(&format!("{{ age = \"{name}\", identity = \"one\" }}"));
        assert_eq!(desk.said(&VOTE), expected, "{name}");
    }
    sh(&desk, "age-keygen -o other 2>/dev/null");
    desk.configure("{ age = \"t1.age\", identity = \"other\" }");
    let refused = desk.said(&VOTE);
    assert!(refused.contains("none of the identities in other opens t1.age"), "{refused}");
    // Cut and changed files are told from wrong keys.
    let whole = fs::read(desk.path("t1.age")).unwrap();
    for spoilt in [whole[..whole.len() - 1].to_vec(), {
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        changed
    }] {
        fs::write(desk.path("t1.age"), spoilt).unwrap();
        desk.configure("{ age = \"t1.age\", identity = \"one\" }");
        let refused = desk.said(&VOTE);
        assert!(refused.contains("the age file t1.age is damaged"), "{refused}");
    }
}

#[test]
#[ignore = "needs root: age and script of the distribution"]
fn a_passphrase_is_typed_on_a_terminal_and_not_echoed() {
    let desk = Desk::new();
    let program = env!("CARGO_BIN_EXE_countersign");
    let typed = |command: &str, lines: &str| {
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--command",
                &format!("{program} {command}"),
                "/dev/null",
            ])
            .current_dir(desk.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script of the package bsdutils is installed");
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
    };
    let new = "keys new --to age:k.age --network mocknet";
    let (code, said) = typed(new, "a long enough one\nanother long one\n");
    assert!(code == Some(2) && said.contains("the two passphrases differ"), "{said}");
    assert!(!desk.path("k.age").exists());
    let (code, said) = typed(new, "a long enough one\na long enough one\n");
    assert!(code == Some(0) && said.contains("New passphrase of k.age"), "{said}");
    desk.configure("{ age = \"k.age\" }");
    let (code, said) = typed(&VOTE.join(" "), "a long enough one\n");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = typed(&VOTE.join(" "), "a wrong one of it\n");
    assert!(code == Some(11) && said.contains("the passphrase does not open k.age"), "{said}");
}

#[test]
#[ignore = "needs root: systemd-creds of the distribution"]
fn a_credential_that_systemd_encrypted_opens_the_key() {
    let desk = Desk::new();
    let expected = vote_of_key(&desk);
    // What systemd does for LoadCredentialEncrypted= before it starts the service.
    sh(&desk, "mkdir creds; printf %s 'correct horse battery staple' > plain");
    sh(
        &desk,
        "systemd-creds encrypt --with-key=host --name=signer-passphrase plain sealed.cred; rm plain",
    );
    let sealed = fs::read(desk.path("sealed.cred")).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("horse"));
    sh(&desk, "systemd-creds decrypt --name=signer-passphrase sealed.cred creds/signer-passphrase");
    desk.configure("{ age = \"p.age\", passphrase_credential = \"signer-passphrase\" }");
    let voted = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(VOTE)
        .current_dir(desk.path("."))
        .env("CREDENTIALS_DIRECTORY", desk.path("creds"))
        .output()
        .unwrap();
    assert_eq!(said(&voted), expected);
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_key_is_born_in_a_token_imported_into_it_and_signs_there() {
    let desk = Desk::new();
    let expected = vote_of_key(&desk);
    let conf = token_of(&desk);
    desk.write("pin", "87654321\n");
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    let to = format!("pkcs11:{module}");
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(args)
            .current_dir(desk.path("."))
            .env("SOFTHSM2_CONF", &conf)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        said(&output)
    };
    let place =
        |label| ["--to", &to, "--token", "signer", "--key-label", label, "--pin-file", "pin"];
    let network = ["--network", "mocknet"];
    let made = run(&[&["keys", "new"][..], &place("born"), &network].concat());
    assert!(made.starts_with("exit: 0\n"), "{made}");
    let import = [&["keys", "import", "--from", "hex"][..], &place("block"), &network].concat();
    assert!(run(&import).starts_with("exit: 0\n"));
    let again = run(&import);
    assert!(again.starts_with("exit: 11\n") && again.contains("nothing is overwritten"), "{again}");
    let key = |label: &str, pin: &str| {
        format!(
            "{{ pkcs11 = \"{module}\", token = \"signer\", key_label = \"{label}\", pin_file = \"{pin}\" }}"
        )
    };
    desk.configure(&key("block", "pin"));
    let vote = run(&VOTE);
    // The nonce is the token's, so that the signature is another one, and by the same key.
    let signature = vote.lines().last().unwrap();
    let verified = run(&[
        "verify-vote",
        "--public-key",
        crate::keys::PUBLIC,
        "--signature",
        signature,
        "--sip",
        "45",
        "--vote",
        "yes",
    ]);
    assert!(verified.starts_with("exit: 0\n"), "{vote} {verified}");
    assert_ne!(vote, expected);
    desk.write("wrong", "11112222\n");
    desk.configure(&key("block", "wrong"));
    let refused = run(&VOTE);
    assert!(refused.starts_with("exit: 11\n") && refused.contains("refuses the PIN"), "{refused}");
    let backup =
        ["keys", "backup", "--config", "sealed.toml", "--shares", "2/3", "--out", "shares"];
    let refused = run(&backup);
    assert!(refused.contains("a token does not give its key away"), "{refused}");
}

/// Makes a token that only those see who are told of its configuration, which this is.
fn token_of(desk: &Desk) -> PathBuf {
    sh(desk, "mkdir tokens; echo \"directories.tokendir = $PWD/tokens\" > softhsm2.conf");
    let init = "softhsm2-util --init-token --free --label signer --so-pin 12345678 --pin 87654321";
    sh(desk, &format!("SOFTHSM2_CONF=$PWD/softhsm2.conf {init}"));
    desk.path("softhsm2.conf")
}
