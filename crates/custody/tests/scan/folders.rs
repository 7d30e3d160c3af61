use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use countersign_custody::scan::{Remedy, Target, scan};

use crate::support::{MNEMONIC, PRIVATE, PUBLIC, Place, noise, scan_paths};

#[test]
fn a_key_in_a_file_is_found_with_its_line_and_form() {
    let place = Place::new();
    place.write(
        "a/b/signer-config.toml",
        format!("x = 1\n\nstacks_private_key = \"{PRIVATE}01\"\n"),
    );
    place.write("a/b/other.toml", "x = 1\n");
    assert_eq!(place.found(), "a/b/signer-config.toml, line 3: hex");
    let finding = &place.scan().findings[0];
    assert_eq!(finding.remedy, Remedy::Destroy);
    assert_eq!(finding.public_key.to_string(), PUBLIC);
}

#[test]
fn a_mnemonic_in_a_readme_is_found() {
    let place = Place::new();
    place.write(
        "README.md",
        format!("# Notes\n\n> {}\n", MNEMONIC.replacen(" unit", "\n> unit", 1)),
    );
    assert_eq!(place.found(), "README.md, line 3: mnemonic (m/44'/5757'/0'/0/0)");
}

#[test]
fn what_is_in_two_files_is_found_in_both() {
    let place = Place::new();
    for name in ["a", "b"] {
        place.write(name, format!("{MNEMONIC}\n{PRIVATE}\n"));
    }
    let report = place.scan();
    let shown: Vec<String> = report.findings.iter().map(|f| place.shown(f)).collect();
    let mnemonic = "mnemonic (m/44'/5757'/0'/0/0)";
    assert_eq!(
        shown,
        [
            format!("a, line 1: {mnemonic}"),
            "a, line 2: hex".to_owned(),
            format!("b, line 1: {mnemonic}"),
            "b, line 2: hex".to_owned(),
        ]
    );
}

#[test]
fn the_output_of_make_keychain_is_two_findings_on_its_line() {
    let place = Place::new();
    let json = format!(
        r#"{{"mnemonic":"{MNEMONIC}","keyInfo":{{"privateKey":"{PRIVATE}01","address":"…","index":0}}}}"#
    );
    place.write("keychain.json", json);
    let report = place.scan();
    let forms: Vec<String> = report.findings.iter().map(|f| f.forms[0].to_string()).collect();
    assert_eq!(forms, ["mnemonic (m/44'/5757'/0'/0/0)", "hex"]);
}

#[test]
fn a_key_at_any_place_of_a_large_file_is_found_once() {
    // Windows are of a MiB and share 16 KiB: around their ends, at their ends, far from them.
    for place_of_key in [0, 5000, 1_032_100, 1_032_192, 1_032_193, 1_048_500, 1_048_576, 2_500_000]
    {
        let place = Place::new();
        let mut text = "lorem ipsum dolor sit amet,\n".repeat(100_000).into_bytes();
        let key = format!("\n{PRIVATE}\n");
        text[place_of_key..place_of_key + key.len()].copy_from_slice(key.as_bytes());
        place.write("large.log", &text);
        let report = place.scan();
        assert_eq!(report.findings.len(), 1, "at {place_of_key}");
        assert_eq!(report.findings[0].offset, place_of_key as u64 + 1);
        let line = text[..=place_of_key].split(|byte| *byte == b'\n').count();
        assert_eq!(report.findings[0].line, Some(line as u64), "at {place_of_key}");
    }
}

#[test]
fn keys_that_two_windows_share_are_found_once_each() {
    let place = Place::new();
    let filler = "lorem ipsum dolor sit amet,\n".repeat(37_000);
    let text = format!("{filler}{PRIVATE}\n{MNEMONIC}\n{filler}");
    assert!((1_032_192..1_048_576).contains(&filler.len()), "between the windows");
    place.write("large.log", &text);
    assert_eq!(place.scan().findings.len(), 2);
}

#[test]
fn a_key_between_arbitrary_bytes_has_its_offset() {
    let place = Place::new();
    let bytes =
        [noise(1, 3_000_000), format!("\0{PRIVATE}\0").into_bytes(), noise(2, 100_000)].concat();
    place.write("core", bytes);
    assert_eq!(place.found(), "core, byte 3000001: hex");
}

