//! Two-phase commit: we promise, and sign once enough have promised (`signer-behaviour` 4.3).

use countersign_wire::message::{RejectReason, SignerMessage};
use countersign_wire::{MessageSignature, Sighash};

use crate::evaluation::{Task, TaskKey};
use crate::facts::{Facts, Known};
use crate::grounds::{Conclusion, Rule};
use crate::ledger::Entry;
use crate::note::{Note, WithheldSignature};
use crate::record::{BlockState, Record};
use crate::response::Refusal;
use crate::rules::guard::{Clearance, check_rivals, reconsider_at};
use crate::rules::proposal::compared_tenure;
use crate::rules::tip::check_tip;
use crate::signer::Signer;
use crate::step::{AcceptanceOrder, Action, OverrideReason, Write};
use crate::tally::Ballot;
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;

/// How soon a block is looked at again whose rival the vault is about to sign.
const VAULT_PAUSE: Millis = Millis::from_secs(1);

impl Signer {
    /// Promises to sign a block that the node found valid, if it still exceeds its tenure's tip.
    pub(crate) fn judge_promise(
        &mut self,
        sighash: &Sighash,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let Some(entry) = self.ledger.get(sighash) else { return Ok(()) };
        let record = entry.record.clone();
        let Some(cycle) = self.cycle(record.cycle) else { return Ok(()) };
        let Some(block) = &record.block else { return Ok(()) };
        if record.valid.is_some() || self.is_wrong_network {
            return Ok(());
        }
        let tenure = compared_tenure(block);
        let at = self.situation(cycle, facts, turn.now);
        let check = check_tip(&tenure, record.height(), Some(*sighash), &at)?;
        self.apply_tip(record.tenure(), check, turn);
        if !check.exceeds && !self.may_reject(sighash) {
            // The tip that it does not exceed may be this very block: there is nothing to say to it.
            return Ok(());
        }
        if !check.exceeds {
            let reason = RejectReason::SortitionViewMismatch;
            let conclusion = (Conclusion::Reject(reason), Rule::STILL_EXCEEDS);
            self.explain((record.cycle, *sighash), conclusion, facts, turn);
            self.reject_recorded(sighash, &Refusal::because(reason), false, turn);
            return Ok(());
        }
        let conclusion = (Conclusion::Promise, Rule::STILL_EXCEEDS);
        self.explain((record.cycle, *sighash), conclusion, facts, turn);
        self.promise(sighash, turn);
        Ok(())
    }

    fn promise(&mut self, sighash: &Sighash, turn: &mut Turn) {
        let Some(entry) = self.ledger.get_mut(sighash) else { return };
        let record = &mut entry.record;
        record.valid = Some(true);
        record.approved_at.get_or_insert(turn.now);
        if !record.state.is_global() {
            record.move_to(BlockState::PreCommitted);
        }
        let record = record.clone();
        turn.write(Write::Record(Box::new(record.clone())));
        if record.state.is_global() {
            return;
        }
        turn.note(Note::PreCommitted { sighash: *sighash });
        self.publish(record.cycle, SignerMessage::BlockPreCommit(*sighash), turn);
        if let Some(own) = self.cycle(record.cycle).map(|cycle| cycle.index) {
            let ballot = Ballot { cycle: record.cycle, from: own, sighash: *sighash };
            self.count_promise(ballot, turn);
        }
    }

    /// Looks whether enough have promised, and whether nothing else keeps us from signing.
    pub(crate) fn weigh_promises(&mut self, sighash: &Sighash, turn: &mut Turn) {
        let Some(entry) = self.ledger.get(sighash) else { return };
        let why = match self.obstacle(entry) {
            Some(Obstacle::Rejections) => WithheldSignature::BlockedByRejections,
            Some(Obstacle::NoContent) => WithheldSignature::ContentUnknown,
            Some(Obstacle::NotYet) => return,
            None if self.evaluations.is_waiting(TaskKey::Commitment(*sighash)) => return,
            None => return self.begin(Task::Commitment(*sighash), turn),
        };
        let conclusion = (Conclusion::Withhold(why), Rule::withholding(why));
        self.explain((entry.record.cycle, *sighash), conclusion, &Facts::default(), turn);
        turn.note(Note::SigningWithheld { sighash: *sighash, why });
    }

