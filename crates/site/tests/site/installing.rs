//! Rendered files on a disk: compared, written, shown.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use countersign_site::install::{Difference, Installation, export};
use countersign_site::{HostRole, Rendered, Site};
use tempfile::TempDir;

use crate::golden::rendered;
use crate::sample::{FULL, LEAST, SECRETS, spoiled};

/// An installation in a folder, by whoever runs the test.
struct Host {
    root: TempDir,
    site: Site,
    files: Vec<Rendered>,
}

impl Host {
    fn new(text: &str) -> Self {
        let site = Site::parse(text).unwrap();
        let files = rendered(&site, HostRole::Signer);
        Self { root: TempDir::new().unwrap(), site, files }
    }

    fn describe(&mut self, text: &str) {
        self.site = Site::parse(text).unwrap();
        self.files = rendered(&self.site, HostRole::Signer);
    }

    fn installation(&self) -> Installation<'_> {
        Installation::new(self.root.path(), &self.site, &self.files).without_owners()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn drift(&self) -> Vec<(PathBuf, Vec<Difference>)> {
        let drift = self.installation().drift().unwrap();
        drift.into_iter().map(|found| (found.path, found.differences)).collect()
    }
}

/// Every file below a folder, with its mode and contents.
fn everything(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = path.metadata().unwrap().mode();
                found.push((path.clone(), mode, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

const SIGNER: &str = "/etc/countersign/signer-config.toml";

#[test]
fn applying_twice_gives_the_same_state_and_the_second_time_changes_nothing() {
    let host = Host::new(FULL);
    assert_eq!(host.installation().apply().unwrap().len(), host.files.len());
    assert_eq!(host.drift(), []);
    let before = everything(host.root.path());
    assert_eq!(host.installation().apply().unwrap(), []);
    assert_eq!(everything(host.root.path()), before);
    assert_eq!(before.len(), host.files.len() + 1);
}

#[test]
fn each_kind_of_drift_is_seen_and_mended() {
    let host = Host::new(LEAST);
    host.installation().apply().unwrap();
    let unit = host.at("etc/systemd/system/countersign.service");
    for (spoil, expected) in [
        (Box::new(|| fs::remove_file(&unit).unwrap()) as Box<dyn Fn()>, Difference::Missing),
        (Box::new(|| fs::write(&unit, "[Service]\n").unwrap()), Difference::Contents),
        (
            Box::new(|| fs::set_permissions(&unit, fs::Permissions::from_mode(0o666)).unwrap()),
            Difference::Mode,
        ),
        (
            Box::new(|| {
                fs::remove_file(&unit).unwrap();
                symlink("/dev/null", &unit).unwrap();
            }),
            Difference::NotAFile,
        ),
    ] {
        spoil();
        let path = PathBuf::from("/etc/systemd/system/countersign.service");
        assert_eq!(host.drift(), [(path, vec![expected])]);
        host.installation().apply().unwrap();
        assert_eq!(host.drift(), []);
        assert!(unit.symlink_metadata().unwrap().is_file());
    }
}

#[test]
fn what_is_not_rendered_any_more_is_named_and_removed_and_nothing_else_is() {
    let mut host = Host::new(&spoiled(LEAST, "network", "profile = \"pool\"\nnetwork"));
    host.installation().apply().unwrap();
    let theirs = host.at("etc/systemd/system/other.service");
    fs::write(&theirs, "").unwrap();
    host.describe(LEAST);
    let left: Vec<_> = host
        .drift()
        .into_iter()
        .filter(|(_, differences)| differences == &[Difference::LeftOver])
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(left, ["vault.toml", "countersign-vault.service", "countersign-vault.socket"]);
    host.installation().apply().unwrap();
    assert_eq!(host.drift(), []);
    assert!(!host.at("etc/systemd/system/countersign-vault.service").exists());
    assert!(theirs.exists());
}

#[test]
fn what_somebody_else_wrote_is_kept_beside_and_what_we_wrote_is_not() {
    let host = Host::new(LEAST);
    let folder = host.at("etc/prometheus");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("prometheus.yml"), "theirs").unwrap();
    host.installation().apply().unwrap();
    let kept = folder.join("prometheus.yml.before-countersign.orig");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "theirs");
    fs::write(folder.join("prometheus.yml"), "by hand").unwrap();
    host.installation().apply().unwrap();
    assert_eq!(host.drift(), []);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "theirs");
    let is_kept =
        |(path, ..): &(PathBuf, u32, Vec<u8>)| path.extension().is_some_and(|end| end == "orig");
    assert_eq!(everything(host.root.path()).iter().filter(|file| is_kept(file)).count(), 1);
}

