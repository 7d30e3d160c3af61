//! What the network has decided: enough signatures, a processed block, a pushed block
//! (`signer-behaviour` 4.5 and 4.8).

use std::sync::Arc;

use countersign_wire::{NakamotoBlock, RewardCycle, Sighash};

use crate::note::Note;
use crate::record::{BlockState, Record};
use crate::signer::Signer;
use crate::step::{Action, Write};
use crate::turn::Turn;

impl Signer {
    /// Assembles and uploads a block once enough have signed it.
    pub(crate) fn weigh_signatures(
        &mut self,
        number: RewardCycle,
        sighash: &Sighash,
        turn: &mut Turn,
    ) {
        let (Some(cycle), Some(entry)) = (self.cycle(number), self.ledger.get(sighash)) else {
            return;
        };
        let weight = entry.votes.acceptance_weight(&cycle.set);
        if entry.record.signed_group_at.is_some() || !weight.approves(cycle.set.total()) {
            return;
        }
        let Some(entry) = self.ledger.get_mut(sighash) else { return };
        entry.record.signed_group_at = Some(turn.now);
        entry.record.move_to(BlockState::LocallyAccepted);
        let record = entry.record.clone();
        turn.write(Write::Record(Box::new(record.clone())));
        turn.note(Note::ThresholdReached { sighash: *sighash, weight });
        self.repeat_upload(&record, turn);
    }

    /// Uploads a block that enough have signed and that the node does not have from us.
    pub(crate) fn repeat_upload(&self, record: &Record, turn: &mut Turn) {
        if record.signed_group_at.is_none() || record.uploaded {
            return;
        }
        // Without the content it is left to the others, who upload the block as well.
        let Some(block) = &record.block else { return };
        let Some(entry) = self.ledger.get(&record.sighash) else { return };
        let Some(cycle) = self.cycle(record.cycle) else { return };
        let mut block = NakamotoBlock::clone(block);
        block.header.signer_signature = entry.votes.signatures(&cycle.set);
        turn.act(Action::Upload { block: Arc::new(block) });
    }

    pub(crate) fn on_uploaded(&mut self, sighash: Sighash, turn: &mut Turn) {
        if let Some(entry) = self.ledger.get_mut(&sighash)
            && !entry.record.uploaded
        {
            entry.record.uploaded = true;
            turn.note(Note::Uploaded { sighash });
            turn.write(Write::Record(Box::new(entry.record.clone())));
        }
    }

    /// Passes a miner's signed block on to the node, which verifies it, whatever we think of it.
    pub(crate) fn on_pushed(&mut self, block: NakamotoBlock, turn: &mut Turn) {
        let sighash = block.sighash();
        let is_known = self
            .ledger
            .get(&sighash)
            .is_some_and(|entry| entry.record.state == BlockState::GloballyAccepted);
        if !is_known {
            turn.note(Note::Pushed { sighash });
            turn.act(Action::Upload { block: Arc::new(block) });
        }
    }

    /// The node has this block: whatever we thought of it, it is part of the chain.
    pub(crate) fn confirm(&mut self, sighash: &Sighash, turn: &mut Turn) {
        let Some(entry) = self.ledger.get_mut(sighash) else { return };
        let record = &mut entry.record;
        // A rejection by the network stays; that the node has the block all the same is noted once.
        let is_noted = record.state.is_global() && record.signed_group_at.is_some();
        if record.state == BlockState::GloballyAccepted || is_noted {
            return;
        }
        record.signed_group_at.get_or_insert(turn.now);
        let is_accepted = record.move_to(BlockState::GloballyAccepted);
        let height = record.height();
        turn.write(Write::Record(Box::new(record.clone())));
        if is_accepted {
            turn.note(Note::GloballyAccepted { sighash: *sighash, height });
        }
        turn.forget(self.ledger.settle(turn.now));
        self.withheld.remove(sighash);
        self.validation.forget(sighash);
        // A tip that was read before this block was known would now look as if the chain had left
        // the block behind.
        for ticket in self.evaluations.outdate_commitments() {
            self.advance(ticket, turn);
        }
    }
}
