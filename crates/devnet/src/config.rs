//! What a devnet is made of.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_wire::{PrivateKey, PublicKey, RewardCycle, Weight};

use crate::chain::{Faucet, Stacker, StackerPlan, WeightSchedule};
use crate::dispatcher::Patience;
use crate::seed::Seed;

/// What a devnet is made of.
#[derive(Clone, Debug)]
pub struct DevnetConfig {
    /// What runs as each signer; the length says how many there are.
    pub signers: Vec<SignerKind>,
    /// A program and arguments that every signer's program is started through; see
    /// [`leashed_by`](Self::leashed_by). Empty to start them directly.
    pub launcher: Vec<OsString>,
    /// Who has which weight.
    pub weights: Weights,
    /// Signers that change their keys: from which reward cycle on their weight belongs to their next key.
    /// Both are in the configuration file from the start, which only this project's signer can read.
    pub key_changes: BTreeMap<usize, RewardCycle>,
    /// How many miners there are.
    pub miners: usize,
    /// Between burn blocks.
    pub burn_interval: Duration,
    /// Between the first proposals of two blocks. Timestamps in headers are whole seconds and must
    /// grow, so that below a second the chain runs ahead of the clock until nodes refuse it.
    pub block_interval: Duration,
    /// Burn blocks of a reward cycle.
    pub cycle_length: u64,
    /// Burn blocks of the prepare phase that ends a cycle.
    pub prepare_length: u64,
    /// One in this many sortitions has no winner; none if zero.
    pub empty_sortition_in: u64,
    /// How many transfers are in a block.
    pub transfers: usize,
    /// How long a node's validation of a block takes.
    pub validation_delay: Duration,
    /// What happens to callbacks that a signer which is down cannot take.
    pub deliver: Deliver,
    /// How the nodes' dispatchers try again.
    pub patience: Patience,
    /// Whether miners mine. Without them a test drives the chain.
    pub is_mining: bool,
    /// How long no block may be adopted before the devnet says what is missing.
    pub quiet_limit: Duration,
    /// A folder to keep everything in; a temporary one otherwise.
    pub folder: Option<PathBuf>,
    /// Where keys and dice come from.
    pub seed: Seed,
}

/// What runs as a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerKind {
    /// A program, started as `PROGRAM run --config FILE`.
    Program(PathBuf),
    /// Nothing: a test plays it, or it is missing.
    External,
}

/// Who has which weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Everybody has about the same, and it changes with every cycle. From five signers on, one of
    /// them sits out every other cycle.
    Rotating,
    /// These, for ever.
    Fixed(Vec<Weight>),
}

/// What happens to callbacks that a signer which is down cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// They are kept and tried for ever, as a real node does.
    Forever,
    /// They are forgotten: the signer misses what happened while it was down.
    DropWhileDown,
}

impl DevnetConfig {
    /// A network of these signers at the pace of the defaults: a burn block every ten seconds, a
    /// block every two, cycles of twenty burn blocks with five in the prepare phase.
    pub fn new(signers: Vec<SignerKind>, seed: Seed) -> Self {
        Self {
            signers,
            launcher: Vec::new(),
            weights: Weights::Rotating,
            key_changes: BTreeMap::new(),
            miners: 2,
            burn_interval: Duration::from_secs(10),
            block_interval: Duration::from_secs(2),
            cycle_length: 20,
            prepare_length: 5,
            empty_sortition_in: 8,
            transfers: 3,
            validation_delay: Duration::from_millis(20),
            deliver: Deliver::Forever,
            patience: Patience::default(),
            is_mining: true,
            quiet_limit: Duration::from_secs(15),
            folder: None,
            seed,
        }
    }

    /// Starts every program through `countersign`, the command line of this project, so that no
    /// signer outlives this process however it ends.
    #[must_use]
    pub fn leashed_by(mut self, countersign: PathBuf) -> Self {
        let leash = format!("--leashed={}", std::process::id());
        self.launcher = vec![countersign.into(), "devnet".into(), leash.into(), "--".into()];
        self
    }

