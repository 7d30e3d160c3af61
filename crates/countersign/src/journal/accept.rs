//! `countersign journal accept`.

use std::io::Write;

use countersign_vault::{FLOOR, JournalFile};

use super::{Common, Place, answer, broken, closed, status};
use crate::cli::Failed;

/// What `journal accept` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Takes the journal as it is. After the next start nothing is signed for ten minutes, until what it may
/// have forgotten binds no more.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let journal = args.common.file("accept")?;
    let mut file = JournalFile::accept(&journal, FLOOR).map_err(closed)?;
    let found = file.status().map_err(broken)?;
    file.close().map_err(broken)?;
    let place = Place::File(journal);
    let text = format!("the journal is taken as the latest one\n{}", status::text(&place, &found));
    answer(out, args.common.json, (text, status::json(&place, &found)))
}
