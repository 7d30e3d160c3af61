//! `countersign reload`: the running signer reads its configuration again.

use std::io::Write;
use std::time::Duration;

use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use serde_json::Value;

use crate::cli::Failed;
use crate::daemon::Which;

/// What `reload` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign reload --config signer-config.toml
";

/// Prints a line per key that is different: `key: old → new (applied)`, or `(needs a restart)`.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let answer = args.which.ask(Route::Reload, &Value::Null, LIMIT)?;
    if !answer.is_success() {
        let is_config = answer.body.get("error").and_then(Value::as_str) == Some("config_refused");
        let exit = if is_config { Exit::Usage } else { Exit::Failure };
        return Err(Failed::new(exit, answer.text()));
    }
    let text = if args.json { answer.body.to_string() } else { answer.text() };
    writeln!(out, "{text}").map_err(Failed::failure)
}

/// Reading a file takes no time; the loop may be in the middle of something.
const LIMIT: Duration = Duration::from_secs(30);
