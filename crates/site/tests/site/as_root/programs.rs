//! The rendered files, read by the programs that they are for.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_site::install::{Difference, Installation};
use countersign_site::{HostRole, Rendered, Site};
use tempfile::TempDir;

use crate::golden::{kinds, rendered};
use crate::sample::FULL;

/// Runs a program of the distribution, which must be there.
fn run(program: &str, args: &[&str]) -> Output {
    let ran = Command::new(program).args(args).output();
    ran.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn good(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {}", said(&output));
    said(&output)
}

fn put(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Every host of every kind of installation.
fn hosts() -> Vec<(String, Vec<Rendered>)> {
    let mut hosts = Vec::new();
    for (name, site) in kinds() {
        for role in site.roles() {
            hosts.push((format!("{name}-{role}"), rendered(&site, *role)));
        }
    }
    hosts
}

fn file<'a>(files: &'a [Rendered], end: &str) -> Option<&'a str> {
    let found = files.iter().find(|file| file.path.as_path().ends_with(end));
    found.map(|file| file.contents.as_str())
}

#[test]
#[ignore = "needs root: systemd-analyze of the distribution"]
fn systemd_finds_nothing_to_say_about_any_unit() {
    let folder = TempDir::new().unwrap();
    // Programs that are not installed here.
    let stand_in = text(Path::new("/bin/true")).to_owned();
    let mut paths = Vec::new();
    for (host, files) in hosts() {
        let home = folder.path().join(&host);
        fs::create_dir(&home).unwrap();
        let units = Path::new("/etc/systemd/system");
        for unit in files.iter().filter(|file| file.path.as_path().parent() == Some(units)) {
            let mut contents = unit.contents.to_string();
            for program in ["countersign", "stacks-node", "bitcoind", "sbtc-signer"] {
                contents =
                    contents.replace(&format!("/usr/bin/{program} "), &format!("{stand_in} "));
            }
            let path = home.join(unit.path.as_path().file_name().unwrap());
            fs::write(&path, contents).unwrap();
            paths.push(path);
        }
        let names: Vec<&str> = paths.iter().map(|path| text(path)).collect();
        if !names.is_empty() {
            let heard =
                good("systemd-analyze", &[&["verify", "--man=no"], names.as_slice()].concat());
            assert_eq!(heard, "", "{host}");
        }
        paths.clear();
    }
    let bad = put(&folder, "bad.service", "[Service]\nExecStart=/bin/true\nRestart=sometimes\n");
    assert!(
        said(&run("systemd-analyze", &["verify", "--man=no", text(&bad)])).contains("sometimes")
    );
}

#[test]
#[ignore = "needs root: systemd-analyze of the distribution"]
fn every_service_is_exposed_to_little() {
    let folder = TempDir::new().unwrap();
    for (host, files) in hosts() {
        for unit in &files {
            let name = unit.path.as_path().file_name().unwrap().to_str().unwrap();
            if !unit.path.as_path().starts_with("/etc/systemd/system")
                || !name.ends_with(".service")
            {
                continue;
            }
            let path = put(&folder, name, &unit.contents);
            // The threshold is in tenths.
            let args = ["security", "--offline=yes", "--no-pager", "--threshold=15", text(&path)];
            let judged = run("systemd-analyze", &args);
            assert!(judged.status.success(), "{host}: {}", said(&judged));
        }
    }
}

#[test]
#[ignore = "needs root: systemd-sysusers and systemd-tmpfiles of the distribution"]
fn installing_makes_users_and_folders_with_the_owners_that_are_described() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let site = Site::parse(FULL).unwrap();
    let files = rendered(&site, HostRole::Signer);
    let installation = Installation::new(root.path(), &site, &files);
    installation.apply().unwrap();
    assert_eq!(installation.drift().unwrap(), []);
    assert_eq!(installation.apply().unwrap(), []);
    let flag = format!("--root={}", root.path().display());
    good("systemd-tmpfiles", &[&flag, "--create"]);
    let passwd = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    let uid = |user: &str| -> u32 {
        let line = passwd.lines().find(|line| line.starts_with(&format!("{user}:"))).unwrap();
        assert!(line.ends_with("nologin"), "{line}");
        line.split(':').nth(2).unwrap().parse().unwrap()
    };
    for (path, mode, owner) in [
        ("etc/countersign/signer-config.toml", 0o600, uid("countersign")),
        ("etc/countersign/vault.toml", 0o600, uid("countersign-vault")),
        ("etc/sbtc-signer/signer-config.toml", 0o600, uid("sbtc-signer")),
        ("etc/systemd/system/countersign.service", 0o644, 0),
        ("etc/countersign/secrets", 0o700, 0),
        ("var/lib/countersign", 0o711, uid("countersign")),
        ("var/lib/countersign/records", 0o2770, uid("countersign-backup")),
        ("var/lib/countersign-vault", 0o700, uid("countersign-vault")),
        ("var/lib/sbtc-signer", 0o700, uid("sbtc-signer")),
        ("var/backups/countersign", 0o700, uid("countersign-backup")),
    ] {
        let found = root.path().join(path).metadata().unwrap();
        assert_eq!((found.mode() & 0o7777, found.uid()), (mode, owner), "{path}");
    }
    // A file that belongs to somebody else is drift, and is given back.
    let config = root.path().join("etc/countersign/signer-config.toml");
    std::os::unix::fs::chown(&config, Some(0), None).unwrap();
    assert_eq!(installation.drift().unwrap()[0].differences, [Difference::Owner]);
    installation.apply().unwrap();
    assert_eq!(installation.drift().unwrap(), []);
}

