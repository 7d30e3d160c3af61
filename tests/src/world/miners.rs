//! Miners: honest ones propose one block until it is decided, equivocating ones two at a height.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_devnet::chain::{BlockKind, BlockTemplate, StackerDb};
use countersign_signer::{Event, Millis, Timestamp};
use countersign_wire::message::{BlockProposal, BlockProposalData, BlockResponse, SignerMessage};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    ConsensusHash, Hash160, MessageSignature, NakamotoBlock, PrivateKey, Sighash, SignerSet,
    SlotId, SlotVersion, StacksBlockId, Weight, Wire as _,
};

use super::World;
use super::agenda::Happening;
use super::network::Heard;
use super::plan::MinerKind;

/// A miner.
pub(super) struct Miner {
    key: PrivateKey,
    /// What sortitions know it by.
    pub(super) hash: Hash160,
    pub(super) kind: MinerKind,
    /// No new block before this moment.
    pub(super) next_at: Timestamp,
    /// What it asks signatures for.
    asking: Vec<Asking>,
    /// Makes every block another one.
    pub(super) built: u64,
}

/// A proposal and what the signers have said about it.
struct Asking {
    proposal: Arc<BlockProposal>,
    sighash: Sighash,
    /// The tip of the tenure that it builds on, which must not move.
    parent_tenure: ConsensusHash,
    set: Arc<SignerSet>,
    /// The honest signers that are to see it; everybody if none.
    audience: Option<Vec<bool>>,
    first_at: Timestamp,
    last_at: Timestamp,
    signatures: BTreeMap<SlotId, MessageSignature>,
    rejections: BTreeSet<SlotId>,
    is_published: bool,
}

/// How often miners look what there is to do.
const TURN: Millis = Millis::new(500);
/// When a proposal is repeated.
const REPEAT_AFTER: Millis = Millis::from_secs(7);
/// When a proposal is given up.
const GIVE_UP_AFTER: Millis = Millis::from_secs(40);

impl Miner {
    pub(super) fn new(key: PrivateKey, kind: MinerKind, next_at: Timestamp) -> Self {
        let hash = key.public_key().hash160();
        Self { key, hash, kind, next_at, asking: Vec::new(), built: 0 }
    }
}

impl Asking {
    fn weight_of<'a>(&self, slots: impl Iterator<Item = &'a SlotId>) -> Weight {
        slots.map(|slot| self.set.weight_of(*slot)).sum()
    }

    fn is_approved(&self) -> bool {
        self.weight_of(self.signatures.keys()).approves(self.set.total())
    }

    fn is_blocked(&self) -> bool {
        self.weight_of(self.rejections.iter()).blocks_approval(self.set.total())
    }

    fn signed(&self) -> NakamotoBlock {
        let mut block = self.proposal.block.clone();
        block.header.signer_signature = self.signatures.values().copied().collect();
        block
    }
}

impl World {
    pub(super) fn miners_turn(&mut self) {
        self.agenda.plan(self.now.plus(TURN), Happening::MinersTurn);
        for miner in 0..self.miners.len() {
            self.miner_turn(miner);
        }
    }

    fn miner_turn(&mut self, miner: usize) {
        if self.miners[miner].kind == MinerKind::Silent {
            return;
        }
        let Some(tenure) = self.tenure_of(miner) else {
            self.miners[miner].asking.clear();
            return;
        };
        let before = self.miners[miner].asking.len();
        self.forget_overtaken(miner, &tenure);
        if before > 0 && self.miners[miner].asking.is_empty() {
            let pause = self.rng.between(200, self.plan.block_every.get());
            self.miners[miner].next_at = self.now.plus(Millis::new(pause));
        }
        if self.miners[miner].asking.is_empty() {
            if self.miners[miner].next_at <= self.now {
                self.build_and_ask(miner, tenure);
            }
            return;
        }
        for index in 0..self.miners[miner].asking.len() {
            if self.now.since(self.miners[miner].asking[index].last_at) >= REPEAT_AFTER {
                self.coverage.re_proposals += 1;
                self.propose(miner, index);
            }
        }
    }

