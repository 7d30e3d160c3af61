//! What goes between nodes and signers: callbacks that get lost, late and doubled, answers, blocks
//! and chunks.

use std::sync::Arc;

use countersign_devnet::chain::{NewBlockFacts, StackerDb, Winner};
use countersign_signer::{Event, Millis, Submission, Timestamp};
use countersign_wire::event::NewBlock;
use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{
    NakamotoBlock, PublicKey, RewardCycle, Sighash, SlotId, SlotVersion, UnixSeconds,
};

use super::World;
use super::agenda::Happening;
use super::node::{News, Version};
use super::plan::MinerKind;

/// A response as miners hear it: who wrote it, and whose signature is in it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) response: BlockResponse,
    pub(super) from: PublicKey,
    pub(super) voter: Option<PublicKey>,
}

impl World {
    /// A moment later, or much later in bad weather.
    pub(super) fn soon(&mut self) -> Timestamp {
        if let Some(pace) = self.script.pace() {
            return self.now.plus(pace.message);
        }
        let mut delay = self.rng.between(2, 40);
        if self.rng.percent(self.weather.late) {
            delay += self.rng.below(self.weather.delay.get());
        }
        self.now.plus(Millis::new(delay))
    }

    /// A node calls a signer back.
    pub(super) fn call_back(&mut self, to: usize, event: Event) {
        let is_up = self.nodes[self.signers[to].node].is_up && !self.script.drops(to, &event);
        if !is_up || self.rng.percent(self.weather.loss) {
            self.coverage.lost_callbacks += 1;
            return;
        }
        let event = Box::new(event);
        if self.rng.percent(self.weather.repeated) {
            self.coverage.repeated_callbacks += 1;
            let at = self.soon();
            let event = event.clone();
            self.agenda.plan(at, Happening::Arrives { to, life: None, event });
        }
        let at = self.soon();
        self.agenda.plan(at, Happening::Arrives { to, life: None, event });
    }

    /// A chunk of a signer reaches everybody.
    pub(super) fn broadcast(
        &mut self,
        parity: u8,
        from: PublicKey,
        version: SlotVersion,
        message: &SignerMessage,
    ) {
        self.checks.left(from, message);
        self.script.hear(self.now, from, parity, message);
        for to in 0..self.signers.len() {
            let message = message.clone();
            self.call_back(to, Event::Peer { parity, from, version, message });
        }
        let SignerMessage::BlockResponse(response) = message else { return };
        let voter = response.recover();
        let heard = Arc::new(Heard { response: response.clone(), from, voter });
        for miner in 0..self.miners.len() {
            if !self.rng.percent(self.weather.loss) {
                let (at, heard) = (self.soon(), Arc::clone(&heard));
                self.agenda.plan(at, Happening::MinerHears { miner, heard });
            }
        }
    }

    /// A signer reads the slots again, as after a start.
    pub(super) fn read_slots(&mut self, by: usize, life: u32, cycle: RewardCycle, slots: u32) {
        let is_up = self.nodes[self.signers[by].node].is_up;
        if !is_up || self.rng.percent(self.weather.unanswered) {
            let at = self.now.plus(Millis::new(1000));
            self.agenda.plan(at, Happening::SlotsRead { by, life, cycle, slots });
            return;
        }
        let mut events = Vec::new();
        for lane in Lane::ALL {
            let contract = SignersContract::new(cycle, lane);
            let db = StackerDb::Signers(contract);
            for slot in (0..slots).map(SlotId::new) {
                let Some(chunk) = self.chain.chunk(db, slot) else { continue };
                let message = SignerMessage::from_chunk_data(&chunk.data);
                if let (Ok(message), Some(from)) = (message, chunk.recover()) {
                    let (parity, version) = (contract.parity, chunk.slot_version);
                    events.push(Event::Peer { parity, from, version, message });
                }
            }
        }
        for slot in (0..4).map(SlotId::new) {
            let Some(chunk) = self.chain.chunk(StackerDb::Miners, slot) else { continue };
            match SignerMessage::from_chunk_data(&chunk.data) {
                Ok(SignerMessage::BlockProposal(proposal)) => {
                    events.push(Event::Proposal(proposal));
                }
                Ok(SignerMessage::BlockPushed(block)) => events.push(Event::Pushed(block)),
                _ => {}
            }
        }
        for event in events.into_iter().map(Box::new) {
            let at = self.soon();
            self.agenda.plan(at, Happening::Arrives { to: by, life: Some(life), event });
        }
    }

