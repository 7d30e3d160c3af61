//! The developer's commands: everything that CI checks, as steps that can be run alone.
//!
//! It builds and checks the other packages by calling cargo; it depends on none of them, so it
//! compiles in seconds and works while they do not compile. It holds no test of the product.

mod arrows;
mod bench;
mod cargo;
mod deny;
mod files;
mod lint;
mod metadata;
mod report;
mod steps;
mod suite;
mod tools;
mod vectors;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::cargo::Cargo;
use crate::report::StepError;
use crate::steps::{Settings, Step};

/// Developer commands
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every step below, the tests last
    Ci(TestArgs),
    /// Builds the program, runs every test and prints the totals
    Test(TestArgs),
    /// Checks the format of all sources
    Fmt,
    /// Checks the length of functions and files, and that the pure crates are pure
    Lint,
    /// Compares the dependencies between the crates with ARCHITECTURE.md
    Arrows,
    /// Checks licences, bans and sources of outside crates against deny.toml
    Deny,
    /// Compares vectors/ with its manifest
    Vectors(VectorsArgs),
    /// Runs clippy on all targets; every warning is an error
    Clippy,
    /// Builds the documentation; every warning is an error
    Doc,
    /// Measures a signer's process with the traffic of many signers; see docs/performance.md
    Bench(BenchArgs),
}

#[derive(Args)]
struct TestArgs {
    /// How many seeds each simulation runs (default: what the simulation says)
    #[arg(long)]
    seeds: Option<u64>,
}

#[derive(Args)]
struct VectorsArgs {
    /// Writes the manifest anew: say in the commit why the vectors changed
    #[arg(long)]
    accept: bool,
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    match run(&task, &mut io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // When stderr is gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "error: {}", report::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task, out: &mut dyn Write) -> Result<bool, StepError> {
    let cargo = Cargo::locate()?;
    let (steps, settings) = match task {
        Task::Ci(args) => (Step::CI.to_vec(), Settings { seeds: args.seeds, accept: false }),
        Task::Test(args) => (vec![Step::Test], Settings { seeds: args.seeds, accept: false }),
        Task::Vectors(args) => (vec![Step::Vectors], Settings { seeds: None, accept: args.accept }),
        Task::Fmt => (vec![Step::Fmt], Settings::default()),
        Task::Lint => (vec![Step::Lint], Settings::default()),
        Task::Arrows => (vec![Step::Arrows], Settings::default()),
        Task::Deny => (vec![Step::Deny], Settings::default()),
        Task::Clippy => (vec![Step::Clippy], Settings::default()),
        Task::Doc => (vec![Step::Doc], Settings::default()),
        Task::Bench(args) => return bench::run(args, &cargo).map(|()| true),
    };
    steps::run(&steps, settings, &cargo, out)
}
