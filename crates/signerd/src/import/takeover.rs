//! A start in another signer's place: with its configuration file, and beside its database.

use std::path::Path;

use countersign_wire::{Network, PublicKey, StacksAddress};

use super::error::{ImportError, Refusal};
use super::read::Found;
use super::report::{Report, Taken};
use super::source::{Source, refuse_if_in_use};
use super::take;
use crate::config::DbPath;
use crate::hand::Hand;
use crate::store::Store;

/// Refuses a start while another program has the database open that `db_path` names: two signers with
/// one key endanger each other.
pub(crate) fn refuse_beside_another(db_path: &DbPath) -> Result<(), ImportError> {
    match db_path {
        DbPath::Memory => Ok(()),
        DbPath::File(path) => refuse_if_in_use(path),
    }
}

/// Whether the database that `db_path` names tells what the key signed in the program before this one. Then
/// a missing journal is not a lost one.
pub(crate) fn tells_history(
    db_path: &DbPath,
    network: Network,
    key: &PublicKey,
) -> Result<bool, ImportError> {
    match db_path {
        DbPath::File(path) if path.exists() => match Source::open(path) {
            Ok(source) => {
                let owner = StacksAddress::single_sig(network, key);
                Ok(!Found::read(&source, key, owner)?.marks.is_empty())
            }
            Err(ImportError::Refused { why: Refusal::Foreign, .. }) => Ok(false),
            Err(error) => Err(error),
        },
        DbPath::File(_) | DbPath::Memory => Ok(false),
    }
}

/// Takes over what the key signed in the program that `db_path` belongs to, as long as nothing was
/// signed here. None if there is no such database.
///
/// An operator who starts this program with the other's configuration file should not have to know
/// that there is something to import.
pub(crate) fn take_over(
    db_path: &DbPath,
    network: Network,
    vault: &mut Hand,
    store: &mut Store,
) -> Result<Option<Report>, ImportError> {
    let (DbPath::File(path), Some(journal), Some(own)) =
        (db_path, db_path.journal(), db_path.store())
    else {
        return Ok(None);
    };
    if !path.exists() || !vault.has_signed_nothing()? {
        return Ok(None);
    }
    let source = match Source::open(path) {
        Ok(source) => source,
        Err(ImportError::Refused { why: Refusal::Foreign, .. }) => {
            warn_of(path);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let key = vault.public_key();
    let found = Found::read(&source, &key, StacksAddress::single_sig(network, &key))?;
    let mut report = Report::new(path, &(journal, own), source.schema, &found, false);
    // Without marks the next start would do it all again; so they come last.
    let mut taken = Taken::default();
    take::rest(store, &found, &mut taken)?;
    taken.signed = take::marks(vault, &found)?;
    report.taken = taken;
    Ok(Some(report))
}

fn warn_of(path: &Path) {
    tracing::warn!(
        db_path = %path.display(),
        "the file at `db_path` is no database of a stacks-signer; it is let alone"
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use countersign_vault::Vault;
    use countersign_wire::PrivateKey;
    use tempfile::TempDir;

    use super::*;

    /// What stacks-signer 4.0.2 left behind on a testnet, with 27 signed blocks.
    const LEFT: &[u8] = include_bytes!("../../tests/import/stacks-signer-4.0.2.sqlite");

    /// The key that signed them.
    const SECRET: &str = "3255ff3092e9b9b30c41578305c1f021a42bb607c125ef4557b1ba3a95ee20c1";

    struct Place {
        folder: TempDir,
        vault: Hand,
        store: Store,
    }

    impl Place {
        fn new() -> Self {
            let key = PrivateKey::from_hex(SECRET).unwrap();
            let vault = Vault::in_memory(key).unwrap().into();
            let folder = tempfile::tempdir().unwrap();
            Self { folder, vault, store: Store::in_memory().unwrap() }
        }

        fn db_path(&self) -> DbPath {
            DbPath::File(self.folder.path().join("signer.sqlite"))
        }

        fn leave(&self, content: &[u8]) {
            fs::write(self.folder.path().join("signer.sqlite"), content).unwrap();
        }

        fn take_over(&mut self) -> Result<Option<Report>, ImportError> {
            take_over(&self.db_path(), Network::Testnet, &mut self.vault, &mut self.store)
        }
    }

    #[test]
    fn a_start_with_another_signers_file_takes_over_what_it_signed() {
        let mut place = Place::new();
        assert_eq!(place.take_over().unwrap(), None, "nobody was here");
        place.leave(LEFT);
        let report = place.take_over().unwrap().unwrap();
        assert_eq!((report.signed, report.taken.signed.added), (27, 27));
        assert!(!place.vault.has_signed_nothing().unwrap());
        assert_eq!(place.take_over().unwrap(), None, "it is done once");
    }

    #[test]
    fn only_a_database_with_signatures_of_the_key_tells_its_history() {
        let place = Place::new();
        let tells =
            |key: &PrivateKey| tells_history(&place.db_path(), Network::Testnet, &key.public_key());
        let key = PrivateKey::from_hex(SECRET).unwrap();
        assert!(!tells(&key).unwrap(), "nobody was here");
        place.leave(b"not a database at all");
        assert!(!tells(&key).unwrap());
        place.leave(LEFT);
        assert!(tells(&key).unwrap());
        tells(&PrivateKey::from_bytes([7; 32]).unwrap()).unwrap_err();
    }

    #[test]
    fn a_database_that_cannot_be_read_stops_the_start_and_a_foreign_file_does_not() {
        let mut place = Place::new();
        place.leave(b"not a database at all");
        assert_eq!(place.take_over().unwrap(), None);
        place.leave(&LEFT[..LEFT.len() / 2]);
        place.take_over().unwrap_err();
        assert!(place.vault.has_signed_nothing().unwrap());
    }
}