#[test]
fn what_an_interrupted_run_left_is_in_nobodys_way_and_goes() {
    let host = Host::new(LEAST);
    let folder = host.at("etc/countersign");
    fs::create_dir_all(&folder).unwrap();
    let half = folder.join(".signer-config.toml.new");
    fs::write(&half, "half").unwrap();
    host.installation().apply().unwrap();
    assert!(!half.exists());
    assert_eq!(host.drift(), []);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named_and_nothing_is_half_written() {
    let host = Host::new(LEAST);
    host.installation().apply().unwrap();
    let unit = host.at("etc/systemd/system/countersign.service");
    fs::remove_file(&unit).unwrap();
    fs::create_dir(&unit).unwrap();
    let before = everything(host.root.path());
    let refused = host.installation().apply().unwrap_err().to_string();
    assert!(refused.ends_with("countersign.service cannot be written"), "{refused}");
    assert_eq!(everything(host.root.path()), before);
}

#[test]
fn what_a_run_wrote_that_failed_later_is_not_forgotten() {
    let mut host = Host::new(&spoiled(LEAST, "network", "profile = \"pool\"\nnetwork"));
    let last = host.files.last().unwrap().path.as_path().strip_prefix("/").unwrap();
    fs::create_dir_all(host.at(last.to_str().unwrap())).unwrap();
    host.installation().apply().unwrap_err();
    let vault = host.at("etc/systemd/system/countersign-vault.service");
    assert!(vault.exists());
    fs::remove_dir(host.at(last.to_str().unwrap())).unwrap();
    host.describe(LEAST);
    host.installation().apply().unwrap();
    assert!(!vault.exists());
    assert_eq!(host.drift(), []);
}

#[test]
fn the_difference_is_readable_and_shows_no_secret() {
    let mut host = Host::new(LEAST);
    host.installation().apply().unwrap();
    let signer = host.at("etc/countersign/signer-config.toml");
    let theirs = fs::read_to_string(&signer)
        .unwrap()
        .replace("127.0.0.1:20443", "10.0.0.7:20443")
        .replace("[countersign]", "stacks_private_key = \"c0ffeec0ffee\"\n[countersign]");
    fs::write(&signer, theirs).unwrap();
    host.describe(&spoiled(LEAST, "network", "bitcoin = { dbcache_mb = 512 }\nnetwork"));
    let diff = host.installation().diff().unwrap();
    assert!(
        diff.contains("-node_host = \"10.0.0.7:20443\"\n+node_host = \"127.0.0.1:20443\"\n"),
        "{diff}"
    );
    assert!(diff.contains("-dbcache=4096\n+dbcache=512\n"), "{diff}");
    assert!(diff.contains("-stacks_private_key = <hidden>"), "{diff}");
    assert!(!diff.contains("c0ffee"), "{diff}");
    for (_, secret) in SECRETS {
        assert!(!diff.contains(secret), "{diff}");
    }
}

#[test]
fn the_difference_shows_no_secret_of_somebody_elses() {
    let host = Host::new(LEAST);
    let alertmanager = host.at("etc/prometheus/alertmanager.yml");
    fs::create_dir_all(alertmanager.parent().unwrap()).unwrap();
    let theirs = "global:\n  smtp_auth_password: hunter2\nroute:\n";
    fs::write(&alertmanager, theirs).unwrap();
    fs::set_permissions(&alertmanager, fs::Permissions::from_mode(0o640)).unwrap();
    let diff = host.installation().diff().unwrap();
    assert!(diff.contains("+  receiver: ticket\n") && !diff.contains("hunter2"), "{diff}");
}

#[test]
fn a_secret_that_differs_is_said_to_differ() {
    let host = Host::new(LEAST);
    host.installation().apply().unwrap();
    let signer = host.at("etc/countersign/signer-config.toml");
    let theirs = fs::read_to_string(&signer).unwrap().replace(SECRETS[0].1, "12345");
    fs::write(&signer, theirs).unwrap();
    let diff = host.installation().diff().unwrap();
    assert_eq!(diff, format!("{SIGNER}: a value that is not shown differs\n"));
}

#[test]
fn an_export_keeps_secrets_apart_in_a_folder_that_git_ignores() {
    let site = Site::parse(LEAST).unwrap();
    let out = TempDir::new().unwrap();
    // The one that `init` writes, or whoever keeps the folder.
    let theirs = out.path().join(".gitignore");
    fs::write(&theirs, "/secrets/\n").unwrap();
    let files = rendered(&site, HostRole::Signer);
    let written = export(out.path(), "signer", &files).unwrap();
    assert_eq!(written.len(), files.len());
    assert_eq!(fs::read_to_string(theirs).unwrap(), "/secrets/\n");
    let secret = out.path().join("signer/secret");
    assert_eq!(fs::read_to_string(secret.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(secret.metadata().unwrap().mode() & 0o777, 0o700);
    for (path, mode, contents) in everything(out.path()) {
        let text = String::from_utf8(contents).unwrap();
        let holds = SECRETS.iter().any(|(_, value)| text.contains(value));
        let is_apart = path.starts_with(&secret) && mode & 0o777 == 0o600;
        assert!(!holds || is_apart, "{}", path.display());
    }
}
