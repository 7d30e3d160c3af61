//! `countersign restore signer`: raises marks, and puts a store back.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countersign_backup::signer::{
    Contents, Heights, Marks, Raised, RestoreError, RestoreJob, Restored, StoreChoice,
    StoreOutcome, prove_store, read, restore,
};
use countersign_custody::KeyPlace;
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::store::Store;
use countersign_signerd::{Config, Journals, RemoteVault, StoreFacts, exit_of};
use countersign_vault::{AdoptError, Imported, JournalExport, OpenError};
use countersign_vaultd::Config as VaultConfig;
use countersign_wire::PublicKey;
use serde_json::json;

use crate::backup_signer::{heights, identities, look};
use crate::cli::{Failed, ask, load, public_key};
use crate::drill::Drill;
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
    /// Raise the marks in the journal of a vault that does not run, whose configuration this is, and nothing else: run
    /// it as the vault's user. A vault that runs is asked over its socket
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "store", "store_only"])]
    vault_config: Option<PathBuf>,
    /// Put the store back and raise no marks, after --vault-config has raised them
    #[arg(long)]
    store_only: bool,
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

Examples:
  countersign restore signer --config signer-config.toml --from signer-20261127T031500Z.tar
  runuser -u countersign-vault -- countersign restore signer --vault-config /etc/countersign/vault.toml --from FILE
";

/// Restores, and says what that came to.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let identities = identities(args.identity.as_deref())?;
    let contents =
        read(&args.from, identities.as_ref()).map_err(|error| Failed::new(Exit::Backup, error))?;
    prove_store(&contents, &look).map_err(|error| Failed::new(Exit::Backup, error))?;
    let restored = match &args.vault_config {
        Some(file) => into_vault(file, contents)?,
        None => into_signer(args, &contents)?,
    };
    let is_whole = args.vault_config.is_none();
    let text = if args.json { json!(restored).to_string() } else { to_text(&restored, is_whole) };
    writeln!(out, "{text}").map_err(Failed::failure)
}

/// Marks and store of a signer; the marks of a key that is in a vault are given to it.
fn into_signer(args: &Args, contents: &Contents) -> Result<Restored, Failed> {
    let config = load(&args.config)?;
    let (there, store) = (there(&config)?, config.db_path.store());
    let places: Vec<_> = std::iter::once(&config.key).chain(&config.next_key).collect();
    let marks = marks(&config, &places, args.store_only)?;
    let choice = args.store.map(|choice| match choice {
        Choice::Keep => StoreChoice::Keep,
        Choice::Replace => StoreChoice::Replace,
    });
    let job = RestoreJob { contents, marks, store, there, choice };
    job.judge().map_err(failed)?;
    let given = if args.store_only { Vec::new() } else { give(&places, &job)? };
    let mut restored = restore(&job, now()).map_err(failed)?;
    restored.raised.extend(given);
    Drill::RestoreSigner.done(config.db_path.records().as_deref());
    Ok(restored)
}

/// The marks of a vault that does not run. Its user is another than the signer's, so it has no part in the store; and
/// while a key is being changed the other key has a vault of its own, whose marks are raised there.
fn into_vault(file: &Path, mut contents: Contents) -> Result<Restored, Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let vault = VaultConfig::load(file).and_then(|vault| vault.check_user().map(|()| vault));
    let vault = vault.map_err(|error| Failed::new(Exit::Usage, error))?;
    let key = if let Some(key) = vault.key.known_public_key() {
        key
    } else {
        let key = vault.open_key(&mut ask).map_err(|error| Failed::new(Exit::Key, error))?;
        key.public_key()
    };
    if contents.journals.iter().any(|journal| journal.public_key == key) {
        contents.journals.retain(|journal| journal.public_key == key);
    }
    let marks = vec![(key, Marks::File(vault.journal))];
    let job = RestoreJob { contents: &contents, marks, store: None, there: None, choice: None };
    restore(&job, now()).map_err(failed)
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

/// The keys of a configuration, and where the marks of each go.
fn marks(
    config: &Config,
    places: &[&KeyPlace],
    is_store_only: bool,
) -> Result<Vec<(PublicKey, Marks)>, Failed> {
    let mut marks = Vec::new();
    for (number, place) in places.iter().enumerate() {
        let key = public_key(config, place)?;
        let goes = match place {
            KeyPlace::Vault(_) => Marks::Given,
            _ if is_store_only => Marks::Given,
            _ => Marks::File(journal(config, &key, number == 0)?),
        };
        marks.push((key, goes));
    }
    Ok(marks)
}

/// Where the journal of a key is, or is to begin.
fn journal(config: &Config, key: &PublicKey, is_first: bool) -> Result<PathBuf, Failed> {
    let known =
        Journals::of_key(&config.db_path, key).map_err(|error| Failed::new(error.exit(), error))?;
    let usual = if is_first { config.db_path.journal() } else { config.db_path.journal_of(key) };
    Ok(known.or(usual).expect("the store has a place, and so has the journal"))
}

/// Gives the marks to the vaults in other processes, which take what their keys have proven. None is given any before
/// each is known to be there.
fn give(places: &[&KeyPlace], job: &RestoreJob<'_>) -> Result<Vec<Raised>, Failed> {
    let mut gifts = Vec::new();
    for (place, (key, _)) in
        places.iter().zip(&job.marks).filter(|(_, (_, it))| *it == Marks::Given)
    {
        let KeyPlace::Vault(socket) = place else { continue };
        let journal = job.contents.journals.iter().find(|journal| journal.public_key == *key);
        let Some(journal) = journal else { continue };
        let vault =
            RemoteVault::connect_at_once(socket).map_err(|error| Failed::new(Exit::Key, error))?;
        if vault.public_key() != *key {
            let error = format!("the vault at {} no longer has the key {key}", socket.display());
            return Err(Failed::new(Exit::Journal, error));
        }
        gifts.push((vault, journal));
    }
    let give = |(mut vault, journal): (RemoteVault, &JournalExport)| {
        let imported = vault.import_journal(journal);
        let Imported { added, known, covered } =
            imported.map_err(|error| Failed::new(exit_of(&error), error))?;
        let public_key = journal.public_key.to_string();
        Ok(Raised { public_key, has_begun: false, added, known, covered })
    };
    gifts.into_iter().map(give).collect()
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

fn to_text(restored: &Restored, is_whole: bool) -> String {
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
        StoreOutcome::Kept if is_whole => "the store that was there stays".to_owned(),
        StoreOutcome::Kept => {
            "the store is not touched: start the vault, then restore with --store-only as the signer's user".to_owned()
        }
    });
    lines.join("\n")
}
