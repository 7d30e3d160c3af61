//! `countersign list-chunks`: the slots of a StackerDB.

use std::io::Write;

use crate::cli::Failed;
use crate::stackerdb::StackerDbArgs;

/// What `list-chunks` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: StackerDbArgs,
    /// Print the JSON itself instead of its hex
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign list-chunks --host 127.0.0.1:20443 --contract SP000000000000000000002Q6VF78.signers-0-1 \\
    --json
";

/// Prints a JSON array, which unless `--json` is given is written as the hex of its UTF-8.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    let database = args.database.open()?;
    let found = args.database.ask(database.slots())?;
    let slots = found.map_err(|error| args.database.unusable(error))?;
    let json = serde_json::to_string(&slots).map_err(Failed::failure)?;
    let text = if args.json { json } else { hex::encode(json) };
    writeln!(out, "{text}").map_err(Failed::failure)
}
