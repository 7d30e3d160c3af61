//! `countersign doctor` on real hosts: users, access control lists, sshd, units, packet filters, disks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use countersign_site::{HostRole, Rendered, Secrets, Site, files};
use serde_json::Value;

use super::user::Home;
use crate::page::follow_with;
use crate::support::{KEY, Place, said};

/// A configuration of a network with stake.
fn staked(home: &Home) -> String {
    let folder = home.path();
    format!(
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:30000\"\nstacks_private_key = \"{KEY}\"\n\
         network = \"testnet\"\nauth_password = \"9c6b0b5b98c71da2f1507e24d01893b3\"\n\
         db_path = \"{}/signer.sqlite\"\n",
        folder.display()
    )
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id}: {report:#}"))
}

fn grade(report: &Value, id: &str) -> String {
    check(report, id)["grade"].as_str().unwrap().to_owned()
}

/// Runs a script in namespaces of its own (`--mount`, `--net`), with `$DOCTOR` as the start of a command.
fn in_namespace(spaces: &[&str], folder: &Path, script: &str) -> Value {
    let doctor =
        format!("{} doctor --json --config signer-config.toml", env!("CARGO_BIN_EXE_countersign"));
    let output = Command::new("unshare")
        .args(spaces)
        .args(["bash", "-euc", script])
        .env("DOCTOR", doctor)
        .current_dir(folder)
        .output()
        .unwrap();
    report(&output)
}

fn place() -> Place {
    let place = Place::good()
        .with("network", "network = \"testnet\"")
        .with("auth_password", "auth_password = \"9c6b0b5b98c71da2f1507e24d01893b3\"");
    place.write();
    place
}

#[test]
#[ignore = "needs root: it makes users; setfacl of the distribution"]
fn the_key_is_judged_for_the_signers_user_whoever_asks() {
    let home = Home::new();
    let config = home.write("signer-config.toml", &staked(&home));
    let ids = "key-owner,key-mode,key-acl,key-folders";
    let args = ["doctor", "--config", "signer-config.toml", "--only", ids, "--json"];
    let as_user = || report(&home.run(&args));
    let as_root = || {
        let output = Command::new(home.program()).args(args).current_dir(home.path()).output();
        report(&output.unwrap())
    };
    for report in [as_user(), as_root()] {
        assert_eq!(report["grade"], "ok", "{report:#}");
    }
    let acl = Command::new("setfacl").args(["-m", "u:nobody:r"]).arg(&config).status().unwrap();
    assert!(acl.success());
    for report in [as_user(), as_root()] {
        assert_eq!(grade(&report, "key-acl"), "fail");
        let remedy = check(&report, "key-acl")["remedy"].as_str().unwrap().to_owned();
        assert!(remedy.starts_with("setfacl -b "), "{remedy}");
    }
    Command::new("setfacl").arg("-b").arg(&config).status().unwrap();
    home.give(&config, 0o644);
    home.give(&home.path(), 0o777);
    let report = as_root();
    assert_eq!(grade(&report, "key-mode"), "fail");
    assert_eq!(grade(&report, "key-folders"), "fail");
}

#[test]
#[ignore = "needs root: it makes a user, who may not look at much"]
fn a_user_is_told_what_root_would_see() {
    let home = Home::new();
    home.write("signer-config.toml", &staked(&home));
    let args =
        ["doctor", "--config", "signer-config.toml", "--only", "firewall-in,ssh-root", "--json"];
    let report = report(&home.run(&args));
    for id in ["firewall-in", "ssh-root"] {
        assert_eq!(grade(&report, id), "unknown", "{report:#}");
        assert!(check(&report, id)["remedy"].as_str().is_some(), "{report:#}");
    }
}

