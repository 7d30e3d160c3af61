//! Why a vault does not open, and why it does not sign.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use countersign_wire::stackerdb::Lane;
use countersign_wire::{BurnHeight, PublicKey, Sighash, StacksHeight};

use crate::ipc::RemoteError;
use crate::key::KeyError;
use crate::standing::Standing;

/// Why a vault cannot be opened. None of these heals by trying again.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another vault of this one, has the journal open.
    #[error(
        "the signing journal {path} is in use by another process; a key has one signer: stop the \
         other one first"
    )]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// There is no journal, so nothing is known of what the key has signed.
    #[error(
        "there is no signing journal at {path}. If this key has signed before, put its journal there: \
         without it the key may sign a rival of a block that it has signed. If it has never signed, or \
         the journal is lost for good, start once with `--init`: that creates an empty one, and nothing \
         is signed for ten minutes, until everything that may have been signed is too old to be asked for"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A journal was to be created where there is one.
    #[error(
        "there is a signing journal at {path}, and `--init` is for a start without one; start without \
         `--init`"
    )]
    Exists {
        /// The journal.
        path: PathBuf,
    },
    /// The journal is older than what its witness has seen.
    #[error(
        "the signing journal {path} is not the latest one: it knows {found} signatures, and the witness \
         beside it has seen {seen} or a later start. Put the latest journal back. If it is lost, \
         `countersign journal accept` takes this one, and nothing is signed for ten minutes afterwards"
    )]
    RolledBack {
        /// The journal.
        path: PathBuf,
        /// How many acceptances it was given in its life.
        found: u64,
        /// How many the witness knows of.
        seen: u64,
    },
    /// Nothing says whether the journal is the latest one.
    #[error(
        "nothing says whether the signing journal {path} is the latest one ({finding}). Put the witness \
         back. If it is lost, `countersign journal verify` shows what the journal knows, and `countersign \
         journal accept` takes it, and nothing is signed for ten minutes afterwards"
    )]
    Unwitnessed {
        /// The journal.
        path: PathBuf,
        /// What is wrong with the witness.
        finding: String,
    },
    /// The journal is on another machine's disk.
    #[error(
        "the signing journal {path} is on {name}, whose locks and syncs do not hold what a journal needs: \
         two machines could sign with it at once. Put it on a disk of this machine"
    )]
    Remote {
        /// The journal.
        path: PathBuf,
        /// The file system.
        name: &'static str,
    },
    /// The name is a link to a file.
    #[error(
        "{path} is a symbolic link, and a signing journal has one name only; name the file itself"
    )]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The journal remembers the signatures of another key.
    #[error(
        "the signing journal {path} belongs to the key {recorded}, and this signer's key is {ours}; \
         give each key a journal of its own. To change keys, name the new one in `countersign.next_key` \
         first"
    )]
    ForeignKey {
        /// The journal.
        path: PathBuf,
        /// The key whose signatures it remembers.
        recorded: PublicKey,
        /// The key that was to use it.
        ours: PublicKey,
    },
    /// The file is something else.
    #[error("{path} is not a signing journal; name another file")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// The journal was written by a later version of this program.
    #[error(
        "the signing journal {path} has schema {found}, and this version knows {supported}; install \
         the version that wrote it"
    )]
    NewerSchema {
        /// The journal.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The newest schema that this version reads.
        supported: i64,
    },
    /// The journal was written by an earlier version, and is only to be looked at.
    #[error(
        "the signing journal {path} has schema {found}, and this looks at schema {needed} only; the next \
         start of the signer brings it up to date"
    )]
    OlderSchema {
        /// The journal.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The schema that can be looked at.
        needed: i64,
    },
    /// The journal's content cannot be trusted.
    #[error(
        "the signing journal {path} is damaged ({finding}); restore it from a backup taken after the \
         last signature, or retire this key: without its record it may sign two rival blocks"
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What the integrity check said.
        finding: String,
    },
    /// The journal cannot be created, read or written.
    #[error(
        "the signing journal {path} cannot be opened for writing; nothing is signed without it"
    )]
    Unwritable {
        /// The journal.
        path: PathBuf,
        /// What the operating system or SQLite said.
        #[source]
        source: JournalError,
    },
}

impl OpenError {
    /// Whether the disk is to blame, and not the choice of journal.
    pub const fn is_unwritable(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }
}

