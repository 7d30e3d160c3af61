//! Who is to sign, while the daemon does not run: its journals are changed, and the next start goes by them.

use countersign_ops::exit::Exit;
use countersign_vault::ipc::{Refusal, RemoteError};
use countersign_vault::{
    AdoptError, Birth, FLOOR, HostLock, HostLockError, JournalExport, OpenError, SignError,
    is_there,
};

use crate::birth::Past;
use crate::clock::now;
use crate::config::Config;
use crate::hand::Hand;
use crate::instance::{Book, BookError};
use crate::journals::{Journals, JournalsError};
use crate::keys::Holders;
use crate::sign::{Promotion, TurnError, check_demotion};

/// Why a journal is not changed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nothing is kept on disk.
    #[error("a signer that keeps nothing on disk has no journal; ask it while it runs")]
    NoJournal,
    /// A vault in another process waits for nothing because a caller says so.
    #[error(
        "the key is in the vault's process, which does not wait out a lost instance; start the signer, \
         which does, and ask again"
    )]
    Elsewhere,
    /// Another process of this machine signs.
    #[error(transparent)]
    Host(#[from] HostLockError),
    /// Nobody knows which journal it is.
    #[error(transparent)]
    Journals(#[from] JournalsError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be noted that another instance wrote last.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The other instance is not proven to have stopped.
    #[error("{0}")]
    NotDemoted(String),
    /// The other instance's journal cannot be taken over.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// The journal cannot be written.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl RestError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NoJournal | Self::Elsewhere => Exit::Usage,
            Self::Host(_) | Self::NotDemoted(_) => Exit::Instance,
            Self::Journals(error) => error.exit(),
            Self::Open(error) if error.is_unwritable() => Exit::Store,
            Self::Book(_) => Exit::Store,
            Self::Open(_) | Self::Adopt(AdoptError::ForeignKey { .. }) => Exit::Journal,
            Self::Adopt(AdoptError::Journal(error)) | Self::Sign(error) => exit_of(error),
        }
    }
}

/// The code for a vault that fails, or that does not do what it is asked.
pub const fn exit_of(error: &SignError) -> Exit {
    match error {
        SignError::Remote(RemoteError::Refused(
            Refusal::BadJournal { .. } | Refusal::StillActive,
        )) => Exit::Journal,
        // The configurations of signer and vault name two chains.
        SignError::Remote(RemoteError::Refused(Refusal::OtherChain { .. })) => Exit::Usage,
        // It is away, or does not know this user as one who may ask.
        SignError::Remote(_) | SignError::Key(_) => Exit::Key,
        error if error.is_fatal() => Exit::Store,
        _ => Exit::Journal,
    }
}

impl From<TurnError> for RestError {
    fn from(error: TurnError) -> Self {
        Self::NotDemoted(error.to_string())
    }
}

/// The vaults of a signer that does not run. The locks keep a daemon of this machine from starting; a vault
/// in another process has its own.
struct Rest {
    vaults: Vec<Hand>,
    _locks: Vec<HostLock>,
}

/// Has the next start sign. Without the other instance's journals it waits first, and listens.
pub fn promote_at_rest(
    config: &Config,
    keys: Holders,
    promotion: &Promotion,
) -> Result<(), RestError> {
    if let Promotion::Journals(journals) = promotion {
        check_demotion(journals, &keys.public().all())?;
    }
    if matches!(promotion, Promotion::PeerIsLost) && keys.are_elsewhere() {
        return Err(RestError::Elsewhere);
    }
    let mut rest = Rest::open(config, keys, true)?;
    // What the other instance wrote last stands in our slots at the next start.
    // Without a store it does so anyway; with one that was only imported, and no book, it would not.
    let files = [config.db_path.book(), config.db_path.store()];
    if let [Some(book), Some(store)] = files
        && (is_there(&book) || is_there(&store))
    {
        Book::open(&book)?.fall_behind()?;
    }
    for vault in &mut rest.vaults {
        match promotion {
            Promotion::Journals(journals) => {
                let is_its = |journal: &&JournalExport| journal.public_key == vault.public_key();
                if let Some(journal) = journals.iter().find(is_its) {
                    vault.import_journal(journal)?;
                }
                vault.end_wait()?;
            }
            Promotion::PeerIsLost => vault.wait(config.caution.floor)?,
        }
        vault.promote()?;
    }
    Ok(())
}

/// Has no start sign before a promotion. Gives what was signed, with the keys' proofs.
pub fn demote_at_rest(config: &Config, keys: Holders) -> Result<Vec<JournalExport>, RestError> {
    let mut journals = Vec::new();
    for mut vault in Rest::open(config, keys, false)?.vaults {
        vault.demote(now().as_unix())?;
        journals.push(vault.export_journal(now().as_unix())?);
    }
    Ok(journals)
}

