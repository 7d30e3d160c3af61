//! What one signer's process does with the traffic of 30 and of 100 signers, beside the floor of
//! this machine: `cargo xtask bench`.
//!
//! The network around the process is the devnet's: its node speaks to the process under test as a
//! real node does, with the same configuration file for every program. The other signers and the
//! miner are played here, in this process, and nothing but what is said on the wire is measured, so
//! that any program that takes the same configuration file can be measured.
//!
//! With `--against` another program has its turns between those of the first, in the same run, and the
//! figures of both are set side by side.
//!
//! It does not measure a node: every block that it proposes is found valid after a fixed delay.

mod aged;
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is made for tests, which fail by panicking"
)]
#[path = "../../../../crates/backup/tests/support/ceremony.rs"]
mod ceremony;
#[allow(clippy::unwrap_used, reason = "it is made for tests, which fail by panicking")]
#[path = "../../../../crates/backup/tests/support/cluster.rs"]
mod cluster;
mod compare;
mod error;
mod floor;
#[path = "../../../../crates/wire/tests/support/header.rs"]
mod header;
mod heard;
mod measure;
mod operator;
mod pause;
mod peers;
mod process;
mod report;
mod samples;
mod stage;
mod token;
mod vault;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use countersign_ops::report::report;

use error::BenchError;
use measure::{Figures, Plan};
use operator::OperatorFigures;
use report::Report;
use token::TokenFigures;
use vault::VaultFigures;

/// Measures a signer
#[derive(Parser)]
struct Args {
    /// The program to measure, started as `PATH run --config FILE`; the countersign that was built
    /// together with this program if absent
    #[arg(long, value_name = "PATH")]
    signer: Option<PathBuf>,
    /// Another program to measure in turns with the first, and to compare it with
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// How often each program is measured; what is shown is its quickest run
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How many signers the network has
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [30, 100],
          value_parser = clap::value_parser!(u16).range(4..=400))]
    signers: Vec<u16>,
    /// How many blocks are proposed to each network
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    proposals: u32,
    /// Measures one part alone
    #[arg(long, value_name = "PART", conflicts_with_all = ["signer", "against"])]
    only: Option<Part>,
    /// Signs with the only token of this PKCS#11 module, and prints how long it took
    #[arg(long, value_name = "MODULE", hide = true)]
    sign_with_token: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// What can be measured alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The vault: embedded, over its socket, and with a token
    Vault,
    /// What an operator waits for: `doctor`, `render`, pages, and backups that are verified
    Operator,
}

/// What is measured of countersign alone.
#[derive(Default)]
struct Own {
    keys: Option<(VaultFigures, TokenFigures)>,
    operator: Option<OperatorFigures>,
}

fn main() -> ExitCode {
    match run(&Args::parse(), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr closed there is nobody left to tell.
            let _ = report(&error, &mut io::stderr());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, out: &mut dyn Write) -> Result<(), BenchError> {
    if let Some(module) = &args.sign_with_token {
        return token::sign(module.clone(), out);
    }
    let here = std::env::current_exe().map_err(BenchError::io("this program's own path"))?;
    let program = args.signer.clone().unwrap_or_else(|| here.with_file_name("countersign"));
    // Beside the program, since /tmp is often no disk at all.
    let beside = here.parent().unwrap_or(&here);
    let folder = tempfile::tempdir_in(beside).map_err(BenchError::io("a temporary folder"))?;
    let wants = |part| args.signer.is_none() && args.only.is_none_or(|only| only == part);
    let mut own = Own::default();
    if wants(Part::Vault) {
        let vault = vault::measure(&program, &folder.path().join("v"))?;
        own.keys = Some((vault, token::measure(&folder.path().join("t"))?));
    }
    if wants(Part::Operator) {
        own.operator = Some(operator::measure(&program, &folder.path().join("o"))?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::io("the runtime"))?;
    let programs: Vec<PathBuf> = std::iter::once(program).chain(args.against.clone()).collect();
    let mut reports: Vec<Report> = programs.iter().cloned().map(Report::new).collect();
    let sizes: &[u16] = if args.only.is_some() { &[] } else { &args.signers };
    for signers in sizes.iter().copied().map(usize::from) {
        for run in 0..args.runs {
            for (turn, report) in reports.iter_mut().enumerate() {
                let plan = Plan {
                    program: report.program().to_owned(),
                    signers,
                    proposals: args.proposals,
                    folder: folder.path().join(format!("{signers}-{run}-{turn}")),
                };
                let figures: Figures = runtime.block_on(measure::measure(plan))?;
                report.add(figures);
            }
        }
    }
    let text = told(args, &reports, &own);
    writeln!(out, "{text}").map_err(BenchError::io("the terminal"))
}

/// The figures of the networks, if there are some, and those of countersign alone.
fn told(args: &Args, reports: &[Report], own: &Own) -> String {
    if args.json {
        let mut json = compare::to_json(reports);
        if let Some(object) = json.as_object_mut() {
            if let Some((vault, token)) = &own.keys {
                object.insert("vault".to_owned(), vault.to_json());
                object.insert("token".to_owned(), token.to_json());
            }
            if let Some(operator) = &own.operator {
                object.insert("operator".to_owned(), operator.to_json());
            }
        }
        return json.to_string();
    }
    let mut texts = Vec::new();
    if args.only.is_none() {
        texts.push(compare::to_text(reports));
    }
    if let Some((vault, token)) = &own.keys {
        texts.extend([vault.to_string(), token.to_string()]);
    }
    texts.extend(own.operator.as_ref().map(ToString::to_string));
    texts.join("\n\n")
}
