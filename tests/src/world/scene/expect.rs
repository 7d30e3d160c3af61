//! What is to be seen on the network.

use std::collections::{BTreeMap, BTreeSet};

use countersign_devnet::chain::StackerDb;
use countersign_signer::{BlockState, Note};
use countersign_wire::message::{BlockAccepted, BlockResponse, RejectReason, SignerMessage};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{NakamotoBlock, PublicKey, RewardCycle, SlotId};

use super::{Block, Said, Scene};

/// Looking. Who has promised, signed or rejected: of the honest signers.
impl Scene {
    /// Everything that anybody has said, in its order.
    pub fn said(&self) -> &[Said] {
        &self.world.script.said
    }

    /// Everything that a signer has said.
    pub fn said_by(&self, signer: usize) -> Vec<&SignerMessage> {
        let keys = [Self::key_of(signer), Self::next_key_of(signer)];
        let own = self.said().iter().filter(|said| keys.contains(&said.from));
        own.map(|said| &said.message).collect()
    }

    /// Forgets what was said and noted so far.
    pub fn forget_what_was_said(&mut self) {
        self.world.script.said.clear();
        self.world.script.notes.clear();
        self.world.script.validations.clear();
    }

    /// A signer's remarks.
    pub fn notes_of(&self, signer: usize) -> impl Iterator<Item = &Note> {
        let notes = self.world.script.notes.iter();
        notes.filter(move |(of, _)| *of == signer).map(|(_, note)| note)
    }

    /// With which keys a signer has said anything about a block, each once: promises, signatures and
    /// rejections, and the signatures in them.
    pub fn keys_used_for(&self, signer: usize, block: &Block) -> BTreeSet<PublicKey> {
        let own = self.said().iter().filter(|said| self.number_of(&said.from) == Some(signer));
        let mut keys = BTreeSet::new();
        for said in own {
            let voter = match &said.message {
                SignerMessage::BlockPreCommit(sighash) if *sighash == block.sighash => None,
                SignerMessage::BlockResponse(response) if *response.sighash() == block.sighash => {
                    Some(response.recover().expect("an honest signer's signature"))
                }
                _ => continue,
            };
            keys.insert(said.from);
            keys.extend(voter);
        }
        keys
    }

    /// Who has promised to sign a block.
    pub fn promisers(&self, block: &Block) -> Vec<usize> {
        self.who(|message| {
            matches!(message, SignerMessage::BlockPreCommit(sighash) if *sighash == block.sighash)
        })
    }

    /// Who has signed a block.
    pub fn accepters(&self, block: &Block) -> Vec<usize> {
        self.who(|message| accepted(message).is_some_and(|a| a.sighash == block.sighash))
    }

    /// A signer's acceptance of a block.
    pub fn acceptance_of(&self, signer: usize, block: &Block) -> Option<&BlockAccepted> {
        let mut accepted = self.said_by(signer).into_iter().filter_map(accepted);
        accepted.find(|accepted| accepted.sighash == block.sighash)
    }

    /// Who has rejected a block, with the last reason.
    pub fn rejecters(&self, block: &Block) -> BTreeMap<usize, RejectReason> {
        let mut reasons = BTreeMap::new();
        for said in self.said() {
            if let SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) = &said.message
                && rejected.sighash == block.sighash
                && let Some(signer) = self.honest_number_of(said)
            {
                reasons.insert(signer, rejected.data.reason);
            }
        }
        reasons
    }

    /// How many slots of the responses' lane hold a signature of a block.
    pub fn slots_with_signature_of(&self, block: &Block) -> usize {
        let contract = SignersContract::new(block.proposal.reward_cycle, Lane::Responses);
        let slots = (0..).take(self.world.plan.signers.len()).map(SlotId::new);
        let chunk = |slot| self.world.chain.chunk(StackerDb::Signers(contract), slot);
        let messages = slots
            .filter_map(chunk)
            .filter_map(|chunk| SignerMessage::from_chunk_data(&chunk.data).ok());
        let is_signature = |message: &SignerMessage| {
            accepted(message).is_some_and(|accepted| accepted.sighash == block.sighash)
        };
        messages.filter(is_signature).count()
    }

    /// How many honest signers have found their seat in a cycle.
    pub fn seats_in(&self, number: RewardCycle) -> usize {
        let has_seat = |signer: &usize| {
            self.notes_of(*signer)
                .any(|note| matches!(note, Note::Registered { cycle, .. } if *cycle == number))
        };
        self.honest().filter(has_seat).count()
    }

    /// A block as the chain has it, with its signatures.
    #[track_caller]
    pub fn adopted(&self, block: &Block) -> &NakamotoBlock {
        self.world.chain.block(&block.id()).expect("the chain has the block")
    }

    /// Whether a signer has answered a block.
    pub fn has_answered(&self, signer: usize, block: &Block) -> bool {
        self.accepters(block).contains(&signer) || self.rejecters(block).contains_key(&signer)
    }

    /// How often blocks were handed to nodes for validation.
    pub fn validations_of(&self, block: &Block) -> usize {
        let validations = &self.world.script.validations;
        validations.iter().filter(|(_, sighash)| *sighash == block.sighash).count()
    }

    /// How often signers brought a block to their nodes.
    pub fn uploads_of(&self, block: &Block) -> usize {
        let uploads = &self.world.script.uploads;
        uploads.iter().filter(|(_, sighash)| *sighash == block.sighash).count()
    }

    /// What is on a signer's record about a block.
    pub fn state_of(&self, signer: usize, block: &Block) -> Option<BlockState> {
        self.world.signers[signer].store.record(&block.sighash).map(|record| record.state)
    }

    /// Whether the chain has a block on its canonical fork.
    pub fn is_adopted(&self, block: &Block) -> bool {
        let chain = &self.world.chain;
        let mut id = chain.stacks_tip_id();
        while let Some(known) = chain.block(&id) {
            if id == block.id() {
                return true;
            }
            if known.header.chain_length < block.height() {
                return false;
            }
            id = known.header.parent_block_id;
        }
        false
    }

    fn honest_number_of(&self, said: &Said) -> Option<usize> {
        self.number_of(&said.from).filter(|number| self.honest().contains(number))
    }

    fn who(&self, is_meant: impl Fn(&SignerMessage) -> bool) -> Vec<usize> {
        let said = self.said().iter().filter(|said| is_meant(&said.message));
        let mut who: Vec<usize> = said.filter_map(|said| self.honest_number_of(said)).collect();
        who.sort_unstable();
        who.dedup();
        who
    }
}