/// Why the vault does not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Another block at or above this height was signed, and the request does not name it.
    #[error(
        "block {rival} at height {height} was signed before and the request does not override it"
    )]
    Conflict {
        /// The block signed before.
        rival: Sighash,
        /// Its height.
        height: StacksHeight,
    },
    /// What was signed at this height is no longer remembered block by block.
    #[error(
        "block {sighash} is at height {height}, and nothing new is signed at or below {floor}: what \
         this key signed there is remembered by tenure only, and the chain has long moved past it"
    )]
    BelowFloor {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
        /// The height at and below which nothing new is signed.
        floor: StacksHeight,
    },
    /// The block was accepted; a rejection cannot take that back.
    #[error("block {sighash} was accepted before; an acceptance cannot be taken back")]
    ContradictsAcceptance {
        /// The block.
        sighash: Sighash,
    },
    /// The same hash was recorded with another height or tenure, so one of the two requests is wrong.
    #[error("block {sighash} was recorded at height {height} with another height or tenure")]
    Inconsistent {
        /// The block.
        sighash: Sighash,
        /// The height in the record.
        height: StacksHeight,
    },
    /// The height or the time does not fit the journal: no chain reaches it.
    #[error("the {what} {value} is beyond what the journal can record")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// The message does not belong into the contract's lane, or into no lane of signers at all.
    #[error("the message does not belong into the lane {lane:?}")]
    WrongLane {
        /// The lane that was asked for.
        lane: Lane,
    },
    /// The message carries a signature that this vault never makes.
    #[error("a message of type {message_type} is not signed by this vault")]
    Unsignable {
        /// The first byte of the message.
        message_type: u8,
    },
    /// The block response inside carries a signature that is not by this key.
    #[error("the response to block {sighash} carries a signature that this key did not make")]
    ForeignSignature {
        /// The block.
        sighash: Sighash,
    },
    /// The mock signature inside is not by this key.
    #[error("the mock signature was not made by this key")]
    ForeignMock,
    /// The block response inside carries a signature that the journal does not know.
    #[error(
        "the response to block {sighash} carries a signature that is not in the journal; ask for it again"
    )]
    Unrecorded {
        /// The block.
        sighash: Sighash,
    },
    /// This instance of the key does not sign.
    #[error(
        "this signer is {standing} and signs nothing; `countersign promote` makes it the active one, \
         once no other signer has its key"
    )]
    NotActive {
        /// What it may do.
        standing: Standing,
    },
    /// What this key signed before is not known, so everything that it may have signed must become too
    /// old first.
    #[error(
        "nothing is signed for another {} seconds: what this key signed before is not known, and until \
         then a block may be proposed again that has a rival signed by it",
        .left.as_secs() + 1
    )]
    Waiting {
        /// What is left.
        left: Duration,
    },
    /// The operator has set a height at which this instance stops.
    #[error(
        "nothing is signed from burn height {from} on, as the operator has said; `countersign promote` \
         or `countersign journal release` takes that back"
    )]
    Held {
        /// The height at and above which nothing is signed.
        from: BurnHeight,
    },
    /// The key is not at hand. Nothing was signed, and the same request may be made again.
    #[error("the key does not sign at the moment")]
    Key(#[from] KeyError),
    /// The vault is in another process, and something is between us.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The journal failed. The daemon must stop: a signer that cannot remember must not sign.
    #[error("the signing journal failed; nothing is signed without a record")]
    Journal(#[source] JournalError),
}

impl SignError {
    /// Whether the daemon must stop.
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Journal(_))
    }

    /// Whether the same request may succeed later: the key or the vault's process is away.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Key(_) => true,
            Self::Remote(error) => error.is_transient(),
            _ => false,
        }
    }
}

/// Why nothing is taken over from another journal.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It is of another key.
    #[error(
        "the exported journal is of the key {theirs}, and this one of {ours}; nothing was taken"
    )]
    ForeignKey {
        /// The key of the export.
        theirs: PublicKey,
        /// The key of this journal.
        ours: PublicKey,
    },
    /// The two contradict each other, or this one cannot be written.
    #[error("nothing was taken from the exported journal")]
    Journal(#[from] SignError),
}

impl AdoptError {
    /// A short name, for programs and vectors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ForeignKey { .. } => "foreign-key",
            Self::Journal(SignError::Inconsistent { .. }) => "contradiction",
            Self::Journal(_) => "journal",
        }
    }
}

impl From<rusqlite::Error> for SignError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Journal(JournalError::Sqlite(source))
    }
}

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("the operating system refuses")]
    Io(#[source] io::Error),
    /// SQLite refused.
    #[error("the database refuses")]
    Sqlite(#[source] rusqlite::Error),
    /// The file system lets us read only.
    #[error("the file or its folder is read-only")]
    ReadOnly,
    /// A write failed before. What a failed sync left on the disk is unknown until the journal is
    /// opened anew, so nothing is signed until then.
    #[error("a write failed before; the journal must be opened anew")]
    Failed,
}
