//! Signers without a mind: they say what the story has them say.

use countersign_devnet::chain::StackerDb;
use countersign_wire::message::{
    BlockAccepted, BlockRejected, BlockResponse, MinerState, RejectReason, ResponseData,
    SignerMessage, StateMachineUpdate,
};
use countersign_wire::stackerdb::{Chunk, SignersContract};
use countersign_wire::{ConsensusHash, RewardCycle, SlotVersion, UnixSeconds, Wire as _, sip018};

use super::{Block, Scene};
use crate::world::liars::STRANGER;
use crate::world::signing_key;

impl Scene {
    /// The numbers of the puppets.
    pub fn puppets(&self) -> std::ops::Range<usize> {
        self.honest..self.world.plan.signers.len()
    }

    /// A puppet promises to sign a block.
    pub fn pre_commit(&mut self, signer: usize, block: &Block) {
        let message = SignerMessage::BlockPreCommit(block.sighash);
        self.speak(signer, block.proposal.reward_cycle, &message);
    }

    /// A puppet signs a block.
    pub fn accept(&mut self, signer: usize, block: &Block) {
        let message = Self::acceptance_by(signer, block);
        self.speak(signer, block.proposal.reward_cycle, &message);
    }

    /// The message with which a puppet signs a block.
    pub fn acceptance_by(signer: usize, block: &Block) -> SignerMessage {
        SignerMessage::BlockResponse(BlockResponse::Accepted(BlockAccepted {
            sighash: block.sighash,
            signature: signing_key(signer).sign(block.sighash.as_bytes()),
            server_version: "puppet".to_owned(),
            data: data(RejectReason::NotRejected),
        }))
    }

    /// A puppet rejects a block.
    pub fn reject(&mut self, signer: usize, block: &Block, reason: RejectReason) {
        let message = self.rejection_by(signer, block, reason);
        self.speak(signer, block.proposal.reward_cycle, &message);
    }

    /// The message with which a puppet rejects a block.
    pub fn rejection_by(
        &self,
        signer: usize,
        block: &Block,
        reason: RejectReason,
    ) -> SignerMessage {
        let chain_id = self.world.chain.config().network.rejection_chain_id();
        let digest = sip018::block_rejection(&block.sighash, chain_id);
        SignerMessage::BlockResponse(BlockResponse::Rejected(BlockRejected {
            reason: "the puppet says no".to_owned(),
            code: reason.legacy_code(),
            sighash: block.sighash,
            chain_id,
            signature: signing_key(signer).sign(&digest),
            server_version: "puppet".to_owned(),
            data: data(reason),
        }))
    }

    /// Builds the next block of a tenure and has it adopted with the puppets' signatures.
    pub fn mine_with_puppets(&mut self, tenure: ConsensusHash) -> Block {
        let block = self.next_block(tenure);
        self.propose(&block);
        for puppet in self.puppets() {
            self.accept(puppet, &block);
        }
        self.expect_adopted(&block);
        block
    }

    /// All puppets see the burn chain as the first honest signer does, in these versions.
    pub fn agree(&mut self) {
        let Some(view) = self.view_of(0) else { return };
        for puppet in self.puppets() {
            self.see(puppet, view.clone());
        }
    }

    /// A puppet sees the burn chain like this.
    pub fn see(&mut self, puppet: usize, view: StateMachineUpdate) {
        self.speak(puppet, self.cycle(), &SignerMessage::StateMachineUpdate(view));
    }

    /// The latest view that a signer has published.
    pub fn view_of(&self, signer: usize) -> Option<StateMachineUpdate> {
        let said = self.said_by(signer);
        said.into_iter().rev().find_map(|message| match message {
            SignerMessage::StateMachineUpdate(update) => Some(update.clone()),
            _ => None,
        })
    }

    /// Somebody without a seat says something, and all nodes pass it on.
    pub fn speak_as_stranger(&mut self, message: &SignerMessage) {
        let from = signing_key(STRANGER).public_key();
        let parity = self.cycle().parity();
        self.world.broadcast(parity, from, SlotVersion::new(1), message);
        self.moment();
    }

    /// The tenure of the miner that a signer follows, by its latest view.
    pub fn followed_by(&self, signer: usize) -> Option<ConsensusHash> {
        match self.view_of(signer)?.content.miner {
            MinerState::Active(miner) => Some(miner.tenure),
            MinerState::NoValidMiner => None,
        }
    }

    /// Writes a message into a signer's slot of a cycle, from where everybody hears it.
    pub fn speak(&mut self, signer: usize, cycle: RewardCycle, message: &SignerMessage) {
        let key = signing_key(signer);
        let from = key.public_key();
        let set = self.world.chain.stacker_set(cycle).expect("the cycle has signers");
        let slot = set.slot_of(&from).expect("the signer has a seat");
        let lane = message.lane().expect("it is a signer's message");
        let contract = SignersContract::new(cycle, lane);
        let db = StackerDb::Signers(contract);
        let stored = self.world.chain.chunk(db, slot).map(|chunk| chunk.slot_version);
        let version = stored.unwrap_or(SlotVersion::new(0)).next();
        let chunk = Chunk::sign(&key, slot, version, message.to_bytes());
        assert!(self.world.chain.put_chunk(db, &chunk).accepted, "the slot takes the message");
        self.world.broadcast(contract.parity, from, version, message);
        self.moment();
    }
}

const fn data(reason: RejectReason) -> ResponseData {
    ResponseData::current(UnixSeconds::new(u64::MAX), reason, UnixSeconds::new(u64::MAX), None)
}
