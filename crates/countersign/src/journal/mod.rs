//! `countersign journal`: what this key has signed, while no signer runs.

mod accept;
mod export;
mod hold;
mod import;
mod status;
mod verify;

use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_ops::exit::Exit;
use countersign_signerd::{Config, Journals, JournalsError};
use countersign_vault::{OpenError, SignError};
use countersign_wire::{PublicKey, UnixSeconds};
use serde_json::Value;

use crate::cli::{Failed, load, next_place, public_key};

/// What a journal comes to, for a human.
pub(crate) fn in_words(
    journal: &std::path::Path,
    status: &countersign_vault::JournalStatus,
) -> String {
    status::text(journal, status) + "\n"
}

/// What to do with the journal.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Say what the journal comes to: whether the key signs, how much it signed, how it was stopped
    Status(status::Args),
    /// Check a journal, or an exported one, from end to end
    Verify(verify::Args),
    /// Write everything that binds the key into a file, with the key's own proof
    Export(export::Args),
    /// Take over what another journal of this key has; marks are added and raised, never lowered
    Import(import::Args),
    /// Sign nothing at or above a burn height from the next start on
    Hold(hold::Args),
    /// Take back what `hold` has set
    Release(hold::ReleaseArgs),
    /// Take a journal as the latest one although its witness does not say so
    Accept(accept::Args),
}

/// Where the journal is, and how to answer.
#[derive(Debug, clap::Args)]
struct Common {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE", default_value = "signer-config.toml")]
    config: PathBuf,
    /// The journal of the key that is to take the other's place (`next_key` of the table `countersign`)
    #[arg(long)]
    next: bool,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    match &args.verb {
        Verb::Status(args) => status::run(args, out),
        Verb::Verify(args) => verify::run(args, out),
        Verb::Export(args) => export::run(args, out),
        Verb::Import(args) => import::run(args, out),
        Verb::Hold(args) => hold::run(args, out),
        Verb::Release(args) => hold::release(args, out),
        Verb::Accept(args) => accept::run(args, out),
    }
}

/// A failure of one of these verbs.
#[derive(Debug, thiserror::Error)]
enum JournalFailed {
    #[error("`db_path` is \":memory:\", so there is no journal; name a file")]
    NothingIsKept,
    #[error(
        "the journal is open in a running signer; stop that first, or ask it: `countersign demote` makes \
         it stop signing and export its journal"
    )]
    InUse(#[source] OpenError),
    #[error("nothing is taken from {path}")]
    Refused {
        path: PathBuf,
        #[source]
        why: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{path} cannot be {what}")]
    Io {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
}

impl Common {
    /// The journal that is meant.
    fn journal(&self) -> Result<PathBuf, Failed> {
        let config = load(&self.config)?;
        if !self.next && !config.db_path.has_named_journals() {
            // There is only one that it can be, and no key has to be known.
            return usual(&config);
        }
        let place = if self.next { next_place(&config)? } else { &config.key };
        journal_of(&config, &public_key(&config, place)?, self.next)
    }
}

/// The journal of a key of a configuration.
fn journal_of(config: &Config, key: &PublicKey, is_next: bool) -> Result<PathBuf, Failed> {
    let known = Journals::of_key(&config.db_path, key).map_err(|error| match error {
        JournalsError::Unreadable(error) => closed(error),
        error @ JournalsError::Two { .. } => Failed::new(error.exit(), error),
    })?;
    match (known, config.db_path.journal_of(key)) {
        (Some(known), _) => Ok(known),
        (None, Some(named)) if is_next => Ok(named),
        _ => usual(config),
    }
}

fn usual(config: &Config) -> Result<PathBuf, Failed> {
    config.db_path.journal().ok_or_else(|| Failed::argument(JournalFailed::NothingIsKept))
}

/// A journal that does not open.
fn closed(error: OpenError) -> Failed {
    match error {
        OpenError::InUse { .. } => Failed::new(Exit::Journal, JournalFailed::InUse(error)),
        error if error.is_unwritable() => Failed::new(Exit::Store, error),
        error => Failed::new(Exit::Journal, error),
    }
}

/// A journal that fails while it is open.
fn broken(error: SignError) -> Failed {
    let exit = if error.is_fatal() { Exit::Store } else { Exit::Journal };
    Failed::new(exit, error)
}

/// Writes an answer in one of its two forms.
fn answer(out: &mut dyn Write, is_json: bool, (text, json): (String, Value)) -> Result<(), Failed> {
    let written = if is_json { writeln!(out, "{json}") } else { writeln!(out, "{text}") };
    written.map_err(Failed::failure)
}

fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds::new(since.as_secs())
}
