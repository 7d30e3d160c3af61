//! `countersign logs explain`: what lines mean and what to do about them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countersign_logs::explain::{Corpus, Explainer, Program, Severity, Style};
use countersign_ops::exit::Exit;

use crate::cli::Failed;

/// What `logs explain` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The log; `-`, or nothing, for what is piped in
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Whose log it is, if its lines do not say so
    #[arg(long, value_enum)]
    program: Option<Whose>,
    /// Show only lines that matter so much
    #[arg(long, value_enum)]
    only: Option<Least>,
    /// Explain each line, and not only the first of its kind
    #[arg(long)]
    every: bool,
    /// List everything that is known, instead of reading a log
    #[arg(long, conflicts_with_all = ["file", "only", "every", "program"])]
    list: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
✘ means now, ! today, · that it is worth knowing. Lines that are not known pass as they are. A summary is on stderr.

Examples:
  journalctl -f -u stacks-node -u countersign | countersign logs explain
  countersign logs explain --only act /var/lib/bitcoin/debug.log
";

/// Whose log it is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whose {
    Countersign,
    StacksSigner,
    StacksNode,
    SbtcSigner,
    Bitcoind,
}

impl Whose {
    const fn program(self) -> Program {
        match self {
            Self::Countersign => Program::Countersign,
            Self::StacksSigner => Program::StacksSigner,
            Self::StacksNode => Program::StacksNode,
            Self::SbtcSigner => Program::SbtcSigner,
            Self::Bitcoind => Program::Bitcoind,
        }
    }
}

/// How much a line must matter.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Least {
    /// Whatever is known
    Routine,
    /// What is worth knowing, and more
    Note,
    /// What somebody must look after today, and more
    Act,
    /// What somebody must look after now
    Page,
}

impl Least {
    const fn severity(self) -> Severity {
        match self {
            Self::Routine => Severity::Routine,
            Self::Note => Severity::Note,
            Self::Act => Severity::Act,
            Self::Page => Severity::Page,
        }
    }
}

/// A log that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read")]
struct Unreadable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Passes the log on, with what is known about it. Needs no signer, no configuration and no network.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let corpus = Corpus::new();
    if args.list {
        return list(&corpus, args.json, out);
    }
    let style = Style {
        is_json: args.json,
        is_every: args.every,
        least: args.only.map(Least::severity),
        is_terminal: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        program: args.program.map(Whose::program),
    };
    let from = open(&args.file)?;
    let mut explainer = Explainer::new(&corpus, style);
    match explainer.run(from, &mut BufWriter::new(out)) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
        Err(source) => return Err(unreadable(&args.file, source)),
        Ok(()) => {}
    }
    // The data is out; nobody may want the rest.
    let _ = io::stderr().write_all(summary(&explainer).as_bytes());
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failed> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    Ok(Box::new(file))
}

fn unreadable(path: &Path, source: io::Error) -> Failed {
    let is_usage = matches!(source.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory);
    let exit = if is_usage { Exit::Usage } else { Exit::Failure };
    Failed::new(exit, Unreadable { path: path.to_owned(), source })
}

fn summary(explainer: &Explainer<'_>) -> String {
    let mut text = String::new();
    for tally in explainer.tallies() {
        let mark = match tally.entry.severity {
            Severity::Page => "✘",
            Severity::Act => "!",
            Severity::Note => "·",
            Severity::Routine => continue,
        };
        writeln!(text, "{mark} {:>8}  {}", tally.count, tally.entry.phrase).expect(STRING);
    }
    writeln!(text, "  {:>8}  lines that are not known", explainer.unknown()).expect(STRING);
    text
}

fn list(corpus: &Corpus, is_json: bool, out: &mut dyn Write) -> Result<(), Failed> {
    let mut text = String::new();
    for entry in corpus.entries() {
        if is_json {
            text.push_str(&serde_json::to_string(entry).map_err(Failed::failure)?);
            text.push('\n');
            continue;
        }
        let programs: Vec<&str> = entry.programs.iter().map(|program| program.name()).collect();
        let programs =
            if programs.is_empty() { "any program".to_owned() } else { programs.join(", ") };
        writeln!(text, "{} ({programs})\n    = {}", entry.phrase, entry.meaning).expect(STRING);
        if let Some(action) = &entry.action {
            writeln!(text, "    > {action}").expect(STRING);
        }
    }
    crate::logs::print(out, &text).map(drop)
}

const STRING: &str = "writing to a string cannot fail";
