//! What is found in a unit, and what is not.

use countersign_site::{UnitProblem, unit_problems};

/// A unit without problems.
const GOOD: &str = "
[Unit]
Description=A service
AssertFileIsExecutable=/usr/bin/countersign
AssertFileNotEmpty=/etc/countersign/signer-config.toml
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=/usr/bin/countersign run --config /etc/countersign/signer-config.toml
ExecStopPost=+/bin/sh -c 'exec rm /root/mark'
Restart=always
WatchdogSec=30
User=countersign
StateDirectory=countersign
ReadWritePaths=-/srv/records
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
";

/// A unit as a guide prints it (fact F8): what is checked is not what is used, and that is hidden.
const GUIDE: &str = "
[Unit]
After=network.target
ConditionFileIsExecutable=/usr/local/bin/stacks-signer
ConditionPathExists=/etc/stacks/signer
ConditionFileNotEmpty=/etc/stacks/signer/signer-config.toml
StartLimitBurst=3
StartLimitIntervalSec=300
[Service]
Type=simple
ExecStart=/usr/local/bin/stacks-signer run \\
    --config /home/etc/stacks/signer/signer-config.toml
Restart=on-failure
User=stacks
ProtectSystem=full
ProtectHome=true
PrivateTmp=true
[Install]
WantedBy=multi-user.target
";

fn found(text: &str) -> Vec<UnitProblem> {
    unit_problems(text)
}

fn with(from: &str, to: &str) -> Vec<UnitProblem> {
    assert!(GOOD.contains(from), "{from}");
    found(&GOOD.replace(from, to))
}

fn hidden(key: &str, path: &str, by: &str) -> UnitProblem {
    UnitProblem::Hidden { key: key.to_owned(), path: path.to_owned(), by: by.to_owned() }
}

fn read_only(key: &str, path: &str) -> UnitProblem {
    UnitProblem::ReadOnly { key: key.to_owned(), path: path.to_owned() }
}

#[test]
fn a_good_unit_has_no_problems() {
    assert_eq!(found(GOOD), []);
    assert_eq!(found("[Unit]\nDescription=x\n[Socket]\nListenStream=127.0.0.1:1\n"), []);
    assert_eq!(found(""), []);
}

#[test]
fn the_unit_of_the_guide_has_all_of_its_problems() {
    let config = "/home/etc/stacks/signer/signer-config.toml";
    let condition = |what: &str| UnitProblem::Condition { line: format!("Condition{what}") };
    assert_eq!(
        found(GUIDE),
        [
            hidden("ExecStart", config, "ProtectHome=true"),
            UnitProblem::Unchecked { path: config.to_owned() },
            condition("FileIsExecutable=/usr/local/bin/stacks-signer"),
            condition("PathExists=/etc/stacks/signer"),
            condition("FileNotEmpty=/etc/stacks/signer/signer-config.toml"),
            UnitProblem::NotAlways { restart: "on-failure".to_owned() },
            UnitProblem::GivesUp,
        ]
    );
}

#[test]
fn a_path_under_each_thing_that_hides_it_is_found() {
    let config = "/etc/countersign/signer-config.toml";
    for (path, by) in [
        ("/home/signer/c.toml", "ProtectHome=yes"),
        ("/root/c.toml", "ProtectHome=yes"),
        ("/run/user/1000/c.toml", "ProtectHome=yes"),
        ("/tmp/c.toml", "PrivateTmp=yes"),
        ("/var/tmp/c.toml", "PrivateTmp=yes"),
        ("/etc/../root/c.toml", "ProtectHome=yes"),
    ] {
        let shown = path.replace("/etc/../", "/");
        let expected = [hidden("AssertFileNotEmpty", &shown, by), hidden("ExecStart", &shown, by)];
        assert_eq!(with(config, path), expected, "{path}");
    }
    let more = "ReadWritePaths=-/srv/records\nInaccessiblePaths=-/etc/countersign";
    let by = "InaccessiblePaths=/etc/countersign";
    let seen = with("ReadWritePaths=-/srv/records", more);
    assert_eq!(seen, [hidden("AssertFileNotEmpty", config, by), hidden("ExecStart", config, by)]);
    // What is shown again is not hidden, and neither is what no setting hides.
    let shown = GOOD.replace(config, "/home/s/c.toml");
    assert_eq!(
        found(&shown.replace("ProtectHome=yes", "ProtectHome=yes\nBindReadOnlyPaths=/home/s")),
        []
    );
    assert_eq!(found(&shown.replace("ProtectHome=yes", "ProtectHome=no")), []);
    assert_eq!(found(&shown.replace("ProtectHome=yes", "ProtectHome=read-only")), []);
}

