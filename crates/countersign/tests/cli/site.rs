//! `init` and `render`: one description, and every file of a host.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use countersign_ops::exit::Exit;
use tempfile::TempDir;

use crate::support::said;

/// A folder with a description, and one that stands for the host.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With the answers that `init` takes when nobody is asked.
    fn described(more: &[&str]) -> Self {
        let desk = Self::empty();
        let made = desk.init(more);
        assert!(made.status.success(), "{}", said(&made));
        desk
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        program.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        program.output().unwrap()
    }

    fn init(&self, more: &[&str]) -> Output {
        self.run(&[&["init", "--dir", "site", "--signer-name", "signer-1"], more].concat())
    }

    fn render(&self, more: &[&str]) -> Output {
        self.run(&[&["render", "--config", "site/countersign.toml"], more].concat())
    }

    /// On the folder that stands for the host.
    fn on_host(&self, more: &[&str]) -> Output {
        self.render(&[&["--root", "host"], more].concat())
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const TWO: [&str; 6] =
    ["--signer-address", "10.0.0.2", "--node-name", "node-1", "--node-address", "10.0.0.1"];

#[test]
fn without_a_terminal_init_asks_nothing_and_writes_a_description_that_renders() {
    let desk = Desk::empty();
    let made = desk.init(&[]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert_eq!(
        stdout(&made),
        "Description: site/countersign.toml\nSecret, for root only: site/secrets/auth-token\n\
         Secret, for root only: site/secrets/bitcoin-rpc-password\n\
         Next: countersign render --config site/countersign.toml --diff\n"
    );
    let rendered = desk.render(&["--out", "out"]);
    assert!(rendered.status.success(), "{}", said(&rendered));
    let config = desk.at("out/signer/secret/etc/countersign/signer-config.toml");
    let checked = desk.run(&["check-config", "--config", config.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn init_overwrites_nothing_and_says_what_it_would_have_overwritten() {
    let desk = Desk::described(&[]);
    let before = fs::read(desk.at("site/countersign.toml")).unwrap();
    let again = desk.init(&["--profile", "pool"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("site/countersign.toml exists, and is never overwritten"));
    assert_eq!(fs::read(desk.at("site/countersign.toml")).unwrap(), before);
}

#[test]
fn every_question_is_an_option() {
    let key = "02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893";
    let desk = Desk::described(
        &[
            &TWO[..],
            &["--network", "mainnet", "--profile", "pool", "--runtime", "systemd"],
            &["--link", "wireguard", "--bitcoin", "full", "--sbtc-signer", key],
            &["--sbtc-signatures", "1", "--admin-network", "10.9.0.0/24", "--admin", "alice"],
        ]
        .concat(),
    );
    let text = fs::read_to_string(desk.at("site/countersign.toml")).unwrap();
    for line in [
        "profile = \"pool\"",
        "kind = \"wireguard\"",
        "mode = \"full\"",
        "signatures_required = 1",
        "admin_networks = [\"10.9.0.0/24\"]",
        "admins = [\"alice\"]",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(desk.at("site/secrets/database-password").exists());
}

#[test]
fn what_is_still_missing_is_said_by_init_and_by_render() {
    let desk = Desk::empty();
    let made = desk.init(&[&TWO[..], &["--json"]].concat());
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(made["missing"].as_str().unwrap().starts_with("`link.signer_pin` is missing"));
    let refused = desk.render(&["--check"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("`link.signer_pin` is missing; write what `countersign tls pin")
    );
}

#[test]
fn rendering_twice_changes_nothing_and_the_check_ends_with_14_when_somebody_else_did() {
    let desk = Desk::described(&[]);
    let missing = desk.on_host(&["--check"]);
    assert_eq!(missing.status.code(), Some(14));
    assert!(stdout(&missing).contains("/etc/countersign/signer-config.toml: missing\n"));
    assert!(!desk.at("host").exists(), "a check changes nothing");

    let first = desk.on_host(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert_eq!(stdout(&first), stdout(&missing));
    assert_eq!(stdout(&desk.on_host(&[])), "");
    assert_eq!(desk.on_host(&["--check"]).status.code(), Some(0));
    assert_eq!(stdout(&desk.on_host(&["--diff"])), "");

    let unit = desk.at("host/etc/systemd/system/countersign.service");
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("Restart=always", "Restart=no")).unwrap();
    fs::set_permissions(&unit, fs::Permissions::from_mode(0o666)).unwrap();
    let drifted = desk.on_host(&["--check"]);
    assert_eq!(drifted.status.code(), Some(14));
    let line = "/etc/systemd/system/countersign.service: other contents, other permissions\n";
    assert_eq!(stdout(&drifted), line);
    let json = desk.on_host(&["--check", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["differences"], serde_json::json!(["contents", "mode"]));
    let diff = stdout(&desk.on_host(&["--diff"]));
    assert!(diff.contains("\n-Restart=no\n+Restart=always\n"), "{diff}");
    desk.on_host(&[]);
    assert_eq!(desk.on_host(&["--check"]).status.code(), Some(0));
}

#[test]
fn no_secret_is_printed_whatever_is_asked() {
    let desk = Desk::described(&[]);
    let token = fs::read_to_string(desk.at("site/secrets/auth-token")).unwrap();
    for args in [&["--diff"][..], &["--check"], &["--check", "--json"], &[], &["--json"]] {
        let output = desk.on_host(args);
        assert!(!said(&output).contains(token.trim_end()), "{args:?}");
    }
    let exported = desk.render(&["--out", "out", "--json"]);
    assert!(!said(&exported).contains(token.trim_end()));
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&exported.stdout).unwrap();
    let is_secret = |end: &str| {
        let found = listed.iter().find(|file| file["path"].as_str().unwrap().ends_with(end));
        found.unwrap()["secret"].as_bool().unwrap()
    };
    assert!(is_secret("signer-config.toml") && !is_secret("countersign.service"));
}

#[test]
fn a_host_with_another_name_must_say_which_it_is() {
    let desk = Desk::described(&[&TWO[..], &["--link", "nginx"]].concat());
    let unknown = desk.on_host(&["--check"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("--host signer or --host node"), "{}", said(&unknown));
    let node = desk.on_host(&["--host", "node"]);
    assert!(node.status.success(), "{}", said(&node));
    assert!(desk.at("host/etc/stacks-node/Config.toml").exists());
    assert!(!desk.at("host/etc/countersign/signer-config.toml").exists());
    let one = Desk::described(&[]);
    assert_eq!(one.on_host(&["--host", "node"]).status.code(), Some(2));
}

#[test]
fn bad_descriptions_and_bad_secrets_are_refused_with_one_line_and_nothing_is_written() {
    let desk = Desk::described(&[]);
    let file = desk.at("site/countersign.toml");
    let good = fs::read_to_string(&file).unwrap();
    for (spoil, message) in [
        ("netwrok = \"mainnet\"\n", "did you mean `network`?"),
        ("[paths]\nstate = \"/home/x\"\n", "`paths.state` = \"/home/x\" is refused"),
        ("[ports]\nsigner = 20443\n", "`ports.signer` and `ports.node_rpc` are both \"20443\""),
        ("[users]\nsigner = \"$(id)\"\n", "`users.signer` = \"$(id)\" is refused"),
        ("[[[", "is not TOML"),
    ] {
        fs::write(&file, format!("{spoil}{good}")).unwrap();
        if spoil.starts_with('[') {
            fs::write(&file, format!("{good}{spoil}")).unwrap();
        }
        let refused = desk.on_host(&[]);
        assert_eq!(refused.status.code(), Some(2), "{spoil}");
        assert!(said(&refused).contains(message), "{}", said(&refused));
        assert_eq!(refused.stderr.split(|byte| *byte == b'\n').count(), 2, "{}", said(&refused));
    }
    fs::write(&file, &good).unwrap();
    fs::write(desk.at("site/secrets/auth-token"), "12345\n").unwrap();
    let weak = desk.on_host(&[]);
    assert_eq!(weak.status.code(), Some(2));
    assert!(said(&weak).contains("is a value of published samples"), "{}", said(&weak));
    fs::remove_file(desk.at("site/secrets/auth-token")).unwrap();
    assert!(said(&desk.on_host(&[])).contains("`countersign init --secrets` draws it"));
    let drawn = desk.run(&["init", "--dir", "site", "--secrets"]);
    assert_eq!(stdout(&drawn), "site/secrets/auth-token\n");
    assert!(!desk.at("host").exists());
    assert!(desk.on_host(&[]).status.success());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let desk = Desk::described(&[]);
    fs::create_dir(desk.at("host")).unwrap();
    fs::write(desk.at("host/etc"), "").unwrap();
    let refused = desk.on_host(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("host/etc"), "{}", said(&refused));
    let nowhere = desk.run(&["init", "--yes", "--dir", "host/etc/site"]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", said(&nowhere));
}

#[test]
fn the_unit_that_examines_the_host_does_not_fail_where_the_doctor_only_warns_or_is_unsure() {
    let desk = Desk::described(&[]);
    assert!(desk.render(&["--out", "out"]).status.success());
    let unit = desk.at("out/signer/public/etc/systemd/system/countersign-doctor.service");
    let unit = fs::read_to_string(unit).unwrap();
    let codes = [Exit::DoctorWarns, Exit::DoctorUnsure].map(Exit::code);
    let line = format!("\nSuccessExitStatus={} {}\n", codes[0], codes[1]);
    assert!(unit.contains(&line), "{line} is not in\n{unit}");
}

/// `docs/operator/systemd.md`, carried out.
#[test]
fn the_commands_of_the_page_about_systemd_show_a_unit_with_all_that_the_page_says_of_it() {
    let page = include_str!("../../../../docs/operator/systemd.md");
    let desk = Desk::empty();
    let said = crate::page::follow(page, &[], desk.folder.path());
    let (_, table) = page.split_once("| setting | why |\n| --- | --- |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with("| "));
    let settings =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    // Of the assertions the page names no one.
    let settings: Vec<&str> = settings.filter(|setting| setting.contains('=')).collect();
    assert_eq!(settings.len(), 5, "{settings:?}");
    for setting in settings.into_iter().chain(["Type=notify", "WatchdogSec=30"]) {
        assert!(
            page.contains(setting) && said.lines().any(|line| line == setting),
            "{setting}: {said}"
        );
    }
    assert!(said.contains("\nExecStopPost=") && said.contains("\nAssert"), "{said}");
    assert!(!said.contains("\nCondition"), "{said}");
}
