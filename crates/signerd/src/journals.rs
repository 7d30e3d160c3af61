//! Which signing journal belongs to which key.
//!
//! A signer with one key has one journal, `signer.countersign-journal.sqlite`. The journal of a key that
//! is to take its place is named after the key, and keeps this name when the key has taken the place: so
//! whichever line of the configuration names a key, its history is found.

use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_vault::{OpenError, Vault, is_there};
use countersign_wire::PublicKey;

use crate::config::DbPath;

/// The journals of our keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journals {
    /// The journal of the key that signs until another takes its place.
    pub first: PathBuf,
    /// The journal of the key that is to take its place.
    pub next: Option<PathBuf>,
}

/// Why the journals cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum JournalsError {
    /// Two files remember one key.
    #[error(
        "two signing journals belong to the key {key}: {one} and {other}. Keep the one that was \
         written last, and move the other out of the folder"
    )]
    Two {
        /// The key.
        key: PublicKey,
        /// The one.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Unreadable(#[from] OpenError),
}

impl JournalsError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Unreadable(error) if error.is_unwritable() => Exit::Store,
            Self::Two { .. } | Self::Unreadable(_) => Exit::Journal,
        }
    }
}

impl Journals {
    /// The journals of `key` and of `next_key`, whether they exist or not; none if nothing is kept. No
    /// journal may be open yet.
    ///
    /// # Errors
    ///
    /// If a key has two journals, or if the journal with the usual name has to be looked into and cannot
    /// be, or is in use.
    pub fn find(
        db_path: &DbPath,
        key: &PublicKey,
        next_key: Option<&PublicKey>,
    ) -> Result<Option<Self>, JournalsError> {
        let Some(usual) = db_path.journal() else { return Ok(None) };
        let named = db_path.journal_of(key).filter(|path| is_there(path));
        if next_key.is_none() && named.is_none() {
            return Ok(Some(Self { first: usual, next: None }));
        }
        let next = match next_key {
            Some(key) => Self::of_key(db_path, key)?.or_else(|| db_path.journal_of(key)),
            None => None,
        };
        // If the usual one is another key's, opening it says so: a key without a history of its own does
        // not begin one just because the configuration has changed.
        let first = Self::of_key(db_path, key)?.unwrap_or(usual);
        Ok(Some(Self { first, next }))
    }

