//! The programs that the steps need beside cargo, and installing those that are missing.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::Cargo;
use crate::report::StepError;

/// Makes sure that there is a C compiler: SQLite and libsecp256k1 are compiled from their sources.
pub(crate) fn c_compiler() -> Result<(), StepError> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let is_there = || is_working(Command::new(&compiler).arg("--version"));
    if is_there() {
        return Ok(());
    }
    if is_working(Command::new("apt-get").arg("--version")) {
        apt_install(&["gcc", "libc6-dev"])?;
    }
    if is_there() {
        return Ok(());
    }
    Err(StepError::Missing {
        tool: "a C compiler (`cc`, or what $CC names)",
        remedy: "install one (Debian: `apt-get install gcc libc6-dev`, macOS: `xcode-select --install`)",
    })
}

/// Makes sure that `cargo <subcommand>` of the rustup component works.
pub(crate) fn rustup_component(
    component: &'static str,
    subcommand: &str,
    cargo: &Cargo,
) -> Result<(), StepError> {
    let is_there = || cargo.has(&[subcommand, "--version"]);
    if is_there() {
        return Ok(());
    }
    if is_working(Command::new("rustup").arg("--version")) {
        run(Command::new("rustup")
            .args(["component", "add", component])
            .current_dir(cargo.root()))?;
    }
    if is_there() {
        return Ok(());
    }
    Err(StepError::Missing { tool: component, remedy: "install it with your Rust toolchain" })
}

/// What the tests with `as_root` in their path run, and the Debian package of each.
const DISTRIBUTION: &[(&str, &str)] = &[
    ("/lib/systemd/systemd-journal-remote", "systemd-journal-remote"),
    ("age", "age"),
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("docker-compose", "docker-compose"),
    ("docker-registry", "docker-registry"),
    ("dockerd", "docker.io"),
    ("gdb", "gdb"),
    ("git", "git"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("logrotate", "logrotate"),
    ("nft", "nftables"),
    ("nginx", "nginx-light"),
    ("pg_dump", "postgresql"),
    ("pkcs11-tool", "opensc"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("prometheus-node-exporter", "prometheus-node-exporter"),
    ("promtool", "prometheus"),
    ("setfacl", "acl"),
    ("softhsm2-util", "softhsm2"),
    ("sshd", "openssh-server"),
    ("systemd-analyze", "systemd"),
    ("unshare", "util-linux"),
    ("useradd", "passwd"),
    ("vmstat", "procps"),
    ("wg-quick", "wireguard-tools"),
    ("wireguard-go", "wireguard-go"),
];

/// Makes sure that the programs are there with which the tests compare, attack and restart ours.
pub(crate) fn distribution_programs() -> Result<(), StepError> {
    let missing = || -> Vec<&str> {
        let is_there = |program: &str| {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders).any(|folder| folder.join(program).is_file())
        };
        let missing = DISTRIBUTION.iter().filter(|(program, _)| !is_there(program));
        missing.map(|(_, package)| *package).collect()
    };
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    if is_working(Command::new("apt-get").arg("--version")) {
        let quiet = Quiet::new(Path::new("/usr/sbin/policy-rc.d"));
        apt_install(&packages)?;
        drop(quiet);
    }
    if missing().is_empty() {
        return Ok(());
    }
    Err(StepError::Missing {
        tool: "a program that the tests run as root (age, gdb, git, SoftHSM2, …)",
        remedy: "install the packages of the table in xtask/src/tools.rs, or run the tests as a user",
    })
}

/// While it is there, packages that are installed start no service of theirs: Docker's would change the network of this
/// machine. Where somebody else has decided about services, that stays.
struct Quiet(Option<PathBuf>);

impl Quiet {
    fn new(policy: &Path) -> Self {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o755).open(policy);
        let written = made.and_then(|mut file| file.write_all(NO_SERVICES));
        // A run that was interrupted has left ours.
        let is_ours = written.is_ok() || fs::read(policy).is_ok_and(|text| text == NO_SERVICES);
        Self(is_ours.then(|| policy.to_owned()))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            let _ = fs::remove_file(policy);
        }
    }
}

const NO_SERVICES: &[u8] = b"#!/bin/sh\n# Of the tests of Countersign.\nexit 101\n";

fn apt_install(packages: &[&str]) -> Result<(), StepError> {
    let privilege: &[&str] = if is_root() { &[] } else { &["sudo", "-n"] };
    let apt = |args: &[&str]| {
        let words: Vec<&str> = [privilege, &["apt-get"], args].concat();
        let (program, rest) = words.split_first().expect("apt-get is always among the words");
        run(Command::new(program).args(rest))
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Whether this is root, who may make users, mounts and namespaces for a test.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn is_working(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<(), StepError> {
    let line = format!("{command:?}").replace('"', "");
    let status =
        command.status().map_err(|source| StepError::Start { command: line.clone(), source })?;
    if status.success() { Ok(()) } else { Err(StepError::Command { command: line, status }) }
}