    /// What keeps us from signing, as far as votes and records tell: it must be valid, promised by
    /// seven tenths, undecided by the network, and not signed already.
    fn obstacle(&self, entry: &Entry) -> Option<Obstacle> {
        let record = &entry.record;
        let Some(cycle) = self.started_cycle(record.cycle) else { return Some(Obstacle::NotYet) };
        let total = cycle.set.total();
        let is_ours_to_sign = record.valid == Some(true)
            && !record.state.is_global()
            && entry.votes.acceptance_of(cycle.index).is_none()
            && !self.signing.contains(&record.sighash)
            && !self.is_wrong_network
            && entry.votes.pre_commit_weight(&cycle.set).approves(total);
        if !is_ours_to_sign {
            Some(Obstacle::NotYet)
        } else if entry.votes.rejection_weight(&cycle.set).blocks_approval(total) {
            Some(Obstacle::Rejections)
        } else if record.block.is_none() {
            Some(Obstacle::NoContent)
        } else {
            None
        }
    }

    /// The last look before signing: the tip again, and every earlier signature.
    pub(crate) fn judge_commitment(
        &mut self,
        sighash: &Sighash,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let Some(entry) = self.ledger.get(sighash) else { return Ok(()) };
        let record = entry.record.clone();
        let Some(cycle) = self.started_cycle(record.cycle) else { return Ok(()) };
        let Some(block) = record.block.as_ref().filter(|_| self.obstacle(entry).is_none()) else {
            return Ok(());
        };
        let at = self.situation(cycle, facts, turn.now);
        let check = check_tip(&compared_tenure(block), record.height(), Some(*sighash), &at)?;
        let (clearance, again_at) = match self.rival_being_signed(&record) {
            // Whether it may be overridden is judged once the vault has answered for it.
            Some(rival) => {
                let why = WithheldSignature::FreshRival(rival);
                (Clearance::Withheld(why), Some(turn.now.plus(VAULT_PAUSE)))
            }
            None => (check_rivals(&record, &at)?, reconsider_at(&record, &at)),
        };
        let block = (record.cycle, *sighash);
        self.apply_tip(record.tenure(), check, turn);
        if check.confirms == Some(*sighash) {
            // The node has this very block: there is nothing left to sign.
            return Ok(());
        }
        if !check.exceeds {
            let reason = RejectReason::SortitionViewMismatch;
            let conclusion = (Conclusion::Reject(reason), Rule::EXCEEDS_AT_SIGNING);
            self.explain(block, conclusion, facts, turn);
            self.reject_recorded(sighash, &Refusal::because(reason), false, turn);
            return Ok(());
        }
        match clearance {
            Clearance::Clear(overriding) => {
                let conclusion = Conclusion::Sign(overriding.clone());
                self.explain(block, (conclusion, Rule::CLEAR_TO_SIGN), facts, turn);
                self.order_signature(sighash, overriding, turn);
            }
            Clearance::Withheld(why) => {
                let conclusion = (Conclusion::Withhold(why), Rule::withholding(why));
                self.explain(block, conclusion, facts, turn);
                self.withhold(sighash, why, again_at, turn);
            }
        }
        Ok(())
    }

    /// A block at the height of this one or above that the vault was asked for and has not answered: two
    /// orders that know nothing of each other must not be under way at once.
    fn rival_being_signed(&self, block: &Record) -> Option<Sighash> {
        self.signing.iter().copied().find(|sighash| {
            let rival = self.ledger.get(sighash).map(|entry| &entry.record);
            rival.is_some_and(|rival| {
                rival.sighash != block.sighash && rival.height() >= block.height()
            })
        })
    }

