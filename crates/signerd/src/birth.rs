//! Whether a missing journal may begin, and how.

use std::path::{Path, PathBuf};

use countersign_vault::{Birth, FLOOR, OpenError, is_there};
use countersign_wire::{Network, PublicKey};

use crate::config::{Config, DbPath};
use crate::import::tells_history;
use crate::journals::Journals;
use crate::run::RunError;

/// What decides whether there may be no journal yet.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) db_path: DbPath,
    pub(crate) network: Network,
    pub(crate) is_dry_run: bool,
    /// Whether the operator has said that there is no history, or that it is lost.
    pub(crate) is_init: bool,
    /// Whether nothing is signed before a promotion, which brings the history or waits.
    pub(crate) is_standby: bool,
}

/// Where the past of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// In a journal, which must be opened.
    Journal,
    /// Nowhere; a journal begins.
    Begins(Birth),
}

impl Origin {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            db_path: config.db_path.clone(),
            network: config.network,
            is_dry_run: config.is_dry_run,
            is_init: config.is_init,
            is_standby: config.is_standby,
        }
    }

    /// Refuses to be told that a history begins where none is missing.
    pub(crate) fn check_init(&self, journals: &Journals) -> Result<(), OpenError> {
        let is_missing = |journal: &PathBuf| !is_there(journal);
        if self.is_init && !std::iter::once(&journals.first).chain(&journals.next).any(is_missing) {
            return Err(OpenError::Exists { path: journals.first.clone() });
        }
        Ok(())
    }

    /// Where the past of `key` is, whose journal is at `journal`. A past that is missing is refused, unless
    /// the operator says so or the program before this one has it. Nothing is at stake on a mocknet.
    pub(crate) fn past(&self, journal: &Path, key: &PublicKey) -> Result<Past, RunError> {
        Ok(if is_there(journal) {
            Past::Journal
        } else if self.is_init || tells_history(&self.db_path, self.network, key)? {
            // What another program signed is taken over next, and ends the wait.
            Past::Begins(Birth::Init { wait: FLOOR })
        } else if self.network == Network::Mocknet {
            Past::Begins(Birth::WithKey)
        } else if self.is_standby {
            // A promotion brings the history, or waits.
            Past::Begins(Birth::Init { wait: FLOOR })
        } else {
            // Opening it says what is missing.
            Past::Journal
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use countersign_wire::PrivateKey;
    use tempfile::TempDir;

    use super::*;

    /// A first start on a network of value.
    fn first(folder: &TempDir) -> Origin {
        let path = folder.path().join("signer.sqlite");
        Origin {
            db_path: DbPath::parse(path.to_str().unwrap().to_owned()).unwrap(),
            network: Network::Mainnet,
            is_dry_run: false,
            is_init: false,
            is_standby: false,
        }
    }

    fn past(origin: &Origin) -> Past {
        let key = PrivateKey::from_bytes([7; 32]).unwrap().public_key();
        origin.past(&origin.db_path.journal().unwrap(), &key).unwrap()
    }

    #[test]
    fn a_journal_begins_only_where_somebody_says_so_or_nothing_is_at_stake() {
        let folder = tempfile::tempdir().unwrap();
        let waits = Past::Begins(Birth::Init { wait: FLOOR });
        let good = || first(&folder);
        assert_eq!(past(&good()), Past::Journal, "which is missing, and refused");
        let on_mocknet = Origin { network: Network::Mocknet, ..good() };
        assert_eq!(past(&on_mocknet), Past::Begins(Birth::WithKey));
        assert_eq!(past(&Origin { is_init: true, ..good() }), waits);
        assert_eq!(past(&Origin { is_init: true, ..on_mocknet }), waits);
    }

    #[test]
    fn a_journal_that_is_there_is_opened_and_never_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let origin = first(&folder);
        let journal = origin.db_path.journal().unwrap();
        fs::write(&journal, b"").unwrap();
        assert_eq!(past(&origin), Past::Journal);
        let told = Origin { is_init: true, ..origin };
        assert_eq!(past(&told), Past::Journal);
        let mut journals = Journals { first: journal, next: None };
        let refused = told.check_init(&journals).unwrap_err();
        assert!(matches!(refused, OpenError::Exists { .. }), "{refused}");
        journals.next = Some(folder.path().join("the next key's"));
        told.check_init(&journals).unwrap();
    }
}
