//! `countersign replay`: every decision of a recording, taken again.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_signerd::recorder::replay;

use crate::cli::Failed;

/// What `replay` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The recording: a file of the folder that `countersign.record` names
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Stop at the first event that does not come to what it came to
    #[arg(long)]
    until_first_difference: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign replay recordings/001763700000123-02ab….countersign-recording
";

/// The replay does not come to what was recorded. What differs stands above.
#[derive(Debug, thiserror::Error)]
#[error("{0} events do not come to what was recorded; the first difference is shown")]
struct Differs(u64);

/// Replays without a node, a key or a store. Writes nothing.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let replay = replay(&args.file, args.until_first_difference)
        .map_err(|error| Failed::new(Exit::Recording, error))?;
    let text = if args.json {
        serde_json::to_string(&replay).map_err(Failed::failure)?
    } else {
        replay.to_string().trim_end().to_owned()
    };
    match writeln!(out, "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(Failed::failure(error)),
        _ => {}
    }
    match replay.differences {
        0 => Ok(()),
        count => Err(Failed::new(Exit::ReplayDiffers, Differs(count))),
    }
}
