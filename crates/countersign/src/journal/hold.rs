//! `countersign journal hold` and `release`.

use std::io::Write;

use countersign_vault::JournalFile;
use countersign_wire::BurnHeight;
use serde_json::json;

use super::{Common, answer, broken, closed};
use crate::cli::Failed;

/// What `journal hold` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first height at which nothing is signed any more
    #[arg(long, value_name = "HEIGHT")]
    from_burn_height: u64,
    #[command(flatten)]
    common: Common,
}

/// What `journal release` needs to know.
#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    common: Common,
}

/// Sets a hold. A lower one that is there stays.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let height = BurnHeight::new(args.from_burn_height);
    change(&args.common, out, |file| file.hold_from(height))
}

/// Takes a hold away.
pub(super) fn release(args: &ReleaseArgs, out: &mut dyn Write) -> Result<(), Failed> {
    change(&args.common, out, JournalFile::release_hold)
}

fn change(
    common: &Common,
    out: &mut dyn Write,
    change: impl FnOnce(&mut JournalFile) -> Result<(), countersign_vault::SignError>,
) -> Result<(), Failed> {
    let journal = common.journal()?;
    let mut file = JournalFile::open(&journal).map_err(closed)?;
    change(&mut file).map_err(broken)?;
    let hold = file.status().map_err(broken)?.hold;
    file.close().map_err(broken)?;
    let text = hold.map_or_else(
        || "there is no hold; the signer signs at every burn height".to_owned(),
        |height| format!("nothing is signed from burn height {height} on"),
    );
    answer(out, common.json, (text, json!({ "hold": hold })))
}
