//! `countersign restore signer`: raises marks, and puts a store back.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use countersign_backup::signer::{
    Contents, Heights, Marks, RestoreError, RestoreJob, Restored, StoreChoice, StoreOutcome,
    prove_store, read, restore,
};
use countersign_custody::KeyPlace;
use countersign_ops::exit::Exit;
use countersign_signerd::store::Store;
use countersign_signerd::{Config, Journals, RemoteVault, StoreFacts, exit_of};
use countersign_vault::{AdoptError, OpenError};
use countersign_vaultd::Config as VaultConfig;
use countersign_wire::PublicKey;
use serde_json::json;

use crate::backup_signer::{heights, identities, look};
use crate::cli::{Failed, load, public_key};
use crate::keys_place::now;

/// What `restore signer` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration of the signer, which does not run
    #[arg(short, long, value_name = "FILE", default_value = "signer-config.toml")]
    config: PathBuf,
    /// The backup
    #[arg(long, value_name = "ARCHIVE")]
    from: PathBuf,
    /// The identity file of one of its recipients, if it is encrypted
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The configuration of a vault that does not run, whose journal is raised in the place of one of the signer; a
    /// vault that runs is asked over its socket
    #[arg(long, value_name = "FILE")]
    vault_config: Option<PathBuf>,
    /// What is to become of a store that is there and knows more than the backup's
    #[arg(long, value_name = "WHAT")]
    store: Option<Choice>,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What is to become of the store that is there.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// It stays; marks are raised
    Keep,
    /// It is put aside, and the backup's takes its place
    Replace,
}

pub(crate) const EXAMPLES: &str = "\
The signer must not run. No mark is ever lowered: a backup over a newer journal changes nothing in it. Where there is
no journal, one begins as with `countersign run --init`, and nothing is signed for ten minutes after the next start.
The exit code is 15 if the backup is damaged or older than what is here, 4 if it is another key's, 12 if the signer
runs.

Example:
  countersign restore signer --config signer-config.toml --from signer-20261127T031500Z.tar
";

/// Restores, and says what that came to.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let identities = identities(args.identity.as_deref())?;
    let contents =
        read(&args.from, identities.as_ref()).map_err(|error| Failed::new(Exit::Backup, error))?;
    prove_store(&contents, &look).map_err(|error| Failed::new(Exit::Backup, error))?;
    let keys = keys(&config)?;
    let (there, store) = (there(&config)?, config.db_path.store());
    let marks = marks(args, &config, &keys)?;
    let is_given = matches!(marks, Marks::Given(_));
    let choice = args.store.map(|choice| match choice {
        Choice::Keep => StoreChoice::Keep,
        Choice::Replace => StoreChoice::Replace,
    });
    let job = RestoreJob { contents: &contents, marks, store, there, choice };
    if is_given {
        job.judge().map_err(failed)?;
        give(&config, &contents)?;
    }
    let restored = restore(&job, now()).map_err(failed)?;
    let text = if args.json { json!(restored).to_string() } else { to_text(&restored) };
    writeln!(out, "{text}").map_err(Failed::failure)
}

/// The keys of a configuration.
fn keys(config: &Config) -> Result<Vec<PublicKey>, Failed> {
    let places = std::iter::once(&config.key).chain(&config.next_key);
    places.map(|place| public_key(config, place)).collect()
}

/// How far the store is that is there. It is opened, so that no signer has it.
fn there(config: &Config) -> Result<Option<Heights>, Failed> {
    let Some(path) = config.db_path.store() else {
        return Err(Failed::argument(
            "`db_path` is \":memory:\", so there is nothing to restore; name a file",
        ));
    };
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let facts = Store::open(&path).and_then(|store| StoreFacts::of(&store));
    facts.map(heights).map(Some).map_err(|error| Failed::new(Exit::Store, error))
}

/// Where the marks go.
fn marks(args: &Args, config: &Config, keys: &[PublicKey]) -> Result<Marks, Failed> {
    if let Some(file) = &args.vault_config {
        let vault = VaultConfig::load(file).and_then(|vault| vault.check_user().map(|()| vault));
        let vault = vault.map_err(|error| Failed::new(Exit::Usage, error))?;
        return Ok(Marks::Files(keys.iter().map(|key| (*key, vault.journal.clone())).collect()));
    }
    if matches!(config.key, KeyPlace::Vault(_)) {
        return Ok(Marks::Given(keys.to_vec()));
    }
    let mut places = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let known = Journals::of_key(&config.db_path, key)
            .map_err(|error| Failed::new(error.exit(), error))?;
        let usual =
            if number == 0 { config.db_path.journal() } else { config.db_path.journal_of(key) };
        places
            .push((*key, known.or(usual).expect("the store has a place, and so has the journal")));
    }
    Ok(Marks::Files(places))
}

/// Gives the marks to the vault in another process, which takes what its key has proven.
fn give(config: &Config, contents: &Contents) -> Result<(), Failed> {
    let KeyPlace::Vault(socket) = &config.key else { return Ok(()) };
    let mut vault =
        RemoteVault::connect_at_once(socket).map_err(|error| Failed::new(Exit::Key, error))?;
    for journal in &contents.journals {
        if journal.public_key != vault.public_key() {
            let error = format!(
                "the backup is of the key {}, which is not the vault's",
                journal.public_key
            );
            return Err(Failed::new(Exit::Journal, error));
        }
        vault.import_journal(journal).map_err(|error| Failed::new(exit_of(&error), error))?;
    }
    Ok(())
}

fn failed(error: RestoreError) -> Failed {
    let exit = match &error {
        RestoreError::Runs(_) | RestoreError::Open(OpenError::InUse { .. }) => Exit::Instance,
        RestoreError::OtherKey { .. } | RestoreError::Adopt(AdoptError::ForeignKey { .. }) => {
            Exit::Journal
        }
        RestoreError::Older { .. } => Exit::Backup,
        RestoreError::Open(error) if error.is_unwritable() => Exit::Store,
        RestoreError::Open(_) => Exit::Journal,
        RestoreError::Adopt(AdoptError::Journal(error)) | RestoreError::Sign(error) => {
            exit_of(error)
        }
        RestoreError::Store { .. } => Exit::Store,
    };
    Failed::new(exit, error)
}

fn to_text(restored: &Restored) -> String {
    let mut lines = Vec::new();
    for raised in &restored.raised {
        lines.push(format!(
            "the journal of {}: {} signed blocks added, {} were there, {} are below its floor",
            raised.public_key, raised.added, raised.known, raised.covered
        ));
        if raised.has_begun {
            lines.push(
                "it begins with this, so nothing is signed for ten minutes after the next start"
                    .to_owned(),
            );
        }
    }
    lines.push(match &restored.store {
        StoreOutcome::Placed { put_aside: None } => "the store is back".to_owned(),
        StoreOutcome::Placed { put_aside: Some(aside) } => {
            format!("the store is back; the one that was there is {}", aside.display())
        }
        StoreOutcome::Kept => "the store that was there stays".to_owned(),
    });
    lines.join("\n")
}
