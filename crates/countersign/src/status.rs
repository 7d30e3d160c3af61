//! `countersign status`: whether the running signer does what it is for.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use countersign_signerd::readiness::{Ladder, Step};
use serde_json::Value;

use crate::cli::Failed;
use crate::daemon::Which;

/// What `status` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The exit code is 0 if the signer is ready, 1 if it runs and is not, 13 if it does not run.

Example:
  countersign status --config signer-config.toml
";

/// The signer runs, and something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the signer is {0}")]
struct NotReady(String);

/// Draws the ladder of readiness, from the ground up.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let answer = args.which.ask(Route::Status, &Value::Null, LIMIT)?;
    if !answer.is_success() {
        return Err(Failed::failure(answer.text()));
    }
    let readiness = answer.body.get("readiness").cloned().unwrap_or_default();
    let ladder: Ladder = serde_json::from_value(readiness).map_err(Failed::failure)?;
    let text = if args.json {
        format!("{}\n", answer.body)
    } else {
        let in_colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        draw(&answer.body, &ladder, now.as_secs(), in_colour)
    };
    out.write_all(text.as_bytes()).map_err(Failed::failure)?;
    if ladder.is_ready() {
        Ok(())
    } else {
        Err(Failed::new(Exit::Failure, NotReady(ladder.headline())))
    }
}

fn draw(status: &Value, ladder: &Ladder, now: u64, in_colour: bool) -> String {
    let field = |name: &str| {
        let value = status.pointer(&format!("/signer/{name}"));
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let field = |name| field(name).unwrap_or_default();
    let mut text = format!(
        "{}\n{} on {}, process {}\n\n",
        field("version"),
        field("address"),
        field("network"),
        field("pid")
    );
    let missing = ladder.missing().map(|step| step.rung);
    for step in &ladder.rungs {
        let mark = match step {
            Step { holds: true, .. } => paint("✔", GREEN, in_colour),
            Step { rung, .. } if Some(*rung) == missing => paint("✘", RED, in_colour),
            Step { .. } => paint("·", GREY, in_colour),
        };
        let Step { rung, text: why, since, .. } = step;
        let age = age(now.saturating_sub(*since));
        writeln!(text, "  {mark} {:<15} {age:>6}  {why}", rung.label())
            .expect("writing to a string cannot fail");
    }
    if let Some(remedy) = ladder.missing().and_then(|step| step.remedy.as_ref()) {
        writeln!(text, "\nWhat to do: {remedy}.").expect("writing to a string cannot fail");
    }
    text
}

/// How long ago, in the largest unit that shows two digits at most.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn paint(text: &str, colour: &str, in_colour: bool) -> String {
    if in_colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

const GREEN: &str = "32";
const RED: &str = "31";
const GREY: &str = "90";
/// The daemon answers at once unless it hangs.
const LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use countersign_signerd::readiness::Rung;
    use serde_json::json;

    use super::*;

    fn ladder(missing: Option<Rung>) -> Ladder {
        let step = |rung: Rung| {
            let holds = missing.is_none_or(|missing| rung < missing);
            let (code, text) =
                if holds { ("good", "all is well") } else { ("bad", "all is not well") };
            let remedy = (!holds).then(|| "mend it".to_owned());
            Step { rung, holds, code: code.to_owned(), text: text.to_owned(), remedy, since: 1_000 }
        };
        Ladder { rungs: Rung::ALL.map(step).to_vec() }
    }

    fn drawn(missing: Option<Rung>, now: u64, in_colour: bool) -> String {
        let signer = json!({ "version": "countersign 0.1.0", "address": "SP1", "network": "mainnet", "pid": 7 });
        draw(&json!({ "signer": signer }), &ladder(missing), now, in_colour)
    }

    #[test]
    fn a_ready_signer_has_a_check_mark_on_every_rung() {
        insta::assert_snapshot!(drawn(None, 1_090, false));
    }

    #[test]
    fn the_first_missing_rung_is_crossed_and_says_what_to_do() {
        insta::assert_snapshot!(drawn(Some(Rung::InSync), 10_000, false));
    }

    #[test]
    fn colours_are_for_terminals() {
        assert!(drawn(None, 0, true).contains("\u{1b}[32m✔\u{1b}[0m"));
        assert!(!drawn(None, 0, false).contains('\u{1b}'));
    }

    #[test]
    fn ages_are_short() {
        let ages: Vec<_> = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age).into();
        assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}
