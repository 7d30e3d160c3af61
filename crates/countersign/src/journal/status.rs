//! `countersign journal status`.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use countersign_vault::{JournalFile, JournalStatus, Standing};
use serde_json::{Value, json};

use super::{Common, answer, closed};
use crate::cli::Failed;

/// What `journal status` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Checks the journal, writes nothing to it, and says what it comes to.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let journal = args.common.journal()?;
    let status = JournalFile::inspect(&journal).map_err(closed)?;
    answer(out, args.common.json, (text(&journal, &status), json(&journal, &status)))
}

/// What a journal comes to, for a human.
pub(super) fn text(journal: &Path, status: &JournalStatus) -> String {
    let JournalStatus { standing, records, remembered, rejections, openings, .. } = status;
    let wait = (!status.wait.is_zero())
        .then(|| format!("{} s after the next start", status.wait.as_secs()));
    let stop = if status.is_clean { "clean" } else { "not clean: a crash, or it runs" };
    format!(
        "journal:    {}\nkey:        {}\nstanding:   {standing}\nhold:       {}\nwait:       {}\n\
         signed:     {records} blocks, {remembered} of them remembered one by one\n\
         highest:    {}\nlast at:    {}\nfloor:      {}\nrejections: {rejections}\n\
         openings:   {openings}\nlast stop:  {stop}",
        journal.display(),
        status.public_key,
        or_none(status.hold.map(|height| format!("from burn height {height} on"))),
        or_none(wait),
        or_none(status.highest),
        or_none(status.last_signed_at),
        or_none(status.floor),
    )
}

/// The same for a program.
pub(super) fn json(journal: &Path, status: &JournalStatus) -> Value {
    let JournalStatus { standing, records, remembered, rejections, openings, .. } = status;
    let (since, reason) = match standing {
        Standing::Active => (None, None),
        Standing::Demoted { at } => (Some(*at), None),
        Standing::Frozen { at, reason } => (Some(*at), Some(reason)),
    };
    json!({
        "journal": journal.display().to_string(),
        "public_key": status.public_key.to_string(),
        "standing": standing.name(),
        "standing_since": since,
        "reason": reason,
        "hold": status.hold,
        "wait_secs": status.wait.as_secs(),
        "records": records,
        "remembered": remembered,
        "highest": status.highest,
        "last_signed_at": status.last_signed_at,
        "floor": status.floor,
        "rejections": rejections,
        "openings": openings,
        "is_clean": status.is_clean,
    })
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
