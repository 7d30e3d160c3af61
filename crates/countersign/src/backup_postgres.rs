//! `countersign backup postgres`: one backup now, or backups for as long as the database lives.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::Subcommand;
use countersign_backup::hook::Hook;
use countersign_backup::postgres::{
    Connection, Job, Plan, PlanError, Schedule, Seen, Watcher, role_flaws, role_sql,
};
use countersign_backup::retention::Policy;
use countersign_backup::{Care, Manifest, Reason, Recipients};
use countersign_ops::exit::Exit;
use countersign_ops::records::{Outcome, Record};
use countersign_site::Site;

use crate::backup_place::{Place, Source, client_programs, complain, say, with_care};
use crate::cli::Failed;
use crate::keys_place::now;

/// A verb for each thing that is done with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make one backup now
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<Args>),
    /// Make a backup each day, and at once after each new key of the signers
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(Box<WatchArgs>),
    /// Show the backups that there are
    #[command(
        after_help = "Example:\n  countersign backup postgres list --folder /var/backups/countersign\n"
    )]
    List(ListArgs),
    /// Print the SQL that makes the role for backups, or check that role
    #[command(after_help = ROLE_EXAMPLES)]
    Role(Box<RoleArgs>),
}

/// What a backup needs to know.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    source: Source,
    /// Who can open the backups (age1…); at least two
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// Of how many days one backup is kept
    #[arg(long, value_name = "COUNT")]
    daily: Option<u32>,
    /// Of how many weeks
    #[arg(long, value_name = "COUNT")]
    weekly: Option<u32>,
    /// Of how many months
    #[arg(long, value_name = "COUNT")]
    monthly: Option<u32>,
    /// A program that carries a file to another host, without a shell; the file's path is its last argument
    #[arg(long, value_name = "PROGRAM")]
    off_host: Option<PathBuf>,
    /// The program's first arguments, one each
    #[arg(long, value_name = "ARGUMENT", requires = "off_host", allow_hyphen_values = true)]
    off_host_arg: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a watch needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    args: Args,
    /// When the daily backup is made, in UTC
    #[arg(long, value_name = "HH:MM", default_value = "03:15", value_parser = time_of_day)]
    at: u32,
    /// How often it is looked for new keys, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// What `list` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Print a JSON array of the manifests
    #[arg(long)]
    json: bool,
}

/// What `role` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    source: Source,
    /// The role that the sBTC signer connects as, whose later tables can be read, too
    #[arg(long, value_name = "ROLE", default_value = "sbtc")]
    owner: String,
    /// Connect as the role, and say what it can do that it should not, and what it cannot read
    #[arg(long)]
    check: bool,
    /// With --check, print JSON
    #[arg(long, requires = "check")]
    json: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  countersign backup postgres run --site /etc/countersign/countersign.toml
  countersign backup postgres run --folder /var/backups/countersign --database sbtc --user countersign_backup \\
    --password-file /etc/countersign/secrets/pgpass --recipient age1… --recipient age1…
";
const WATCH_EXAMPLES: &str = "\
Example:
  countersign backup postgres watch --site /etc/countersign/countersign.toml
";
const ROLE_EXAMPLES: &str = "\
Examples:
  countersign backup postgres role --database sbtc --user countersign_backup | sudo -u postgres psql --dbname=sbtc
  countersign backup postgres role --check --site /etc/countersign/countersign.toml
";

/// Does what the verb says.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Run(args) => one(&args, out),
        Verb::Watch(args) => watch(&args),
        Verb::List(args) => list(&args, out),
        Verb::Role(args) => role(&args, out),
    }
}

/// A plan, and where it is written down what came of it.
struct Planned {
    plan: Plan,
    place: Place,
    site: Option<Site>,
}

impl Args {
    fn plan(&self) -> Result<Planned, Failed> {
        let site = self.place.load()?;
        let backups = site.as_ref().and_then(|site| site.backups.as_ref());
        let named: Vec<String> = match backups {
            Some(backups) if self.recipient.is_empty() => {
                backups.recipients.iter().map(ToString::to_string).collect()
            }
            _ => self.recipient.clone(),
        };
        let recipients =
            Recipients::new(named.iter().map(String::as_str)).map_err(Failed::argument)?;
        let connection = self.source.connection(site.as_ref())?;
        let job = Job {
            connection,
            programs: client_programs(&self.place)?,
            folder: self.place.open(site.as_ref())?,
            recipients,
        };
        let count = |given: Option<u32>, of_site: Option<u16>, otherwise| {
            given.or(of_site.map(u32::from)).unwrap_or(otherwise)
        };
        let usual = Policy::default();
        let policy = Policy {
            daily: count(self.daily, backups.map(|it| it.daily), usual.daily),
            weekly: count(self.weekly, backups.map(|it| it.weekly), usual.weekly),
            monthly: count(self.monthly, backups.map(|it| it.monthly), usual.monthly),
        };
        let hook = self.hook(site.as_ref());
        Ok(Planned { plan: Plan { job, policy, hook }, place: self.place.clone(), site })
    }

    fn hook(&self, site: Option<&Site>) -> Option<Hook> {
        let given =
            self.off_host.as_ref().map(|program| (program.clone(), self.off_host_arg.clone()));
        let of_site = || {
            let words = &site?.backups.as_ref()?.off_host;
            let (program, arguments) = words.split_first()?;
            let arguments = arguments.iter().map(ToString::to_string).collect();
            Some((PathBuf::from(program.as_str()), arguments))
        };
        let (program, arguments) = given.or_else(of_site)?;
        Some(Hook { program, arguments, within: HOOK_PATIENCE })
    }
}

