//! `countersign alerts`: what is watched, and whether somebody hears of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countersign_operator::alerts::send_test;
use countersign_ops::config_file;
use countersign_ops::exit::Exit;
use countersign_ops::records;
use countersign_ops::secret::write_private;
use countersign_site::weight_cap;
use countersign_watch::alert::{self, Alert, promtool_tests};
use countersign_watch::alertmanager::fill;
use countersign_watch::{WeightCap, rules_with};
use serde_json::{Value, json};

use crate::cli::{Failed, block_on};
use crate::described;
use crate::drill::Drill;
use crate::progress::while_told;

/// What is done about alerts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the alerts, or show what one means and what to do about it
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Print the alert rules for Prometheus
    #[command(after_help = RULES_EXAMPLES)]
    Rules(RulesArgs),
    /// Give Alertmanager an alert, to see that it arrives
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestArgs),
    /// Write secrets into a configuration for an Alertmanager before 0.26, which cannot read them from files
    #[command(after_help = FILL_EXAMPLES)]
    Fill(FillArgs),
}

const LIST_EXAMPLES: &str = "\
Examples:
  countersign alerts list
  countersign alerts list SignerDown
";

const RULES_EXAMPLES: &str = "\
Examples:
  countersign alerts rules > /etc/prometheus/countersign/alerts.yml
  countersign alerts rules --tests /etc/prometheus/countersign/alerts.yml > tests.yml
";

const TEST_EXAMPLES: &str = "\
Example:
  countersign alerts test --alertmanager 127.0.0.1:9093 --severity page
";

const FILL_EXAMPLES: &str = "\
Example:
  countersign alerts fill /etc/prometheus/alertmanager.yml /run/alertmanager/alertmanager.yml
";

pub(crate) const EXAMPLES: &str = "\
Examples:
  countersign alerts list
  countersign alerts list SignerDown
  countersign alerts rules --site /etc/countersign/countersign.toml > alerts.yml
  countersign alerts test --alertmanager 127.0.0.1:9093 --severity page
  countersign alerts test --arrived --records /var/lib/countersign/records
";

/// What `alerts list` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// One alert: its page is shown
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `alerts rules` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    /// Print tests for `promtool test rules` instead, over rules that are in this file
    #[arg(long, value_name = "FILE")]
    tests: Option<String>,
    /// The description of the installation (countersign.toml), whose cap of the voting power the rules have
    #[arg(long, value_name = "FILE", conflicts_with = "tests")]
    site: Option<PathBuf>,
    /// Print JSON: the same as `alerts list --json`
    #[arg(long, conflicts_with_all = ["tests", "site"])]
    json: bool,
}

/// What `alerts test` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Alertmanager's address
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9093")]
    alertmanager: String,
    /// How urgent the alert is: who hears of it depends on that
    #[arg(long, default_value = "page")]
    severity: Severity,
    /// Print what was sent as JSON
    #[arg(long)]
    json: bool,
    /// Send nothing: write down that the last one arrived everywhere where it should
    #[arg(long, conflicts_with_all = ["json", "severity", "alertmanager"], requires = "records")]
    arrived: bool,
    /// The folder of the records, for --arrived
    #[arg(long, value_name = "FOLDER", requires = "arrived")]
    records: Option<PathBuf>,
}

/// What `alerts fill` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct FillArgs {
    /// The configuration that names the files
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Where the one with the secrets is written, readable by its owner only
    #[arg(value_name = "TO")]
    to: PathBuf,
}

/// How urgent a test is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Severity {
    /// Everybody, PagerDuty included
    Page,
    /// Everybody but PagerDuty
    Ticket,
    /// Webhook and mail
    Info,
}

impl Severity {
    const fn label(self) -> &'static str {
        match self {
            Self::Page => alert::Severity::Page.label(),
            Self::Ticket => alert::Severity::Ticket.label(),
            Self::Info => alert::Severity::Info.label(),
        }
    }
}

/// Does what is asked for.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::List(args) => list(&args, out),
        Verb::Rules(args) => print_rules(&args, out),
        Verb::Test(args) => test(&args, out),
        Verb::Fill(args) => fill_in(&args),
    }
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), Failed> {
    let Some(name) = &args.name else { return list_all(args.json, out) };
    let found = alert::find(name).ok_or_else(|| {
        Failed::argument(format!("there is no alert {name}; `countersign alerts list` shows all"))
    })?;
    if args.json {
        print(out, &to_json(found).to_string())
    } else {
        write!(out, "{}", alert::page(found)).map_err(Failed::failure)
    }
}

fn list_all(is_json: bool, out: &mut dyn Write) -> Result<(), Failed> {
    if is_json {
        let alerts: Vec<Value> = alert::all().map(to_json).collect();
        return print(out, &Value::from(alerts).to_string());
    }
    for alert in alert::all() {
        let Alert { name, severity, threshold, .. } = alert;
        let severity = severity.label();
        print(out, &format!("{name:<26} {severity:<10} {threshold}"))?;
    }
    Ok(())
}

fn to_json(alert: &Alert) -> Value {
    json!({
        "name": alert.name,
        "severity": alert.severity.label(),
        "group": alert.group.label(),
        "topic": alert.topic,
        "expression": (alert.when)().text(),
        "for_minutes": alert.minutes,
        "threshold": alert.threshold,
        "source": alert.source,
        "summary": alert.summary,
        "runbook": alert::page_path(alert),
        "meaning": alert.runbook.meaning,
        "look_at": alert.runbook.look,
        "commands": alert.runbook.commands,
        "mend": alert.runbook.mend,
        "escalate": alert.runbook.escalate,
    })
}

fn print_rules(args: &RulesArgs, out: &mut dyn Write) -> Result<(), Failed> {
    if args.json {
        return list_all(true, out);
    }
    let site = args.site.as_deref().map(described::site).transpose()?;
    let cap = site.as_ref().map_or_else(|| Some(WeightCap::default()), weight_cap);
    let text = args.tests.as_ref().map_or_else(|| rules_with(cap), |file| promtool_tests(file));
    write!(out, "{text}").map_err(Failed::failure)
}

fn test(args: &TestArgs, out: &mut dyn Write) -> Result<(), Failed> {
    if let (true, Some(folder)) = (args.arrived, &args.records) {
        records::write(folder, &Drill::Alerts.record()).map_err(Failed::failure)?;
        return print(out, "It is written down that alerts arrive");
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (address, severity) = (&args.alertmanager, args.severity.label());
    let asking = format!("waiting for Alertmanager at {address}");
    let sent = while_told(&asking, false, || block_on(send_test(address, severity, host.trim())))?;
    let sent = sent.map_err(Failed::failure)?;
    if args.json {
        return print(out, &sent.to_string());
    }
    print(
        out,
        &format!(
            "Alertmanager at {address} has a TestAlert of severity {severity}: see that it arrives, then write that \
             down with `countersign alerts test --arrived --records FOLDER`"
        ),
    )
}

fn fill_in(args: &FillArgs) -> Result<(), Failed> {
    let unreadable = |path: &Path, error: io::Error| {
        Failed::new(Exit::Usage, format!("{} cannot be read: {error}", path.display()))
    };
    let text = config_file::read(&args.from).map_err(|error| unreadable(&args.from, error))?;
    let filled = fill(&text, |path| fs::read_to_string(path))
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    write_private(&args.to, filled.as_bytes()).map_err(|error| {
        Failed::failure(format!("{} cannot be written: {error}", args.to.display()))
    })
}

fn print(out: &mut dyn Write, line: &str) -> Result<(), Failed> {
    writeln!(out, "{line}").map_err(Failed::failure)
}
