//! `countersign status`: whether the running signer does what it is for, and everything around it.

use std::io::{self, IsTerminal as _, Write};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use countersign_signerd::readiness::Ladder;
use countersign_status::Snapshot;
use countersign_status::draw::{Canvas, draw};
use serde_json::Value;

use crate::cli::Failed;
use crate::daemon::Which;

/// What `status` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object, or one a line with `--watch`
    #[arg(long)]
    json: bool,
    /// Look again every second, until it is interrupted
    #[arg(long)]
    watch: bool,
    /// How many blocks and how many signers to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    rows: usize,
}

pub(crate) const EXAMPLES: &str = "\
The exit code is 0 if the signer is ready, 1 if it runs and is not, 13 if it does not run. With
--watch a signer that stops is waited for.

Examples:
  countersign status --config signer-config.toml
  countersign status --config signer-config.toml --watch
";

/// The signer runs, and something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the signer is {0}")]
struct NotReady(String);

/// The daemon and this command do not speak of the same thing.
#[derive(Debug, thiserror::Error)]
#[error("the running signer is of another version than this command; ask it with its own program")]
struct OtherVersion(#[source] serde_json::Error);

/// Draws what the signer shows, once or again and again.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    if !args.watch {
        let look = look(args)?;
        out.write_all(text(args, &look).as_bytes()).map_err(Failed::failure)?;
        let Look { ladder, .. } = look;
        return if ladder.is_ready() {
            Ok(())
        } else {
            Err(Failed::new(Exit::Failure, NotReady(ladder.headline())))
        };
    }
    let clear = if is_screen(args) { CLEAR } else { "" };
    loop {
        let text = match look(args) {
            Ok(look) => text(args, &look),
            Err(failed) if failed.exit == Exit::NoDaemon && !args.json => {
                "the signer does not run; waiting for it\n".to_owned()
            }
            Err(failed) => return Err(failed),
        };
        let written = write!(out, "{clear}{text}").and_then(|()| out.flush());
        match written {
            // Whoever has seen enough is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(Failed::failure)?,
        }
        sleep(PAUSE);
    }
}

/// What the daemon has answered.
struct Look {
    /// As it came.
    answer: Value,
    /// The ladder in it.
    ladder: Ladder,
    /// The snapshot in it.
    snapshot: Snapshot,
}

fn look(args: &Args) -> Result<Look, Failed> {
    let answer = args.which.ask(Route::Status, &Value::Null, LIMIT)?;
    if !answer.is_success() {
        return Err(Failed::failure(answer.text()));
    }
    let part = |name| answer.body.get(name).cloned().unwrap_or_default();
    let other = |error| Failed::failure(OtherVersion(error));
    let ladder = serde_json::from_value(part("readiness")).map_err(other)?;
    let snapshot = serde_json::from_value(part("snapshot")).map_err(other)?;
    Ok(Look { answer: answer.body, ladder, snapshot })
}

fn text(args: &Args, Look { answer, snapshot, .. }: &Look) -> String {
    if args.json {
        return format!("{answer}\n");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    draw(
        snapshot,
        Canvas {
            width: columns.ok().filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH),
            in_colour: is_screen(args) && std::env::var_os("NO_COLOR").is_none(),
            now: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            rows: args.rows,
        },
    )
}

fn is_screen(args: &Args) -> bool {
    !args.json && io::stdout().is_terminal()
}

/// Home, and nothing below.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
/// Of what is no terminal.
const USUAL_WIDTH: usize = 100;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// The daemon answers at once unless it hangs.
const LIMIT: Duration = Duration::from_secs(10);
