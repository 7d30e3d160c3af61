//! What the nodes answer.

use std::time::Duration;

use countersign_wire::PublicKey;

use crate::grade::{Fact, Unknown};

/// What the Stacks node answers.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// `/v2/info`.
    pub info: Fact<NodeInfo>,
    /// The shortest of a few exchanges.
    pub rtt: Fact<Duration>,
    /// `/v3/health`.
    pub health: Fact<Health>,
    /// `/v2/pox`.
    pub pox: Fact<PoxState>,
    /// Who signs in this cycle.
    pub current: Fact<SignerSet>,
    /// Who signs in the next one; nothing while that is open.
    pub next: Fact<Option<SignerSet>>,
    /// What the node says to our password.
    pub with_password: Fact<AuthAnswer>,
    /// What it says to another one.
    pub with_another: Fact<AuthAnswer>,
    /// Balance of the signer's account, in uSTX.
    pub balance: Fact<u128>,
    /// What pox-5 says of the signer-manager.
    pub manager: Fact<Confirmation>,
}

impl NodeState {
    pub(super) fn nothing() -> Self {
        fn none<T>() -> Fact<T> {
            Err(Unknown::because("it was not looked at"))
        }
        Self {
            info: none(),
            rtt: none(),
            health: none(),
            pox: none(),
            current: none(),
            next: none(),
            with_password: none(),
            with_another: none(),
            balance: none(),
            manager: none(),
        }
    }
}

/// The node's tips and software.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// As it calls itself.
    pub version: String,
    /// `network_id`, the chain id.
    pub chain_id: u32,
    /// The highest burn block that it has processed.
    pub burn_height: u64,
    /// Its Stacks tip.
    pub stacks_height: u64,
    /// Whether it says that it has caught up.
    pub is_synced: Option<bool>,
    /// The StackerDBs that it replicates, if it says.
    pub stackerdbs: Option<Vec<String>>,
}

/// How far the node is behind those that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Blocks that its best neighbour is ahead.
    pub behind: u64,
}

/// Where the chain is in its reward cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoxState {
    /// The running cycle.
    pub cycle: u64,
    /// The epoch, such as `Epoch34`, if the node says.
    pub epoch: String,
    /// Burn blocks until the prepare phase, in which the next cycle's signers are chosen; 0 within it.
    pub until_prepare: u64,
    /// Burn blocks until the next cycle.
    pub until_next: u64,
}

/// Who signs in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSet {
    /// The cycle.
    pub cycle: u64,
    /// The weights of all signers.
    pub weights: Vec<u64>,
    /// Our seat.
    pub ours: Option<Seat>,
}

/// Our seat in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Our weight.
    pub weight: u64,
}

impl SignerSet {
    /// The weight of all signers.
    pub fn total(&self) -> u64 {
        self.weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight))
    }

    /// Our share in thousandths.
    pub fn permille(&self) -> Option<u64> {
        let weight = self.ours?.weight;
        weight.saturating_mul(1_000).checked_div(self.total())
    }

    /// How many of the largest signers together have more than this share, in percent.
    pub fn holders_of(&self, percent: u64) -> usize {
        let mut weights = self.weights.clone();
        weights.sort_unstable_by(|a, b| b.cmp(a));
        let wanted = self.total().saturating_mul(percent) / 100;
        let mut sum = 0_u64;
        let enough = weights.iter().position(|weight| {
            sum = sum.saturating_add(*weight);
            sum > wanted
        });
        enough.map_or(weights.len(), |position| position + 1)
    }
}

/// What the node says to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthAnswer {
    /// It goes on to read what was sent, and says what is wrong with it: the password is right.
    Accepted,
    /// 401: the password is wrong.
    Refused,
    /// Something else, by its status: it asks for no password, or is no node.
    Other(u16),
}

/// What pox-5 says of a signer-manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The manager.
    pub manager: String,
    /// The key that is registered for it.
    pub key: Option<PublicKey>,
}

/// What bitcoind answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitcoinState {
    /// `main`, `test`, `regtest`, …
    pub chain: String,
    /// Blocks that it has checked.
    pub blocks: u64,
    /// Headers that it knows.
    pub headers: u64,
    /// Whether it is still loading the chain.
    pub is_loading: bool,
    /// Whether it has thrown old blocks away.
    pub is_pruned: bool,
    /// The first block that it still has, if it is pruned.
    pub prune_height: Option<u64>,
    /// Its version: 250000 for 25.0.
    pub version: u64,
}

/// What the sBTC signer's `/info` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SbtcState {
    /// The aggregate key that its newest shares belong to.
    pub current_key: Option<String>,
    /// The one that the contract names.
    pub contract_key: Option<String>,
}
