//! What miners build and propose.

use std::sync::Arc;

use countersign_devnet::chain::{BlockKind, BlockTemplate};
use countersign_signer::Event;
use countersign_wire::block::NakamotoBlockHeader;
use countersign_wire::message::{BlockProposal, BlockProposalData};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{
    ConsensusHash, NakamotoBlock, PrivateKey, Sighash, Signer, StacksBlockId, StacksHeight,
    UnixSeconds,
};

use super::Scene;
use crate::world::{mining_key, next_key, signing_key};

/// A block that a miner has built.
#[derive(Clone, Debug)]
pub struct Block {
    /// As it is proposed.
    pub proposal: Arc<BlockProposal>,
    /// What signers sign.
    pub sighash: Sighash,
}

impl Block {
    /// Its height.
    pub fn height(&self) -> StacksHeight {
        self.proposal.block.header.chain_length
    }

    /// Its tenure.
    pub fn tenure(&self) -> ConsensusHash {
        self.proposal.block.header.consensus_hash
    }

    /// Its id.
    pub fn id(&self) -> StacksBlockId {
        self.proposal.block.block_id()
    }
}

/// Building.
impl Scene {
    /// The next block of a tenure by its winner: its first on the tip of the tenure that the winner
    /// committed to, or one on the tenure's tip. Each call gives another block.
    pub fn next_block(&mut self, tenure: ConsensusHash) -> Block {
        let (parent, _, kind) = self.world.place_of_next(&tenure).expect("there is a tip");
        self.build(tenure, parent, kind)
    }

    /// The first block of a tenure, on a parent of choice.
    pub fn first_block_on(&mut self, tenure: ConsensusHash, parent: StacksBlockId) -> Block {
        self.build(tenure, parent, BlockKind::TenureStart)
    }

    /// A later block of a tenure, on a parent of choice.
    pub fn block_on(&mut self, tenure: ConsensusHash, parent: StacksBlockId) -> Block {
        self.build(tenure, parent, BlockKind::Ordinary)
    }

    /// The block that extends a tenure at its tip up to the newest burn block.
    pub fn full_extend(&mut self, tenure: ConsensusHash) -> Block {
        self.extend(tenure, TenureChangeCause::Extended, self.burn_tip())
    }

    /// The block that extends a tenure at its tip, in some dimensions, up to a burn view.
    pub fn extend(
        &mut self,
        tenure: ConsensusHash,
        cause: TenureChangeCause,
        burn_view: ConsensusHash,
    ) -> Block {
        let parent = self.world.chain.tenure_tip(&tenure).expect("the tenure has blocks");
        self.build(tenure, parent.block_id(), BlockKind::TenureExtend { cause, burn_view })
    }

    /// A block on one that nobody knows but its miner: as if the chain had gone on with `parent`.
    pub fn child_of(&mut self, parent: &Block) -> Block {
        let real = self.world.chain.clone();
        let block = self.signed_by_all(parent);
        self.world.chain.submit(&block).expect("the parent is valid");
        let child = self.block_on(parent.tenure(), parent.id());
        self.world.chain = real;
        child
    }

    /// The same block but for one thing in its header, signed by its miner again.
    pub fn spoilt(&self, block: &Block, spoil: impl FnOnce(&mut NakamotoBlockHeader)) -> Block {
        let mut proposal = BlockProposal::clone(&block.proposal);
        let header = &mut proposal.block.header;
        spoil(header);
        header.miner_signature = self.miner_of(block.tenure()).sign(&header.miner_signature_hash());
        of(proposal)
    }

    fn build(&mut self, tenure: ConsensusHash, parent: StacksBlockId, kind: BlockKind) -> Block {
        let key = self.miner_of(tenure);
        self.world.miners[0].built += 1;
        let amount = self.world.miners[0].built;
        let transactions = self.world.faucet.transfers(&self.world.chain, &parent, 1, amount);
        let at = UnixSeconds::new(self.world.now.as_millis() / 1000);
        let template = BlockTemplate { parent, tenure, kind, at, transactions };
        let block = self.world.chain.build(&key, template).expect("it can be built there");
        let burn = self.world.chain.burn_block(&tenure).expect("the tenure exists");
        of(BlockProposal {
            burn_height: burn.height,
            reward_cycle: self.world.chain.signing_cycle(&tenure).expect("it has signers"),
            data: BlockProposalData::absent(),
            block,
        })
    }

    /// The key of the miner who won a tenure.
    fn miner_of(&self, tenure: ConsensusHash) -> PrivateKey {
        let burn = self.world.chain.burn_block(&tenure).expect("the tenure exists");
        let winner = burn.winner.expect("the sortition has a winner").miner;
        let miners = &self.world.miners;
        mining_key(miners.iter().position(|miner| miner.hash == winner).expect("a known miner"))
    }

    /// A block with the signatures of everybody in its cycle's set.
    pub fn signed_by_all(&self, block: &Block) -> NakamotoBlock {
        let set = self.world.chain.stacker_set(block.proposal.reward_cycle).expect("a set");
        let mut signed = block.proposal.block.clone();
        let signers = set.signers().iter();
        let sign = |signer: &Signer| {
            let number = self.number_of(&signer.key).expect("a known signer");
            let keys = [signing_key(number), next_key(number)];
            let key = keys.iter().find(|key| key.public_key() == signer.key).expect("one of both");
            key.sign(block.sighash.as_bytes())
        };
        signed.header.signer_signature = signers.map(sign).collect();
        signed
    }
}

/// Proposing.
impl Scene {
    /// Shows a block to all honest signers.
    pub fn propose(&mut self, block: &Block) {
        self.propose_to(block, self.honest());
    }

    /// Shows a block to some signers.
    pub fn propose_to(&mut self, block: &Block, to: impl IntoIterator<Item = usize>) {
        for signer in to {
            let proposal = Box::new(BlockProposal::clone(&block.proposal));
            self.world.call_back(signer, Event::Proposal(proposal));
        }
        self.moment();
    }

    /// Builds the next block of a tenure, proposes it, and has it adopted.
    pub fn mine(&mut self, tenure: ConsensusHash) -> Block {
        let block = self.next_block(tenure);
        self.propose(&block);
        self.expect_adopted(&block);
        block
    }

    /// The chain gets a block that everybody has signed, whoever has seen it proposed.
    pub fn adopt(&mut self, block: &Block) {
        let signed = self.signed_by_all(block);
        assert!(self.world.submit(&signed), "the nodes refuse the block");
        self.moment();
    }

    /// Some signers get the miner's message that publishes a block.
    pub fn push(&mut self, block: &NakamotoBlock, to: impl IntoIterator<Item = usize>) {
        for signer in to {
            self.world.call_back(signer, Event::Pushed(Box::new(block.clone())));
        }
        self.moment();
    }
}

fn of(proposal: BlockProposal) -> Block {
    Block { sighash: proposal.block.sighash(), proposal: Arc::new(proposal) }
}
