//! `countersign journal import`.

use std::io::Write;
use std::path::{Path, PathBuf};

use countersign_ops::exit::Exit;
use countersign_signerd::exit_of;
use countersign_vault::{AdoptError, Imported, JournalExport, JournalFile};
use serde_json::json;

use super::{Common, JournalFailed, Place, answer, broken, closed, vault, verify};
use crate::cli::Failed;

/// What `journal import` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The exported journal
    #[arg(value_name = "EXPORT")]
    export: PathBuf,
    /// Say what there is to take, and take nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

/// Takes over all of it or nothing. The journal must exist: `countersign run --init` begins one.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let export = verify::read(&args.export)?;
    let imported = match args.common.place()? {
        Place::Vault(socket) if args.dry_run => {
            let verb = "import --dry-run";
            return Err(Failed::new(Exit::Usage, JournalFailed::WithVault { socket, verb }));
        }
        Place::Vault(socket) => {
            vault(&socket)?.import_journal(&export).map_err(|why| refused(args, why.into()))?
        }
        Place::File(journal) => into_file(args, &journal, &export)?,
    };
    let Imported { added, known, covered } = imported;
    let verb = if args.dry_run { "would be taken" } else { "taken" };
    let text = format!(
        "{added} signed blocks {verb}, {known} were there, {covered} are below the floor already"
    );
    let json = json!({
        "added": added, "known": known, "covered": covered, "floor": export.floor,
        "is_rehearsal": args.dry_run, "is_proven_demotion": export.is_proven_demotion(),
    });
    answer(out, args.common.json, (text, json))
}

fn into_file(args: &Args, journal: &Path, export: &JournalExport) -> Result<Imported, Failed> {
    let mut file = JournalFile::open(journal).map_err(closed)?;
    let imported = if args.dry_run { file.rehearse_import(export) } else { file.import(export) };
    let imported = imported.map_err(|why| refused(args, why))?;
    file.close().map_err(broken)?;
    Ok(imported)
}

fn refused(args: &Args, why: AdoptError) -> Failed {
    let exit = match &why {
        AdoptError::Journal(error) => exit_of(error),
        AdoptError::ForeignKey { .. } => Exit::Journal,
    };
    Failed::new(exit, JournalFailed::Refused { path: args.export.clone(), why: Box::new(why) })
}
