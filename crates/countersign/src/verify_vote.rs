//! `countersign verify-vote`: whose vote on a SIP it is.

use std::io::Write;

use countersign_operator::{Vote, parse_public_key, verify_vote};
use countersign_wire::PublicKey;
use countersign_wire::fixed::parse_hex;

use crate::cli::Failed;

/// What `verify-vote` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key of the signer that is to have voted, in hex
    #[arg(short, long, value_name = "HEX", value_parser = parse_public_key)]
    public_key: PublicKey,
    /// What generate-vote printed: 130 hex digits
    #[arg(short, long, value_name = "HEX", value_parser = parse_hex::<65>)]
    signature: [u8; 65],
    /// The number of the SIP
    #[arg(long, value_name = "NUMBER")]
    sip: u32,
    /// yes or no
    #[arg(long, value_name = "VOTE")]
    vote: Vote,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Both answers end with code 0. A signature that is nobody's is a failure.

Example:
  countersign verify-vote --public-key 02… --signature 00… --sip 45 --vote yes
";

/// Prints the answer.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let is_valid = verify_vote(&args.public_key, args.signature, args.sip, args.vote)
        .map_err(Failed::failure)?;
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!({ "valid": is_valid }))
    } else {
        writeln!(out, "{}", if is_valid { "Valid vote" } else { "Invalid vote" })
    };
    printed.map_err(Failed::failure)
}
