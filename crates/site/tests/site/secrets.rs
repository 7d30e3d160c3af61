//! Secrets: drawn once, for their owner only, and never weak.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use countersign_site::{Secret, SecretError, Secrets, Site};
use tempfile::TempDir;

use crate::sample::{FULL, LEAST};

fn write(folder: &Path, name: &str, text: &str, mode: u32) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_needed_is_drawn_for_its_owner_only_and_differs_each_time() {
    let site = Site::parse(FULL).unwrap();
    let mut values = BTreeSet::new();
    for _ in 0..3 {
        let home = TempDir::new().unwrap();
        let folder = home.path().join("secrets");
        let drawn = Secrets::draw(&folder, &site).unwrap();
        assert_eq!(drawn.len(), Secret::ALL.len());
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        for path in drawn {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            let text = fs::read_to_string(&path).unwrap();
            // 256 bits in hex.
            assert_eq!(text.trim_end().len(), 64);
            assert!(values.insert(text));
        }
        Secrets::load(&folder, &site).unwrap();
    }
    assert_eq!(values.len(), 9);
}

#[test]
fn a_secret_that_is_there_is_never_drawn_again() {
    let home = TempDir::new().unwrap();
    let site = Site::parse(LEAST).unwrap();
    assert_eq!(Secrets::draw(home.path(), &site).unwrap().len(), 2);
    let before = fs::read(home.path().join("auth-token")).unwrap();
    // What an interrupted run leaves is in nobody's way.
    fs::write(home.path().join("auth-token.new"), "half").unwrap();
    fs::remove_file(home.path().join("bitcoin-rpc-password")).unwrap();
    fs::write(home.path().join("bitcoin-rpc-password.new"), "half").unwrap();
    assert_eq!(Secrets::draw(home.path(), &site).unwrap().len(), 1);
    assert_eq!(fs::read(home.path().join("auth-token")).unwrap(), before);
    assert_eq!(fs::read_to_string(home.path().join("bitcoin-rpc-password")).unwrap().len(), 65);
}

#[test]
fn values_of_samples_and_weak_values_are_refused() {
    let site = Site::parse(LEAST).unwrap();
    let home = TempDir::new().unwrap();
    Secrets::draw(home.path(), &site).unwrap();
    let repeated = "ab".repeat(32);
    for weak in [
        "12345",
        "1234",
        "change-me",
        "CHANGE-ME",
        "foundation",
        "",
        "short-but-random-8f3",
        &repeated,
    ] {
        write(home.path(), "auth-token", weak, 0o600);
        let refused = Secrets::load(home.path(), &site).unwrap_err();
        assert!(matches!(refused, SecretError::Weak { .. }), "{weak}: {refused}");
        assert!(weak.is_empty() || !refused.to_string().contains(weak), "{refused}");
    }
    for hostile in ["\"", "\n", "$(id)", "\\", " ", "'", ":", "@", "\u{e9}"] {
        let long = format!("0123456789abcdefghijklmnopqrstuvwxyz{hostile}0");
        write(home.path(), "auth-token", &long, 0o600);
        assert!(Secrets::load(home.path(), &site).is_err(), "{hostile:?}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let site = Site::parse(LEAST).unwrap();
    let home = TempDir::new().unwrap();
    Secrets::draw(home.path(), &site).unwrap();
    let path = home.path().join("auth-token");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Secrets::load(home.path(), &site).unwrap_err().to_string();
    assert!(refused.ends_with(&format!("run: chmod 600 {}", path.display())), "{refused}");
}

#[test]
fn of_a_file_that_is_too_long_no_part_is_a_secret() {
    let site = Site::parse(LEAST).unwrap();
    let home = TempDir::new().unwrap();
    Secrets::draw(home.path(), &site).unwrap();
    write(home.path(), "auth-token", &"0123456789abcdef".repeat(400), 0o600);
    let refused = Secrets::load(home.path(), &site).unwrap_err();
    assert!(matches!(refused, SecretError::Weak { .. }), "{refused}");
}

#[test]
fn what_is_no_file_is_no_secret_and_nobody_is_waited_for() {
    let site = Site::parse(LEAST).unwrap();
    let home = TempDir::new().unwrap();
    Secrets::draw(home.path(), &site).unwrap();
    let path = home.path().join("auth-token");
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let refused = Secrets::load(home.path(), &site).unwrap_err();
    assert!(matches!(refused, SecretError::File { .. }), "{refused}");
}

#[test]
fn a_missing_secret_is_named() {
    let home = TempDir::new().unwrap();
    let refused = Secrets::load(home.path(), &Site::parse(LEAST).unwrap()).unwrap_err();
    assert!(
        matches!(&refused, SecretError::Missing(path) if path.ends_with("auth-token")),
        "{refused}"
    );
}

#[test]
fn debug_output_shows_no_secret() {
    let site = Site::parse(LEAST).unwrap();
    let home = TempDir::new().unwrap();
    Secrets::draw(home.path(), &site).unwrap();
    let secrets = Secrets::load(home.path(), &site).unwrap();
    let files = countersign_site::files(&site, countersign_site::HostRole::Signer, &secrets);
    let token = fs::read_to_string(home.path().join("auth-token")).unwrap();
    let said = format!("{secrets:?} {files:?}");
    assert!(said.contains("AuthToken") && !said.contains(token.trim_end()), "{said}");
}
