//! `countersign restore`: the way back from a backup.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use countersign_backup::Identities;
use countersign_backup::postgres::{RestoreError, Target, restore};
use countersign_ops::exit::Exit;

use crate::backup_place::{Place, Source, client_programs, secret_text, unfit, with_care};
use crate::cli::Failed;
use crate::drill::Drill;
use crate::restore_signer;

/// A verb for each thing that can be restored.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Restore the PostgreSQL of the sBTC signer into an empty database
    #[command(after_help = EXAMPLES)]
    Postgres(Box<Args>),
    /// Restore what a signer remembers: raise the marks in its journal, and put its store back
    #[command(after_help = restore_signer::EXAMPLES)]
    Signer(restore_signer::Args),
}

/// What `restore postgres` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    source: Source,
    /// The identity file of one of the backup's recipients
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// The role that is to own everything, which is the one that the sBTC signer connects as
    #[arg(long, value_name = "ROLE")]
    owner: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
The database must be there and empty. Everything is restored in one transaction, or nothing. Stop the sBTC signer
before, verify the backup first, and never let two sBTC signers run with one key.

Example:
  sudo -u postgres createdb --owner=sbtc sbtc
  countersign restore postgres postgres-20261127T031500Z.dump.age --identity identity.txt \\
    --database sbtc --user sbtc --password-file pgpass
";

/// Restores, and says what is in the database then.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Postgres(args) => postgres(*args, out),
        Verb::Signer(args) => restore_signer::run(&args, out),
    }
}

fn postgres(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    let site = args.place.load()?;
    let identities = Identities::new(&secret_text(&args.identity)?);
    let identities = identities.map_err(|error| Failed::new(Exit::Key, error))?;
    let target = Target {
        connection: args.source.connection(site.as_ref())?,
        owner: args.owner,
        programs: client_programs(&args.place)?,
    };
    let (backup, into) = (args.backup.clone(), target.connection.place());
    let restored = with_care(move |care| restore(&backup, &identities, &target, care))?;
    let contents = restored.map_err(|error| match error {
        RestoreError::Fault(fault) => unfit(&fault, "the backup is not restored"),
        RestoreError::Incomplete(_) => Failed::new(Exit::Backup, error),
        error => Failed::failure(error),
    })?;
    args.place.record(site.as_ref(), &Drill::RestoreDatabase.record());
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!({ "restored": args.backup, "contents": contents }))
    } else {
        let (rows, tables) = (contents.tables.values().sum::<u64>(), contents.tables.len());
        writeln!(out, "Restored into {into}: {tables} tables, {rows} rows.\n{NEXT}")
    };
    printed.map_err(Failed::failure)
}

const NEXT: &str = "\
The sBTC signer catches up with both chains when it starts. Make a new backup at once: \
countersign backup postgres run --help";
