//! The units that `countersign render` makes, judged by systemd's own tools. They need the package `systemd`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use countersign_ops::exit::TABLE;
use countersign_site::{HostRole, Rendered, Secrets, Site, files};
use system_tests::daemons::countersign;
use tempfile::TempDir;

const SERVICES: [&str; 2] = ["countersign.service", "countersign-vault.service"];
const SOCKETS: [&str; 2] = ["countersign.socket", "countersign-vault.socket"];

/// Every file of a signer with a vault.
fn rendered() -> Vec<Rendered> {
    let site = "network = \"mainnet\"\nprofile = \"pool\"\n[hosts.signer]\nname = \"signer-1\"\n";
    let site = Site::parse(site).unwrap();
    let folder = TempDir::new().unwrap();
    Secrets::draw(folder.path(), &site).unwrap();
    files(&site, HostRole::Signer, &Secrets::load(folder.path(), &site).unwrap())
}

fn file(end: &str) -> String {
    let files = rendered();
    let found = files.iter().find(|file| file.path.as_path().ends_with(end)).unwrap();
    found.contents.to_string()
}

fn unit(name: &str) -> String {
    file(&format!("systemd/system/{name}"))
}

/// A rendered file in a folder, for a tool that reads it there.
fn copy(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The values that a unit gives to a key, in its order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let values = values(unit, key);
    assert_eq!(values.len(), 1, "{key}: {values:?}");
    values.first().unwrap()
}

fn systemd(tool: &str, args: &[&str], paths: &[PathBuf]) -> Output {
    Command::new(tool)
        .args(args)
        .args(paths)
        .output()
        .unwrap_or_else(|error| panic!("{tool} cannot be run ({error}): install systemd"))
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The codes after which somebody must look.
fn final_codes() -> Vec<String> {
    let rows = TABLE.iter().filter(|row| row.exit.needs_a_human());
    rows.map(|row| row.exit.code().to_string()).collect()
}

#[test]
fn systemd_finds_nothing_to_say_about_the_units() {
    let copies = TempDir::new().unwrap();
    let program = countersign().to_str().unwrap();
    let rewritten =
        |name: &str| copy(&copies, name, &unit(name).replace("/usr/bin/countersign", program));
    let paths: Vec<PathBuf> = SERVICES.into_iter().chain(SOCKETS).map(rewritten).collect();
    let verified = systemd("systemd-analyze", &["verify", "--man=no"], &paths);
    assert!(verified.status.success(), "{}", said(&verified));
    assert_eq!(said(&verified), "");

    // The tool does see what is wrong.
    let spoilt = copies.path().join("spoilt.service");
    let text = unit("countersign.service").replace("Restart=always", "Restart=sometimes");
    fs::write(&spoilt, text.replace("/usr/bin/countersign", program)).unwrap();
    let verified = systemd("systemd-analyze", &["verify", "--man=no"], &[spoilt]);
    assert!(said(&verified).contains("sometimes"), "{}", said(&verified));
}

#[test]
fn the_services_are_exposed_to_little() {
    let copies = TempDir::new().unwrap();
    for name in SERVICES {
        // The threshold is in tenths.
        let args = ["security", "--offline=yes", "--no-pager", "--threshold=15"];
        let judged = systemd("systemd-analyze", &args, &[copy(&copies, name, &unit(name))]);
        assert!(judged.status.success(), "{name}: {}", said(&judged));
        assert!(said(&judged).contains("Overall exposure level"), "{}", said(&judged));
    }
}

#[test]
fn a_service_stays_down_after_the_codes_that_need_a_human_and_after_no_other() {
    for name in SERVICES {
        let unit = unit(name);
        let codes: Vec<&str> = value(&unit, "RestartPreventExitStatus").split(' ').collect();
        assert_eq!(codes, final_codes(), "{name}");
        assert_eq!(value(&unit, "Restart"), "always", "{name}");
        assert_eq!(value(&unit, "StartLimitIntervalSec"), "0", "{name}");
    }
}

/// A callback on the socket would start the service again, whatever its last code was.
#[test]
fn the_socket_is_closed_after_the_codes_that_need_a_human_and_after_no_other() {
    let bin = TempDir::new().unwrap();
    let systemctl = bin.path().join("systemctl");
    fs::write(&systemctl, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    for (service, socket) in SERVICES.into_iter().zip(SOCKETS) {
        let unit = unit(service);
        let line = value(&unit, "ExecStopPost");
        let script = line.strip_prefix("+/bin/sh -c '").unwrap().strip_suffix('\'').unwrap();
        let script = script.replace("$$", "$");
        let statuses = TABLE.map(|row| row.exit.code().to_string()).into_iter();
        for status in statuses.chain(["KILL".to_owned(), "ABRT".to_owned()]) {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &script]).env("PATH", &path).env("EXIT_STATUS", &status);
            let output = shell.output().unwrap();
            assert!(output.status.success(), "{status}: {}", said(&output));
            let is_final = final_codes().contains(&status);
            let expected = format!("--no-block stop {socket}\n");
            let expected = if is_final { expected.as_str() } else { "" };
            assert_eq!(said(&output), expected, "{service}, {status}");
        }
    }
}

#[test]
fn the_sockets_have_the_names_and_places_that_the_programs_look_for() {
    let endpoint = unit("countersign.socket");
    assert_eq!(value(&endpoint, "FileDescriptorName"), "endpoint");
    let config = include_str!("../../docs/config.md");
    let address = value(&endpoint, "ListenStream");
    assert!(config.contains(&format!("endpoint = \"{address}\"")), "{address}");
    let vault = unit("countersign-vault.socket");
    assert_eq!(value(&vault, "ListenStream"), "/run/countersign/vault.sock");
    assert_eq!(value(&vault, "SocketMode"), "0660");
}

#[test]
fn the_vault_has_no_network() {
    let vault = unit("countersign-vault.service");
    assert_eq!(value(&vault, "PrivateNetwork"), "yes");
    assert_eq!(value(&vault, "RestrictAddressFamilies"), "AF_UNIX");
    assert_eq!(value(&vault, "IPAddressDeny"), "any");
    assert_eq!(value(&vault, "LimitMEMLOCK"), "infinity");
    assert_eq!(value(&vault, "LimitCORE"), "0");
    assert_ne!(value(&vault, "User"), value(&unit("countersign.service"), "User"));
}

#[test]
fn systemd_makes_the_users_that_the_services_run_as() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let flag = format!("--root={}", root.path().display());
    let users = copy(&root, "users.conf", &file("sysusers.d/countersign.conf"));
    let made = systemd("systemd-sysusers", &[flag.as_str()], &[users]);
    assert!(made.status.success(), "{}", said(&made));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    for name in SERVICES {
        let unit = unit(name);
        let user = value(&unit, "User");
        let line = users.lines().find(|line| line.starts_with(&format!("{user}:"))).unwrap();
        assert!(line.ends_with("nologin"), "{line}");
        let home = format!(":/var/lib/{}:", value(&unit, "StateDirectory"));
        assert!(line.contains(&home), "{line}");
    }
}
