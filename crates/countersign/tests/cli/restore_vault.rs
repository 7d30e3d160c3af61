//! `countersign restore signer` of a signer whose key is in a vault: into one that runs, over its socket, and into the
//! journal of one that stands still.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_backup::signer::{Contents, read};
use countersign_vault::{JournalExport, JournalFile};
use countersign_wire::{Sighash, UnixSeconds};

use crate::backup_signer::{backed_up, elsewhere, restore, signer};
use crate::support::said;
use crate::vault::{Site, json};

const ROLES: &str = "[\"block-signer\", \"operator\"]";

/// A backup of the key of this site from another host, where it has signed these blocks.
fn backup(site: &Site, name: &str, marks: &[u8]) -> PathBuf {
    let host = signer(elsewhere(&site.embedded), marks);
    let kept = site.vault.path().join(format!("{name}.tar"));
    fs::copy(backed_up(&host), &kept).unwrap();
    kept
}

/// The same without the key's proof, as the backup of a signer whose key is in a vault.
fn unproven(path: &Path) {
    let Contents { about, journals, store, config } = read(path, None).unwrap();
    let journals = journals.into_iter().map(|it| (JournalExport { proof: None, ..it }, None));
    let made = (about.made_at, about.version, about.network);
    let contents = Contents::new(made, journals.collect(), (store, about.heights), config);
    fs::write(path, contents.to_tar()).unwrap();
}

/// Restores into the journal of a vault, as its user.
fn into_vault(site: &Site, backup: &Path) -> String {
    let from = backup.display().to_string();
    let args = ["restore", "signer", "--vault-config", "vault.toml", "--from", &from];
    let mut command = site.vault.command(&args);
    said(&command.env("CREDENTIALS_DIRECTORY", site.vault.path()).output().unwrap())
}

/// What the journal of the vault binds its key to, one by one.
fn bound(site: &Site) -> BTreeSet<Sighash> {
    let export = JournalFile::read(&site.journal(), UnixSeconds::new(0)).unwrap();
    export.acceptances.iter().map(|mark| mark.sighash).collect()
}

fn blocks(numbers: &[u8]) -> BTreeSet<Sighash> {
    numbers.iter().map(|number| Sighash::new([*number; 32])).collect()
}

/// The store that the signer of this site is to have.
fn store(site: &Site) -> PathBuf {
    site.signer.path().join("signer.countersign.sqlite")
}

#[test]
fn a_running_vault_is_given_the_marks_over_its_socket_and_none_is_lowered() {
    // The vault has signed the blocks 1, 2 and 3.
    let site = Site::new(ROLES);
    let newer = backup(&site, "newer", &[2, 3, 4, 5]);
    let older = backup(&site, "older", &[1]);
    let running = site.start();
    let (code, text) = restore(&site.signer, &newer, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 signed blocks added, 2 were there"), "{text}");
    assert!(text.contains("the store is back") && store(&site).exists(), "{text}");
    let status = json(&site.ask("journal status --json"));
    assert_eq!((&status["records"], &status["highest"]), (&5.into(), &5.into()));
    // An old one adds nothing and takes nothing away.
    let (code, text) = restore(&site.signer, &older, &["--store", "keep"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("0 signed blocks added, 1 were there"), "{text}");
    assert_eq!(json(&site.ask("journal status --json")), status);
    drop(running);
    assert_eq!(bound(&site), blocks(&[1, 2, 3, 4, 5]));
}

#[test]
fn marks_without_the_keys_proof_are_raised_by_the_vaults_user_while_it_stands_still() {
    let site = Site::new(ROLES);
    let backup = backup(&site, "unproven", &[3, 4]);
    unproven(&backup);
    let running = site.start();
    let (code, text) = restore(&site.signer, &backup, &[]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("--vault-config") && !store(&site).exists(), "{text}");
    // The vault has its journal for itself.
    let refused = into_vault(&site, &backup);
    assert!(refused.starts_with("exit: 12\n") || refused.starts_with("exit: 4\n"), "{refused}");
    drop(running);
    let raised = into_vault(&site, &backup);
    assert!(raised.starts_with("exit: 0\n"), "{raised}");
    assert!(raised.contains("1 signed blocks added, 1 were there"), "{raised}");
    assert!(raised.contains("--store-only"), "{raised}");
    assert_eq!(bound(&site), blocks(&[1, 2, 3, 4]));
    let _running = site.start();
    let (code, text) = restore(&site.signer, &backup, &["--store-only"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the store is back") && store(&site).exists(), "{text}");
}

#[test]
fn a_vault_with_another_key_is_given_nothing() {
    let (site, other) = (Site::new(ROLES), Site::new(ROLES));
    let backup = backup(&other, "other", &[7]);
    let running = site.start();
    let (code, text) = restore(&site.signer, &backup, &[]);
    assert_eq!(code, Some(4), "{text}");
    assert!(!store(&site).exists());
    drop(running);
    assert_eq!(bound(&site), blocks(&[1, 2, 3]));
}

#[test]
fn a_backup_of_two_keys_raises_the_marks_of_each_in_the_vault_of_that_key() {
    let (site, next) = (Site::new(ROLES), Site::new(ROLES));
    let (first, second) = (backup(&site, "first", &[3, 4]), backup(&next, "second", &[3, 5]));
    let Contents { about, journals, store, config } = read(&first, None).unwrap();
    let journals = [journals, read(&second, None).unwrap().journals].concat();
    let made = (about.made_at, about.version, about.network);
    let journals = journals.into_iter().map(|journal| (journal, None)).collect();
    let both = site.vault.path().join("both.tar");
    let contents = Contents::new(made, journals, (store, about.heights), config);
    fs::write(&both, contents.to_tar()).unwrap();
    for (site, expected) in [(&site, [1, 2, 3, 4]), (&next, [1, 2, 3, 5])] {
        let raised = into_vault(site, &both);
        assert!(raised.contains("1 signed blocks added, 1 were there"), "{raised}");
        assert_eq!(bound(site), blocks(&expected));
    }
}
