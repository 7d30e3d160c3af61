//! `countersign journal`: what this key has signed, while no signer runs, or in a vault that does.

mod accept;
mod export;
mod hold;
mod import;
mod status;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_custody::KeyPlace;
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::{Config, Journals, JournalsError, RemoteVault, exit_of};
use countersign_vault::{JournalStatus, OpenError, SignError, SigningKey};
use countersign_vaultd::Config as VaultConfig;
use countersign_wire::{PublicKey, UnixSeconds};
use serde_json::Value;

use crate::cli::{Failed, ask, load, next_place, open_key, open_next_key, public_key};
pub(crate) use verify::content;

/// What a journal in a file comes to, for a human.
pub(crate) fn in_words(journal: &Path, status: &JournalStatus) -> String {
    status::text(&Place::File(journal.to_owned()), status) + "\n"
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
    #[command(after_help = "Example:\n  countersign journal status --config signer-config.toml\n")]
    Status(status::Args),
    /// Check a journal, or an exported one, from end to end
    #[command(after_help = "Example:\n  countersign journal verify --config signer-config.toml\n")]
    Verify(verify::Args),
    /// Write everything that binds the key into a file, with the key's own proof
    #[command(
        after_help = "Example:\n  countersign journal export --config signer-config.toml --out moved.json\n"
    )]
    Export(export::Args),
    /// Take over what another journal of this key has; marks are added and raised, never lowered
    #[command(
        after_help = "Example:\n  countersign journal import --config signer-config.toml moved.json --dry-run\n"
    )]
    Import(import::Args),
    /// Sign nothing at or above a burn height from the next start on
    #[command(
        after_help = "Example:\n  countersign journal hold --config signer-config.toml --from-burn-height 912345\n"
    )]
    Hold(hold::Args),
    /// Take back what `hold` has set
    #[command(after_help = "Example:\n  countersign journal release --config signer-config.toml\n")]
    Release(hold::ReleaseArgs),
    /// Take a journal as the latest one although its witness does not say so
    #[command(after_help = "Example:\n  countersign journal accept --config signer-config.toml\n")]
    Accept(accept::Args),
}

/// Where the journal is, and how to answer.
#[derive(Debug, clap::Args)]
struct Common {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE", default_value = "signer-config.toml")]
    config: PathBuf,
    /// The configuration of a vault that does not run, instead of a signer's: for the journal of `countersign
    /// vault`, as that one's user
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "next"])]
    vault_config: Option<PathBuf>,
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
        "the journal is open in a running signer or vault; stop that first, or ask it: `countersign demote` \
         makes it stop signing and export its journal"
    )]
    InUse(#[source] OpenError),
    #[error(
        "the journal is with the vault at {socket}, and not here: `journal {verb}` looks at its file. Stop the \
         vault, and name its configuration with `--vault-config`"
    )]
    WithVault { socket: PathBuf, verb: &'static str },
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

/// Where a journal is.
enum Place {
    /// In a file that no process has open.
    File(PathBuf),
    /// With the vault in another process that listens on this socket.
    Vault(PathBuf),
}

impl Common {
    /// The journal that is meant.
    fn place(&self) -> Result<Place, Failed> {
        if let Some(file) = &self.vault_config {
            return Ok(Place::File(load_vault(file)?.journal));
        }
        let config = load(&self.config)?;
        let place = if self.next { next_place(&config)? } else { &config.key };
        if let KeyPlace::Vault(socket) = place {
            return Ok(Place::Vault(socket.clone()));
        }
        if !self.next && !config.db_path.has_named_journals() {
            // There is only one that it can be, and no key has to be known.
            return usual(&config).map(Place::File);
        }
        journal_of(&config, &public_key(&config, place)?, self.next).map(Place::File)
    }

    /// The file of the journal, for a verb that needs it.
    fn file(&self, verb: &'static str) -> Result<PathBuf, Failed> {
        match self.place()? {
            Place::File(journal) => Ok(journal),
            Place::Vault(socket) => {
                Err(Failed::new(Exit::Usage, JournalFailed::WithVault { socket, verb }))
            }
        }
    }

    /// The key and the file of its journal, for a verb that signs.
    fn key_and_file(&self) -> Result<(SigningKey, PathBuf), Failed> {
        if let Some(file) = &self.vault_config {
            let config = load_vault(file)?;
            let key = config.open_key(&mut ask).map_err(|error| Failed::new(Exit::Key, error))?;
            return Ok((key, config.journal));
        }
        let config = load(&self.config)?;
        let key = if self.next { open_next_key(&config)? } else { open_key(&config)? };
        let journal = journal_of(&config, &key.public_key(), self.next)?;
        Ok((key, journal))
    }
}

/// Reads the configuration of a vault for its journal, which belongs to us.
fn load_vault(file: &Path) -> Result<VaultConfig, Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = VaultConfig::load(file).and_then(|config| config.check_user().map(|()| config));
    config.map_err(|error| Failed::new(Exit::Usage, error))
}

/// The vault in another process. One that does not run is not waited for.
fn vault(socket: &Path) -> Result<RemoteVault, Failed> {
    RemoteVault::connect_at_once(socket).map_err(|error| Failed::new(Exit::Key, error))
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

/// A journal that fails while it is open, or a vault that does not do what it is asked.
fn broken(error: SignError) -> Failed {
    Failed::new(exit_of(&error), error)
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
