//! `countersign demote`: this instance stops signing, and hands over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use countersign_signerd::demote_at_rest;
use countersign_vault::{InterchangeError, JournalExport};
use serde_json::{Value, json};

use crate::cli::Failed;
use crate::daemon::Which;
use crate::promote::exit_of;

/// What `demote` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Where the journal is written for the other instance; there must be no such file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Nothing is signed here any more, not after a restart either, until `countersign promote`. The file holds what
this key has signed, and the key's signature that it does; it is no secret.

Example:
  countersign demote --config signer-config.toml --out moved.json
";

/// Why there is no proof of what was demoted.
#[derive(Debug, thiserror::Error)]
enum NoProof {
    #[error("{} cannot be written; the signer may have stopped signing: see `countersign status`", .0.display())]
    Unwritten(PathBuf, #[source] io::Error),
    #[error("{} does not hold what was written to it", .0.display())]
    Unread(PathBuf, #[source] InterchangeError),
    #[error("{} does not prove that the signer has stopped", .0.display())]
    Unproven(PathBuf),
    #[error("the signer does not say what it has signed")]
    Nothing,
}

/// Stops it, and says what to do on the other side.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    // First, so that nothing is stopped if the file cannot be made.
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(&args.out);
    let mut file = made.map_err(|error| {
        Failed::new(
            Exit::Usage,
            format!("{} cannot be made: {error}; nothing was changed", args.out.display()),
        )
    })?;
    let journal = stop(args).inspect_err(|_| {
        // It is empty.
        let _ = fs::remove_file(&args.out);
    })?;
    let export = keep(&args.out, &mut file, &journal).map_err(Failed::failure)?;
    let highest = export.highest().map(|height| height.get());
    let said = if args.json {
        json!({
            "state": export.standing.name(),
            "journal": args.out,
            "public_key": export.public_key.to_string(),
            "acceptances": export.acceptances.len(),
            "highest": highest,
            "sha256": hex::encode(export.digest()),
        })
        .to_string()
    } else {
        format!(
            "this instance has stopped signing, and a restart does not change that\n\
             {} has its {} signed blocks, the highest at {}; read back, and proven by the key {}\n\
             on the other host: countersign promote --config FILE --journal {}",
            args.out.display(),
            export.records,
            highest.map_or_else(|| "no height".to_owned(), |height| format!("height {height}")),
            export.public_key,
            args.out.file_name().unwrap_or_default().to_string_lossy(),
        )
    };
    writeln!(out, "{said}").map_err(Failed::failure)
}

/// The exported journal.
fn stop(args: &Args) -> Result<String, Failed> {
    match args.which.ask(Route::Demote, &Value::Null, LIMIT) {
        Ok(answer) if answer.is_success() => {
            let journal = answer.body.get("journal").and_then(Value::as_str);
            Ok(journal.ok_or_else(|| Failed::failure(NoProof::Nothing))?.to_owned())
        }
        Ok(answer) => Err(Failed::new(exit_of(answer.status), answer.text())),
        Err(failed) if failed.exit == Exit::NoDaemon => match args.which.key()? {
            Some((config, key)) => {
                let demoted = demote_at_rest(&config, key);
                Ok(demoted.map_err(|error| Failed::new(error.exit(), error))?.to_json())
            }
            None => Err(failed),
        },
        Err(failed) => Err(failed),
    }
}

/// Writes the journal, and believes only what it reads back.
fn keep(path: &Path, file: &mut File, journal: &str) -> Result<JournalExport, NoProof> {
    let unwritten = |error| NoProof::Unwritten(path.to_owned(), error);
    file.write_all(journal.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
    let bytes = fs::read(path).map_err(unwritten)?;
    let export = JournalExport::from_json(&bytes)
        .map_err(|error| NoProof::Unread(path.to_owned(), error))?;
    if export.is_proven_demotion() { Ok(export) } else { Err(NoProof::Unproven(path.to_owned())) }
}

/// A journal is read whole, and synced.
const LIMIT: Duration = Duration::from_secs(60);
