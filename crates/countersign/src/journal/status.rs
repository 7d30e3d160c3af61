//! `countersign journal status`.

use std::fmt::Display;
use std::io::Write;

use countersign_vault::{JournalFile, JournalStatus, Standing};
use serde_json::{Value, json};

use super::{Common, Place, answer, broken, closed, vault};
use crate::cli::Failed;

/// What `journal status` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Checks the journal, writes nothing to it, and says what it comes to. A vault that runs has checked its own.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let place = args.common.place()?;
    let status = match &place {
        Place::File(journal) => JournalFile::inspect(journal).map_err(closed)?,
        Place::Vault(socket) => vault(socket)?.journal_status().map_err(broken)?,
    };
    answer(out, args.common.json, (text(&place, &status), json(&place, &status)))
}

/// What a journal comes to, for a human.
pub(super) fn text(place: &Place, status: &JournalStatus) -> String {
    let JournalStatus { standing, records, remembered, rejections, openings, .. } = status;
    let (at, after, stop) = match place {
        Place::File(journal) if status.is_clean => (journal, " after the next start", "clean"),
        Place::File(journal) => {
            (journal, " after the next start", "not clean: a crash, or it runs")
        }
        Place::Vault(socket) => (socket, " from now on", "none: the vault that listens there runs"),
    };
    let wait = (!status.wait.is_zero()).then(|| format!("{} s{after}", status.wait.as_secs()));
    format!(
        "journal:    {}\nkey:        {}\nstanding:   {standing}\nhold:       {}\nwait:       {}\n\
         signed:     {records} blocks, {remembered} of them remembered one by one\n\
         highest:    {}\nlast at:    {}\nfloor:      {}\nrejections: {rejections}\n\
         openings:   {openings}\nlast stop:  {stop}",
        at.display(),
        status.public_key,
        or_none(status.hold.map(|height| format!("from burn height {height} on"))),
        or_none(wait),
        or_none(status.highest),
        or_none(status.last_signed_at),
        or_none(status.floor),
    )
}

/// The same for a program.
pub(super) fn json(place: &Place, status: &JournalStatus) -> Value {
    let JournalStatus { standing, records, remembered, rejections, openings, .. } = status;
    let (since, reason) = match standing {
        Standing::Active => (None, None),
        Standing::Demoted { at } => (Some(*at), None),
        Standing::Frozen { at, reason } => (Some(*at), Some(reason)),
    };
    let (journal, vault) = match place {
        Place::File(journal) => (Some(journal.display().to_string()), None),
        Place::Vault(socket) => (None, Some(socket.display().to_string())),
    };
    json!({
        "journal": journal,
        "vault": vault,
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