    /// A node is asked to validate a block.
    pub(super) fn validate(
        &mut self,
        by: usize,
        life: u32,
        sighash: Sighash,
        block: Arc<NakamotoBlock>,
    ) {
        let number = self.signers[by].node;
        self.script.asked_to_validate(by, sighash);
        let is_moody = self.rng.percent(self.weather.unvalidated);
        let node = &mut self.nodes[number];
        let outcome = if !node.is_up {
            Submission::Unreachable("connection refused".to_owned())
        } else if node.is_validating || (is_moody && self.rng.percent(80)) {
            Submission::Busy
        } else if is_moody {
            Submission::Refused("the node refuses with status 500".to_owned())
        } else {
            node.is_validating = true;
            let pace = self.script.pace().map(|pace| pace.validation);
            let takes = pace.unwrap_or_else(|| Millis::new(self.rng.between(5, 300)));
            if !self.script.stalls(number, &block) {
                let validated = Happening::Validated { node: number, block };
                self.agenda.plan(self.now.plus(takes), validated);
            }
            Submission::Accepted
        };
        let event = Box::new(Event::ValidationSubmitted { sighash, outcome });
        let at = self.soon();
        self.agenda.plan(at, Happening::Arrives { to: by, life: Some(life), event });
    }

    /// A node tells its signers what it thinks of a block.
    pub(super) fn validated(&mut self, number: usize, block: &NakamotoBlock) {
        let node = &mut self.nodes[number];
        node.is_validating = false;
        if !node.is_up {
            return;
        }
        let version = node.seen;
        let chain = Arc::clone(&self.versions[version].chain);
        let verdict = self.verdicts.judge(version, &chain, block, self.now.as_unix());
        let verdict = self.script.colour(number, verdict);
        for to in 0..self.signers.len() {
            if self.signers[to].node == number && !self.rng.percent(self.weather.lost_verdicts) {
                self.call_back(to, Event::Verdict(verdict.clone()));
            }
        }
    }

    /// A signer hands its node a signed block.
    pub(super) fn upload(&mut self, by: usize, life: u32, block: Arc<NakamotoBlock>) {
        let machine = &self.signers[by];
        if machine.life != life || machine.core.is_none() {
            return;
        }
        self.script.uploading(by, block.sighash());
        if !self.nodes[machine.node].is_up || self.script.delays_uploads() {
            let at = self.now.plus(Millis::new(2000));
            self.agenda.plan(at, Happening::ToUpload { by, life, block });
        } else if self.submit(&block) {
            let event = Box::new(Event::Uploaded { sighash: block.sighash() });
            let at = self.soon();
            self.agenda.plan(at, Happening::Arrives { to: by, life: Some(life), event });
        }
    }

    /// Adds a signed block to the shared chain; true if it is there, whoever brought it.
    pub(super) fn submit(&mut self, block: &NakamotoBlock) -> bool {
        let Ok(outcome) = self.chain.submit(block) else { return false };
        let mut news = Vec::new();
        for facts in outcome.processed {
            self.adopt(&facts);
            news.push(News::StacksBlock(NewBlock {
                block_id: facts.block_id,
                sighash: Some(facts.sighash),
                consensus_hash: facts.tenure.consensus_hash,
                height: facts.block.header.chain_length,
                txids: facts.transactions.iter().map(|transaction| transaction.txid).collect(),
                signatures: Vec::new(),
                time: None,
            }));
        }
        if !news.is_empty() {
            self.publish_version(news);
        }
        true
    }

    fn adopt(&mut self, facts: &NewBlockFacts) {
        let now = self.now;
        let height = facts.block.header.chain_length;
        self.trace.tell(|| format!("{} adopted {} at {height}", now.as_millis(), facts.sighash));
        self.coverage.blocks_adopted += 1;
        let cycle = self.chain.signing_cycle(&facts.tenure.consensus_hash);
        if self.last_cycle.is_some() && self.last_cycle != cycle {
            self.coverage.cycle_hand_overs += 1;
        }
        self.last_cycle = cycle;
        if let Some(other) = self.checks.adopt(&facts.block)
            && self.is_honest_enough
        {
            let sighash = facts.sighash;
            self.complain(format!("{sighash} was adopted beside {other} at height {height}"));
        }
    }

