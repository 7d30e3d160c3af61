//! Building and starting the benchmark program, which is in `tests/`: it measures real processes, and
//! this package depends on none of their crates.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::cargo::Cargo;
use crate::metadata::Metadata;
use crate::report::StepError;

/// What is measured, and how it is told.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Measures another program, started as `PATH run --config FILE`, instead of countersign
    #[arg(long, value_name = "PATH")]
    signer: Option<PathBuf>,
    /// Measures this program too, in turns with the first, and prints how they compare
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// Measures each program so often and shows its quickest run (default: 1)
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// How many signers the networks have (default: 30,100)
    #[arg(long, value_name = "N,…")]
    signers: Option<String>,
    /// How many blocks are proposed to each network (default: 100)
    #[arg(long, value_name = "N")]
    proposals: Option<u32>,
    /// Measures one part alone: vault, or operator (`doctor`, `render`, pages, backups)
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// Builds with optimisation what is needed, then measures.
pub(crate) fn run(args: &BenchArgs, cargo: &Cargo) -> Result<(), StepError> {
    let mut build = vec!["build", "--release", "--package", "system-tests", "--bin", "bench"];
    if args.signer.is_none() {
        build.extend(["--package", "countersign", "--bin", "countersign"]);
    }
    cargo.run(&build, &[])?;
    // Not by `cargo run`, which would build its dependencies once more, with the features for this package alone.
    let program = Metadata::read(cargo)?.target_directory.join("release/bench");
    let command = program.display().to_string();
    let status = Command::new(&program).args(args.words()?).current_dir(cargo.root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(StepError::Command { command, status }),
        Err(source) => Err(StepError::Start { command, source }),
    }
}

impl BenchArgs {
    /// The arguments for the program, which runs in the root of the workspace.
    fn words(&self) -> Result<Vec<String>, StepError> {
        let mut words = Vec::new();
        if let Some(signer) = &self.signer {
            words.extend(["--signer".to_owned(), absolute(signer, "--signer")?]);
        }
        if let Some(against) = &self.against {
            words.extend(["--against".to_owned(), absolute(against, "--against")?]);
        }
        if let Some(runs) = self.runs {
            words.extend(["--runs".to_owned(), runs.to_string()]);
        }
        if let Some(signers) = &self.signers {
            words.extend(["--signers".to_owned(), signers.clone()]);
        }
        if let Some(proposals) = self.proposals {
            words.extend(["--proposals".to_owned(), proposals.to_string()]);
        }
        if let Some(only) = &self.only {
            words.extend(["--only".to_owned(), only.clone()]);
        }
        if self.json {
            words.push("--json".to_owned());
        }
        Ok(words)
    }
}

fn absolute(path: &Path, option: &str) -> Result<String, StepError> {
    let found = std::path::absolute(path)
        .map_err(|source| StepError::Read { path: path.to_owned(), source })?;
    found.into_os_string().into_string().map_err(|_| StepError::Malformed {
        what: format!("the value of `{option}`"),
        reason: format!("{} is not text", path.display()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_program_gets_what_was_asked_for_and_an_absolute_path() {
        let args = BenchArgs {
            signer: Some("signers/other".into()),
            against: Some("signers/third".into()),
            runs: Some(3),
            signers: Some("30".to_owned()),
            proposals: Some(7),
            only: Some("vault".to_owned()),
            json: true,
        };
        let words = args.words().unwrap();
        let here = std::env::current_dir().unwrap();
        let path = |name| here.join(name).to_string_lossy().into_owned();
        let (other, third) = (path("signers/other"), path("signers/third"));
        let programs = ["--signer", &other, "--against", &third, "--runs", "3"];
        let rest = ["--signers", "30", "--proposals", "7", "--only", "vault", "--json"];
        assert_eq!(words, [&programs[..], &rest].concat());
    }
}
