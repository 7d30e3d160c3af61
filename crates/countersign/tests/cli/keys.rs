//! The verbs of keys, without anybody who could be asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::start::{terminate, wait_until_spawned};
use crate::support::{KEY, Place, countersign, said};

/// Two identities that guard nothing but the files of these tests.
const IDENTITY: &str = "AGE-SECRET-KEY-1EH6G4NV7J9HK09NTM0RC7RKCU999HWMDZYJ2N6TYEJZ3EX8FDXKQS3PN0Q";
pub(crate) const RECIPIENT: &str = "age1juksa2khjyd3r2dxj8cjnqqxckqvjw3qq56l88u0nwwwzgczcu5sjrquah";
const PASSPHRASE: &str = "correct horse battery staple";
/// The public key of [`KEY`].
pub(crate) const PUBLIC: &str =
    "02db3ee269c096bb07fad458f7b1cfada089a72dba6404c2d1a516efd59f2699e5";

/// A folder with a passphrase and an identity, and the program run in it.
pub(crate) struct Desk {
    pub(crate) place: Place,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let place = Place::good();
        let desk = Self { place };
        desk.write("passphrase", PASSPHRASE);
        desk.write("identity", IDENTITY);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes a configuration whose key is kept elsewhere.
    pub(crate) fn configure(&self, key: &str) {
        let text = format!(
            "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nnetwork = \"mocknet\"\n\
             auth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n[countersign]\nkey = {key}\n"
        );
        self.write("sealed.toml", &text);
    }

    /// Runs the program without a terminal.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.place.command(args).stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn said(&self, args: &[&str]) -> String {
        said(&self.run(args))
    }

    pub(crate) fn done(&self, args: &[&str]) -> String {
        let said = self.said(args);
        assert!(said.starts_with("exit: 0\n"), "{args:?}: {said}");
        said
    }

    /// Makes a key that is sealed with the passphrase, and gives its public key.
    pub(crate) fn born(&self) -> String {
        let made = self.run(&NEW);
        assert!(made.status.success(), "{}", said(&made));
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        self.configure("{ age = \"k.age\", passphrase_file = \"passphrase\" }");
        made["public_key"].as_str().unwrap().to_owned()
    }
}

pub(crate) const NEW: [&str; 9] = [
    "keys",
    "new",
    "--to",
    "age:k.age",
    "--passphrase-file",
    "passphrase",
    "--network",
    "mocknet",
    "--json",
];

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let desk = Desk::new();
    let said = desk.said(&[
        "keys",
        "import",
        "--from",
        "no.json",
        "--to",
        "age:new.age",
        "--recipient",
        RECIPIENT,
    ]);
    insta::assert_snapshot!(said, @r"
    exit: 2
    --- stderr
    error: the key cannot be read from no.json
      caused by: No such file or directory (os error 2)
    ");
    assert!(!desk.path("new.age").exists());
}

