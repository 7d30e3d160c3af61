//! `countersign journal export`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_ops::exit::Exit;
use countersign_vault::{JournalExport, Vault};
use serde_json::json;

use super::{Common, JournalFailed, Place, answer, broken, closed, now, vault};
use crate::cli::Failed;

/// What `journal export` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write it; the file must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Writes the export, durably, and says what is in it. The key signs it.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let export = match args.common.place()? {
        Place::File(_) => from_file(&args.common)?,
        Place::Vault(socket) => vault(&socket)?.export_journal(now()).map_err(broken)?,
    };
    write_new(&args.out, &export.to_json()).map_err(|source| {
        let (path, what) = (args.out.clone(), "written");
        Failed::new(Exit::Failure, JournalFailed::Io { path, what, source })
    })?;
    let highest = export.highest();
    let text = format!(
        "{} holds {} signed blocks of {}, highest {}, standing {}",
        args.out.display(),
        export.acceptances.len(),
        export.public_key,
        highest.map_or_else(|| "none".to_owned(), |height| height.to_string()),
        export.standing.name(),
    );
    let json = json!({
        "file": args.out.display().to_string(),
        "public_key": export.public_key.to_string(),
        "acceptances": export.acceptances.len(),
        "highest": highest,
        "standing": export.standing.name(),
        "is_proven_demotion": export.is_proven_demotion(),
    });
    answer(out, args.common.json, (text, json))
}

fn from_file(common: &Common) -> Result<JournalExport, Failed> {
    let (key, journal) = common.key_and_file()?;
    let mut vault = Vault::open(key, &journal).map_err(closed)?;
    let export = vault.export_journal(now()).map_err(broken)?;
    if vault.was_stopped_cleanly() {
        vault.close_cleanly().map_err(broken)?;
    }
    Ok(export)
}

/// Whole, or not at all: what was begun would keep the next call from writing there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