#[test]
fn a_folder_for_what_changes_must_be_writable() {
    let line =
        "ExecStart=/usr/bin/bitcoind -conf=/etc/bitcoin/bitcoin.conf -datadir=/var/lib/bitcoin";
    let asserted = "AssertFileNotEmpty=/etc/bitcoin/bitcoin.conf\nStartLimitIntervalSec=0";
    let start = "ExecStart=/usr/bin/countersign run --config /etc/countersign/signer-config.toml";
    let text = GOOD.replace(start, line).replace("StartLimitIntervalSec=0", asserted);
    assert_eq!(found(&text), [read_only("ExecStart", "/var/lib/bitcoin")]);
    for good in [
        "StateDirectory=bitcoin",
        "ReadWritePaths=/var/lib/bitcoin",
        "BindPaths=/mnt/b:/var/lib/bitcoin",
    ] {
        assert_eq!(found(&text.replace("[Service]", &format!("[Service]\n{good}"))), [], "{good}");
    }
    assert_eq!(found(&text.replace("ProtectSystem=strict", "ProtectSystem=full")), []);
    // A list that begins anew has lost its folders.
    let again =
        text.replace("StateDirectory=countersign", "StateDirectory=bitcoin\nStateDirectory=");
    assert_eq!(found(&again), [read_only("ExecStart", "/var/lib/bitcoin")]);
    let folder = with("User=countersign", "User=countersign\nWorkingDirectory=/var/lib/other");
    assert_eq!(folder, [read_only("WorkingDirectory", "/var/lib/other")]);
}

#[test]
fn a_service_that_stays_down_or_stands_still_is_found() {
    let not_always = |restart: &str| UnitProblem::NotAlways { restart: restart.to_owned() };
    assert_eq!(with("Restart=always\n", ""), [not_always("")]);
    assert_eq!(with("Restart=always", "Restart=on-failure"), [not_always("on-failure")]);
    assert_eq!(with("StartLimitIntervalSec=0\n", ""), [UnitProblem::GivesUp]);
    assert_eq!(
        with("StartLimitIntervalSec=0", "StartLimitIntervalSec=300"),
        [UnitProblem::GivesUp]
    );
    assert_eq!(with("WatchdogSec=30\n", ""), [UnitProblem::NoWatchdog]);
    assert_eq!(with("Type=notify", "Type=notify-reload"), []);
    // A job of a timer ends by itself.
    assert_eq!(found(&GOOD.replace("notify", "oneshot").replace("Restart=always\n", "")), []);
    // No watchdog looks at a program that does not tell it anything.
    let other = GOOD.replace("/usr/bin/countersign", "/usr/sbin/haproxy");
    assert_eq!(found(&other.replace("WatchdogSec=30\n", "")), []);
}

#[test]
fn a_service_of_roots_is_found() {
    assert_eq!(with("User=countersign\n", ""), [UnitProblem::Root]);
    assert_eq!(with("User=countersign", "User=root"), [UnitProblem::Root]);
    assert_eq!(with("User=countersign", "DynamicUser=yes"), []);
    assert_eq!(with("User=countersign", "CapabilityBoundingSet=CAP_NET_ADMIN"), []);
}

#[test]
fn each_problem_says_what_to_write_instead() {
    for problem in found(GUIDE) {
        let said = problem.to_string();
        assert!(said.contains("; ") && !said.contains('\n'), "{said}");
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(\\[Service\\]|\\[Unit\\]|ExecStart=|[-+'\"\\\\=/%;#a-z \\n]){0,60}") {
        drop(unit_problems(&text));
    }
}
