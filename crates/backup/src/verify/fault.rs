//! What can be wrong with a backup. Each fault has a name, a level that it keeps the backup from, and a remedy.

use std::fmt;

use serde::Serialize;

use crate::dkg::Misfit;
use crate::postgres::ArchiveError;
use crate::sealed::Unopened;

/// What keeps a backup from a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(String),
    /// The file is shorter than it was, or ends in the middle.
    Truncated {
        /// How long it was, if that is known, and how long it is.
        lengths: Option<(u64, u64)>,
    },
    /// The file is not what was written.
    Altered,
    /// There is no manifest that the file could be compared with.
    NoManifest,
    /// The file is not encrypted with age.
    NotEncrypted,
    /// No identity is a recipient's.
    NotARecipient,
    /// What is encrypted is no dump.
    NotADump(String),
    /// A later PostgreSQL made the dump.
    LaterPostgres(String),
    /// PostgreSQL refuses the dump.
    DoesNotRestore(String),
    /// The PostgreSQL that it is restored into failed, which says nothing about the backup.
    Scratch(String),
    /// It is not the database of an sBTC signer.
    OtherDatabase(Vec<String>),
    /// There are tables and no rows.
    SchemaOnly,
    /// A migration was not run.
    MissingMigration(Vec<String>),
    /// A table has not as many rows as it had, or is not there.
    RowsMissing {
        /// The table.
        table: String,
        /// How many rows it had.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// The newest block is too old.
    Old {
        /// Seconds since it was written; none if the table does not say.
        age: Option<u64>,
        /// The most that is allowed.
        most: u64,
    },
    /// The newest block is from the future, so how old it is cannot be told.
    Ahead {
        /// Seconds until it will have been written.
        ahead: u64,
    },
    /// No key was verified by the signers.
    NoVerifiedKey,
    /// The chain was not asked, or did not answer.
    ChainUnknown(String),
    /// The contract has no key.
    NoChainKey,
    /// Two sources name different keys.
    SourcesDisagree(String),
    /// The chain's key is not in the backup: it is older than the last change of keys.
    BehindChain {
        /// The chain's key.
        chain: String,
        /// The backup's newest.
        backup: String,
    },
    /// The chain's key is in the backup, and so is a newer one: a change of keys is under way.
    ChangeUnderWay {
        /// The chain's key.
        chain: String,
        /// The backup's newest.
        backup: String,
    },
    /// No private key was given.
    NoKey,
    /// A row of the keys does not belong together.
    Shares {
        /// The aggregate key of the row.
        aggregate_key: String,
        /// What does not fit.
        misfit: Misfit,
    },
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The backup is no good.
    Bad,
    /// What would be needed to know was not there.
    Unknown,
}

impl Fault {
    /// What reading a file came to. `lengths` are what it was long and what it is long, if that differs.
    pub(crate) fn of_archive(error: ArchiveError, lengths: Option<(u64, u64)>) -> Self {
        match error {
            ArchiveError::Unreadable(source) => Self::Unreadable(source.to_string()),
            ArchiveError::Truncated => Self::Truncated { lengths },
            ArchiveError::Altered | ArchiveError::Unopened(Unopened::Damaged) => Self::Altered,
            ArchiveError::Unopened(Unopened::NotAge) => Self::NotEncrypted,
            ArchiveError::Unopened(Unopened::NotARecipient) => Self::NotARecipient,
            ArchiveError::Child(error) => Self::Unreadable(error.to_string()),
            ArchiveError::Refused(finished) => {
                let (text, said) = (&finished.said, finished.last_words());
                if OURS.iter().any(|ours| text.contains(ours)) {
                    Self::Scratch(said)
                } else if text.contains("unsupported version") {
                    Self::LaterPostgres(said)
                } else if text.contains("end of file") {
                    Self::Truncated { lengths }
                } else if text.contains("valid archive") || text.contains("too short") {
                    Self::NotADump(said)
                } else {
                    Self::DoesNotRestore(said)
                }
            }
        }
    }