    /// Refuses what cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.signers.is_empty() {
            return Err(ConfigError::NoSigners);
        }
        if self.miners == 0 {
            return Err(ConfigError::NoMiners);
        }
        if self.burn_interval < MIN_INTERVAL || self.block_interval < MIN_INTERVAL {
            return Err(ConfigError::TooFast);
        }
        for signer in &self.signers {
            if let SignerKind::Program(program) = signer
                && !is_program(program)
            {
                return Err(ConfigError::NoProgram(program.clone()));
            }
        }
        if let Weights::Fixed(weights) = &self.weights {
            if weights.len() != self.signers.len() {
                let (weights, signers) = (weights.len(), self.signers.len());
                return Err(ConfigError::Weights { weights, signers });
            }
            let sum: u64 = weights.iter().map(|weight| u64::from(weight.get())).sum();
            if sum == 0 || sum > u64::from(u32::MAX) {
                return Err(ConfigError::WeightSum);
            }
        }
        Ok(())
    }

    /// The key of a signer, for a test that plays it.
    pub fn signer_key(&self, signer: usize) -> PrivateKey {
        self.seed.key("signer", u64::try_from(signer).unwrap_or(u64::MAX))
    }

    /// The key that takes the place of a signer's key, if it changes.
    pub fn next_signer_key(&self, signer: usize) -> Option<PrivateKey> {
        let number = u64::try_from(signer).unwrap_or(u64::MAX);
        self.key_changes.contains_key(&signer).then(|| self.seed.key("next signer", number))
    }

    /// The key of a miner, for a test that plays it.
    pub fn miner_key(&self, miner: usize) -> PrivateKey {
        self.seed.key("miner", u64::try_from(miner).unwrap_or(u64::MAX))
    }

    /// Who pays for transactions.
    pub fn faucet(&self) -> Faucet {
        Faucet::new(&self.seed.derive("faucet", 0), FAUCET_ACCOUNTS)
    }

    /// What signers show their nodes.
    pub fn auth_password(&self) -> String {
        hex::encode(self.seed.derive("password", 0))
    }

    /// The weights of the signers with these keys.
    pub(crate) fn stackers(&self, keys: &[PublicKey]) -> StackerPlan {
        let stackers = keys.iter().enumerate().flat_map(|(index, key)| {
            let weights = match &self.weights {
                Weights::Fixed(weights) => {
                    WeightSchedule::Constant(weights.get(index).copied().unwrap_or_default())
                }
                Weights::Rotating => rotating(index, keys.len()),
            };
            match (self.key_changes.get(&index), self.next_signer_key(index)) {
                (Some(change), Some(next)) => {
                    let keys = [*key, next.public_key()];
                    Stacker::changing_its_key(keys, *change, &weights).to_vec()
                }
                _ => vec![Stacker { key: *key, weights }],
            }
        });
        StackerPlan { stackers: stackers.collect() }
    }
}

