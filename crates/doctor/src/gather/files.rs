//! Where the installation's files are, and who else could read or change them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_custody::guard::{Finding, Secrecy, findings_for};
use countersign_custody::{Check, Subject, examine};
use countersign_ops::records::Record;
use countersign_site::install::{Drift, Installation};
use countersign_site::{Secrets, secrets};
use countersign_wire::PublicKey;

use super::bounded::unreadable;
use crate::facts::{FileFinding, Process};
use crate::grade::{Fact, Fix, Unknown};
use crate::proofs;
use crate::shell;
use crate::target::{Described, Opened, Signer};

/// Whose key it is, and what is known of it.
pub(super) struct Known {
    /// The user that the signer runs as, if it runs.
    pub(super) user: Option<u32>,
    /// The key's public half.
    pub(super) public_key: Option<PublicKey>,
    /// The same of the key that is to take its place.
    pub(super) next_public_key: Option<PublicKey>,
    pub(super) is_private_network: bool,
    /// The folder of the records, and what is in it.
    pub(super) records: (Option<PathBuf>, Fact<Vec<Record>>),
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// What `doctor key` says, for the user that the signer runs as.
pub(super) fn key(signer: &Signer, opened: &Opened, known: &Known) -> Vec<Check> {
    // Who may read the file is what counts, not who asks: root and the timer's doctor ask for the signer's user. A file
    // of root's says nothing of who reads it as a member of its group.
    let owner = || fs::metadata(&signer.config).ok().map(|metadata| metadata.uid());
    let is_root = rustix::process::geteuid().is_root();
    let proof = |key: &PublicKey| match &known.records.1 {
        Ok(records) => Ok(proofs::among(records, key)),
        Err(Unknown::NotHere(reason) | Unknown::Unmeasured { reason, .. }) => Err(reason.clone()),
    };
    let of = |place, is_next, public_key| {
        examine(&Subject {
            place,
            is_next,
            config: &signer.config,
            is_private_network: known.is_private_network,
            public_key,
            records: known.records.0.as_deref(),
            proof: &proof,
            now: known.now,
            user: known.user.or_else(|| owner().filter(|owner| is_root || *owner != 0)),
        })
    };
    let next = opened.next_key.iter().flat_map(|next| of(next, true, known.next_public_key));
    of(&opened.key, false, known.public_key).into_iter().chain(next).collect()
}

/// A configuration of the installation.
#[derive(Clone)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Whether the operator named it, or it is in a usual place. Otherwise a running process names it, and whoever
    /// may start one chooses what it names.
    pub(super) is_trusted: bool,
}

/// What is wrong with where these files are. Each may belong to whom it likes, as long as it is nobody
/// else's.
pub(super) fn findings(files: &[ConfigFile], processes: &[Process]) -> Fact<Vec<FileFinding>> {
    if files.is_empty() {
        return Err(Unknown::not_here("no configuration was named or found"));
    }
    let mut found = Vec::new();
    for file in files {
        let path = &file.path;
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let owner = metadata.uid();
        let findings =
            findings_for(owner, path, Secrecy::Secret).map_err(|error| unreadable(path, &error))?;
        let findings =
            findings.into_iter().filter(|finding| !is_groups(finding, owner, metadata.mode()));
        let is_read_by_others =
            || readers(path, processes).any(|user| is_locked_out(user, &metadata));
        found.extend(findings.map(|finding| match finding.check {
            "mode" if is_read_by_others() => regroup(path, &finding),
            _ => with_fix(file, finding, owner, metadata.mode()),
        }));
    }
    Ok(found)
}

/// How the installed files differ from what is rendered of their description.
pub(super) fn drift(described: &Described) -> Fact<Vec<Drift>> {
    let Described { description, site, host, root } = described;
    let folder = description.parent().unwrap_or(Path::new("")).join(secrets::FOLDER);
    let as_root = |error: &dyn std::error::Error| {
        Unknown::but(countersign_ops::report::describe(error), "run doctor as root")
    };
    // Without its secrets nothing is rendered.
    let secrets = Secrets::load(&folder, site).map_err(|error| as_root(&error))?;
    let rendered = countersign_site::files(site, *host, &secrets);
    Installation::new(root, site, &rendered).drift().map_err(|error| as_root(&error))
}