    /// The name, for machines.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Truncated { .. } => "truncated",
            Self::Altered => "altered",
            Self::NoManifest => "no-manifest",
            Self::NotEncrypted => "not-encrypted",
            Self::NotARecipient => "not-a-recipient",
            Self::NotADump(_) => "not-a-dump",
            Self::LaterPostgres(_) => "later-postgres",
            Self::DoesNotRestore(_) => "does-not-restore",
            Self::Scratch(_) => "scratch-failed",
            Self::OtherDatabase(_) => "other-database",
            Self::SchemaOnly => "schema-only",
            Self::MissingMigration(_) => "missing-migration",
            Self::RowsMissing { .. } => "rows-missing",
            Self::Old { .. } => "old",
            Self::Ahead { .. } => "ahead",
            Self::NoVerifiedKey => "no-verified-key",
            Self::ChainUnknown(_) => "chain-unknown",
            Self::NoChainKey => "no-chain-key",
            Self::SourcesDisagree(_) => "sources-disagree",
            Self::BehindChain { .. } => "behind-chain",
            Self::ChangeUnderWay { .. } => "change-under-way",
            Self::NoKey => "no-key",
            Self::Shares { misfit, .. } => match misfit {
                Misfit::TooShort { .. } => "garbage-shares",
                Misfit::WrongKey { .. } => "wrong-key",
                Misfit::Aead => "aead-failure",
                Misfit::NotAState => "undecodable-shares",
                Misfit::OtherState { .. } => "other-shares",
                Misfit::PublicShares { .. } => "public-shares",
                Misfit::Share => "share-not-on-key",
                Misfit::Script { .. } => "script",
            },
        }
    }

    /// Whether the backup is no good, or it cannot be known.
    pub const fn class(&self) -> Class {
        match self {
            Self::Unreadable(_)
            | Self::NoManifest
            | Self::NotARecipient
            | Self::LaterPostgres(_)
            | Self::Scratch(_)
            | Self::Ahead { .. }
            | Self::ChainUnknown(_)
            | Self::NoChainKey
            | Self::SourcesDisagree(_)
            | Self::ChangeUnderWay { .. }
            | Self::NoKey => Class::Unknown,
            _ => Class::Bad,
        }
    }

    /// What to do.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "mend what the system says, then verify again",
            Self::Truncated { .. } | Self::Altered => {
                "copy the file again from where it came from, or take an older backup; look at the disk"
            }
            Self::NoManifest => {
                "copy the manifest (….json), too, from where the backup came from, or verify with --identity"
            }
            Self::NotEncrypted | Self::NotADump(_) => {
                "name a file that `countersign backup postgres run` made"
            }
            Self::NotARecipient => "use an identity of one of the manifest's recipients",
            Self::LaterPostgres(_) => "install the later PostgreSQL where you verify",
            Self::Scratch(_) => {
                "mend what PostgreSQL says (room, memory, its user), then verify again"
            }
            Self::DoesNotRestore(_) => {
                "make a new backup and verify it; if it fails too, check the live database"
            }
            Self::OtherDatabase(_) => {
                "back up the database that `db_endpoint` of the sBTC signer names"
            }
            Self::SchemaOnly => "make a new backup from the live database; this one holds no data",
            Self::MissingMigration(_) => {
                "check the live database's __sbtc_migrations; --migration N if your release is an older one"
            }
            Self::RowsMissing { .. } => "make a new backup; this one lost rows",
            Self::Old { .. } => {
                "see why no newer backup is made, and whether the signer still follows Bitcoin"
            }
            Self::Ahead { .. } => {
                "set the clocks, here and where the database runs (`chronyc tracking`), then verify again"
            }
            Self::NoVerifiedKey => "nothing, until the signers have made and verified a key",
            Self::ChainUnknown(_) => "name your node with --node, or the key with --aggregate-key",
            Self::NoChainKey => "check --registry: the contract has no key there yet",
            Self::SourcesDisagree(_) => "see which node is behind, or on another network",
            Self::BehindChain { .. } => {
                "make a backup now: this one is from before the last change of keys"
            }
            Self::ChangeUnderWay { .. } => "verify again when the change of keys is on the chain",
            Self::NoKey => "name the signer's key with --key",
            Self::Shares { misfit, .. } => match misfit {
                Misfit::WrongKey { .. } => "use the private key of this signer",
                Misfit::Aead => {
                    "if the key is right, the shares are lost in this backup: take another one, and check the live row"
                }
                _ => "take another backup, and check the live row: these shares sign nothing",
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(said) => write!(f, "the file cannot be read: {said}"),
            Self::Truncated { lengths: Some((expected, found)) } => {
                write!(f, "the file was {expected} bytes long and has {found}")
            }
            Self::Truncated { lengths: None } => f.write_str("the file ends in the middle"),
            Self::Altered => f.write_str("the file is not what was written: a byte of it changed"),
            Self::NoManifest => f.write_str("there is no manifest beside it"),
            Self::NotEncrypted => f.write_str("the file is not encrypted with age"),
            Self::NotARecipient => f.write_str("the file is encrypted to other recipients"),
            Self::NotADump(said) => {
                write!(f, "the file decrypts and is no dump of pg_dump: {said}")
            }
            Self::LaterPostgres(said) => write!(f, "a later PostgreSQL made the dump: {said}"),
            Self::DoesNotRestore(said) => write!(f, "the dump does not restore: {said}"),
            Self::Scratch(said) => write!(f, "the temporary PostgreSQL failed: {said}"),
            Self::OtherDatabase(missing) => {
                write!(f, "it is another database: it has no {}", missing.join(", "))
            }
            Self::SchemaOnly => f.write_str("the tables are there and hold no rows"),
            Self::MissingMigration(missing) => {
                write!(f, "migrations were not run: {}", missing.join(", "))
            }
            Self::RowsMissing { table, expected, found } => {
                write!(f, "{table} had {expected} rows and has {found}")
            }
            Self::Old { age: Some(age), most } => write!(
                f,
                "the newest Bitcoin block in it was written {} ago, and {} are allowed",
                span(*age),
                span(*most)
            ),
            Self::Old { age: None, .. } => {
                f.write_str("it does not say when its newest Bitcoin block was written")
            }
            Self::Ahead { ahead } => {
                write!(f, "the newest Bitcoin block in it is from the future, by {}", span(*ahead))
            }
            Self::NoVerifiedKey => f.write_str("no key in it was verified by the signers"),
            Self::ChainUnknown(said) => write!(f, "the chain's key is not known: {said}"),
            Self::NoChainKey => f.write_str("the registry on the chain has no aggregate key"),
            Self::SourcesDisagree(said) => write!(f, "the sources name different keys: {said}"),
            Self::BehindChain { chain, backup } => {
                write!(f, "the chain's key {chain} is not in it; its newest is {backup}")
            }
            Self::ChangeUnderWay { chain, backup } => write!(
                f,
                "its newest key {backup} is not on the chain yet, where {chain} is, which it has too"
            ),
            Self::NoKey => f.write_str("no private key was given to open the shares with"),
            Self::Shares { aggregate_key, misfit } => write!(f, "key {aggregate_key}: {misfit}"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { len } => {
                write!(f, "the private shares are garbage: {len} bytes are no ciphertext")
            }
            Self::WrongKey { tried } => write!(
                f,
                "AEAD failure: the private key of {tried} does not open the shares, and is none of the signers'"
            ),
            Self::Aead => f.write_str(
                "AEAD failure: the shares do not open with this private key, although it is one of the signers'",
            ),
            Self::NotAState => f.write_str("the shares open, and hold no signer's state"),
            Self::OtherState { what } => write!(f, "the shares are of another key or signer: {what}"),
            Self::PublicShares { what } => write!(f, "the public shares do not fit: {what}"),
            Self::Share => f.write_str("the private share is not a share of the aggregate key"),
            Self::Script { what } => write!(f, "`{what}` is not the aggregate key's"),
        }
    }
}

