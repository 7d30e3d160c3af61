//! The `countersign` program: arguments in, exit code out. What each verb does is in the crates.

mod alerts;
mod backup;
mod backup_place;
mod backup_postgres;
mod backup_signer;
mod backup_verify;
mod chain_sources;
mod chainstate;
mod check_config;
mod cli;
mod daemon;
mod deadman;
mod demote;
mod described;
mod devnet;
mod devnet_page;
mod doctor;
mod doctor_fix;
mod doctor_key;
mod doctor_print;
mod drill;
mod explain;
mod exporter;
mod firewall;
mod generate_stacking_signature;
mod generate_staking_signature;
mod generate_vote;
mod get_chunk;
mod get_latest_chunk;
mod import;
mod init;
mod journal;
mod keys;
mod keys_backup;
mod keys_import;
mod keys_new;
mod keys_place;
mod keys_restore;
mod keys_rotate;
mod keys_scan;
mod link;
mod list_chunks;
mod logs;
mod logs_decisions;
mod logs_explain;
mod logs_retention;
mod logs_verify;
mod monitor_signers;
mod name;
mod progress;
mod promote;
mod put_chunk;
mod reload;
mod render;
mod replay;
mod restore;
mod restore_signer;
mod run;
mod stackerdb;
mod standby;
mod status;
mod support_bundle;
mod tls;
mod tls_new;
mod tls_pin;
mod vault;
mod verify_vote;

use std::io;
use std::process::ExitCode;

use cli::{Cli, Command, Failed};
use countersign_ops::report::report;
use name::Name;

fn main() -> ExitCode {
    let (name, command) = Cli::from_arguments();
    let is_run = matches!(command, Command::Run(_) | Command::Standby(_));
    match perform(name, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            if !failed.reader_went_away() {
                // With stderr closed there is nobody left to tell.
                let _ = report(&*failed.error, &mut io::stderr());
            }
            ExitCode::from(name.exit_code(is_run, &failed))
        }
    }
}

fn perform(name: Name, command: Command) -> Result<(), Failed> {
    let out = &mut io::stdout();
    match command {
        Command::Init(args) => init::run(&args, out),
        Command::Render(args) => render::run(&args, out),
        Command::Run(args) => run::run(&args),
        Command::Standby(args) => standby::run(&args),
        Command::Promote(args) => promote::run(&args, out),
        Command::Demote(args) => demote::run(&args, out),
        Command::Vault(args) => vault::run(args, out),
        Command::CheckConfig(args) => check_config::run(&args, name, out),
        Command::GenerateStakingSignature(args) => generate_staking_signature::run(args, out),
        Command::GenerateStackingSignature(args) => generate_stacking_signature::run(&args, out),
        Command::GenerateVote(args) => generate_vote::run(&args, out),
        Command::VerifyVote(args) => verify_vote::run(&args, out),
        Command::GetChunk(args) => get_chunk::run(args, out),
        Command::GetLatestChunk(args) => get_latest_chunk::run(args, out),
        Command::ListChunks(args) => list_chunks::run(args, out),
        Command::PutChunk(args) => put_chunk::run(args, out),
        Command::MonitorSigners(args) => monitor_signers::run(args, out),
        Command::Doctor(args) => doctor::run(*args, out),
        Command::Status(args) => status::run(&args, out),
        Command::Reload(args) => reload::run(&args, out),
        Command::Backup { verb } => backup::run(verb, out),
        Command::Restore { verb } => restore::run(verb, out),
        Command::Chainstate { verb } => chainstate::run(verb, out),
        Command::Import(args) => import::run(&args, out),
        Command::Keys { verb } => keys::run(verb, out),
        Command::Journal(args) => journal::run(&args, out),
        Command::Firewall { verb } => firewall::run(verb, out),
        Command::Explain(args) => explain::run(&args, out),
        Command::Logs { verb } => logs::run(verb, out),
        Command::Replay(args) => replay::run(&args, out),
        Command::SupportBundle(args) => support_bundle::run(&args, out),
        Command::Tls(args) => tls::run(args, out),
        Command::Link(args) => link::run(&args, out),
        Command::Exporter(args) => exporter::run(args, out),
        Command::Alerts { verb } => alerts::run(verb, out),
        Command::Deadman(args) => deadman::run(&args, out),
        Command::Devnet(args) => devnet::run(&args, out),
    }
}
