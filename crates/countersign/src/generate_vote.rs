//! `countersign generate-vote`: a vote on a SIP.

use std::io::Write;
use std::path::PathBuf;

use countersign_operator::Vote;
use countersign_vault::SipVoteRequest;

use crate::cli::{Failed, load, not_signed, open_signatory};

/// What `generate-vote` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The number of the SIP
    #[arg(long, value_name = "NUMBER")]
    sip: u32,
    /// yes or no
    #[arg(long, value_name = "VOTE")]
    vote: Vote,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign generate-vote --config signer-config.toml --sip 45 --vote yes
";

/// Prints the signature: recovery id, r, s. The node is not asked, and the signer may be running. A
/// vault in another process signs for whoever it knows as an operator.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let request = SipVoteRequest { sip: args.sip, is_yes: args.vote.is_yes() };
    let mut key = open_signatory(&config, &config.key)?;
    let signature = key.sign_sip_vote(request).map_err(not_signed)?;
    writeln!(out, "{signature}").map_err(Failed::failure)
}
