//! `support-bundle`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::support::{Place, said};

const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const AGE: &str = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQS4F7Z2X";
const WIF: &str = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ";

/// A signer with a log of another program, in which somebody has left one secret of every kind.
fn planted() -> Place {
    let place = Place::good().with("metrics_endpoint", "metrics_endpoint = \"127.0.0.1:9\"");
    place.write();
    let key = place.key();
    let text = format!(
        "started with {key}\nwithout suffix {}\nmnemonic phrase {WORDS}\n{AGE}\nimport {WIF}\n\
         auth_token = \"tr0ub4dor\"\nhttp://node:hunter22@127.0.0.1:18443\nAuthorization: Bearer abc.def-123\n\
         -----BEGIN PRIVATE KEY-----\nMHcCAQEEIBKc0Gz6Y2nC\n-----END PRIVATE KEY-----\n\
         password is correct horse\nNov 27 18:00:00 host stacks-node[9]: Event dispatcher: connection or request failed\n",
        &key[..64]
    );
    fs::write(place.path().join("node.log"), text).unwrap();
    place
}

fn secrets(place: &Place) -> Vec<String> {
    let key = place.key();
    let fixed = [
        WORDS,
        &AGE[17..],
        WIF,
        "tr0ub4dor",
        "hunter22",
        "abc.def-123",
        "MHcCAQEEIBKc0Gz6Y2nC",
        "correct horse",
    ];
    let mut secrets = fixed.map(str::to_owned).to_vec();
    secrets.push(key[..64].to_owned());
    secrets
}

fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut tape = tar::Archive::new(GzDecoder::new(fs::File::open(path).unwrap()));
    for entry in tape.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name.strip_prefix("countersign-support/").unwrap().to_owned(), text);
    }
    files
}

const ARGS: [&str; 9] = [
    "support-bundle",
    "--config",
    "signer-config.toml",
    "--file",
    "node.log",
    "--unit",
    "no-such-unit",
    "--out",
    "bundle.tar.gz",
];

#[test]
fn a_bundle_holds_what_helps_and_no_planted_secret() {
    let place = planted();
    let output = place.command(&ARGS).output().unwrap();
    let text = said(&output);
    assert!(text.starts_with("exit: 0\n--- stdout\nwritten: bundle.tar.gz\n"), "{text}");
    let path = place.path().join("bundle.tar.gz");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let files = unpacked(&path);
    for secret in secrets(&place) {
        for (name, content) in &files {
            assert!(!content.contains(&secret), "{secret} is in {name}:\n{content}");
        }
        assert!(!text.contains(&secret), "{secret} is shown");
    }
    assert!(files["files/node.log"].contains("[redacted: mnemonic]"));
    assert!(files["config-outline.txt"].contains("auth_password is set, and not shown"));
    assert!(files["config-outline.txt"].contains("node_host = \"127.0.0.1:9\""));
    assert!(files["config-check.txt"].contains("Network: mocknet"));
    assert!(files["versions.txt"].starts_with("countersign: countersign "));
    assert!(files["host.txt"].contains("MiB free of"));
    let manifest: serde_json::Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    let missing: Vec<&str> = manifest["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    for name in ["status.json", "metrics.txt", "journal.txt", "decisions.txt"] {
        assert!(missing.contains(&name), "{missing:?}");
    }
    let log =
        manifest["files"].as_array().unwrap().iter().find(|file| file["name"] == "files/node.log");
    let taken = log.unwrap()["redacted"].as_object().unwrap();
    assert!(taken.len() >= 7, "{taken:?}");
}

#[test]
fn a_dry_run_shows_the_same_and_writes_nothing() {
    let place = planted();
    let before = place.files();
    let text = said(&place.command(&[&ARGS[..], &["--dry-run"]].concat()).output().unwrap());
    assert!(text.starts_with("exit: 0\n--- stdout\nit would hold:\n"), "{text}");
    assert!(text.contains("  files/node.log ") && text.contains("× mnemonic"), "{text}");
    assert!(text.contains("it could not get:\n") && text.contains("  status.json "), "{text}");
    let json = place.command(&[&ARGS[..], &["--dry-run", "--json"]].concat()).output().unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(manifest["what"], "countersign-support-bundle");
    assert_eq!(place.files(), before);
}

#[test]
fn nothing_is_written_over() {
    let place = planted();
    fs::write(place.path().join("bundle.tar.gz"), "mine").unwrap();
    let text = said(&place.command(&ARGS).output().unwrap());
    assert!(
        text.starts_with("exit: 2\n--- stderr\nerror: bundle.tar.gz is there already"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(place.path().join("bundle.tar.gz")).unwrap(), "mine");
}

/// The configuration may be what help is needed with.
#[test]
fn a_configuration_that_is_broken_is_bundled_without_what_it_holds() {
    let place = planted();
    let config = place.path().join("signer-config.toml");
    let good = fs::read_to_string(&config).unwrap();
    for bad in [
        good.replace("network", "netwrok"),
        format!("{good}\nbroken ="),
        good.replace("\"correct", "correct"),
    ] {
        fs::write(&config, &bad).unwrap();
        let _ = fs::remove_file(place.path().join("bundle.tar.gz"));
        let text = said(&place.command(&ARGS).output().unwrap());
        assert!(text.starts_with("exit: 0\n"), "{text}");
        let files = unpacked(&place.path().join("bundle.tar.gz"));
        assert!(files["config-check.txt"].starts_with("it is not good: "), "{files:?}");
        let all: String = files.into_values().collect();
        assert!(!all.contains(&place.key()[..64]), "{all}");
    }
    let text =
        said(&place.command(&["support-bundle", "--config", "missing.toml"]).output().unwrap());
    assert!(
        text.starts_with("exit: 2\n--- stderr\nerror: the configuration file missing.toml"),
        "{text}"
    );
}
