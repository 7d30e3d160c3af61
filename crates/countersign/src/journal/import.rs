//! `countersign journal import`.

use std::io::Write;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_vault::{AdoptError, Imported, JournalFile};
use serde_json::json;

use super::{Common, JournalFailed, answer, broken, closed, verify};
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
    let journal = args.common.journal()?;
    let mut file = JournalFile::open(&journal).map_err(closed)?;
    let imported = if args.dry_run { file.rehearse_import(&export) } else { file.import(&export) };
    let imported = imported.map_err(|why| refused(args, why))?;
    file.close().map_err(broken)?;
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

fn refused(args: &Args, why: AdoptError) -> Failed {
    let exit = match &why {
        AdoptError::Journal(error) if error.is_fatal() => Exit::Store,
        AdoptError::Journal(_) | AdoptError::ForeignKey { .. } => Exit::Journal,
    };
    Failed::new(exit, JournalFailed::Refused { path: args.export.clone(), why: Box::new(why) })
}
