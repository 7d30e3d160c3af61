//! `countersign logs retention`: how far back each log reaches, and how far it will.

use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_logs::bundle::unit_names;
use countersign_logs::retention::{
    DecisionLog, Grade, LogReport, Proposal, Subjects, Survey, survey,
};
use countersign_logs::time::utc;
use countersign_ops::exit::Exit;
use countersign_ops::records::{self, Outcome, Record, is_job};
use countersign_signerd::Config;
use serde_json::json;

use crate::cli::Failed;
use crate::described;
use crate::logs::print;

/// What `logs retention` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many days each log must reach back [default: 7, or what the site says]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: Option<u64>,
    /// The description of the installation, which says how many days
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// The signer's configuration: its decision log is looked at, too
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A unit whose entries the journal must have, beside the usual ones; may be repeated
    #[arg(long, value_name = "UNIT")]
    unit: Vec<String>,
    /// A log that is a file, beside bitcoind's; may be repeated
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Where the journal is, if it is not this host's
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// Leave a record for metrics and checks in this folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
    /// Show configurations that keep so many days, sized from what was measured
    #[arg(long)]
    propose: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The exit code is 1 if a log has lost what it must hold, or cannot hold it.

Examples:
  countersign logs retention --config signer-config.toml --days 90
  countersign logs retention --days 90 --propose
  countersign logs retention --site countersign.toml --record /var/lib/countersign/records
";

/// A log does not hold what it must.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
struct Lost {
    name: String,
    why: String,
}

/// Looks at every log of this host.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let days = days(args)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let found = survey(&subjects(args)?, days, now);
    let text = if args.json {
        let object = json!({ "at": now, "target_days": days, "journal_bytes_per_day": found.journal_rate, "logs": found.logs });
        object.to_string() + "\n"
    } else {
        in_words(&found)
    };
    print(out, &text)?;
    if args.propose {
        print(out, &proposed(args, &found, days)?)?;
    }
    if let Some(folder) = &args.record {
        for log in &found.logs {
            records::write(folder, &record(log, now)).map_err(Failed::failure)?;
        }
    }
    match found.logs.iter().find(|log| log.grade == Grade::Fail) {
        None => Ok(()),
        Some(LogReport { name, why, .. }) => {
            Err(Failed::failure(Lost { name: name.clone(), why: why.clone() }))
        }
    }
}

fn days(args: &Args) -> Result<u64, Failed> {
    if let Some(days) = args.days {
        return Ok(days);
    }
    let Some(path) = &args.site else { return Ok(7) };
    let site = described::site(path)?;
    Ok(site.logs.retention_days.into())
}

fn subjects(args: &Args) -> Result<Subjects, Failed> {
    let decisions = match &args.config {
        None => None,
        Some(path) => {
            let config = Config::load(path).map_err(|error| Failed::new(Exit::Usage, error))?;
            let limits = config.decision_log;
            config.db_path.decisions().map(|files| DecisionLog { files, limits })
        }
    };
    let bitcoin = ["/var/lib/bitcoin/debug.log", "/var/lib/bitcoind/debug.log"];
    Ok(Subjects {
        units: args.unit.clone(),
        usual: unit_names()
            .iter()
            .filter(|unit| !COMES_AND_GOES.contains(*unit))
            .map(|unit| (*unit).to_owned())
            .collect(),
        files: args.file.clone(),
        usual_files: bitcoin.map(PathBuf::from).to_vec(),
        decisions,
        journal: args.journal.clone(),
    })
}

/// The units of a change of keys: a record that nobody refreshes once they have gone would be an alarm.
const COMES_AND_GOES: [&str; 1] = ["countersign-vault-next.service"];

fn record(log: &LogReport, now: u64) -> Record {
    let subject = log.name.strip_suffix(".service").unwrap_or(&log.name).trim_start_matches('/');
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let subject: String = subject.chars().map(plain).take(90).collect();
    let job = format!("logs.{subject}");
    let job = if is_job(&job) { job } else { "logs".to_owned() };
    let outcome = if log.grade == Grade::Fail { Outcome::Failed } else { Outcome::Ok };
    let mut record = Record::new(job, now / 1000, outcome).with("target_days", log.target_days);
    for (name, value) in [
        ("oldest", log.measured.oldest.map(|at| at / 1000)),
        ("bytes_per_day", log.bytes_per_day),
        ("keeps_days", log.keeps_days),
        ("days_until_loss", log.days_until_loss),
    ] {
        if let Some(value) = value {
            record = record.with(name, value);
        }
    }
    record
}

fn in_words(found: &Survey) -> String {
    let mut lines = Vec::new();
    for log in &found.logs {
        let mark = match log.grade {
            Grade::Ok => "✔",
            Grade::Young => "…",
            Grade::Unknown => "?",
            Grade::Warn => "!",
            Grade::Fail => "✘",
        };
        lines.push(format!("{mark} {}: {}", log.name, log.why));
        if let Some(oldest) = log.measured.oldest {
            lines.push(format!("    oldest entry {}", utc(oldest)));
        }
        let mut facts = vec![log.configured.clone()];
        facts.extend(log.bytes_per_day.map(|rate| format!("{} a day", size(rate))));
        facts.extend(
            log.target_bytes.map(|all| format!("{} for {} days", size(all), log.target_days)),
        );
        facts.extend(log.keeps_days.map(|days| format!("its bounds hold {days} days")));
        facts.extend(log.room_bytes.map(|room| format!("{} free", size(room))));
        lines.push(format!("    {}", facts.join("; ")));
        if let Some(remedy) = &log.remedy {
            lines.push(format!("    to do: {remedy}"));
        }
    }
    lines.join("\n") + "\n"
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mib @ 1..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}

fn proposed(args: &Args, found: &Survey, days: u64) -> Result<String, Failed> {
    let mut text = String::new();
    match found.journal_rate {
        Some(rate) => {
            let proposal = Proposal::of(rate, days);
            text.push_str("\n# /etc/systemd/journald.conf.d/50-countersign.conf, then: systemctl restart systemd-journald\n");
            text.push_str(&proposal.journald);
        }
        None => text.push_str(
            "\n# the journal does not hold an hour yet, so nothing can be proposed for it\n",
        ),
    }
    for log in args.file.iter().filter(|file| file.is_file()) {
        let rules = Proposal::logrotate(log, "bitcoind.service", days);
        text.push_str("\n# /etc/logrotate.d/countersign; name the unit that writes it\n");
        text.push_str(&rules.map_err(|error| Failed::new(Exit::Usage, error))?);
    }
    Ok(text)
}
