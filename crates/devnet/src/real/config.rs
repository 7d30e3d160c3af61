//! What a real network is made of.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use countersign_wire::Weight;

use super::schedule::{Schedule, ScheduleError};
use super::stacking::{self, SharesError};
use crate::config::{self, DevnetConfig, Weights, is_program};

/// A network of a real bitcoind and a real stacks-node.
#[derive(Clone, Debug)]
pub struct RealConfig {
    /// Signers, pace, cycles, folder and seed. What is about simulated nodes and miners is not used.
    pub network: DevnetConfig,
    /// The bitcoind; a bare name is looked for where a shell would look.
    pub bitcoind: PathBuf,
    /// The stacks-node.
    pub stacks_node: PathBuf,
    /// Start a signer again this long after it ended by itself; never if none.
    pub restart_after: Option<Duration>,
    /// Go on to epoch 4.0 in the second cycle after the signers stacked, and stake through pox-5.
    pub epoch_4: bool,
}

/// A program that a real network needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingProgram {
    /// What it is called.
    pub name: &'static str,
    /// Where it was looked for.
    pub path: PathBuf,
    /// How to get it.
    pub remedy: &'static str,
}

impl fmt::Display for MissingProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, path, remedy } = self;
        write!(f, "there is no {name} at {}: {remedy}", path.display())
    }
}

/// Why a real network cannot be made as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RealConfigError {
    /// Programs are missing; every one is named.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Missing(Vec<MissingProgram>),
    /// The part that embedded networks have too.
    #[error(transparent)]
    Network(#[from] config::ConfigError),
    /// The cycles.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The weights.
    #[error(transparent)]
    Shares(#[from] SharesError),
}

/// What follows from a configuration that can work.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) schedule: Schedule,
    /// How many µSTX are locked for each signer.
    pub(super) amounts: Vec<u64>,
}

impl RealConfig {
    /// Refuses what cannot work, and says what follows from what can.
    pub(super) fn plan(&self) -> Result<Plan, RealConfigError> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(RealConfigError::Missing(missing));
        }
        self.network.check()?;
        let schedule = Schedule::new(self.network.cycle_length, self.network.prepare_length)?;
        let schedule = if self.epoch_4 { schedule.with_epoch_4() } else { schedule };
        let weights = match &self.network.weights {
            Weights::Fixed(weights) => weights.clone(),
            Weights::Rotating => uneven(self.network.signers.len()),
        };
        let amounts = stacking::amounts(&weights, schedule.reward_slots())?;
        Ok(Plan { schedule, amounts })
    }

    fn missing(&self) -> Vec<MissingProgram> {
        let programs = [
            ("bitcoind", &self.bitcoind, BITCOIND_REMEDY),
            ("stacks-node", &self.stacks_node, STACKS_NODE_REMEDY),
        ];
        let missing = programs.into_iter().filter(|(_, path, _)| !is_program(path));
        missing
            .map(|(name, path, remedy)| MissingProgram { name, path: path.clone(), remedy })
            .collect()
    }
}

/// Weights that do not change, for nobody stacks twice here, but that are not all the same.
fn uneven(signers: usize) -> Vec<Weight> {
    [5, 6, 7].into_iter().cycle().map(Weight::new).take(signers).collect()
}

const BITCOIND_REMEDY: &str = "install Bitcoin Core 25 or later (bitcoincore.org, or a package of \
     your system; a build without wallet will do) and name it with --bitcoind PATH";
const STACKS_NODE_REMEDY: &str = "build it from github.com/stacks-network/stacks-core with \
     `cargo build --release --package stacks-node`, or take it from a release there, and name it \
     with --stacks-node PATH";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use super::*;
    use crate::config::SignerKind;
    use crate::seed::Seed;

    fn good() -> RealConfig {
        let this = std::env::current_exe().unwrap();
        let signers = vec![SignerKind::External; 5];
        RealConfig {
            network: DevnetConfig::new(signers, Seed::from_text("real")),
            bitcoind: this.clone(),
            stacks_node: this,
            restart_after: None,
            epoch_4: false,
        }
    }

    #[test]
    fn every_program_that_is_missing_is_named_with_its_remedy() {
        assert!(good().plan().is_ok());
        let without = RealConfig {
            bitcoind: "no/such/bitcoind".into(),
            stacks_node: "no/such/stacks-node".into(),
            ..good()
        };
        let text = without.plan().unwrap_err().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines.iter().any(|line| line.contains("no/such/bitcoind") && line.contains("install"))
        );
        assert!(
            lines
                .iter()
                .any(|line| line.contains("no/such/stacks-node") && line.contains("build it"))
        );
    }

    #[test]
    fn what_the_node_would_refuse_is_refused_before_it_is_started() {
        let mut short = good();
        short.network.cycle_length = 6;
        assert!(matches!(short.plan(), Err(RealConfigError::Schedule(_))));
        let mut lopsided = good();
        lopsided.network.weights =
            Weights::Fixed([1, 1, 1, 1, 200].into_iter().map(Weight::new).collect());
        assert!(matches!(lopsided.plan(), Err(RealConfigError::Shares(_))));
    }
}