#[test]
fn links_are_not_followed_and_nothing_is_waited_for() {
    let outside = Place::new();
    outside.write("key", PRIVATE);
    let place = Place::new();
    place.write("folder/empty", "");
    symlink(outside.path(), place.path().join("folder/link")).unwrap();
    symlink(outside.path().join("key"), place.path().join("key")).unwrap();
    symlink("loop", place.path().join("loop")).unwrap();
    let _socket = UnixListener::bind(place.path().join("socket")).unwrap();
    let made = Command::new("mkfifo").arg(place.path().join("fifo")).status().unwrap();
    assert!(made.success());
    let report = place.scan();
    assert!(report.findings.is_empty() && report.is_complete(), "{report:?}");
    assert_eq!(report.totals.files, 1);
}

#[test]
fn a_link_that_was_asked_for_is_followed() {
    let place = Place::new();
    place.write("real/key", PRIVATE);
    symlink("real", place.path().join("link")).unwrap();
    let report = scan_paths(&[place.path().join("link")]);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn what_is_missing_is_told_and_the_rest_is_searched() {
    let place = Place::new();
    place.write("key", PRIVATE);
    let report = scan_paths(&[place.path().join("missing"), place.path()]);
    assert_eq!(place.only(&report), "key, line 1: hex");
    assert!(report.unread[0].to_string().contains("missing: No such file"), "{:?}", report.unread);
    assert!(!report.is_complete());
}

#[test]
fn a_file_that_may_not_be_read_is_told_and_ends_nothing() {
    let place = Place::new();
    let secret = place.write("a/secret", PRIVATE);
    place.write("b/key", PRIVATE);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Root reads everything: the search runs as nobody, in a process of its own.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "folders::body_of_a_search_as_nobody", "--ignored", "--nocapture"])
        .env("SCANNED", place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
#[ignore = "the body of a process that a test starts"]
fn body_of_a_search_as_nobody() {
    let Some(path) = std::env::var_os("SCANNED") else { return };
    let nobody = 65534;
    if rustix::process::getuid().is_root() {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(nobody)).unwrap();
    }
    let report = scan_paths(&[path.into()]);
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(report.unread.len(), 1, "{report:?}");
    assert!(report.unread[0].to_string().ends_with("a/secret: Permission denied (os error 13)"));
}

#[test]
fn the_file_that_is_meant_to_hold_the_key_can_be_left_out() {
    let place = Place::new();
    let config = place.write("signer-config.toml", PRIVATE);
    place.write("copy.toml", PRIVATE);
    fs::hard_link(&config, place.path().join("same-file.toml")).unwrap();
    let targets = [PUBLIC.parse::<Target>().unwrap()];
    let report = scan(&[place.path()], &[config], &targets, &mut |_| {});
    assert_eq!(place.only(&report), "copy.toml, line 1: hex");
}

#[test]
fn a_name_that_is_a_key_is_found_and_not_printed() {
    let place = Place::new();
    place.write(&format!("{PRIVATE}/{PRIVATE}.bak"), format!("again: {PRIVATE}"));
    let report = place.scan();
    let shown: Vec<String> = report.findings.iter().map(|f| place.shown(f)).collect();
    let name = "<a name that holds the key>";
    assert_eq!(
        shown,
        [
            format!("{name} » (its name), byte 0: hex"),
            format!("{name}/{name} » (its name), byte 0: hex"),
            format!("{name}/{name}, line 1: hex"),
        ]
    );
}

#[test]
fn control_characters_of_names_are_not_printed() {
    let place = Place::new();
    place.write("a\u{1b}[2Jb\u{202e}c", PRIVATE);
    assert_eq!(place.found(), "a\\u{1b}[2Jb\\u{202e}c, line 1: hex");
}

#[test]
fn thousands_of_hashes_and_other_keys_are_nothing() {
    let place = Place::new();
    for file in 0..20 {
        let lines: Vec<String> = noise(file, 32 * 500).chunks(32).map(hex::encode).collect();
        place.write(&format!("hashes-{file}.txt"), lines.join("\n"));
        place.write(&format!("noise-{file}.bin"), noise(file + 100, 100_000));
    }
    let report = place.scan();
    assert!(report.findings.is_empty() && report.is_complete(), "{report:?}");
    assert!(report.totals.candidates >= 10_000, "{:?}", report.totals);
}

#[test]
fn progress_is_told_on_the_way() {
    let place = Place::new();
    place.write("large", vec![b'x'; 20 << 20]);
    let targets = [PUBLIC.parse::<Target>().unwrap()];
    let mut told = Vec::new();
    scan(&[place.path()], &[], &targets, &mut |totals| told.push(totals.bytes));
    assert!(told.len() >= 4 && told.is_sorted(), "{told:?}");
}
