//! `countersign journal export`.

use std::io::Write;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_ops::secret::create_private;
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
    create_private(&args.out, export.to_json().as_bytes()).map_err(|source| {
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
