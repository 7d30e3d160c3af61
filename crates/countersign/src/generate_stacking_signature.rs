//! `countersign generate-stacking-signature`: the authorization of pox-4.

use std::io::Write;
use std::path::PathBuf;

use countersign_operator::{Authorization, BitcoinAddress, StackingError, parse_method};
use countersign_wire::Network;
use countersign_wire::sip018::{Pox4Authorization, Pox4Topic};

use crate::cli::{Failed, load, not_signed, open_signatory};
use crate::generate_staking_signature::print;

/// What `generate-stacking-signature` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The Bitcoin address where the rewards are paid
    #[arg(short, long, value_name = "ADDRESS")]
    pox_address: BitcoinAddress,
    /// The reward cycle in which the signature is used; of stack-stx the current one
    #[arg(short, long, value_name = "CYCLE")]
    reward_cycle: u64,
    /// stack-stx, stack-extend, stack-increase, agg-commit or agg-increase
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    method: Pox4Topic,
    /// For how many cycles, at most 12; 1 for agg-commit and agg-increase
    #[arg(long, value_name = "CYCLES", value_parser = clap::value_parser!(u64).range(1..=12))]
    period: u64,
    /// At most how many µSTX
    #[arg(long, value_name = "USTX")]
    max_amount: u128,
    /// A number that no earlier signature had; each is accepted once
    #[arg(long, value_name = "NUMBER")]
    auth_id: u128,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign generate-stacking-signature --config signer-config.toml --method stack-stx \\
    --pox-address bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 --reward-cycle 100 --period 12 \\
    --max-amount 1000000000000 --auth-id 71948271489 --json

From epoch 4.0 on the contracts want a grant instead: see generate-staking-signature.
";

/// The address is of the other Bitcoin network.
#[derive(Debug, thiserror::Error)]
#[error(
    "--pox-address {address} is not of the Bitcoin network that belongs to `network = \"{network}\"`; \
     rewards would be lost"
)]
struct WrongNetwork {
    address: BitcoinAddress,
    network: Network,
}

/// Prints the key and the signature. The node is not asked, and the signer may be running. A vault in another
/// process signs for whoever it knows as an operator.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let (address, network) = (args.pox_address.clone(), config.network);
    if !address.fits(network) {
        return Err(Failed::argument(WrongNetwork { address, network }));
    }
    let authorization = Pox4Authorization {
        pox_address: address.pox().clone(),
        reward_cycle: args.reward_cycle.into(),
        topic: args.method,
        period: args.period.into(),
        max_amount: args.max_amount,
        auth_id: args.auth_id,
    };
    let mut key = open_signatory(&config, &config.key)?;
    let signed = Authorization::stacking(&mut key, &address, authorization, config.chain_id);
    let signed = signed.map_err(|error| match error {
        StackingError::Period(_) => Failed::argument(error),
        StackingError::Key(error) => not_signed(error),
    })?;
    print(&signed, args.json, out)
}
