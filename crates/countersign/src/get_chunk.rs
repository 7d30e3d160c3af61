//! `countersign get-chunk`: one version of a slot.

use std::io::Write;

use crate::cli::Failed;
use crate::stackerdb::StackerDbArgs;

/// What `get-chunk` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: StackerDbArgs,
    /// The slot
    #[arg(long, value_name = "NUMBER")]
    slot_id: u32,
    /// The version; a node keeps the latest only
    #[arg(long, value_name = "NUMBER")]
    slot_version: u32,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign get-chunk --host 127.0.0.1:20443 --contract SP000000000000000000002Q6VF78.signers-0-1 \\
    --slot-id 3 --slot-version 17
";

/// Prints the content as hex.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    args.database.show_chunk(args.slot_id, Some(args.slot_version), out)
}