#[test]
#[ignore = "needs root: sshd of the distribution"]
fn sshd_takes_the_drop_in_and_refuses_passwords_and_root() {
    let (folder, files) =
        (TempDir::new().unwrap(), rendered(&Site::parse(FULL).unwrap(), HostRole::Signer));
    let key = folder.path().join("host-key");
    good("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", text(&key)]);
    fs::create_dir_all("/run/sshd").unwrap();
    let drop_in = file(&files, "sshd_config.d/10-countersign.conf").unwrap();
    let config = put(&folder, "sshd_config", &format!("HostKey {}\n{drop_in}", key.display()));
    let sshd = "/usr/sbin/sshd";
    good(sshd, &["-t", "-f", text(&config)]);
    let effective = good(sshd, &["-T", "-f", text(&config)]);
    for line in [
        "port 2222",
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "authenticationmethods publickey",
        "allowusers alice",
        "allowusers bob",
        "pubkeyauthoptions verify-required",
        "pubkeyacceptedalgorithms sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com",
        "x11forwarding no",
        "allowtcpforwarding local",
    ] {
        assert!(effective.lines().any(|found| found == line), "{line} is not in\n{effective}");
    }
}

#[test]
#[ignore = "needs root: promtool of the distribution"]
fn prometheus_takes_its_configuration() {
    let folder = TempDir::new().unwrap();
    for (host, files) in hosts() {
        let config =
            put(&folder, "prometheus.yml", file(&files, "prometheus/prometheus.yml").unwrap());
        let heard = good("promtool", &["check", "config", "--syntax-only", text(&config)]);
        assert!(heard.contains("SUCCESS"), "{host}: {heard}");
    }
    let bad = put(&folder, "bad.yml", "scrape_configs:\n  - job: x\n");
    assert!(!run("promtool", &["check", "config", "--syntax-only", text(&bad)]).status.success());
}

#[test]
#[ignore = "needs root: promtool of the distribution"]
fn alerts_of_the_voting_power_fire_at_the_cap_of_the_installation() {
    let files = rendered(&Site::parse(FULL).unwrap(), HostRole::Signer);
    let folder = TempDir::new().unwrap();
    let rules = put(&folder, "alerts.yml", file(&files, "countersign/alerts.yml").unwrap());
    let mut tests = format!("rule_files: [{rules:?}]\nevaluation_interval: 1m\ntests:\n");
    // Its caps are 8 and 12 %.
    for (weight, near, above) in [(319, 0, 0), (320, 1, 0), (479, 1, 0), (480, 1, 1)] {
        let labels = r#"job="countersign",instance="s",cycle="141""#;
        let claim = |name: &str, count: u32| {
            let alert = format!(r#"ALERTS{{alertname="{name}",alertstate="firing"}}"#);
            format!(
                "      - expr: 'count({alert}) or vector(0)'\n        eval_time: 90m\n        exp_samples: \
                 [{{value: {count}}}]\n"
            )
        };
        write!(
            tests,
            "  - interval: 1m\n    input_series:\n      - series: \
             'countersign_seat_weight{{{labels},key=\"02ab\"}}'\n        values: '{weight}+0x90'\n      - series: \
             'countersign_total_weight{{{labels}}}'\n        values: '4000+0x90'\n    promql_expr_test:\n{}{}",
            claim("WeightNearCap", near),
            claim("WeightAboveCap", above),
        )
        .unwrap();
    }
    let tests = put(&folder, "tests.yml", &tests);
    good("promtool", &["test", "rules", text(&tests)]);
}

#[test]
#[ignore = "needs root: logrotate of the distribution"]
fn logrotate_takes_its_configuration() {
    let folder = TempDir::new().unwrap();
    for (_, files) in hosts() {
        // It reads root's files only, and only if nobody else may write them.
        let config =
            put(&folder, "logrotate.conf", file(&files, "logrotate.d/countersign").unwrap());
        let heard = good("logrotate", &["--debug", "--state", "/dev/null", text(&config)]);
        assert!(!heard.contains("error"), "{heard}");
    }
}

#[test]
#[ignore = "needs root: docker-compose of the distribution"]
fn compose_takes_its_file() {
    let folder = TempDir::new().unwrap();
    let secrets = put(&folder, "secrets.env", "A=1\n");
    let mut seen = 0;
    for (host, files) in hosts() {
        let Some(compose) = file(&files, "countersign/compose.yaml") else { continue };
        let compose = compose.replace("/etc/sbtc-signer/secrets.env", text(&secrets));
        let path = put(&folder, "compose.yaml", &compose);
        good("docker-compose", &["-f", text(&path), "config", "-q"]);
        seen += 1;
        let bad = put(&folder, "bad.yaml", &compose.replace("cap_drop", "cap_dorp"));
        assert!(
            !run("docker-compose", &["-f", text(&bad), "config", "-q"]).status.success(),
            "{host}"
        );
    }
    assert_eq!(seen, 8);
}

#[test]
#[ignore = "needs root: a file of its owner's; it sets owners"]
fn an_owner_that_nobody_makes_is_named_with_the_remedy() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let site = Site::parse(FULL).unwrap();
    let mut files = rendered(&site, HostRole::Signer);
    files.retain(|file| !file.path.as_path().starts_with("/etc/sysusers.d"));
    let refused = Installation::new(root.path(), &site, &files).apply().unwrap_err().to_string();
    assert!(refused.contains("run: systemd-sysusers"), "{refused}");
}