#[test]
#[ignore = "needs root: it makes a network namespace"]
fn in_a_network_of_its_own_localhost_is_not_the_host() {
    let place = place();
    let script = "ip link set lo up; $DOCTOR --only container-localhost || true";
    let report = in_namespace(&["--net"], place.path(), script);
    let check = check(&report, "container-localhost");
    assert_eq!(check["grade"], "fail", "{report:#}");
    assert!(check["measured"].as_str().unwrap().contains("is the container itself"), "{report:#}");
}

#[test]
#[ignore = "needs root: nft of the distribution, in a network namespace"]
fn a_packet_filter_refuses_by_default_or_it_does_not() {
    let place = place();
    let only = "$DOCTOR --only firewall-in,firewall-out,firewall-forward || true";
    let open = in_namespace(&["--net"], place.path(), only);
    assert_eq!(grade(&open, "firewall-in"), "warn", "{open:#}");
    let rules = "add table inet f\n\
                 add chain inet f input { type filter hook input priority 0; policy drop; }\n\
                 add rule inet f input tcp dport 22 accept\n\
                 add chain inet f output { type filter hook output priority 0; policy accept; }\n\
                 add rule inet f output oif lo accept\n\
                 add rule inet f output counter drop\n\
                 add table ip g\n\
                 add chain ip g forward { type filter hook forward priority 0; policy drop; }\n";
    fs::write(place.path().join("rules"), rules).unwrap();
    let closed = in_namespace(&["--net"], place.path(), &format!("nft -f rules; {only}"));
    assert_eq!(grade(&closed, "firewall-in"), "ok", "{closed:#}");
    assert_eq!(grade(&closed, "firewall-out"), "ok", "{closed:#}");
    // Of IPv6 nothing is refused.
    assert_eq!(grade(&closed, "firewall-forward"), "warn", "{closed:#}");
}

#[test]
#[ignore = "needs root: it mounts a small file system"]
fn a_small_and_forgetful_disk_is_found_out() {
    let place = place().with("db_path", "db_path = \"small/signer.sqlite\"");
    place.write();
    let script = "mkdir small; mount -t tmpfs -o size=1m,nr_inodes=16 none small; \
                  head -c 900000 /dev/zero > small/full; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do touch small/$i; done; \
                  $DOCTOR --only disk-free,disk-size,inodes,database-file-system,disk-writable || true";
    let report = in_namespace(&["--mount"], place.path(), script);
    for (id, expected) in [
        ("disk-free", "fail"),
        ("disk-size", "warn"),
        ("inodes", "fail"),
        ("database-file-system", "fail"),
        ("disk-writable", "ok"),
    ] {
        assert_eq!(grade(&report, id), expected, "{id}: {report:#}");
    }
    let script = "mount -t tmpfs none small; mount -o remount,ro small; $DOCTOR --only disk-writable,disk-fsync || true";
    let report = in_namespace(&["--mount"], place.path(), script);
    assert_eq!(grade(&report, "disk-writable"), "fail", "{report:#}");
    assert_eq!(grade(&report, "disk-fsync"), "unknown", "{report:#}");
}

#[test]
#[ignore = "needs root: sshd of the distribution"]
fn sshd_says_itself_what_it_allows() {
    let place = place();
    let script = "ssh-keygen -q -t ed25519 -N '' -f host; mount -t tmpfs none /run; mkdir -p /run/sshd; \
                  sed -i \"s:HOST:$PWD/host:\" sshd_config; mount --bind sshd_config /etc/ssh/sshd_config; \
                  $DOCTOR --only ssh-password,ssh-root,ssh-hardware,ssh-port || true";
    let with = |lines: &str| {
        let _ = fs::remove_file(place.path().join("host"));
        fs::write(place.path().join("sshd_config"), format!("HostKey HOST\n{lines}")).unwrap();
        in_namespace(&["--mount"], place.path(), script)
    };
    let open = with("Port 2222\nPasswordAuthentication yes\nPermitRootLogin yes\n");
    assert_eq!(grade(&open, "ssh-password"), "fail", "{open:#}");
    assert_eq!(grade(&open, "ssh-root"), "fail");
    assert!(check(&open, "ssh-port")["measured"].as_str().unwrap().contains("2222"), "{open:#}");
    let closed = with(
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n\
         PubkeyAcceptedAlgorithms sk-ssh-ed25519@openssh.com\n",
    );
    assert_eq!(closed["grade"], "ok", "{closed:#}");
}

