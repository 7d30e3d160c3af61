//! `countersign journal verify`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use countersign_ops::exit::Exit;
use countersign_vault::{JournalExport, JournalFile};
use serde_json::json;

use super::{Common, JournalFailed, Place, answer, closed, status};
use crate::cli::Failed;
use crate::progress::while_told;

/// What `journal verify` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An exported journal; the journal of the configuration if absent
    #[arg(value_name = "EXPORT")]
    export: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    common: Common,
}

/// Checks every page, row and bit that binds the key. Of an export: its hash, its order and its proof; it
/// needs no configuration.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    if let Some(path) = &args.export {
        let export = while_told(&checking(path), args.quiet, || read(path))?;
        return answer(out, args.common.json, describe(path, &export));
    }
    let journal = args.common.file("verify")?;
    let found = while_told(&checking(&journal), args.quiet, || JournalFile::inspect(&journal))
        .map_err(closed)?;
    let place = Place::File(journal);
    let text = format!("the journal is whole\n{}", status::text(&place, &found));
    answer(out, args.common.json, (text, status::json(&place, &found)))
}

/// What a terminal shows while it takes long.
fn checking(path: &Path) -> String {
    let length = fs::metadata(path).map_or(0, |found| found.len());
    format!("checking {} ({} MB)", path.display(), length / 1_000_000)
}

/// An export that can be believed.
pub(super) fn read(path: &Path) -> Result<JournalExport, Failed> {
    let content = content(path).map_err(|source| {
        let (path, what) = (path.to_owned(), "read");
        Failed::new(Exit::Usage, JournalFailed::Io { path, what, source })
    })?;
    JournalExport::from_json(&content).map_err(|why| {
        let (path, why) = (path.to_owned(), Box::new(why));
        Failed::new(Exit::Journal, JournalFailed::Refused { path, why })
    })
}

/// The bytes of an exported journal, whatever the file is: a device has no length and no end.
pub(crate) fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_EXPORT_LEN + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_EXPORT_LEN {
        return Err(io::Error::other("it is larger than any journal"));
    }
    Ok(content)
}

fn describe(path: &Path, export: &JournalExport) -> (String, serde_json::Value) {
    let proof = if export.proof.is_some() { "made by this key" } else { "none" };
    let highest = export.highest().map_or_else(|| "none".to_owned(), |height| height.to_string());
    let text = format!(
        "the export is whole\nfile:       {}\nkey:        {}\nexported:   {}\nstanding:   {}\n\
         proof:      {proof}\nsigned:     {} blocks\nhighest:    {highest}",
        path.display(),
        export.public_key,
        export.created_at,
        export.standing.name(),
        export.records,
    );
    let json = json!({
        "file": path.display().to_string(),
        "public_key": export.public_key.to_string(),
        "created_at": export.created_at,
        "standing": export.standing.name(),
        "hold": export.hold,
        "is_proven": export.proof.is_some(),
        "is_proven_demotion": export.is_proven_demotion(),
        "records": export.records,
        "highest": export.highest(),
        "floor": export.floor,
    });
    (text, json)
}

/// Far more than the export of a journal that was never folded enough.
const MAX_EXPORT_LEN: u64 = 1 << 28;