    /// The journal that belongs to a key, whatever place the key has in the configuration; none if there is
    /// none. No journal may be open yet.
    ///
    /// # Errors
    ///
    /// Those of [`Journals::find`].
    pub fn of_key(db_path: &DbPath, key: &PublicKey) -> Result<Option<PathBuf>, JournalsError> {
        let Some(usual) = db_path.journal() else { return Ok(None) };
        let named = db_path.journal_of(key).filter(|path| is_there(path));
        let is_usual = Vault::owner_of(&usual)? == Some(*key);
        match (named, is_usual) {
            (Some(one), true) => Err(JournalsError::Two { key: *key, one, other: usual }),
            (named, false) => Ok(named),
            (None, true) => Ok(Some(usual)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::path::Path;

    use countersign_vault::Birth;
    use countersign_wire::PrivateKey;
    use tempfile::TempDir;

    use super::*;

    fn private(byte: u8) -> PrivateKey {
        PrivateKey::from_bytes([byte; 32]).unwrap()
    }

    fn key(byte: u8) -> PublicKey {
        private(byte).public_key()
    }

    struct Place {
        _folder: TempDir,
        db_path: DbPath,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let db_path = DbPath::File(folder.path().join("signer.db"));
            Self { _folder: folder, db_path }
        }

        fn find(&self, first: u8, next: Option<u8>) -> Result<Journals, JournalsError> {
            let next = next.map(key);
            Ok(Journals::find(&self.db_path, &key(first), next.as_ref())?.unwrap())
        }

        /// A start with these keys, which creates what is missing.
        fn start(&self, first: u8, next: Option<u8>) -> Journals {
            let journals = self.find(first, next).unwrap();
            begin(first, &journals.first);
            if let (Some(next), Some(journal)) = (next, &journals.next) {
                begin(next, journal);
            }
            journals
        }

        fn usual(&self) -> PathBuf {
            self.db_path.journal().unwrap()
        }

        fn named(&self, byte: u8) -> PathBuf {
            self.db_path.journal_of(&key(byte)).unwrap()
        }
    }

    fn begin(byte: u8, journal: &Path) {
        if is_there(journal) {
            drop(Vault::open(private(byte), journal).unwrap());
        } else {
            drop(Vault::create(private(byte), journal, Birth::WithKey).unwrap());
        }
    }

    #[test]
    fn one_key_has_the_journal_with_the_usual_name() {
        let place = Place::new();
        assert_eq!(place.start(1, None), Journals { first: place.usual(), next: None });
        assert_eq!(Journals::find(&DbPath::Memory, &key(1), None).unwrap(), None);
    }

    #[test]
    fn the_next_key_has_a_journal_that_is_named_after_it() {
        let place = Place::new();
        let journals = place.start(1, Some(2));
        assert_eq!(journals, Journals { first: place.usual(), next: Some(place.named(2)) });
        let name = place.named(2).file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name, format!("signer.countersign-journal-{}.sqlite", key(2)));
    }

    #[test]
    fn each_key_finds_its_journal_again_after_the_change_and_after_another() {
        let place = Place::new();
        place.start(1, Some(2));
        let only = Journals { first: place.named(2), next: None };
        assert_eq!(place.start(2, None), only);
        let again = Journals { first: place.named(2), next: Some(place.named(3)) };
        assert_eq!(place.start(2, Some(3)), again);
        let back = Journals { first: place.named(3), next: Some(place.usual()) };
        assert_eq!(place.start(3, Some(1)), back, "the first key comes back with its history");
    }

    #[test]
    fn the_order_of_the_keys_in_the_configuration_does_not_matter() {
        let place = Place::new();
        place.start(1, Some(2));
        let turned = Journals { first: place.named(2), next: Some(place.usual()) };
        assert_eq!(place.start(2, Some(1)), turned);
    }

    #[test]
    fn a_key_that_was_never_announced_is_given_the_other_keys_journal_which_refuses_it() {
        let place = Place::new();
        place.start(1, None);
        let journals = place.find(2, None).unwrap();
        let refused = Vault::open(private(2), &journals.first).unwrap_err();
        assert!(matches!(refused, OpenError::ForeignKey { .. }), "{refused}");
        assert!(refused.to_string().contains("countersign.next_key"), "{refused}");
    }

    #[test]
    fn two_journals_of_one_key_are_refused_by_name() {
        let place = Place::new();
        place.start(1, None);
        std::fs::copy(place.usual(), place.named(1)).unwrap();
        let refused = place.find(1, None).unwrap_err();
        assert!(matches!(refused, JournalsError::Two { .. }), "{refused}");
        assert_eq!(refused.exit(), Exit::Journal);
        place.find(2, Some(1)).unwrap_err();
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_not_replaced_by_a_new_one() {
        let place = Place::new();
        place.start(1, None);
        std::fs::write(place.usual(), "no journal").unwrap();
        let refused = place.find(1, Some(2)).unwrap_err();
        assert!(matches!(refused, JournalsError::Unreadable(_)), "{refused}");
        assert_eq!(refused.exit(), Exit::Journal);
    }

    #[test]
    fn a_journal_in_use_is_refused() {
        let place = Place::new();
        let _held = Vault::create(private(1), &place.usual(), Birth::WithKey).unwrap();
        let refused = place.find(1, Some(2)).unwrap_err();
        assert!(matches!(refused, JournalsError::Unreadable(OpenError::InUse { .. })), "{refused}");
    }
}
