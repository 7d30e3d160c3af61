//! `countersign generate-staking-signature`: the grant of pox-5.

use std::io::Write;
use std::path::PathBuf;

use countersign_operator::Authorization;
use countersign_vault::StakingGrantRequest;
use countersign_wire::clarity::Principal;

use crate::cli::{Failed, load, next_place, not_signed, open_signatory};

/// What `generate-staking-signature` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The account or contract that may register this signer's key
    #[arg(long, value_name = "PRINCIPAL")]
    signer_manager: Principal,
    /// A number that no earlier grant to this manager had; each is accepted once
    #[arg(long, value_name = "NUMBER")]
    auth_id: u128,
    /// Sign with the key that is to take the other's place (`next_key` of the table `countersign`)
    #[arg(long)]
    next: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign generate-staking-signature --config signer-config.toml \\
    --signer-manager SP000000000000000000002Q6VF78.manager --auth-id 71948271489 --json
";

/// Prints the key and the signature. The node is not asked, and the signer may be running. A vault in another
/// process signs for whoever it knows as an operator.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let Args { signer_manager: manager, auth_id, .. } = args;
    let request = StakingGrantRequest { manager, auth_id, chain_id: config.chain_id };
    let place = if args.next { next_place(&config)? } else { &config.key };
    let mut key = open_signatory(&config, place)?;
    let grant = Authorization::staking(&mut key, &request).map_err(not_signed)?;
    print(&grant, args.json, out)
}

/// Prints an authorization in the form that was asked for.
pub(crate) fn print(
    authorization: &Authorization,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failed> {
    let printed = if json {
        writeln!(out, "{}", authorization.to_json())
    } else {
        write!(out, "{}", authorization.to_text())
    };
    printed.map_err(Failed::failure)
}
