//! `countersign logs verify`: whether a decision log is whole.

use std::io::Write;
use std::path::PathBuf;

use countersign_logs::chain::{Files, Head, Report, Sources, VerifyError, verify, verify_log};
use countersign_logs::time::utc;
use countersign_ops::exit::Exit;

use crate::cli::Failed;
use crate::logs::{Whose, print};

/// What `logs verify` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log's files, in any order
    #[arg(value_name = "FILES", required_unless_present_any = ["config", "store"])]
    files: Vec<PathBuf>,
    #[command(flatten)]
    whose: Whose,
    /// The file that says where the log ends, if it is not beside the log
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// A line's number and hash, noted elsewhere before: from the signer's log, `the decision log is at NUMBER:HASH`
    #[arg(long, value_name = "NUMBER:HASH")]
    noted: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The exit code is 0 if the log is whole, 1 if a line was changed, lost or moved, or if nothing can be read.

Examples:
  countersign logs verify --config signer-config.toml
  countersign logs verify /mnt/copy/*.countersign-decisions*.jsonl --noted 41830:6f0c…
";

/// A log that is not whole.
#[derive(Debug, thiserror::Error)]
#[error("the decision log is not whole: {0}")]
struct NotWhole(String);

/// Reads the files and nothing else. Writes nothing.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let report = verified(args)?.map_err(|error| {
        let is_usage = matches!(error, VerifyError::Twice(_));
        Failed::new(if is_usage { Exit::Usage } else { Exit::Failure }, error)
    })?;
    let text = if args.json {
        serde_json::to_string(&report).map_err(Failed::failure)? + "\n"
    } else {
        in_words(&report)
    };
    print(out, &text)?;
    match report.breaks.first() {
        None => Ok(()),
        Some(first) => Err(Failed::failure(NotWhole(first.to_string()))),
    }
}

fn verified(args: &Args) -> Result<Result<Report, VerifyError>, Failed> {
    let log = args.whose.files()?;
    let mut heads: Vec<PathBuf> = args.head.iter().cloned().collect();
    if heads.is_empty() {
        heads = args.files.iter().map(|file| Files::of_store(file).head()).collect();
        heads.extend(log.as_ref().map(Files::head));
        heads.sort();
        heads.dedup();
    }
    let usage = |error| Failed::new(Exit::Usage, error);
    let mut known = Vec::new();
    for path in heads {
        known.extend(Head::read(&path).map_err(usage)?);
    }
    for noted in &args.noted {
        known.push(Head::noted(noted).map_err(usage)?);
    }
    Ok(match log {
        Some(log) => verify_log(&log, &args.files, &known),
        None => verify(&Sources { files: args.files.clone(), heads: known }),
    })
}

fn in_words(report: &Report) -> String {
    let mut lines = Vec::new();
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    lines.push(format!(
        "{} lines, number {} to {}",
        report.lines,
        number(report.first),
        number(report.last)
    ));
    if let (Some(since), Some(until)) = (report.since, report.until) {
        lines.push(format!("from {} to {}", utc(since), utc(until)));
    }
    if report.first.is_some_and(|first| first > 0) {
        lines.push("what was before the first line is not in these files".to_owned());
    }
    for path in &report.unchained {
        lines.push(format!("passed over, without a chain: {}", path.display()));
    }
    if let Some(bytes) = report.torn {
        lines.push(format!(
            "the last line is not finished ({bytes} bytes): it is being written, or a crash has cut it off"
        ));
    }
    lines.push(match report.confirmed {
        Some(seq) => format!("confirmed by a head up to number {seq}"),
        None => "no head is there that could show whether lines are missing at the end".to_owned(),
    });
    for found in &report.breaks {
        lines.push(format!("✘ {found}"));
    }
    let more = report.break_count.saturating_sub(report.breaks.len() as u64);
    if more > 0 {
        lines.push(format!("✘ and {more} more places"));
    }
    if report.is_whole() {
        lines.push("✔ the chain holds from the first line to the last".to_owned());
    }
    if let (Some(last), Some(hash)) = (report.last, &report.hash) {
        lines.push(format!("to note elsewhere: {last}:{hash}"));
    }
    lines.join("\n") + "\n"
}
