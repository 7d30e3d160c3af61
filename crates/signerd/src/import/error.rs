//! Why nothing can be taken over.

use std::io;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_vault::{OpenError, SignError};

use crate::journals::JournalsError;
use crate::store::StoreError;

/// Why an import fails. What was there before is there afterwards.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The other program's database is not taken.
    #[error("nothing is taken from {path}")]
    Refused {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        why: Refusal,
    },
    /// The configuration keeps everything in memory.
    #[error("`db_path` is \":memory:\", so there is nowhere to keep what is taken; name a file")]
    NothingIsKept,
    /// Our journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// It cannot be told which journal is ours.
    #[error(transparent)]
    Journals(#[from] JournalsError),
    /// Our journal does not take the marks.
    #[error(
        "the signing journal does not take what the other program signed; its records contradict, and \
         a human must look before either program signs again"
    )]
    Contradiction(#[from] SignError),
    /// Our store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a database is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not there or cannot be read.
    #[error("it cannot be read; check the path and its permissions")]
    Unreadable(#[source] io::Error),
    /// There is no room for the copy that is read.
    #[error(
        "it cannot be copied for reading; make room for its size in the folder of temporary files"
    )]
    NoRoom(#[source] io::Error),
    /// A program has it open.
    #[error(
        "a program has it open (process {0}); stop the signer that uses it, and keep it stopped"
    )]
    InUse(i32),
    /// It is something else.
    #[error("it is not the database of a stacks-signer; name the file of its `db_path`")]
    Foreign,
    /// A later stacks-signer wrote it.
    #[error(
        "its schema is {0}, and this version reads 17 to 20; use a later version of this program"
    )]
    Newer(i64),
    /// An earlier stacks-signer wrote it.
    #[error(
        "its schema is {0}, and this version reads 17 to 20; start stacks-signer 4.0.2 with it once, \
         which brings it up to date, and stop that again"
    )]
    Older(i64),
    /// Its content cannot be trusted.
    #[error(
        "it is damaged ({0}); try a backup, or start without an import after at least one tenure in \
         which neither program signs"
    )]
    Damaged(String),
    /// It is another key's.
    #[error(
        "it belongs to the key {0}, which is not that of the configuration; name the configuration \
         and the database of the same signer"
    )]
    OtherKey(String),
    /// It is of another network.
    #[error("its signers are of another network ({0}); check `network` in the configuration")]
    OtherNetwork(String),
}

impl ImportError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } => Exit::Import,
            Self::NothingIsKept => Exit::Usage,
            Self::Journal(error) if error.is_unwritable() => Exit::Store,
            Self::Contradiction(error) if error.is_fatal() => Exit::Store,
            Self::Journal(_) | Self::Contradiction(_) => Exit::Journal,
            Self::Journals(error) => error.exit(),
            Self::Store(_) => Exit::Store,
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Damaged(error.to_string()),
        }
    }
}
