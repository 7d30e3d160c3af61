//! `doctor key`: everything about a key's place that can be told without opening it.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_wire::{PrivateKey, PublicKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::guard::{self, Finding, Secrecy};
use crate::place::{KeyPlace, PinSource, Unlock};

mod host;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// The signer starts, but it could be safer.
    Warn,
    /// The signer does not start, or should not.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A word for machines.
    pub check: &'static str,
    /// How it ended.
    pub level: Level,
    /// What was measured.
    pub measured: String,
    /// Why it matters.
    pub why: &'static str,
    /// The command that mends it, if something is to be mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What is examined.
pub struct Subject<'a> {
    /// Where the key is.
    pub place: &'a KeyPlace,
    /// Whether it is to take another's place. Of the host, the examination of that one tells.
    pub is_next: bool,
    /// The configuration file.
    pub config: &'a Path,
    /// Whether the network is a private one, whose keys are worth nothing.
    pub is_private_network: bool,
    /// The key's public half, where its place does not tell it.
    pub public_key: Option<PublicKey>,
    /// The folder of the records in which proofs of backups are; none if nothing is kept.
    pub records: Option<&'a Path>,
    /// When a backup of a key was last proven, as far as the records tell; or why they cannot be read.
    pub proof: &'a dyn Fn(&PublicKey) -> Result<Option<Proof>, String>,
    /// Seconds since 1970.
    pub now: u64,
    /// The user that the signer runs as; none if it is this process's.
    pub user: Option<u32>,
}

/// A backup from which a key was restored, and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When, in seconds since 1970.
    pub proven_at: u64,
    /// `age` or `shares`.
    pub kind: String,
}

/// Runs every check. A failed one is a finding, never an error.
pub fn examine(subject: &Subject<'_>) -> Vec<Check> {
    let known = subject.public_key.or_else(|| subject.place.known_public_key());
    let mut checks = vec![place(subject)];
    for (path, secrecy) in files(subject) {
        checks.extend(file(subject, &path, secrecy));
    }
    if !subject.is_next {
        checks.push(host::root(subject.is_private_network));
        checks.push(host::swap());
        checks.push(host::core_dumps());
    }
    checks.push(host::environment(known.as_ref()));
    checks.push(backup(subject, known.as_ref()));
    if subject.is_next {
        for check in &mut checks {
            check.measured.insert_str(0, "the next key: ");
        }
    }
    checks
}

/// Every file that must be safe, and how secret it is.
fn files(subject: &Subject<'_>) -> Vec<(PathBuf, Secrecy)> {
    match subject.place {
        KeyPlace::Plain(_) => vec![(subject.config.to_owned(), Secrecy::Config)],
        KeyPlace::Age { file, unlock } => {
            let mut files = vec![(file.clone(), Secrecy::Sealed)];
            match unlock {
                Unlock::PassphraseFile(path) | Unlock::Identity(path) => {
                    files.push((path.clone(), Secrecy::Secret));
                }
                Unlock::Terminal | Unlock::PassphraseCredential(_) => {}
            }
            files
        }
        KeyPlace::Pkcs11 { pin: PinSource::File(path), .. } => {
            vec![(path.clone(), Secrecy::Secret)]
        }
        KeyPlace::Pkcs11 { .. } | KeyPlace::Credential(_) | KeyPlace::Vault(_) => Vec::new(),
    }
}

fn place(subject: &Subject<'_>) -> Check {
    let (level, remedy) = match subject.place {
        KeyPlace::Plain(_) if !subject.is_private_network => {
            let seal = format!(
                "countersign keys import --from-config {} --to age:/etc/countersign/signer.age",
                subject.config.display()
            );
            (Level::Warn, Some(seal))
        }
        _ => (Level::Ok, None),
    };
    Check {
        check: "place",
        level,
        measured: format!("the key is kept: {}", subject.place),
        why: "B1: whoever reads a bare key signs with it; a sealed one needs one more secret",
        remedy,
    }
}

