//! `countersign standby`: everything but signing.

use crate::cli::Failed;
use crate::run;

pub(crate) const EXAMPLES: &str = "\
A standby has a node and a configuration of its own, with the key of the signer that it stands by for. It
follows the chain, judges each proposal, and compares what it would have decided with what the other
instance publishes. `countersign promote` has it sign at once, without a restart.

Example:
  countersign standby --config signer-config.toml
";

/// Runs as [`run::run`] does, and signs nothing until it is promoted.
pub(crate) fn run(args: &run::Args) -> Result<(), Failed> {
    run::start(args, run::Part::Standby)
}