    /// The tenure that a miner may build in: its own if it won last, or the one before if the last
    /// winner is silent.
    fn tenure_of(&self, miner: usize) -> Option<ConsensusHash> {
        let own = self.miners[miner].hash;
        let latest = self.chain.latest_winner()?;
        if latest.winner.is_some_and(|winner| winner.miner == own) {
            return Some(latest.consensus_hash);
        }
        let last = self.chain.burn_block(&latest.last_winner?)?;
        let silent_for = self.now.since(Timestamp::from_secs(latest.timestamp.get()));
        let may_go_on = last.winner.is_some_and(|winner| winner.miner == own)
            && silent_for > self.timeouts.block_proposal
            && self.chain.tenure_tip(&latest.consensus_hash).is_none()
            && self.chain.stacks_tip().header.consensus_hash == last.consensus_hash;
        may_go_on.then_some(last.consensus_hash)
    }

    /// Gives up what is decided, refused, too old or overtaken. An equivocating miner does not care
    /// what is decided.
    fn forget_overtaken(&mut self, miner: usize, tenure: &ConsensusHash) {
        let (chain, now) = (&self.chain, self.now);
        let Miner { asking, kind, .. } = &mut self.miners[miner];
        asking.retain(|asking| {
            let header = &asking.proposal.block.header;
            let height = |tenure| chain.tenure_tip(tenure).map(|tip| tip.header.chain_length);
            let is_overtaken = height(tenure) >= Some(header.chain_length)
                || height(&asking.parent_tenure) >= Some(header.chain_length);
            let is_given_up = now.since(asking.first_at) >= GIVE_UP_AFTER;
            let is_decided = is_overtaken || asking.is_blocked();
            header.consensus_hash == *tenure
                && !is_given_up
                && !(is_decided && *kind == MinerKind::Honest)
        });
    }

    fn build_and_ask(&mut self, miner: usize, tenure: ConsensusHash) {
        let Some((parent, parent_tenure, kind)) = self.place_of_next(&tenure) else { return };
        let siblings = match self.miners[miner].kind {
            MinerKind::Equivocating => 2,
            _ => 1,
        };
        // Half of the time each sibling is shown to some, else both to all.
        let is_split = siblings == 2 && self.rng.percent(50);
        let sides: Vec<bool> = self.signers.iter().map(|_| self.rng.percent(50)).collect();
        for sibling in 0..siblings {
            let Miner { key, built, .. } = &mut self.miners[miner];
            *built += 1;
            let transactions = self.faucet.transfers(&self.chain, &parent, 1, *built);
            let at = self.now.as_unix();
            let template = BlockTemplate { parent, tenure, kind, at, transactions };
            let Ok(block) = self.chain.build(key, template) else { return };
            let audience =
                is_split.then(|| sides.iter().map(|side| *side == (sibling == 0)).collect());
            let Some(asking) = self.asking_for(block, parent_tenure, audience) else { return };
            self.miners[miner].asking.push(asking);
            self.coverage.equivocations += sibling;
            let index = self.miners[miner].asking.len() - 1;
            self.propose(miner, index);
        }
    }

    pub(super) fn place_of_next(
        &self,
        tenure: &ConsensusHash,
    ) -> Option<(StacksBlockId, ConsensusHash, BlockKind)> {
        if let Some(tip) = self.chain.tenure_tip(tenure) {
            return Some((tip.block_id(), *tenure, BlockKind::Ordinary));
        }
        let committed = self.chain.burn_block(tenure)?.winner?.parent_tenure;
        let tip = self.chain.tenure_tip(&committed)?;
        Some((tip.block_id(), committed, BlockKind::TenureStart))
    }