#[test]
fn a_new_key_is_sealed_and_shown_by_its_public_half() {
    let desk = Desk::new();
    let public_key = desk.born();
    let shown = desk.done(&["check-config", "--config", "sealed.toml"]);
    assert!(shown.contains(&format!("Public key: {public_key}\nKey: age file k.age")), "{shown}");
    for name in ["k.age", "k.age.pub"] {
        let mode = fs::metadata(desk.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let desk = Desk::new();
    desk.born();
    let before = fs::read(desk.path("k.age")).unwrap();
    let said = desk.said(&NEW);
    assert!(said.starts_with("exit: 11\n") && said.contains("k.age is there already"), "{said}");
    fs::remove_file(desk.path("k.age.pub")).unwrap();
    assert!(desk.said(&NEW).starts_with("exit: 11\n"));
    assert_eq!(fs::read(desk.path("k.age")).unwrap(), before);
}

#[test]
fn no_file_holds_the_key_in_any_form_after_it_was_sealed() {
    let desk = Desk::new();
    desk.write("hex", KEY);
    let import = ["keys", "import", "--from", "hex", "--to", "age:k.age", "--recipient", RECIPIENT];
    let said = desk.done(&import);
    assert!(
        said.contains(&format!("Public key: {PUBLIC}")) && said.contains("shred -u 'hex'"),
        "{said}"
    );
    fs::remove_file(desk.path("hex")).unwrap();
    let digits = &KEY[..64];
    let bytes = hex::decode(digits).unwrap();
    let forms: [Vec<u8>; 4] = [
        digits.as_bytes().to_vec(),
        digits.to_ascii_uppercase().into_bytes(),
        bytes[..16].to_vec(),
        bytes[16..].to_vec(),
    ];
    for path in files(desk.place.path()) {
        let content = fs::read(&path).unwrap();
        for form in &forms {
            let is_there = content.windows(form.len()).any(|window| window == form.as_slice());
            assert!(!is_there, "{}", path.display());
        }
    }
    assert!(!said.contains(digits), "{said}");
}

#[test]
fn a_key_of_the_old_configuration_moves_into_a_sealed_file() {
    let desk = Desk::new();
    desk.place.write();
    desk.done(&[
        "keys",
        "import",
        "--from-config",
        "signer-config.toml",
        "--to",
        "age:k.age",
        "--passphrase-file",
        "passphrase",
    ]);
    desk.configure("{ age = \"k.age\", passphrase_file = \"passphrase\" }");
    let vote =
        |config| desk.done(&["generate-vote", "--config", config, "--sip", "45", "--vote", "yes"]);
    assert_eq!(vote("signer-config.toml"), vote("sealed.toml"));
}

#[test]
fn a_signer_runs_with_a_sealed_key_and_its_log_tells_no_secret() {
    let desk = Desk::new();
    let public_key = desk.born();
    let mut child = desk
        .place
        .command(&["run", "--config", "sealed.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = wait_until_spawned(&mut child);
    terminate(&child, "-TERM");
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(line.starts_with("Signer spawned successfully"), "{line}{log}");
    assert!(log.contains(&public_key) && !log.contains(PASSPHRASE), "{log}");
}

#[test]
fn what_does_not_open_a_key_is_named_with_its_remedy() {
    let desk = Desk::new();
    desk.born();
    desk.write("wrong", "not the right passphrase");
    desk.write(
        "other",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    );
    desk.done(
        &["keys", "import", "--from", "hex", "--to", "age:r.age", "--recipient", RECIPIENT].map(
            |arg| {
                if arg == "hex" {
                    desk.write("hex", KEY);
                    arg
                } else {
                    arg
                }
            },
        ),
    );
    desk.write("noise", "no age file");
    let cases = [
        ("{ age = \"k.age\", passphrase_file = \"wrong\" }", "the passphrase does not open k.age"),
        (
            "{ age = \"k.age\", identity = \"identity\" }",
            "k.age is sealed with a passphrase; name it",
        ),
        (
            "{ age = \"r.age\", passphrase_file = \"passphrase\" }",
            "r.age is sealed to recipients; name",
        ),
        ("{ age = \"r.age\", identity = \"noise\" }", "noise holds no age identity"),
        (
            "{ age = \"noise\", passphrase_file = \"passphrase\" }",
            "noise is not an age file; make one",
        ),
        ("{ age = \"gone\" }", "the key file gone cannot be read"),
        ("{ age = \"k.age\" }", "must be typed, and there is no terminal"),
        ("{ credential = \"signer-key\" }", "there is no credential `signer-key`"),
    ];
    for (key, says) in cases {
        desk.configure(key);
        let output = desk
            .place
            .command(&["generate-vote", "--config", "sealed.toml", "--sip", "1", "--vote", "no"])
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // Where the tests have a terminal, it could be asked.
        if key == "{ age = \"k.age\" }" && fs::File::open("/dev/tty").is_ok() {
            continue;
        }
        let said = said(&output);
        assert!(said.starts_with("exit: 11\n") && said.contains(says), "{key}: {said}");
    }
}

#[test]
fn a_key_file_that_was_swapped_is_refused() {
    let desk = Desk::new();
    desk.born();
    fs::rename(desk.path("k.age"), desk.path("first.age")).unwrap();
    fs::rename(desk.path("k.age.pub"), desk.path("first.pub")).unwrap();
    desk.born();
    fs::rename(desk.path("first.age"), desk.path("k.age")).unwrap();
    let said =
        desk.said(&["generate-vote", "--config", "sealed.toml", "--sip", "1", "--vote", "no"]);
    assert!(said.starts_with("exit: 11\n") && said.contains("but k.age.pub names"), "{said}");
}

#[test]
fn a_credential_of_systemd_opens_the_key() {
    let desk = Desk::new();
    desk.configure("{ credential = \"signer-key\" }");
    fs::create_dir(desk.path("credentials")).unwrap();
    desk.write("credentials/signer-key", KEY);
    let said = said(
        &desk
            .place
            .command(&["generate-vote", "--config", "sealed.toml", "--sip", "45", "--vote", "yes"])
            .env("CREDENTIALS_DIRECTORY", desk.path("credentials"))
            .output()
            .unwrap(),
    );
    desk.place.write();
    let plain = desk.done(&[
        "generate-vote",
        "--config",
        "signer-config.toml",
        "--sip",
        "45",
        "--vote",
        "yes",
    ]);
    assert_eq!(said, plain);
}

#[test]
fn nothing_secret_can_be_an_argument() {
    for verb in ["new", "import", "backup", "restore"] {
        let help = said(&countersign(&["keys", verb, "--help"]).output().unwrap());
        assert!(help.contains("  countersign keys "), "{help}");
        for word in ["<PASSPHRASE>", "<PIN>", "<KEY>", "<IDENTITY>", "--passphrase <"] {
            assert!(!help.contains(word), "{word}: {help}");
        }
    }
}

#[test]
fn a_weak_passphrase_and_an_identity_in_the_place_of_a_recipient_are_refused() {
    let desk = Desk::new();
    desk.write("weak", "short");
    for (args, says) in [
        (["--passphrase-file", "weak"], "the passphrase is too short; take at least 12 characters"),
        (["--recipient", IDENTITY], "that is an identity, which is secret"),
        (["--recipient", "age1nobody"], "`age1nobody` is not an age recipient"),
    ] {
        let new =
            [&["keys", "new", "--to", "age:k.age", "--network", "mocknet"], &args[..]].concat();
        let said = desk.said(&new);
        assert!(said.starts_with("exit: 2\n") && said.contains(says), "{said}");
        assert!(!desk.path("k.age").exists());
    }
}

#[test]
fn a_keychain_whose_address_is_of_another_key_is_refused() {
    let desk = Desk::new();
    desk.write("keychain.json", &format!(
        r#"{{"mnemonic":"m","keyInfo":{{"privateKey":"{KEY}","address":"SP000000000000000000002Q6VF78"}}}}"#
    ));
    let said = desk.said(&[
        "keys",
        "import",
        "--from",
        "keychain.json",
        "--to",
        "age:k.age",
        "--recipient",
        RECIPIENT,
    ]);
    assert!(
        said.starts_with("exit: 11\n") && said.contains("one of the two is not yours"),
        "{said}"
    );
    assert!(!said.contains(&KEY[..16]) && !desk.path("k.age").exists(), "{said}");
}

#[test]
fn the_journal_of_a_new_key_begins_with_it_and_is_named_after_it() {
    let desk = Desk::new();
    desk.configure("{ age = \"k.age\", passphrase_file = \"passphrase\" }");
    let made = desk.run(&[&NEW[..], &["--config", "sealed.toml"]].concat());
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["public_key"].as_str().unwrap();
    let journal = format!("signer.countersign-journal-{key}.sqlite");
    assert_eq!(made["journal"], journal);
    // Found by whoever looks for the journal of this key, and nothing is waited for.
    let status = desk.done(&["journal", "status", "--config", "sealed.toml"]);
    for line in
        [&format!("journal:    {journal}"), &format!("key:        {key}"), "wait:       none"]
    {
        assert!(status.contains(line), "{line} is not in {status}");
    }
    desk.done(&["journal", "verify", "--quiet", "--config", "sealed.toml"]);
    // The key that is to take its place finds its own, too.
    let next = NEW.map(|word| if word == "age:k.age" { "age:next.age" } else { word });
    let made = desk.run(&[&next[..], &["--config", "sealed.toml"]].concat());
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    desk.configure(
        "{ age = \"k.age\", passphrase_file = \"passphrase\" }\n\
         next_key = { age = \"next.age\", passphrase_file = \"passphrase\" }",
    );
    let status = desk.done(&["journal", "status", "--next", "--config", "sealed.toml"]);
    assert!(status.contains(made["journal"].as_str().unwrap()), "{status}");
}

#[test]
fn a_new_key_is_not_made_where_its_journal_cannot_begin() {
    let desk = Desk::new();
    desk.configure("{ age = \"k.age\", passphrase_file = \"passphrase\" }");
    let memory = fs::read_to_string(desk.path("sealed.toml")).unwrap();
    desk.write("memory.toml", &memory.replace("signer.sqlite", ":memory:"));
    desk.write("taken.sqlite", "");
    for (more, code, says) in [
        (["--journal", "taken.sqlite"], 4, "taken.sqlite already"),
        (["--journal", "lost/journal.sqlite"], 2, "no folder for the signing journal"),
        (["--config", "memory.toml"], 2, "no journal to begin"),
    ] {
        let said = desk.said(&[&NEW[..], &more].concat());
        assert!(said.starts_with(&format!("exit: {code}\n")) && said.contains(says), "{said}");
        assert!(!desk.path("k.age").exists(), "{more:?}");
    }
    let both = ["--config", "sealed.toml", "--journal", "journal.sqlite"];
    assert!(desk.said(&[&NEW[..], &both].concat()).starts_with("exit: 2\n"));
}

#[test]
fn a_new_key_whose_journal_could_not_be_written_is_shown_and_says_what_that_costs() {
    let desk = Desk::new();
    // Nobody makes files there.
    let said = desk.said(&[&NEW[..], &["--journal", "/proc/journal.sqlite"]].concat());
    assert!(said.starts_with("exit: 3\n") && said.contains("\"public_key\""), "{said}");
    assert!(said.contains("was made, but") && said.contains("start once with `--init`"), "{said}");
    assert!(desk.path("k.age").exists() && desk.path("k.age.pub").exists());
}