impl Planned {
    /// Carries the plan out and writes down what came of it.
    fn carry_out(&self, reason: Reason, care: &mut Care<'_>) -> Result<Manifest, PlanError> {
        let result = self.plan.carry_out(reason, now(), care);
        // Nobody can say of them whether they are to be kept, so they stay until somebody looks at them.
        for damaged in self.plan.job.folder.damaged().unwrap_or_default() {
            complain(&damaged);
        }
        let mut record = match &result {
            Ok(_) => Record::new(JOB, now(), Outcome::Ok),
            Err(_) => Record::new(JOB, now(), Outcome::Failed),
        };
        if let Ok(made) = &result {
            record = record.with("bytes", made.bytes).with("seconds", made.took_ms / 1000);
        }
        self.place.record(self.site.as_ref(), &record);
        result
    }
}

fn one(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let plan = args.plan()?;
    let folder = plan.plan.job.folder.clone();
    let made = with_care(move |care| plan.carry_out(Reason::Asked, care))?;
    let made = made.map_err(|error| match error {
        PlanError::Hook(_) => Failed::new(Exit::Backup, error),
        error => Failed::failure(error),
    })?;
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!({ "path": folder.file(&made), "manifest": made }))
    } else {
        print(&folder.file(&made), &made, out)
    };
    printed.map_err(Failed::failure)
}

fn print(path: &std::path::Path, made: &Manifest, out: &mut dyn Write) -> std::io::Result<()> {
    let key = made.aggregate_key().unwrap_or("none yet");
    let rows: u64 = made.contents.tables.values().sum();
    writeln!(
        out,
        "Backup:        {}\nSize:          {} bytes, {} rows, in {}.{:03} s\nAggregate key: {key}\n\
         Recipients:    {}\n{VERIFY}",
        path.display(),
        made.bytes,
        rows,
        made.took_ms / 1000,
        made.took_ms % 1000,
        made.recipients.len(),
    )
}

fn watch(&WatchArgs { ref args, at, every }: &WatchArgs) -> Result<(), Failed> {
    let plan = args.plan()?;
    with_care(move |care| {
        let (alive, stopped) = mpsc::channel::<()>();
        let stop = care.stop.clone();
        // The loop sleeps on the channel; the thread ends with the process, or with the token.
        std::thread::spawn(move || {
            while !stop.is_cancelled() {
                std::thread::sleep(Duration::from_millis(100));
            }
            drop(alive);
        });
        let schedule = Schedule { daily_at: at };
        let every = Duration::from_secs(every);
        let stop = care.stop.clone();
        let watcher = Watcher { job: &plan.plan.job, schedule, every, stop, now: &now };
        watcher.run(&stopped, &mut |seen| match seen {
            Seen::Due(reason) => match plan.carry_out(reason, care) {
                Ok(made) => {
                    say(&format!("backup made: {} ({reason:?})", made.file));
                    true
                }
                Err(error) => {
                    complain(&error);
                    false
                }
            },
            Seen::Away(error) => {
                complain(&error);
                false
            }
            Seen::Back => {
                say("the database answers again");
                true
            }
        });
    })
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), Failed> {
    let site = args.place.load()?;
    let folder = args.place.open(site.as_ref())?;
    let backups = folder.backups().map_err(Failed::failure)?;
    folder.damaged().map_err(Failed::failure)?.iter().for_each(|damaged| complain(damaged));
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!(backups))
    } else {
        backups.iter().try_for_each(|backup| {
            let verified = backup.verified.as_ref().map_or("not verified".to_owned(), |verified| {
                let level = verified.level.map_or("-".to_owned(), |level| level.to_string());
                format!("level {level}, {}", verified.verdict)
            });
            let offsite = if backup.offsite.is_some() { "off host" } else { "here only" };
            writeln!(out, "{}  {:>12} bytes  {offsite}  {verified}", backup.file, backup.bytes)
        })
    };
    printed.map_err(Failed::failure)
}

fn role(args: &RoleArgs, out: &mut dyn Write) -> Result<(), Failed> {
    let site = args.place.load()?;
    let connection = args.source.connection(site.as_ref())?;
    if !args.check {
        let Connection { user, database, .. } = &connection;
        let sql = role_sql(user, database, &args.owner);
        return write!(out, "{sql}").map_err(Failed::failure);
    }
    let programs = client_programs(&args.place)?;
    let flaws = role_flaws(&programs, &connection).map_err(Failed::failure)?;
    let said: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!({ "role": connection.user, "flaws": said }))
    } else if said.is_empty() {
        writeln!(out, "The role {} can read everything and change nothing.", connection.user)
    } else {
        said.iter().try_for_each(|flaw| writeln!(out, "FAIL  {flaw}"))
    };
    printed.map_err(Failed::failure)?;
    if said.is_empty() {
        return Ok(());
    }
    let error = format!("the role {} is not what it should be; see --help", connection.user);
    Err(Failed::new(Exit::Backup, error))
}

fn time_of_day(text: &str) -> Result<u32, &'static str> {
    let (hours, minutes) = text.split_once(':').ok_or("write HH:MM, such as 03:15")?;
    let number = |text: &str, below: u32| {
        let is_fit = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| is_fit && *number < below)
    };
    let (hours, minutes) =
        number(hours, 24).zip(number(minutes, 60)).ok_or("write HH:MM, such as 03:15")?;
    Ok((hours * 60 + minutes) * 60)
}

const VERIFY: &str = "Prove it from where its recipients are: countersign backup verify --help";
/// The job in the records.
const JOB: &str = "backup.sbtc";
/// How long a copy to another host may take.
const HOOK_PATIENCE: Duration = Duration::from_hours(2);
