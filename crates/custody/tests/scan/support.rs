//! A folder, what is put there, and what is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_custody::scan::{Finding, Inside, Report, Target, scan};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A key of the golden vectors; it controls nothing.
pub(crate) const PRIVATE: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
pub(crate) const PUBLIC: &str =
    "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
/// The mnemonic of the tests of stacks.js; it controls nothing.
pub(crate) const MNEMONIC: &str = "sound idle panel often situate develop unit text design antenna vendor \
    screen opinion balcony share trigger accuse scatter visa uniform brass update opinion media";
pub(crate) const MNEMONIC_ADDRESS: &str = "SP384CVPNDTYA0E92TKJZQTYXQHNZSWGCAG7SAPVB";

/// A folder that is gone after the test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn scan(&self) -> Report {
        scan_paths(&[self.path()])
    }

    /// What the only finding says of its place, without this folder.
    pub(crate) fn found(&self) -> String {
        let report = self.scan();
        assert!(report.is_complete(), "{:?}", report.unread);
        self.only(&report)
    }

    pub(crate) fn only(&self, report: &Report) -> String {
        let lines: Vec<String> = report.findings.iter().map(|f| self.shown(f)).collect();
        assert_eq!(lines.len(), 1, "{lines:#?} {:#?}", report.unread);
        lines[0].clone()
    }

    pub(crate) fn shown(&self, finding: &Finding) -> String {
        let forms: Vec<String> = finding.forms.iter().map(ToString::to_string).collect();
        let place = finding.to_string().replace(&format!("{}/", self.path().display()), "");
        format!("{place}: {}", forms.join(" in "))
    }

    /// Runs the distribution's Git in `folder`, with nobody's configuration.
    pub(crate) fn git(&self, folder: &str, args: &[&str]) -> String {
        git(&self.path().join(folder), args)
    }
}

pub(crate) fn scan_paths(paths: &[PathBuf]) -> Report {
    let targets: Vec<Target> =
        [PUBLIC, MNEMONIC_ADDRESS].iter().map(|name| name.parse().unwrap()).collect();
    let report = scan(paths, &[], &targets, &mut |_| {});
    let told = format!("{report:?} {}", serde_json::to_string(&report).unwrap());
    let told = told.to_lowercase();
    assert!(
        !told.contains(&PRIVATE[..12]) && !told.contains("sound idle"),
        "the key is shown: {told}"
    );
    report
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "A")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@example.org")))
        .output()
        .expect("git must be installed (package git)");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The object of Git that a finding is in.
pub(crate) fn object(finding: &Finding) -> &countersign_custody::scan::Object {
    match &finding.inside[0] {
        Inside::Object(object) => object,
        other => panic!("{other:?} is not an object of Git"),
    }
}

/// Bytes that look random and are the same in each run.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut counter = 0_u64;
    while bytes.len() < len {
        bytes.extend_from_slice(&Sha256::digest(
            [seed.to_be_bytes(), counter.to_be_bytes()].concat(),
        ));
        counter += 1;
    }
    bytes.truncate(len);
    bytes
}

/// A tape archive of these members.
pub(crate) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members {
        archive.extend_from_slice(&tar_header(name, content.len()));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend_from_slice(&[0; 1024]);
    archive
}

fn tar_header(name: &str, size: usize) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