fn file(subject: &Subject<'_>, path: &Path, secrecy: Secrecy) -> Vec<Check> {
    let us = subject.user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let findings = match guard::findings_for(us, path, secrecy) {
        Ok(findings) => findings,
        Err(error) => {
            return vec![Check {
                check: "file",
                level: Level::Fail,
                measured: format!("{} cannot be looked at: {error}", path.display()),
                why: why("file"),
                remedy: Some(format!("ls -ld {}", path.display())),
            }];
        }
    };
    let bad = if subject.is_private_network { Level::Warn } else { Level::Fail };
    let names = ["owner", "mode", "acl", "folders", "links", "git"];
    let mut checks = Vec::new();
    for name in names {
        if name == "git" && secrecy == Secrecy::Sealed {
            continue;
        }
        let mut found = findings.iter().filter(|finding| finding.check == name).peekable();
        if found.peek().is_none() {
            let measured = format!("{}: nothing found", path.display());
            checks.push(Check {
                check: name,
                level: Level::Ok,
                measured,
                why: why(name),
                remedy: None,
            });
        }
        for Finding { what, remedy, .. } in found {
            checks.push(Check {
                check: name,
                level: bad,
                measured: what.clone(),
                why: why(name),
                remedy: Some(remedy.clone()),
            });
        }
    }
    checks
}

const fn why(check: &str) -> &'static str {
    match check.as_bytes() {
        b"owner" => "D12: the owner of a file can give it away",
        b"mode" => "D15, F6: any process of another user could copy the key, or change the file",
        b"acl" => "D12: a list opens a file although its mode looks closed",
        b"folders" => "D12: whoever writes into a folder can put another file in the place of ours",
        b"links" => "D12: whoever owns a link decides which file we read",
        b"git" => "D4: what is committed by mistake is published, and stays in the history",
        _ => "D12: what cannot be looked at cannot be relied on",
    }
}

fn backup(subject: &Subject<'_>, known: Option<&PublicKey>) -> Check {
    let check = |level, measured: String, remedy: bool| Check {
        check: "backup",
        level,
        measured,
        why: "A30, B2: a backup that was never restored is a hope; a lost key cannot be replaced in time",
        remedy: remedy.then(|| prove_again(subject, known)),
    };
    let unknown = |what: &str| check(Level::Warn, format!("{what} is not known here"), false);
    let Some(key) = known else {
        return unknown("which key this is");
    };
    if subject.records.is_none() {
        return unknown("where the proofs of backups are written down");
    }
    match (subject.proof)(key) {
        Err(error) => check(Level::Warn, error, true),
        Ok(None) => check(Level::Warn, "no backup of this key was ever proven".to_owned(), true),
        Ok(Some(proof)) if proof.proven_at > subject.now.saturating_add(CLOCKS_DIFFER) => {
            check(Level::Warn, "the proof of a backup is from the future".to_owned(), true)
        }
        Ok(Some(proof)) => {
            let days = subject.now.saturating_sub(proof.proven_at) / SECONDS_PER_DAY;
            let level = if days > MAX_DAYS { Level::Warn } else { Level::Ok };
            let measured = format!("a backup ({}) was proven {days} days ago", proof.kind);
            check(level, measured, level != Level::Ok)
        }
    }
}

/// How a backup is proven, by whoever owns the key.
fn prove_again(subject: &Subject<'_>, known: Option<&PublicKey>) -> String {
    let config = match (subject.place, subject.records) {
        (KeyPlace::Vault(_), Some(records)) => {
            // It stands beside the signer's.
            let vault = if subject.is_next { "vault-next.toml" } else { "vault.toml" };
            let vault = subject.config.with_file_name(vault);
            format!("--vault-config {} --records {}", vault.display(), records.display())
        }
        _ => format!("--config {}", subject.config.display()),
    };
    // The configuration's key is another one, or it does not say which it is.
    let is_untold = subject.is_next || subject.place.known_public_key().is_none();
    let which = known.filter(|_| is_untold);
    let which = which.map(|key| format!("--public-key {key} ")).unwrap_or_default();
    format!("countersign keys restore --prove {config} {which}--from BACKUP")
}

/// Whether a text, such as the value of a variable, is a private key; and if the public key is known,
/// whether it is this one.
fn is_key(text: &[u8], known: Option<&PublicKey>) -> bool {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    let Ok(text) = str::from_utf8(text) else { return false };
    let Ok(key) = PrivateKey::from_hex(text) else { return false };
    known.is_none_or(|known| key.public_key() == *known)
}

/// Reads a file of the kernel's, which has no length.
fn kernel_file(path: &Path) -> Option<Zeroizing<Vec<u8>>> {
    fs::read(path).ok().map(Zeroizing::new)
}

const SECONDS_PER_DAY: u64 = 86_400;
/// A backup is to be proven every quarter.
const MAX_DAYS: u64 = 92;
/// A proof that was written down with another clock, in seconds.
const CLOCKS_DIFFER: u64 = 3600;