    fn asking_for(
        &self,
        block: NakamotoBlock,
        parent_tenure: ConsensusHash,
        audience: Option<Vec<bool>>,
    ) -> Option<Asking> {
        let tenure = block.header.consensus_hash;
        let reward_cycle = self.chain.signing_cycle(&tenure)?;
        let proposal = BlockProposal {
            burn_height: self.chain.burn_block(&tenure)?.height,
            reward_cycle,
            data: BlockProposalData::absent(),
            block,
        };
        Some(Asking {
            sighash: proposal.block.sighash(),
            proposal: Arc::new(proposal),
            parent_tenure,
            set: self.chain.stacker_set(reward_cycle)?,
            audience,
            first_at: self.now,
            last_at: self.now,
            signatures: BTreeMap::new(),
            rejections: BTreeSet::new(),
            is_published: false,
        })
    }

    /// Shows a proposal to the signers. Who rejected it may think again.
    fn propose(&mut self, miner: usize, index: usize) {
        let asking = &mut self.miners[miner].asking[index];
        asking.last_at = self.now;
        asking.rejections.clear();
        let (proposal, audience) = (Arc::clone(&asking.proposal), asking.audience.clone());
        let (now, sighash) = (self.now, asking.sighash);
        let height = proposal.block.header.chain_length;
        self.trace
            .tell(|| format!("{} miner {miner} proposes {sighash} at {height}", now.as_millis()));
        let message = SignerMessage::BlockProposal(Box::new(BlockProposal::clone(&proposal)));
        if !self.write_as_miner(miner, &proposal.block.header.consensus_hash, 0, &message) {
            return;
        }
        for to in 0..self.signers.len() {
            if audience.as_ref().is_none_or(|audience| audience[to]) {
                self.call_back(to, Event::Proposal(Box::new(BlockProposal::clone(&proposal))));
            }
        }
        for liar in 0..self.liars.len() {
            let (at, proposal) = (self.soon(), Arc::clone(&proposal));
            self.agenda.plan(at, Happening::LiarHears { liar, proposal });
        }
    }

    /// Writes into one of the two slots of a miner's tenure; false if they belong to others now.
    fn write_as_miner(
        &mut self,
        miner: usize,
        tenure: &ConsensusHash,
        offset: u32,
        message: &SignerMessage,
    ) -> bool {
        let Some(first) = self.chain.miner_slot(tenure) else { return false };
        let slot = SlotId::new(first.get() + offset);
        let stored = self.chain.chunk(StackerDb::Miners, slot).map(|chunk| chunk.slot_version);
        let version = stored.unwrap_or(SlotVersion::new(0)).next();
        let chunk = Chunk::sign(&self.miners[miner].key, slot, version, message.to_bytes());
        self.chain.put_chunk(StackerDb::Miners, &chunk).accepted
    }

    /// Counts a response as a miner does, and publishes what enough have signed.
    pub(super) fn miner_hears(&mut self, miner: usize, heard: &Heard) {
        let sighash = *heard.response.sighash();
        let asking = self.miners[miner].asking.iter_mut();
        let Some(asking) = asking.into_iter().find(|asking| asking.sighash == sighash) else {
            return;
        };
        let Some(slot) = asking.set.slot_of(&heard.from) else { return };
        if heard.voter != Some(heard.from) {
            return;
        }
        match &heard.response {
            BlockResponse::Accepted(accepted) => {
                asking.rejections.remove(&slot);
                asking.signatures.insert(slot, accepted.signature);
            }
            BlockResponse::Rejected(_) if !asking.signatures.contains_key(&slot) => {
                asking.rejections.insert(slot);
            }
            BlockResponse::Rejected(_) => {}
        }
        if asking.is_published || !asking.is_approved() {
            return;
        }
        asking.is_published = true;
        let block = asking.signed();
        if self.submit(&block) && self.rng.percent(50) {
            let message = SignerMessage::BlockPushed(Box::new(block.clone()));
            self.write_as_miner(miner, &block.header.consensus_hash, 1, &message);
            for to in 0..self.signers.len() {
                self.call_back(to, Event::Pushed(Box::new(block.clone())));
            }
        }
    }
}
