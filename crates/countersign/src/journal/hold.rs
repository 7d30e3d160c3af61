//! `countersign journal hold` and `release`.

use std::io::Write;

use countersign_signerd::RemoteVault;
use countersign_vault::{JournalFile, SignError};
use countersign_wire::BurnHeight;
use serde_json::json;

use super::{Common, Place, answer, broken, closed, vault};
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
    change(&args.common, out, |file| file.hold_from(height), |vault| vault.hold_from(height))
}

/// Takes a hold away.
pub(super) fn release(args: &ReleaseArgs, out: &mut dyn Write) -> Result<(), Failed> {
    change(&args.common, out, JournalFile::release_hold, RemoteVault::release_hold)
}

fn change(
    common: &Common,
    out: &mut dyn Write,
    in_file: impl FnOnce(&mut JournalFile) -> Result<(), SignError>,
    in_vault: impl FnOnce(&mut RemoteVault) -> Result<(), SignError>,
) -> Result<(), Failed> {
    let hold = match common.place()? {
        Place::File(journal) => {
            let mut file = JournalFile::open(&journal).map_err(closed)?;
            in_file(&mut file).map_err(broken)?;
            let hold = file.status().map_err(broken)?.hold;
            file.close().map_err(broken)?;
            hold
        }
        Place::Vault(socket) => {
            let mut vault = vault(&socket)?;
            in_vault(&mut vault).map_err(broken)?;
            vault.journal_status().map_err(broken)?.hold
        }
    };
    let text = hold.map_or_else(
        || "there is no hold; the signer signs at every burn height".to_owned(),
        |height| format!("nothing is signed from burn height {height} on"),
    );
    answer(out, common.json, (text, json!({ "hold": hold })))
}