/// Every file of a signer with a vault.
fn rendered() -> Vec<Rendered> {
    let site = "network = \"mainnet\"\nprofile = \"pool\"\n[hosts.signer]\nname = \"signer-1\"\n";
    let site = Site::parse(site).unwrap();
    let folder = tempfile::tempdir().unwrap();
    Secrets::draw(folder.path(), &site).unwrap();
    files(&site, HostRole::Signer, &Secrets::load(folder.path(), &site).unwrap())
}

#[test]
#[ignore = "needs root: systemd-analyze of the distribution, in a mount namespace"]
fn our_units_are_well_and_the_guides_is_not() {
    let place = place();
    let units = place.path().join("units");
    fs::create_dir(&units).unwrap();
    for file in rendered() {
        let is_unit = file.path.as_path().starts_with("/etc/systemd/system");
        let name = file.path.as_path().file_name().unwrap();
        if is_unit && name.to_str().unwrap().starts_with("countersign") {
            fs::write(units.join(name), file.contents.as_str()).unwrap();
        }
    }
    let script = "mount --bind units /etc/systemd/system; $DOCTOR --only \
                  unit-exposure,unit-paths,unit-asserts,unit-restart,unit-start-limit,unit-watchdog,unit-stop,unit-ordering,unit-user || true";
    let ours = in_namespace(&["--mount"], place.path(), script);
    assert_eq!(ours["grade"], "ok", "{ours:#}");
    // What the guide prints, in our words: it can never start, and it does not come back.
    let guide = "[Unit]\nAfter=network.target\nStartLimitBurst=3\nStartLimitIntervalSec=300\n\
                 ConditionPathExists=/etc/stacks/signer/signer-config.toml\n\
                 [Service]\nExecStart=/usr/local/bin/stacks-signer run --config /home/etc/stacks/signer/signer-config.toml\n\
                 User=stacks\nType=simple\nRestart=on-failure\nTimeoutStopSec=600\nKillSignal=SIGTERM\n\
                 PrivateTmp=true\nProtectSystem=full\nProtectHome=true\nNoNewPrivileges=true\nPrivateDevices=true\n";
    fs::write(units.join("stacks-signer.service"), guide).unwrap();
    let theirs = in_namespace(&["--mount"], place.path(), script);
    for (id, expected) in [
        ("unit-exposure", "fail"),
        ("unit-paths", "fail"),
        ("unit-asserts", "warn"),
        ("unit-restart", "fail"),
        ("unit-start-limit", "warn"),
        ("unit-stop", "warn"),
        ("unit-ordering", "warn"),
    ] {
        assert_eq!(grade(&theirs, id), expected, "{id}: {theirs:#}");
    }
    let measured = check(&theirs, "unit-exposure")["measured"].as_str().unwrap();
    assert!(measured.starts_with("stacks-signer.service: "), "{measured}");
}

#[test]
#[ignore = "needs root: the page is for root; it makes a user"]
fn the_commands_of_the_page_can_be_pasted() {
    let home = Home::new();
    home.write("signer-config.toml", &staked(&home));
    let page = include_str!("../../../../../docs/operator/doctor.md");
    let ours = format!("{}\nsudo() {{ \"$@\"; }}", home.path().display());
    let ours = [("SIGNER_DIR=/etc/countersign\n", ours)];
    let text = follow_with(page, &ours, &home.path(), &[home.above()]);
    assert!(!text.contains(&KEY[..16]), "{text}");
    assert!(!text.contains("Usage:"), "{text}");
    let printed = fs::read(home.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(report["schema"], 1);
    let mode = fs::metadata(home.path().join("signer-config.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}