/// Whether there is such a file that can be executed; a bare name is looked for where a shell would look.
pub(crate) fn is_program(program: &Path) -> bool {
    if program.components().nth(1).is_some() {
        return is_executable(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// In every second cycle one signer in turn sits out, if there are enough of them; in the others
/// one in turn has a little more.
fn rotating(index: usize, signers: usize) -> WeightSchedule {
    let weights = (0..signers * 2).map(|cycle| {
        let is_its_turn = cycle / 2 == index;
        let sits_out = signers >= MIN_TO_SIT_OUT && cycle % 2 == 1;
        match (is_its_turn, sits_out) {
            (true, true) => Weight::ZERO,
            (true, false) => Weight::new(BASE_WEIGHT + 2),
            (false, _) => Weight::new(BASE_WEIGHT),
        }
    });
    WeightSchedule::Repeating(weights.collect())
}

/// Why a devnet cannot be made as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody signs.
    #[error("a devnet needs at least one signer")]
    NoSigners,
    /// Nobody mines.
    #[error("a devnet needs at least one miner")]
    NoMiners,
    /// A launcher would notice only after everything else has started.
    #[error("there is no program {} that can be executed", .0.display())]
    NoProgram(PathBuf),
    /// Intervals that no machine keeps up with.
    #[error("intervals must be at least {} ms", MIN_INTERVAL.as_millis())]
    TooFast,
    /// A weight too many or too few.
    #[error("there are {weights} weights for {signers} signers; name one for each")]
    Weights {
        /// How many weights there are.
        weights: usize,
        /// How many signers there are.
        signers: usize,
    },
    /// Nobody has any, or there is more than fits.
    #[error("the weights must add up to more than 0 and less than 2^32")]
    WeightSum,
}

const MIN_INTERVAL: Duration = Duration::from_millis(50);
const FAUCET_ACCOUNTS: u32 = 4;
const BASE_WEIGHT: u32 = 10;
/// With fewer signers, the absence of one is felt too much: one more failure would stop the chain.
const MIN_TO_SIT_OUT: usize = 5;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    fn good(signers: usize) -> DevnetConfig {
        DevnetConfig::new(vec![SignerKind::External; signers], Seed::from_text("config"))
    }

    #[test]
    fn a_program_is_a_file_that_can_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        assert!(!is_program(&file) && !is_program(folder.path()));
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!is_program(&file), "it cannot be executed");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_program(&file) && is_program(Path::new("sh")));
    }

    #[test]
    fn rotating_signer_sets_differ_from_cycle_to_cycle() {
        let config = good(5);
        let seed = Seed::from_text("keys");
        let keys: Vec<_> = (0..5).map(|index| seed.key("signer", index).public_key()).collect();
        let plan = config.stackers(&keys);
        let set = |cycle| plan.signer_set(RewardCycle::new(cycle)).unwrap();
        for cycle in 0..10 {
            assert_ne!(set(cycle), set(cycle + 1), "cycles {cycle} and the next");
        }
        assert_eq!(set(0).count(), 5);
        assert_eq!(set(1).count(), 4);
    }

    #[test]
    fn the_heaviest_signer_of_a_full_set_can_be_missing() {
        let config = good(5);
        let seed = Seed::from_text("keys");
        let keys: Vec<_> = (0..5).map(|index| seed.key("signer", index).public_key()).collect();
        for cycle in 0..10 {
            let set = config.stackers(&keys).signer_set(RewardCycle::new(cycle)).unwrap();
            let heaviest = set.signers().iter().map(|signer| signer.weight.get()).max().unwrap();
            let rest = Weight::new(set.total().get() - heaviest);
            assert!(rest.approves(set.total()), "cycle {cycle}");
        }
    }

    #[test]
    fn a_signer_that_changes_its_key_has_its_weight_with_the_one_or_the_other() {
        let mut config = good(2);
        config.weights = Weights::Fixed(vec![Weight::new(3), Weight::new(4)]);
        config.key_changes.insert(1, RewardCycle::new(5));
        let keys: Vec<_> = (0..2).map(|signer| config.signer_key(signer).public_key()).collect();
        let next = config.next_signer_key(1).unwrap().public_key();
        assert!(config.next_signer_key(0).is_none());
        let plan = config.stackers(&keys);
        for (cycle, expected) in [(4, keys[1]), (5, next), (99, next)] {
            let set = plan.signer_set(RewardCycle::new(cycle)).unwrap();
            assert_eq!((set.count(), set.total()), (2, Weight::new(7)), "cycle {cycle}");
            assert!(set.slot_of(&expected).is_some(), "cycle {cycle}");
        }
    }

    type Spoil = fn(&mut DevnetConfig);

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(good(1).check(), Ok(()));
        assert_eq!(good(0).check(), Err(ConfigError::NoSigners));
        let rows: [(Spoil, ConfigError); 5] = [
            (|config| config.miners = 0, ConfigError::NoMiners),
            (
                |config| config.signers = vec![SignerKind::Program("no/such/program".into())],
                ConfigError::NoProgram("no/such/program".into()),
            ),
            (|config| config.burn_interval = Duration::ZERO, ConfigError::TooFast),
            (
                |config| config.weights = Weights::Fixed(vec![Weight::new(1); 2]),
                ConfigError::Weights { weights: 2, signers: 1 },
            ),
            (|config| config.weights = Weights::Fixed(vec![Weight::ZERO]), ConfigError::WeightSum),
        ];
        for (spoil, error) in rows {
            let mut config = good(1);
            spoil(&mut config);
            assert_eq!(config.check(), Err(error));
        }
    }
}
