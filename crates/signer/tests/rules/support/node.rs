//! A node that answers from a script.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_signer::{Answer, BurnView, NodeFailure, Query, RegistrationFacts, Submission};
use countersign_wire::rpc::{NodeInfo, PoxInfo, Sortition, TenureForkInfo, TenureTip};
use countersign_wire::{
    BurnBlockHash, BurnHeight, ChainId, ConsensusHash, Network, RewardCycle, Sighash, SignerSet,
    StacksAddress, StacksHeight,
};

use super::chain::{burn_hash, burn_height, ch, sortition, tip};

/// What the node knows, and how it fails.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) network_id: ChainId,
    pub(crate) epoch: &'static str,
    pub(crate) burn_height: BurnHeight,
    pub(crate) burn_tip: ConsensusHash,
    pub(crate) stacks_height: StacksHeight,
    pub(crate) stacks_tip: Sighash,
    pub(crate) latest: Sortition,
    pub(crate) last: Option<Sortition>,
    pub(crate) tips: BTreeMap<ConsensusHash, TenureTip>,
    pub(crate) forks: Vec<TenureForkInfo>,
    /// What a tenure has that a Bitcoin fork took away.
    pub(crate) lost: BTreeMap<ConsensusHash, TenureForkInfo>,
    pub(crate) orphaned: BTreeSet<BurnBlockHash>,
    pub(crate) registrations: BTreeMap<RewardCycle, RegistrationFacts>,
    /// Questions that it cannot answer.
    pub(crate) failing: BTreeSet<Query>,
    /// Questions that it does not answer yet.
    pub(crate) silent: BTreeSet<Query>,
    /// It answers nothing yet.
    pub(crate) is_hung: bool,
    /// What it says to requests for validation; accepted once this is used up.
    pub(crate) submissions: VecDeque<Submission>,
    pub(crate) asked: Vec<Query>,
}

impl Node {
    /// At burn block 3, whose winner builds on tenure 2 with its tip at height 20.
    pub(crate) fn good(set: &SignerSet) -> Self {
        let registrations = [1, 2].map(|cycle| {
            let cycle = RewardCycle::new(cycle);
            (cycle, registration(cycle, set))
        });
        Self {
            network_id: ChainId::TESTNET,
            epoch: "Epoch33",
            burn_height: burn_height(3),
            burn_tip: ch(3),
            stacks_height: StacksHeight::new(30),
            stacks_tip: Sighash::ZERO,
            latest: sortition(3, 2),
            last: Some(sortition(2, 1)),
            tips: BTreeMap::from([(ch(1), tip(1, 10)), (ch(2), tip(2, 20))]),
            forks: Vec::new(),
            lost: BTreeMap::new(),
            orphaned: BTreeSet::new(),
            registrations: registrations.into(),
            failing: BTreeSet::new(),
            silent: BTreeSet::new(),
            is_hung: false,
            submissions: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    /// Moves on to burn block `n`, whose winner builds on the tenure before.
    pub(crate) fn move_to(&mut self, n: u8) {
        self.burn_height = burn_height(n);
        self.burn_tip = ch(n);
        self.last = Some(std::mem::replace(&mut self.latest, sortition(n, n - 1)));
    }

    /// The highest block of tenure `n` is at `height`.
    pub(crate) fn end_tenure(&mut self, n: u8, height: u64) {
        self.tips.insert(ch(n), tip(n, height));
    }

    /// Tenure `n` has no block.
    pub(crate) fn forget_tenure(&mut self, n: u8) {
        self.tips.remove(&ch(n));
    }

    /// Burn block `n` is not on the canonical fork.
    pub(crate) fn orphan(&mut self, n: u8) {
        self.orphaned.insert(burn_hash(n));
    }

    /// The node cannot answer this from now on.
    pub(crate) fn fail(&mut self, query: Query) {
        self.failing.insert(query);
    }

    /// None if the node stays silent.
    pub(crate) fn answer(&mut self, query: Query) -> Option<Result<Answer, NodeFailure>> {
        self.asked.push(query);
        if self.is_hung || self.silent.contains(&query) {
            return None;
        }
        if self.failing.contains(&query) {
            return Some(Err(failure()));
        }
        Some(Ok(match query {
            Query::Pox => Answer::Pox(self.pox()),
            Query::Info => Answer::Info(self.info()),
            Query::BurnView => Answer::BurnView(Box::new(BurnView {
                info: self.info(),
                latest: self.latest.clone(),
                last: self.last.clone(),
            })),
            Query::Registration(cycle) => match self.registrations.get(&cycle) {
                Some(facts) => Answer::Registration(facts.clone()),
                None => return Some(Err(failure())),
            },
            Query::TenureTip(tenure) => Answer::TenureTip(self.tips.get(&tenure).copied()),
            Query::SortitionOf(hash) => Answer::SortitionOf(!self.orphaned.contains(&hash)),
            Query::Forks { from, to } if from == to => {
                Answer::Forks(self.lost.get(&from).cloned().into_iter().collect())
            }
            Query::Forks { .. } => Answer::Forks(self.forks.clone()),
        }))
    }

    fn pox(&self) -> PoxInfo {
        PoxInfo {
            first_burnchain_block_height: BurnHeight::new(0),
            current_burnchain_block_height: self.burn_height,
            reward_phase_block_length: 80,
            prepare_phase_block_length: 20,
            reward_cycle_id: 1,
            current_epoch: self.epoch.to_owned(),
        }
    }

    fn info(&self) -> NodeInfo {
        NodeInfo {
            burn_block_height: self.burn_height,
            pox_consensus: self.burn_tip,
            stacks_tip: self.stacks_tip,
            stacks_tip_consensus_hash: ConsensusHash::ZERO,
            stacks_tip_height: self.stacks_height,
            server_version: String::new(),
            network_id: self.network_id,
            is_fully_synced: Some(true),
            stackerdbs: None,
        }
    }
}

/// What a node says about a cycle with these signers, each of whom owns a slot.
pub(crate) fn registration(cycle: RewardCycle, set: &SignerSet) -> RegistrationFacts {
    let version = Network::Testnet.single_sig_version();
    let slots = set.signers().iter();
    let slots = slots.map(|signer| StacksAddress::new(version, signer.key.hash160()).unwrap());
    RegistrationFacts { slots: slots.collect(), set: Some(set.clone()), last_set_cycle: cycle }
}

fn failure() -> NodeFailure {
    NodeFailure { text: "connection refused".to_owned() }
}
