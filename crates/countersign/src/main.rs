//! The `countersign` program: arguments in, exit code out. What each verb does is in the crates.

mod check_config;
mod cli;
mod devnet;
mod run;

use std::io;
use std::process::ExitCode;

use cli::{Cli, Command};
use countersign_ops::report::report;

fn main() -> ExitCode {
    let done = match Cli::from_arguments() {
        Command::Run(args) => run::run(&args),
        Command::CheckConfig(args) => check_config::run(&args, &mut io::stdout()),
        Command::Devnet(args) => devnet::run(&args, &mut io::stdout()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            // With stderr closed there is nobody left to tell.
            let _ = report(&*failed.error, &mut io::stderr());
            failed.exit.into()
        }
    }
}
