//! The recorded node: it answers the core's questions with what it answered the five signers, the
//! miner and the test driver.
//!
//! The core does not ask at the very moments at which the recorded signers asked, so each answer is
//! the one nearest in time to the question. What is polled all the time is not in the recordings;
//! it is derived:
//!
//! - `/v2/info`: the burn tip is the last announced burn block, the Stacks tip the last announced
//!   block. The node announces both after it has processed them, so it is never behind.
//! - `/v2/pox`, reward sets and slot lists: the same throughout (`vectors/recordings/README.md` and
//!   the examples in `NAME.rpc.json`). Since they are asked for only from a cycle's prepare phase
//!   on, the node has them.
//! - the sortitions: the nearest answer whose latest winner is the one of the burn tip; each burn
//!   block of the recordings has a winner.
//! - whether a burn block is canonical: no recording has a Bitcoin fork, so all announced ones are.

use std::collections::BTreeMap;

use countersign_signer::{Answer, BurnView, NodeFailure, Query, RegistrationFacts};
use countersign_wire::event::{Callback, NewBlock, NewBurnBlock};
use countersign_wire::rpc::{
    LatestAndLast, NodeInfo, PoxInfo, TenureForkInfo, TenureTip, TenureTipResponse,
};
use countersign_wire::{
    BurnBlockHash, BurnHeight, ChainId, ConsensusHash, Network, RewardCycle, Sighash,
    StacksAddress, StacksHeight,
};

use super::recording::{Recording, signer_set};

/// Everything that the node answered, and what it has announced so far.
pub(crate) struct Node {
    sortitions: Vec<(u64, LatestAndLast)>,
    tips: BTreeMap<ConsensusHash, Vec<(u64, TenureTip)>>,
    forks: BTreeMap<(ConsensusHash, ConsensusHash), Vec<TenureForkInfo>>,
    burn_blocks: Vec<NewBurnBlock>,
    stacks_tip: Option<NewBlock>,
}

impl Node {
    pub(crate) fn of(recording: &Recording) -> Self {
        let parse = |line: &super::recording::Line| line.json["response"].clone();
        let sortitions = recording
            .requests("GET", "/v3/sortitions/latest_and_last")
            .map(|line| (line.at, serde_json::from_value(parse(line)).unwrap()));
        let mut tips: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in recording.requests("GET", "/v3/tenures/tip_metadata/") {
            let tenure: ConsensusHash = last_segment(line.path()).parse().unwrap();
            let answer: TenureTipResponse = serde_json::from_value(parse(line)).unwrap();
            tips.entry(tenure).or_default().push((line.at, answer.tip(&tenure)));
        }
        let forks = recording.requests("GET", "/v3/tenures/fork_info/").map(|line| {
            let to = last_segment(line.path());
            let from = last_segment(line.path().trim_end_matches(to).trim_end_matches('/'));
            let range = (from.parse().unwrap(), to.parse().unwrap());
            (range, serde_json::from_value(parse(line)).unwrap())
        });
        Self {
            sortitions: sortitions.collect(),
            forks: forks.collect(),
            tips,
            burn_blocks: Vec::new(),
            stacks_tip: None,
        }
    }

    /// Notes what the node has announced.
    pub(crate) fn announce(&mut self, callback: &Callback) {
        match callback {
            Callback::NewBurnBlock(block) => self.burn_blocks.push(block.clone()),
            Callback::NewBlock(block) => self.stacks_tip = Some(block.clone()),
            Callback::StackerDbChunks(_) | Callback::ProposalResponse(_) => {}
        }
    }

    /// The answer to a question asked at `at`.
    pub(crate) fn answer(&self, query: Query, at: u64) -> Result<Answer, NodeFailure> {
        match query {
            Query::Pox => self.pox().map(Answer::Pox),
            Query::Info => self.info().map(Answer::Info),
            Query::BurnView => self.burn_view(at).map(Box::new).map(Answer::BurnView),
            Query::Registration(cycle) => Ok(Answer::Registration(registration(cycle))),
            Query::TenureTip(tenure) => self.tip(&tenure, at).map(Some).map(Answer::TenureTip),
            Query::SortitionOf(hash) => Ok(Answer::SortitionOf(self.has_announced(&hash))),
            Query::Forks { from, to } => {
                let forks = self.forks.get(&(from, to)).cloned();
                forks.map(Answer::Forks).ok_or_else(|| unrecorded("fork info"))
            }
        }
    }

    fn pox(&self) -> Result<PoxInfo, NodeFailure> {
        let tip = self.burn_tip()?.burn_block_height;
        Ok(PoxInfo {
            first_burnchain_block_height: BurnHeight::new(0),
            current_burnchain_block_height: tip,
            reward_phase_block_length: 15,
            prepare_phase_block_length: 5,
            reward_cycle_id: tip.get() / 20,
            current_epoch: String::new(),
        })
    }

    fn info(&self) -> Result<NodeInfo, NodeFailure> {
        let burn_tip = self.burn_tip()?;
        let tip = self.stacks_tip.as_ref();
        Ok(NodeInfo {
            burn_block_height: burn_tip.burn_block_height,
            pox_consensus: burn_tip.consensus_hash,
            stacks_tip: tip.and_then(|tip| tip.sighash).unwrap_or(Sighash::ZERO),
            stacks_tip_consensus_hash: tip.map_or(ConsensusHash::ZERO, |tip| tip.consensus_hash),
            stacks_tip_height: tip.map_or(StacksHeight::new(0), |tip| tip.height),
            server_version: "stacks-node 4.0.2".to_owned(),
            network_id: ChainId::TESTNET,
            is_fully_synced: Some(true),
            stackerdbs: None,
        })
    }

    fn burn_view(&self, at: u64) -> Result<BurnView, NodeFailure> {
        let info = self.info()?;
        let of_tip = self
            .sortitions
            .iter()
            .filter(|(_, view)| view.latest.consensus_hash == info.pox_consensus);
        let view = nearest(of_tip, at).ok_or_else(|| unrecorded("sortitions"))?;
        let LatestAndLast { latest, last } = view.clone();
        Ok(BurnView { info, latest, last })
    }

    fn tip(&self, tenure: &ConsensusHash, at: u64) -> Result<TenureTip, NodeFailure> {
        let tips = self.tips.get(tenure).into_iter().flatten();
        nearest(tips, at).copied().ok_or_else(|| unrecorded("tenure tip"))
    }

    fn burn_tip(&self) -> Result<&NewBurnBlock, NodeFailure> {
        self.burn_blocks.last().ok_or_else(|| unrecorded("burn tip"))
    }

    fn has_announced(&self, hash: &BurnBlockHash) -> bool {
        self.burn_blocks.iter().any(|block| block.burn_block_hash == *hash)
    }
}

/// Five signers of the same weight in every cycle, each with a slot.
fn registration(cycle: RewardCycle) -> RegistrationFacts {
    let set = signer_set();
    let version = Network::Testnet.single_sig_version();
    let slots = set.signers().iter();
    let slots = slots.map(|signer| StacksAddress::new(version, signer.key.hash160()).unwrap());
    RegistrationFacts { slots: slots.collect(), set: Some(set), last_set_cycle: cycle }
}

fn nearest<'a, T>(answers: impl Iterator<Item = &'a (u64, T)>, at: u64) -> Option<&'a T> {
    answers.min_by_key(|(time, _)| time.abs_diff(at)).map(|(_, answer)| answer)
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unrecorded(what: &str) -> NodeFailure {
    NodeFailure { text: format!("the recording has no answer about the {what}") }
}
