//! `countersign promote`: this instance signs from now on.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use countersign_signerd::{GateState, Promotion, promote_at_rest};
use countersign_vault::JournalExport;
use serde_json::{Value, json};

use crate::cli::Failed;
use crate::daemon::Which;
use crate::drill::Drill;
use crate::journal::content;

/// What `promote` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    grounds: Grounds,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Why no other instance signs.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Grounds {
    /// The journal that `countersign demote` wrote where this key signed before; once for each key while a
    /// key is being changed
    #[arg(long, value_name = "FILE")]
    journal: Vec<PathBuf>,
    /// The other instance, and what it signed last, are lost; wait until that is history
    #[arg(long)]
    peer_is_lost: bool,
}

pub(crate) const EXAMPLES: &str = "\
The signer may run, as a standby or demoted or frozen; then it signs without a restart. If it does not run,
the next start signs. The exit code is 12 if it must not sign: the other instance is heard, its journal was
not demoted, or another process of this machine has the key.

Examples:
  countersign promote --config signer-config.toml --journal moved.json
  countersign promote --config signer-config.toml --peer-is-lost
";

/// The file cannot be read, or is no journal.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used; nothing was changed", path.display())]
struct BadJournal {
    path: PathBuf,
    source: Box<dyn std::error::Error>,
}

/// Waits until this instance signs, or is known not to.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let begun = Instant::now();
    let journals: Result<Vec<_>, Failed> =
        args.grounds.journal.iter().map(|path| read(path)).collect();
    let journals = journals?;
    let body = if args.grounds.peer_is_lost {
        json!({ "peer_is_lost": true })
    } else {
        let texts: Vec<String> = journals.iter().map(JournalExport::to_json).collect();
        json!({ "journals": texts })
    };
    let answer = match args.which.ask(Route::Promote, &body, LIMIT) {
        Ok(answer) => answer,
        Err(failed) if failed.exit == Exit::NoDaemon => {
            return at_rest(args, journals, failed, out);
        }
        Err(failed) => return Err(failed),
    };
    if !answer.is_success() {
        return Err(Failed::new(exit_of(answer.status), answer.text()));
    }
    let before = answer.body.get("before").and_then(Value::as_str).unwrap_or_default().to_owned();
    wait(args, answer.body.get("instance").cloned().unwrap_or_default())?;
    let took = begun.elapsed().as_secs_f64();
    // One that was frozen has taken nobody's place, nor has one that signed already.
    if [GateState::Standby, GateState::Demoted].iter().any(|state| state.label() == before) {
        Drill::Failover.done(args.which.records()?.as_deref());
    }
    let said = if args.json {
        json!({ "state": "active", "before": before, "seconds": took }).to_string()
    } else {
        let hint = if before == GateState::Standby.label() {
            "\nfrom the next start on, use `countersign run` here: a standby begins without signing"
        } else {
            ""
        };
        format!("this instance signs, after {:.0} ms{hint}", took * 1000.0)
    };
    writeln!(out, "{said}").map_err(Failed::failure)
}

/// Follows a promotion that takes its time.
fn wait(args: &Args, mut instance: Value) -> Result<(), Failed> {
    let mut has_told = false;
    loop {
        let text = |name: &str| instance.get(name).and_then(Value::as_str);
        let state = text("state").unwrap_or_default();
        if state == GateState::Open.label() {
            return Ok(());
        }
        let is_waiting = state == GateState::Waiting.label();
        if !is_waiting && state != GateState::Listening.label() {
            let why = text("promotion_called_off").or(text("text")).unwrap_or("it does not sign");
            return Err(Failed::new(Exit::Instance, format!("not promoted: {why}")));
        }
        if !has_told {
            let left = instance.get("left_secs").and_then(Value::as_f64).unwrap_or_default();
            let when = if is_waiting {
                format!("in {left:.0} s, unless the other one is heard")
            } else {
                "once its node has said what is in its slots".to_owned()
            };
            // With stderr closed there is nobody left to tell.
            let _ = writeln!(
                io::stderr(),
                "this instance signs {when}; it goes on waiting if this command is interrupted"
            );
            has_told = true;
        }
        sleep(LOOK_EVERY);
        let answer = args.which.ask(Route::Status, &Value::Null, LIMIT)?;
        instance = answer.body.get("instance").cloned().unwrap_or_default();
    }
}

/// There is no daemon: its journal is changed, and the next start goes by it.
fn at_rest(
    args: &Args,
    journals: Vec<JournalExport>,
    failed: Failed,
    out: &mut dyn Write,
) -> Result<(), Failed> {
    let Some((config, keys)) = args.which.keys()? else { return Err(failed) };
    let floor = config.caution.floor;
    let grounds = if args.grounds.peer_is_lost {
        Promotion::PeerIsLost
    } else {
        Promotion::Journals(journals)
    };
    let promoted = promote_at_rest(&config, keys, &grounds);
    promoted.map_err(|error| Failed::new(error.exit(), error))?;
    // One that waits first may still hear the other.
    if matches!(grounds, Promotion::Journals(_)) {
        Drill::Failover.done(config.db_path.records().as_deref());
    }
    let waits = matches!(grounds, Promotion::PeerIsLost).then_some(floor);
    let said = if args.json {
        json!({ "state": "stopped", "waits_secs": waits.map(|waits| waits.as_secs()) }).to_string()
    } else {
        let after = waits.map_or_else(String::new, |waits| {
            format!(", {} s after it has begun, unless another instance is heard", waits.as_secs())
        });
        format!("the next `countersign run` signs{after}")
    };
    writeln!(out, "{said}").map_err(Failed::failure)
}

fn read(path: &Path) -> Result<JournalExport, Failed> {
    let bad = |source: Box<dyn std::error::Error>| {
        Failed::new(Exit::Usage, BadJournal { path: path.to_owned(), source })
    };
    let bytes = content(path).map_err(|error| bad(error.into()))?;
    JournalExport::from_json(&bytes).map_err(|error| bad(error.into()))
}

/// A refusal that no other command line would change means that this instance must not sign.
pub(crate) const fn exit_of(status: u16) -> Exit {
    match status {
        409 => Exit::Instance,
        400 => Exit::Usage,
        _ => Exit::Failure,
    }
}

/// An import of a long journal takes a moment.
const LIMIT: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(200);