/// Root's own file may be read by the group of the program.
fn is_groups(finding: &Finding, owner: u32, mode: u32) -> bool {
    finding.check == "mode" && owner == 0 && mode & 0o777 & !0o740 == 0
}

/// The users of the processes that run with this file.
fn readers<'a>(path: &Path, processes: &'a [Process]) -> impl Iterator<Item = u32> + use<'a> {
    let canonical = path.canonicalize().ok();
    let is_it = move |process: &&Process| {
        let config = process.config.as_ref().and_then(|config| config.canonicalize().ok());
        config.is_some() && config == canonical
    };
    processes.iter().filter(is_it).map(|process| process.uid)
}

/// Whether a user reads a file with the rights of others only, as far as owners and groups show.
fn is_locked_out(user: u32, metadata: &fs::Metadata) -> bool {
    let has_group = metadata.uid() == 0 && metadata.gid() != 0;
    user != 0 && user != metadata.uid() && !has_group
}

/// Without the rights of others its own program could not read it at its next start.
fn regroup(path: &Path, finding: &Finding) -> FileFinding {
    let shown = shell::path(path);
    let remedy = format!(
        "let {shown} belong to root and to the group of the program that reads it, then: chmod 0640 {shown}"
    );
    let what = finding.what.clone();
    FileFinding { path: path.to_owned(), kind: finding.check, what, remedy, fix: None }
}

fn with_fix(file: &ConfigFile, finding: Finding, owner: u32, mode: u32) -> FileFinding {
    let path = file.path.clone();
    let left = if owner == 0 { 0o740 } else { 0o700 };
    let fix = (finding.check == "mode").then(|| Fix { path: path.clone(), mode: mode & left });
    let remedy = fix.as_ref().map_or(finding.remedy, ToString::to_string);
    let fix = fix.filter(|_| file.is_trusted);
    FileFinding { path, kind: finding.check, what: finding.what, remedy, fix }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::facts::Program;

    #[test]
    fn a_file_that_others_read_is_found_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        fs::write(&path, "").unwrap();
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let named = ConfigFile { path: path.clone(), is_trusted: true };
        let look = |file: &ConfigFile| findings(std::slice::from_ref(file), &[]).unwrap();
        set(0o600);
        assert_eq!(look(&named), []);
        set(0o644);
        let found = look(&named);
        let first = found.first().unwrap();
        assert_eq!(first.kind, "mode");
        let mode = first.fix.as_ref().unwrap().mode;
        assert_eq!(mode & 0o007, 0);
        assert!(first.remedy.starts_with("chmod 06"), "{}", first.remedy);
        let missing = ConfigFile { path: folder.path().join("missing"), is_trusted: true };
        assert!(findings(&[missing], &[]).is_err());
        assert!(findings(&[], &[]).is_err());
    }

    #[test]
    fn what_a_process_names_is_not_mended_and_what_it_reads_is_not_closed_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bitcoin.conf");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let named = ConfigFile { path: path.clone(), is_trusted: true };
        let claimed = ConfigFile { is_trusted: false, ..named.clone() };
        let found = findings(&[claimed], &[]).unwrap();
        let first = found.first().unwrap();
        assert!(first.fix.is_none() && first.remedy.starts_with("chmod 06"), "{first:?}");
        let process = |uid| Process {
            pid: 1,
            uid,
            program: Program::Bitcoind,
            config: Some(path.clone()),
            is_our_network: Some(true),
        };
        let owner = fs::metadata(&path).unwrap().uid();
        let found = findings(std::slice::from_ref(&named), &[process(owner)]).unwrap();
        assert!(found.first().unwrap().fix.is_some());
        let found = findings(&[named], &[process(owner + 4_321)]).unwrap();
        let first = found.first().unwrap();
        assert!(first.fix.is_none() && first.remedy.contains("group of the program"), "{first:?}");
    }
}