    fn withhold(
        &mut self,
        sighash: &Sighash,
        why: WithheldSignature,
        again_at: Option<Timestamp>,
        turn: &mut Turn,
    ) {
        turn.note(Note::SigningWithheld { sighash: *sighash, why });
        if let (WithheldSignature::FreshRival(_), Some(at)) = (why, again_at) {
            self.withheld.insert(*sighash, at);
        }
    }

    /// Weighs blocks again whose rival has grown old.
    pub(crate) fn reconsider_withheld(&mut self, turn: &mut Turn) {
        let due: Vec<Sighash> = self
            .withheld
            .iter()
            .filter(|(_, at)| **at <= turn.now)
            .map(|(hash, _)| *hash)
            .collect();
        for sighash in due {
            self.withheld.remove(&sighash);
            self.weigh_promises(&sighash, turn);
        }
    }

    fn order_signature(
        &mut self,
        sighash: &Sighash,
        overriding: Vec<(Sighash, OverrideReason)>,
        turn: &mut Turn,
    ) {
        let number = self.ledger.get(sighash).map(|entry| entry.record.cycle);
        let Some(key) = number.and_then(|number| self.cycle(number)).map(|cycle| cycle.key) else {
            return;
        };
        let Some(entry) = self.ledger.get_mut(sighash) else { return };
        let record = &mut entry.record;
        let Some(block) = &record.block else { return };
        let header = Box::new(block.header.without_signers());
        record.approved_at.get_or_insert(turn.now);
        // If the vault is asked once more because its answer was lost, the network sees the signature
        // only now: it is as fresh as this order.
        record.signed_self_at = Some(turn.now);
        record.move_to(BlockState::LocallyAccepted);
        self.signing.insert(*sighash);
        turn.write(Write::Record(Box::new(record.clone())));
        turn.note(Note::Signing { sighash: *sighash, overriding: overriding.len() });
        turn.act(Action::SignAcceptance(AcceptanceOrder {
            key,
            header,
            sighash: *sighash,
            burn_height: record.burn_height,
            overriding,
            at: turn.now,
        }));
    }

    pub(crate) fn on_signed(
        &mut self,
        sighash: Sighash,
        signature: MessageSignature,
        turn: &mut Turn,
    ) {
        self.signing.remove(&sighash);
        let Some(entry) = self.ledger.get(&sighash) else { return };
        let record = entry.record.clone();
        let Some(own) = self.cycle(record.cycle).map(|cycle| cycle.index) else { return };
        if record.state != BlockState::GloballyRejected {
            self.publish_acceptance(&record, signature, turn);
        }
        let ballot = Ballot { cycle: record.cycle, from: own, sighash };
        self.count_acceptance(ballot, signature, turn);
    }

    /// The vault knows of a signature that we do not: nothing was signed.
    pub(crate) fn on_signing_refused(&mut self, sighash: Sighash, rival: Sighash, turn: &mut Turn) {
        self.signing.remove(&sighash);
        turn.note(Note::VaultRefused { sighash, rival });
        let Some(entry) = self.ledger.get_mut(&sighash) else { return };
        entry.record.signed_self_at = None;
        if entry.record.state == BlockState::LocallyAccepted
            && entry.record.signed_group_at.is_none()
        {
            entry.record.state = BlockState::PreCommitted;
        }
        turn.write(Write::Record(Box::new(entry.record.clone())));
    }

    /// Sends our signature again, or asks the vault once more if it never came back.
    pub(crate) fn repeat_signature(&mut self, record: &Record, turn: &mut Turn) {
        let Some(cycle) = self.cycle(record.cycle) else { return };
        let own = self
            .ledger
            .get(&record.sighash)
            .and_then(|entry| entry.votes.acceptance_of(cycle.index));
        match own {
            Some(signature) => self.publish_acceptance(record, signature, turn),
            None => self.weigh_promises(&record.sighash, turn),
        }
    }
}

/// Why we do not even ask whether to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// Something is missing that may still come, or our part is done.
    NotYet,
    /// So many reject that the block cannot be approved.
    Rejections,
    /// What the block is compared with is in its content, which is not here.
    NoContent,
}
