//! What a simulated chain is made of before its first block.

use countersign_wire::fixed::Hash160;
use countersign_wire::{BurnHeight, ChainId, Network, StacksAddress, UnixSeconds};

use super::cycles::RewardCycles;
use super::stackers::StackerPlan;

/// Everything that a [`Chain`](super::Chain) depends on besides what is done to it later.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// The kind of network, which decides the version bytes of addresses and transactions.
    pub network: Network,
    /// The chain id that transactions and validation requests must name.
    pub chain_id: ChainId,
    /// Burn height of the first reward cycle's first block.
    pub first_burn_height: BurnHeight,
    /// Burn blocks of a reward cycle, its prepare phase included.
    pub cycle_length: u64,
    /// Burn blocks of the prepare phase that ends a cycle.
    pub prepare_length: u64,
    /// How many burn blocks after the start of a prepare phase the next cycle's signers are known.
    pub reward_set_delay: u64,
    /// Height of the burn tip when the chain starts: its history is the three burn blocks that end
    /// here.
    pub genesis_burn_height: BurnHeight,
    /// Time of the burn block at [`genesis_burn_height`](Self::genesis_burn_height).
    pub genesis_time: UnixSeconds,
    /// Burn height from which on the epoch is 4.0 and headers have version 1; epoch 3.3 and version
    /// 0 before, and for ever if this is none.
    pub epoch_40_at: Option<BurnHeight>,
    /// Who signs in which reward cycle.
    pub stackers: StackerPlan,
    /// Key hashes of the miners, whose accounts exist from the start.
    pub miners: Vec<Hash160>,
    /// Accounts with a balance from the start.
    pub accounts: Vec<FundedAccount>,
    /// What `/v2/info` names as the node's software.
    pub server_version: String,
    /// Makes the hashes of this chain its own: equal configurations give equal chains.
    pub seed: [u8; 32],
}

/// An account with a balance from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundedAccount {
    /// The account.
    pub address: StacksAddress,
    /// What it holds, in µSTX.
    pub balance: u128,
}

/// Why a chain cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The prepare phase is empty or fills the cycle.
    #[error(
        "a prepare phase of {prepare} burn blocks does not fit a cycle of {length}; \
         it has at least one block and leaves at least one to the reward phase"
    )]
    PrepareLength {
        /// Length of a cycle.
        length: u64,
        /// Length of its prepare phase.
        prepare: u64,
    },
    /// The signers of a cycle would become known after its start.
    #[error(
        "the reward set is {delay} burn blocks late in a prepare phase of {prepare}; \
         the delay must be shorter than the phase"
    )]
    RewardSetDelay {
        /// The delay.
        delay: u64,
        /// Length of the prepare phase.
        prepare: u64,
    },
    /// There is no room for the history.
    #[error(
        "the chain starts at burn height {genesis}, and its history of three burn blocks would begin \
         below the first burn height {first}"
    )]
    NoHistory {
        /// Height of the burn tip at the start.
        genesis: BurnHeight,
        /// The first burn height.
        first: BurnHeight,
    },
    /// Nobody could sign the first blocks.
    #[error("no stacker has weight in the reward cycle that the chain starts in")]
    NoSigners,
}

impl ChainConfig {
    /// A testnet chain of epoch 3.3 that starts with its second reward cycle: 20 burn blocks a
    /// cycle, 5 of them prepare phase, no delay, no funded accounts.
    pub fn testnet(stackers: StackerPlan, genesis_time: UnixSeconds) -> Self {
        Self {
            network: Network::Testnet,
            chain_id: ChainId::TESTNET,
            first_burn_height: BurnHeight::new(0),
            cycle_length: 20,
            prepare_length: 5,
            reward_set_delay: 0,
            genesis_burn_height: BurnHeight::new(20),
            genesis_time,
            epoch_40_at: None,
            stackers,
            miners: Vec::new(),
            accounts: Vec::new(),
            server_version: "countersign-devnet".to_owned(),
            seed: [0; 32],
        }
    }

    /// The division of burn heights into reward cycles.
    pub fn cycles(&self) -> RewardCycles {
        RewardCycles {
            first: self.first_burn_height,
            length: self.cycle_length,
            prepare: self.prepare_length,
        }
    }

    /// The epoch of a burn height.
    pub fn epoch_at(&self, height: BurnHeight) -> Epoch {
        match self.epoch_40_at {
            Some(start) if height >= start => Epoch::Epoch40,
            _ => Epoch::Epoch33,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (length, prepare) = (self.cycle_length, self.prepare_length);
        if prepare == 0 || prepare >= length {
            return Err(ConfigError::PrepareLength { length, prepare });
        }
        if self.reward_set_delay >= prepare {
            return Err(ConfigError::RewardSetDelay { delay: self.reward_set_delay, prepare });
        }
        let (genesis, first) = (self.genesis_burn_height, self.first_burn_height);
        if genesis.get() < first.get().saturating_add(HISTORY_LEN - 1) {
            return Err(ConfigError::NoHistory { genesis, first });
        }
        match self.stackers.signer_set(self.cycles().cycle_of(genesis)) {
            Some(_) => Ok(()),
            None => Err(ConfigError::NoSigners),
        }
    }
}

/// How many burn blocks, each with a tenure of one block, a chain starts with.
pub(super) const HISTORY_LEN: u64 = 3;

/// The epochs that a simulated chain can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// Headers of version 0.
    Epoch33,
    /// Headers of version 1, and low-S signatures in transactions by consensus.
    Epoch40,
}

impl Epoch {
    /// The name in `/v2/pox`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Epoch33 => "Epoch33",
            Self::Epoch40 => "Epoch40",
        }
    }

    /// The version that block headers must have.
    pub const fn header_version(self) -> u8 {
        match self {
            Self::Epoch33 => 0,
            Self::Epoch40 => 1,
        }
    }
}
