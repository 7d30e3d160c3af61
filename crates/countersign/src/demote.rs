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
use countersign_wire::StacksHeight;
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
    let first = make(&args.out).map_err(|error| {
        let path = args.out.display();
        Failed::new(Exit::Usage, format!("{path} cannot be made: {error}; nothing was changed"))
    })?;
    let journals = stop(args).inspect_err(|_| {
        // It is empty.
        let _ = fs::remove_file(&args.out);
    })?;
    let (mut files, mut first) = (Vec::new(), Some(first));
    for journal in &journals {
        let (path, file) = match first.take() {
            Some(file) => (args.out.clone(), file),
            None => another(&args.out, files.len()).map_err(Failed::failure)?,
        };
        files.push((keep(&path, file, journal).map_err(Failed::failure)?, path));
    }
    let said = if args.json { to_json(&files) } else { to_text(&files) };
    writeln!(out, "{said}").map_err(Failed::failure)
}

fn to_json(files: &[(JournalExport, PathBuf)]) -> String {
    let files = files.iter().map(|(export, path)| {
        json!({
            "path": path,
            "public_key": export.public_key.to_string(),
            "acceptances": export.records,
            "highest": export.highest().map(StacksHeight::get),
            "sha256": hex::encode(export.digest()),
        })
    });
    json!({ "state": "demoted", "journals": files.collect::<Vec<_>>() }).to_string()
}

fn to_text(files: &[(JournalExport, PathBuf)]) -> String {
    let mut text =
        String::from("this instance has stopped signing, and a restart does not change that");
    let mut arguments = String::new();
    for (export, path) in files {
        let highest = export.highest();
        let highest = highest.map_or_else(|| "none".to_owned(), |height| height.to_string());
        let line = format!(
            "\n{} has what the key {} signed: {} blocks, highest {highest}; read back, and proven by the key",
            path.display(),
            export.public_key,
            export.records,
        );
        text.push_str(&line);
        arguments.push_str(" --journal ");
        arguments.push_str(&path.file_name().unwrap_or_default().to_string_lossy());
    }
    text.push_str("\non the other host: countersign promote --config FILE");
    text.push_str(&arguments);
    text
}

/// The exported journals, one for each key.
fn stop(args: &Args) -> Result<Vec<String>, Failed> {
    match args.which.ask(Route::Demote, &Value::Null, LIMIT) {
        Ok(answer) if answer.is_success() => {
            let journals = answer.body.get("journals").cloned().unwrap_or_default();
            let journals: Option<Vec<String>> = serde_json::from_value(journals).ok();
            let journals = journals.filter(|journals| !journals.is_empty());
            journals.ok_or_else(|| Failed::failure(NoProof::Nothing))
        }
        Ok(answer) => Err(Failed::new(exit_of(answer.status), answer.text())),
        Err(failed) if failed.exit == Exit::NoDaemon => match args.which.keys()? {
            Some((config, keys)) => {
                let demoted = demote_at_rest(&config, keys);
                let journals = demoted.map_err(|error| Failed::new(error.exit(), error))?;
                Ok(journals.iter().map(JournalExport::to_json).collect())
            }
            None => Err(failed),
        },
        Err(failed) => Err(failed),
    }
}

/// A new file that only its owner can read.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// For the journal of a second key, while a key is being changed.
fn another(out: &Path, number: usize) -> Result<(PathBuf, File), NoProof> {
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".{}", number + 1));
    let path = PathBuf::from(name);
    match make(&path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(NoProof::Unwritten(path, error)),
    }
}

/// Writes a journal, and believes only what it reads back.
fn keep(path: &Path, mut file: File, journal: &str) -> Result<JournalExport, NoProof> {
    let unwritten = |error| NoProof::Unwritten(path.to_owned(), error);
    file.write_all(journal.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // It would keep the next call from writing there.
        let _ = fs::remove_file(path);
        unwritten(error)
    })?;
    let bytes = fs::read(path).map_err(unwritten)?;
    let export = JournalExport::from_json(&bytes)
        .map_err(|error| NoProof::Unread(path.to_owned(), error))?;
    if export.is_proven_demotion() { Ok(export) } else { Err(NoProof::Unproven(path.to_owned())) }
}

/// A journal is read whole, and synced.
const LIMIT: Duration = Duration::from_mins(1);