/// Expecting.
impl Scene {
    /// The chain has the block.
    #[track_caller]
    pub fn expect_adopted(&self, block: &Block) {
        assert!(self.is_adopted(block), "not adopted: {}", self.fate_of(block));
    }

    /// The chain does not have the block, and nobody honest has signed it.
    #[track_caller]
    pub fn expect_unsigned(&self, block: &Block) {
        let is_signed = !self.accepters(block).is_empty();
        assert!(!is_signed && !self.is_adopted(block), "{}", self.fate_of(block));
    }

    /// Exactly these honest signers have signed the block.
    #[track_caller]
    pub fn expect_accepted_by(&self, block: &Block, signers: impl IntoIterator<Item = usize>) {
        let expected: Vec<usize> = signers.into_iter().collect();
        assert_eq!(self.accepters(block), expected, "{}", self.fate_of(block));
    }

    /// All honest signers have signed the block, and the chain has it.
    #[track_caller]
    pub fn expect_accepted_by_all(&self, block: &Block) {
        self.expect_accepted_by(block, self.honest());
        self.expect_adopted(block);
    }

    /// Exactly these honest signers have rejected the block, for this reason, and have not signed it.
    #[track_caller]
    pub fn expect_rejected_by(
        &self,
        block: &Block,
        reason: RejectReason,
        signers: impl IntoIterator<Item = usize>,
    ) {
        let expected: BTreeMap<usize, RejectReason> =
            signers.into_iter().map(|signer| (signer, reason)).collect();
        assert_eq!(self.rejecters(block), expected, "{}", self.fate_of(block));
        let accepters = self.accepters(block);
        assert!(!expected.keys().any(|signer| accepters.contains(signer)), "rejected and signed");
    }

    /// All honest signers have rejected the block for this reason.
    #[track_caller]
    pub fn expect_rejected(&self, block: &Block, reason: RejectReason) {
        self.expect_rejected_by(block, reason, self.honest());
        self.expect_unsigned(block);
    }

    /// Nobody honest has said anything about the block.
    #[track_caller]
    pub fn expect_silence(&self, block: &Block) {
        let is_silent = self.honest().all(|signer| !self.has_answered(signer, block));
        assert!(is_silent, "{}", self.fate_of(block));
    }

    /// No honest signer has asked its node about the block.
    #[track_caller]
    pub fn expect_not_validated(&self, block: &Block) {
        assert_eq!(self.validations_of(block), 0, "{}", self.fate_of(block));
    }

    fn fate_of(&self, block: &Block) -> String {
        let notes: Vec<String> = self
            .world
            .script
            .notes
            .iter()
            .map(|(signer, note)| format!("{signer}: {note:?}"))
            .filter(|line| line.contains(&format!("{:?}", block.sighash)))
            .collect();
        format!(
            "block {} at height {}: promised by {:?}, signed by {:?}, rejected by {:?}, validated {} \
             times\n{}",
            block.sighash,
            block.height(),
            self.promisers(block),
            self.accepters(block),
            self.rejecters(block),
            self.validations_of(block),
            notes.join("\n")
        )
    }
}

fn accepted(message: &SignerMessage) -> Option<&BlockAccepted> {
    match message {
        SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => Some(accepted),
        _ => None,
    }
}
