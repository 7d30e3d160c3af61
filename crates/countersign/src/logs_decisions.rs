//! `countersign logs decisions`: what was decided, a line each.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_logs::time::parse;
use countersign_ops::exit::Exit;
use countersign_signerd::decisions::{Wanted, list};

use crate::cli::Failed;
use crate::logs::{Whose, print};

/// What `logs decisions` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    /// From this time on: `2026-11-27T18:00:00Z`, or how long ago, such as `90m`, `12h` or `7d`
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<u64>,
    /// Before this time, in the same forms
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
    /// Only what is named, such as `rejection-sent`; may be repeated (docs/explain.md lists them)
    #[arg(long, value_name = "WHAT")]
    what: Vec<String>,
    /// The signers' votes, too
    #[arg(long)]
    votes: bool,
    /// The last so many
    #[arg(short = 'n', long, value_name = "COUNT")]
    last: Option<usize>,
    /// Print the lines as they are in the log, one JSON object each
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  countersign logs decisions --config signer-config.toml --since 2h
  countersign logs decisions --store /var/lib/signer.db --what rejection-sent --since 7d --json
";

/// Nobody is named.
#[derive(Debug, thiserror::Error)]
#[error("name the signer with --config FILE, or its store with --store FILE")]
struct Nobody;

/// Reads the log, whether the signer runs or not. Writes nothing.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let usage = |error| Failed::new(Exit::Usage, error);
    let files = args.whose.files()?.ok_or_else(|| Failed::new(Exit::Usage, Nobody))?;
    let wanted = Wanted {
        since: args.since,
        until: args.until,
        what: args.what.clone(),
        votes: args.votes,
        last: args.last,
    };
    let mut went = Ok(true);
    let shown = list(&files, &wanted, |listed| {
        if matches!(went, Ok(true)) {
            let line = if args.json { listed.line } else { listed.text };
            went = print(out, &format!("{line}\n"));
        }
    });
    shown.map_err(usage)?;
    went.map(|_| ())
}

/// Milliseconds since 1970.
fn time(text: &str) -> Result<u64, String> {
    if let Some(at) = parse(text) {
        return Ok(at);
    }
    let error = || {
        format!("`{text}` is neither a time such as 2026-11-27T18:00:00Z nor an age such as 12h")
    };
    let unit = text.chars().last().ok_or_else(error)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(error()),
    };
    let count: u64 = text.trim_end_matches(unit).parse().map_err(|_| error())?;
    let age = Duration::from_secs(count.checked_mul(seconds).ok_or_else(error)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = now.saturating_sub(age).as_millis();
    u64::try_from(at).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_given_as_dates_or_ages() {
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        let (hour, day) = (time("1h").unwrap_or_default(), time("1d").unwrap_or_default());
        assert!((82_799_000..=82_801_000).contains(&(hour - day)), "{hour} {day}");
        for bad in ["", "h", "12", "1w", "-1h", "yesterday", "99999999999999999999d", "1é"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