/// What PostgreSQL says of its own troubles.
const OURS: [&str; 5] = [
    "No space left on device",
    "out of memory",
    "server closed the connection",
    "terminating connection",
    "connection to server",
];

/// A time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;
    use crate::child::Finished;

    #[test]
    fn what_pg_restore_says_has_a_name() {
        for (said, name, class) in [
            ("error: unsupported version (1.99) in file header", "later-postgres", Class::Unknown),
            ("error: could not read from input file: end of file", "truncated", Class::Bad),
            ("error: input file does not appear to be a valid archive", "not-a-dump", Class::Bad),
            ("error: input file is too short (read 3, expected 5)", "not-a-dump", Class::Bad),
            (
                "ERROR:  could not extend file: No space left on device",
                "scratch-failed",
                Class::Unknown,
            ),
            ("error: server closed the connection unexpectedly", "scratch-failed", Class::Unknown),
            ("ERROR:  duplicate key value", "does-not-restore", Class::Bad),
        ] {
            let finished = Finished { status: ExitStatus::from_raw(256), said: said.to_owned() };
            let fault = Fault::of_archive(ArchiveError::Refused(finished), None);
            assert_eq!((fault.name(), fault.class()), (name, class), "{said}");
        }
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (seconds, told) in [(119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")]
        {
            assert_eq!(span(seconds), told);
        }
    }
}
