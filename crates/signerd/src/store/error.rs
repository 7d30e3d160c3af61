//! Why the store cannot be opened, read or written.

use std::path::PathBuf;

/// Why the store cannot be opened, read or written. Each ends the daemon: a signer that cannot
/// remember must not sign.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the store {path} is in use by another process; stop the other signer first")]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file is something else, and is left alone.
    #[error("{path} is not a store of this program; move it away or change `db_path`")]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "the store {path} has schema {found}, and this version knows {supported}; install the \
         version that wrote it, or move the store away: the signer gathers its content again"
    )]
    NewerSchema {
        /// The store.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        supported: i64,
    },
    /// Its content cannot be trusted.
    #[error(
        "the store {path} is damaged ({finding}); move it away: the signing journal is another file, \
         and the signer gathers the store's content again"
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        finding: String,
    },
    /// It can be neither created nor opened.
    #[error("the store {path} cannot be opened; check that its folder exists and can be written")]
    Unusable {
        /// The store.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A write failed; nothing of its step was done.
    #[error("the store {path} cannot be written; check the disk's space and permissions")]
    Unwritable {
        /// The store.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}
