//! The file.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use countersign_logs::bundle::{Bundle, BundleError, Cut, Limits, Manifest};
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::*;

const AT: u64 = 1_700_000_000_000;

fn bundle() -> Bundle {
    let mut bundle =
        Bundle::new(redactor(&[("auth_password", "correct horse")]), Limits::default());
    bundle.add("versions.txt", "versions", b"countersign 0.1.0\n");
    bundle.add("logs/countersign.service.txt", "its last lines", b"with correct horse\n");
    bundle.take("doctor.json", "checks", Err("it said correct horse".to_owned()));
    bundle
}

fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut tape = tar::Archive::new(GzDecoder::new(fs::File::open(path).unwrap()));
    for entry in tape.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name.strip_prefix("countersign-support/").unwrap().to_owned(), text);
    }
    files
}

#[test]
fn the_manifest_lists_each_file_with_its_hash_and_what_could_not_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    bundle().write(&path, "countersign 0.1.0", AT).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let files = unpacked(&path);
    let manifest: Manifest = serde_json::from_str(&files["manifest.json"]).unwrap();
    let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["logs/countersign.service.txt", "versions.txt"]);
    for file in &manifest.files {
        let text = &files[&file.name];
        assert_eq!(file.bytes, text.len() as u64);
        assert_eq!(file.sha256, hex::encode(Sha256::digest(text)));
    }
    assert_eq!(files["logs/countersign.service.txt"], "with [redacted: configured secret]\n");
    assert_eq!(manifest.files[0].redacted["configured secret"], 1);
    assert_eq!(manifest.missing[0].name, "doctor.json");
    assert_eq!(manifest.missing[0].why, "it said [redacted: configured secret]");
    assert_eq!(manifest.made_at, "2023-11-14 22:13:20.000 UTC");
    assert_eq!(files.len(), 3);
    assert!(files.values().all(|text| !text.contains("horse")));
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        bundle().write(&path, "countersign 0.1.0", AT).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(bytes("one"), bytes("other"));
}

#[test]
fn nothing_is_written_over_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    fs::write(&path, "mine").unwrap();
    let error = bundle().write(&path, "x", AT).unwrap_err();
    assert!(matches!(error, BundleError::Exists(_)), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let error = bundle().write(&folder.path().join("missing/bundle"), "x", AT).unwrap_err();
    assert!(matches!(error, BundleError::Unwritable { .. }), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_too_long_loses_its_beginning_and_says_so() {
    let limits = Limits { file_bytes: 100, total_bytes: 150 };
    let mut bundle = Bundle::new(redactor(&[]), limits);
    let lines = (0..50).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
    bundle.add("a", "first", lines.as_bytes());
    bundle.add("b", "second", lines.as_bytes());
    bundle.add("c", "third", lines.as_bytes());
    let manifest = bundle.manifest("x", AT);
    let bytes: Vec<u64> = manifest.files.iter().map(|file| file.bytes).collect();
    assert!(bytes[0] <= 100 && bytes[0] > 80, "{bytes:?}");
    assert!(bytes.iter().sum::<u64>() <= 150, "{bytes:?}");
    let Some(Cut::Beginning(cut)) = manifest.files[0].cut else { panic!("{manifest:?}") };
    assert_eq!(cut + bytes[0], lines.len() as u64);
}
