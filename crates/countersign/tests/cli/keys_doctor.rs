//! What `doctor key` says of a key.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::keys::{Desk, NEW};
use crate::support::KEY;

#[test]
fn the_doctor_finds_the_key_in_an_environment() {
    let desk = Desk::new();
    desk.place.write();
    let command = ["doctor", "key", "--config", "signer-config.toml", "--json"];
    let output = desk.place.command(&command).env("SIGNER_KEY", KEY).output().unwrap();
    assert_eq!(output.status.code(), Some(11));
    let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found =
        checks.as_array().unwrap().iter().find(|check| check["check"] == "environment").unwrap();
    assert_eq!(found["level"], "fail");
    let measured = found["measured"].as_str().unwrap();
    assert!(
        measured.contains("`SIGNER_KEY` of this process") && !measured.contains(&KEY[..8]),
        "{measured}"
    );
    assert!(
        desk.said(&["doctor", "key", "--config", "signer-config.toml"]).contains("\nwarn  mode")
    );
}

#[test]
fn the_doctor_looks_at_the_next_key_as_at_the_one_that_signs() {
    let desk = Desk::new();
    desk.configure("{ age = \"k.age\", passphrase_file = \"passphrase\" }");
    desk.born();
    let next = NEW.map(|word| if word == "age:k.age" { "age:next.age" } else { word });
    let made = desk.run(&next);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["public_key"].as_str().unwrap();
    let command = ["doctor", "key", "--config", "sealed.toml", "--json"];
    let alone = checks(&desk, &command);
    desk.configure(
        "{ age = \"k.age\", passphrase_file = \"passphrase\" }\n\
         next_key = { age = \"next.age\", passphrase_file = \"passphrase\" }",
    );
    let open = fs::Permissions::from_mode(0o666);
    fs::set_permissions(desk.path("next.age"), open).unwrap();
    let both = checks(&desk, &command);
    let (first, next) = both.split_at(alone.len());
    assert_eq!(first, alone);
    let measured = |check: &serde_json::Value| check["measured"].as_str().unwrap().to_owned();
    assert!(next.iter().all(|check| measured(check).starts_with("the next key: ")), "{next:#?}");
    let named = |name: &str| next.iter().filter(|check| check["check"] == name).collect::<Vec<_>>();
    assert!(measured(named("place")[0]).contains("next.age"), "{next:#?}");
    assert!(named("mode").iter().any(|check| check["level"] == "warn"), "{next:#?}");
    let remedy = named("backup")[0]["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!(" --public-key {key} --from ")), "{remedy}");
    // Once for both.
    assert!(named("swap").is_empty(), "{next:#?}");
}

/// What `doctor key` finds, whatever its exit code is.
fn checks(desk: &Desk, command: &[&str]) -> Vec<serde_json::Value> {
    serde_json::from_slice(&desk.place.command(command).output().unwrap().stdout).unwrap()
}