    /// The chain has changed: the nodes learn of it one after the other.
    fn publish_version(&mut self, news: Vec<News>) {
        self.versions.push(Version { chain: Arc::new(self.chain.clone()), news });
        let version = self.versions.len() - 1;
        for node in 0..self.nodes.len() {
            let pace = self.script.pace().map(|pace| pace.message);
            let at = self.now.plus(pace.unwrap_or_else(|| {
                Millis::new(self.rng.between(5, 60) + self.rng.below(self.weather.lag.get()))
            }));
            self.agenda.plan(at, Happening::Synced { node, version });
        }
    }

    /// A node learns everything up to a version, and calls its signers back for each change.
    pub(super) fn synced(&mut self, number: usize, version: usize) {
        let is_hasty = self.rng.percent(self.weather.late / 2);
        let node = &mut self.nodes[number];
        node.offered = node.offered.max(version);
        if !node.is_up || self.script.is_frozen(number) {
            return;
        }
        let passed = node.announced + 1..=node.offered;
        node.announced = node.offered;
        if passed.is_empty() || !is_hasty {
            node.seen = node.offered;
        } else {
            let at = self.now.plus(Millis::new(self.rng.between(50, 1_500)));
            self.agenda.plan(at, Happening::Synced { node: number, version });
        }
        let news: Vec<News> =
            self.versions[passed].iter().flat_map(|version| version.news.clone()).collect();
        for to in 0..self.signers.len() {
            if self.signers[to].node != number {
                continue;
            }
            for news in &news {
                self.call_back(
                    to,
                    match news {
                        News::BurnBlock(block) => Event::BurnBlock(block.clone()),
                        News::StacksBlock(block) => Event::StacksBlock(block.clone()),
                    },
                );
            }
        }
    }

    pub(super) fn node_fails(&mut self, node: usize) {
        if self.is_healed {
            return;
        }
        self.coverage.node_failures += 1;
        self.nodes[node].is_up = false;
        let pause = Millis::new(self.rng.between(500, 20_000));
        self.agenda.plan(self.now.plus(pause), Happening::NodeRecovers { node });
    }

    pub(super) fn node_recovers(&mut self, node: usize) {
        self.nodes[node].is_up = true;
        self.nodes[node].is_validating = false;
        self.synced(node, 0);
        self.plan_node_failure(node);
    }

    pub(super) fn plan_node_failure(&mut self, node: usize) {
        let mean = self.weather.node_fails_every.get();
        if mean > 0 {
            let at = self.now.plus(Millis::new(self.rng.between(mean / 2, mean * 3 / 2)));
            self.agenda.plan(at, Happening::NodeFails { node });
        }
    }

    /// A burn block is mined, with a winner or without.
    pub(super) fn burn_block(&mut self) {
        let every = self.plan.burn_every.get();
        let next = self.now.plus(Millis::new(self.rng.between(every / 2, every * 3 / 2)));
        self.agenda.plan(next, Happening::BurnBlock);
        let drawn = self.rng.index(self.miners.len());
        let winner = (!self.rng.percent(self.plan.empty_sortitions)).then(|| {
            let miner = &self.miners[drawn];
            let reorgs = miner.kind == MinerKind::Equivocating && self.rng.percent(20);
            let older = self.chain.latest_winner().and_then(|latest| latest.last_winner);
            let committed_parent_tenure = older.filter(|_| reorgs);
            Winner { miner: miner.hash, committed_parent_tenure }
        });
        if winner.is_some() {
            self.coverage.sortitions += 1;
            let pause = Millis::new(self.rng.between(50, 2_000));
            self.miners[drawn].next_at = self.now.plus(pause);
        } else {
            self.coverage.empty_sortitions += 1;
        }
        let now = self.now;
        self.trace.tell(|| format!("{} winner {drawn}", now.as_millis()));
        self.mine(winner);
    }

    /// A burn block is mined with this winner.
    pub(super) fn mine(&mut self, winner: Option<Winner>) {
        let at = UnixSeconds::new(self.now.as_millis() / 1000);
        let block = self.chain.mine_burn_block(winner, at);
        let now = self.now;
        self.trace.tell(|| format!("{} {block:?}", now.as_millis()));
        self.publish_version(vec![News::BurnBlock(block)]);
    }
}