impl Rest {
    /// An instance that has never signed here may be promoted, too.
    fn open(config: &Config, keys: Holders, may_begin: bool) -> Result<Self, RestError> {
        let public = keys.public();
        let found = Journals::find(&config.db_path, &public.first, public.next.as_ref())?;
        let (first, next) = found.map_or((None, None), |found| (Some(found.first), found.next));
        let holders = std::iter::once((keys.first, first)).chain(keys.next.map(|key| (key, next)));
        let (mut vaults, mut locks) = (Vec::new(), Vec::new());
        for (holder, journal) in holders {
            if !holder.is_here() {
                vaults.push(holder.open(None)?);
                continue;
            }
            let journal = journal.ok_or(RestError::NoJournal)?;
            locks.push(HostLock::take(&holder.public_key())?);
            let past = if may_begin && !is_there(&journal) {
                Past::Begins(Birth::Init { wait: FLOOR })
            } else {
                Past::Journal
            };
            vaults.push(holder.open(Some((&journal, past)))?);
        }
        Ok(Self { vaults, _locks: locks })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_vault::{SigningKey, Standing, Vault};
    use countersign_wire::{PrivateKey, SlotId, SlotVersion};
    use tempfile::TempDir;

    use super::*;

    /// A key of one test.
    fn key(byte: u8) -> SigningKey {
        PrivateKey::from_bytes([byte; 32]).unwrap().into()
    }

    fn config(folder: &TempDir, byte: u8) -> Config {
        Config::parse(&format!(
            "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
             stacks_private_key = \"{}\"\nnetwork = \"testnet\"\nauth_password = \"p\"\n\
             db_path = \"{}\"\n",
            hex::encode([byte; 32]),
            folder.path().join("signer.sqlite").display()
        ))
        .unwrap()
    }

    fn vault(config: &Config, byte: u8) -> Vault {
        Vault::open(key(byte), &config.db_path.journal().unwrap()).unwrap()
    }

    #[test]
    fn a_stopped_signer_hands_over_to_another_host_that_has_never_signed() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (config(&here, 221), config(&there, 221));
        let journal = here.db_path.journal().unwrap();
        drop(Vault::create(key(221), &journal, Birth::WithKey).unwrap());
        let journals = demote_at_rest(&here, key(221).into()).unwrap();
        assert!(matches!(vault(&here, 221).standing(), Standing::Demoted { .. }));
        promote_at_rest(&there, key(221).into(), &Promotion::Journals(journals)).unwrap();
        let promoted = vault(&there, 221);
        assert!(promoted.standing().is_active());
        assert_eq!(promoted.waits_for(), None);
    }

    #[test]
    fn what_the_other_one_wrote_meanwhile_is_not_held_against_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder, 226);
        let book = config.db_path.book().unwrap();
        let (slot, version) = (SlotId::new(1), SlotVersion::new(7));
        Book::open(&book).unwrap().raise_base(slot, version).unwrap();
        let journal = config.db_path.journal().unwrap();
        drop(Vault::create(key(226), &journal, Birth::WithKey).unwrap());
        let journals = demote_at_rest(&config, key(226).into()).unwrap();
        assert!(!Book::open(&book).unwrap().is_behind());
        let promotion = Promotion::Journals(journals);
        promote_at_rest(&config, key(226).into(), &promotion).unwrap();
        assert!(Book::open(&book).unwrap().is_behind());
        // Nor if there is a store and no book yet, as after an import.
        std::fs::remove_file(&book).unwrap();
        drop(crate::store::Store::open(&config.db_path.store().unwrap()).unwrap());
        demote_at_rest(&config, key(226).into()).unwrap();
        promote_at_rest(&config, key(226).into(), &promotion).unwrap();
        assert!(Book::open(&book).unwrap().is_behind());
    }

    #[test]
    fn without_the_journal_the_next_start_waits() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder, 222);
        promote_at_rest(&config, key(222).into(), &Promotion::PeerIsLost).unwrap();
        let promoted = vault(&config, 222);
        assert!(promoted.standing().is_active());
        assert!(promoted.waits_for().unwrap().as_secs() > 590);
    }

    #[test]
    fn a_journal_that_proves_nothing_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder, 223);
        let active = |byte| {
            let mut peer = Vault::in_memory(key(byte)).unwrap();
            peer.export_journal(now().as_unix()).unwrap()
        };
        let demoted = |byte| {
            let mut peer = Vault::in_memory(key(byte)).unwrap();
            peer.demote(now().as_unix()).unwrap();
            peer.export_journal(now().as_unix()).unwrap()
        };
        for journals in
            [vec![], vec![active(223)], vec![demoted(224)], vec![demoted(223), demoted(224)]]
        {
            let promotion = Promotion::Journals(journals);
            let refused = promote_at_rest(&config, key(223).into(), &promotion).unwrap_err();
            assert_eq!(refused.exit(), Exit::Instance, "{refused}");
        }
        assert!(!config.db_path.journal().unwrap().exists());
    }

    #[test]
    fn a_key_that_signs_on_this_machine_is_not_changed_behind_its_back() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder, 225);
        let _held = HostLock::take(&key(225).public_key()).unwrap();
        let refused = promote_at_rest(&config, key(225).into(), &Promotion::PeerIsLost);
        assert_eq!(refused.unwrap_err().exit(), Exit::Instance);
    }
}
