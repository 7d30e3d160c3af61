//! A proposal comes in: known or new, ours or not, judged, then handed on to validation
//! (`signer-behaviour` 2.2 to 2.4).

use std::sync::Arc;

use countersign_wire::message::{BlockProposal, RejectReason, SignerMessage};
use countersign_wire::{ConsensusHash, RewardCycle, Sighash};

use crate::cycle::MAX_HELD;
use crate::evaluation::{Task, TaskKey};
use crate::facts::{Facts, Known};
use crate::grounds::{Conclusion, Rule};
use crate::note::{IgnoredProposal, Note, RepeatedProposal};
use crate::record::{BlockState, Record};
use crate::response::{Refusal, Refused};
use crate::rules::proposal::{Judgement, is_ahead_of_agreement, judge, judging_version};
use crate::rules::tip::TipCheck;
use crate::signer::Signer;
use crate::step::Write;
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;

/// How long a proposal that fits our own view waits for the other signers to see the same. Their
/// updates for a new burn block and the miner's first proposal race each other; a rejection would
/// cost the miner a round.
const PATIENCE: Millis = Millis::new(1500);

impl Signer {
    pub(crate) fn on_proposal(&mut self, proposal: Box<BlockProposal>, turn: &mut Turn) {
        let header = &proposal.block.header;
        let sighash = proposal.block.sighash();
        let number = proposal.reward_cycle;
        let made_at = Timestamp::from_secs(header.timestamp.get());
        if let Some(why) = self.reason_to_ignore((number, sighash), made_at, turn.wall()) {
            turn.note(Note::ProposalIgnored { sighash, why });
            return;
        }
        let is_held = self.cycle(number).is_some_and(|cycle| cycle.held.contains_key(&sighash));
        if is_held || self.evaluations.is_waiting(TaskKey::Intake(sighash)) {
            let what = RepeatedProposal::InProgress;
            turn.note(Note::ProposalRepeated { sighash, what });
            return;
        }
        if let Some(entry) = self.ledger.in_cycle(&sighash, number) {
            let mut record = entry.record.clone();
            if record.block.is_none() {
                record.block = Some(Arc::new(proposal.block.clone()));
                self.remember(record.clone(), turn);
            }
            if !self.is_judged_again(&record, turn) {
                return;
            }
        } else {
            let (height, tenure) = (header.chain_length, header.consensus_hash);
            turn.note(Note::ProposalReceived { sighash, height, tenure });
        }
        let patience = turn.now.plus(PATIENCE);
        self.begin(Task::Intake { proposal, patience }, turn);
    }

    fn reason_to_ignore(
        &self,
        (number, sighash): (RewardCycle, Sighash),
        made_at: Timestamp,
        now: Timestamp,
    ) -> Option<IgnoredProposal> {
        if self.started_cycle(number).is_none() || self.is_of_another_cycle(&sighash, number) {
            Some(IgnoredProposal::NotOurCycle)
        } else if made_at.plus(self.params.timeouts.proposal_max_age) < now {
            Some(IgnoredProposal::TooOld)
        } else if self.evaluations.is_full() {
            Some(IgnoredProposal::TooMany)
        } else {
            None
        }
    }

    /// Whether the block is on record for another cycle. The miner's signature does not cover the cycle
    /// of a proposal: whoever repeats it with another one must not have the record replaced, nor the
    /// votes of one set counted with the weights of another.
    fn is_of_another_cycle(&self, sighash: &Sighash, number: RewardCycle) -> bool {
        self.ledger.get(sighash).is_some_and(|entry| entry.record.cycle != number)
    }

    /// Answers a proposal that is on record. True if it is to be judged again.
    fn is_judged_again(&mut self, record: &Record, turn: &mut Turn) -> bool {
        let is_answered = record.signed_self_at.is_some() || record.valid == Some(false);
        let what = if record.state == BlockState::GloballyAccepted && is_answered {
            RepeatedProposal::AlreadyDecided
        } else if record.is_reconsiderable() {
            RepeatedProposal::JudgedAgain
        } else if record.signed_self_at.is_some() {
            self.repeat_signature(record, turn);
            RepeatedProposal::SignatureRepeated
        } else if record.valid == Some(false) {
            self.reject_again(record, turn);
            RepeatedProposal::RejectionRepeated
        } else if record.state == BlockState::GloballyRejected {
            // A new round: the votes that blocked the block may change.
            RepeatedProposal::JudgedAgain
        } else if record.valid == Some(true) {
            let promise = SignerMessage::BlockPreCommit(record.sighash);
            self.publish(record.cycle, promise, turn);
            self.weigh_promises(&record.sighash, turn);
            RepeatedProposal::PreCommitRepeated
        } else if self.validation.is_under_way(&record.sighash)
            || self.evaluations.is_waiting(TaskKey::Promise(record.sighash))
        {
            RepeatedProposal::InProgress
        } else {
            RepeatedProposal::JudgedAgain
        };
        turn.note(Note::ProposalRepeated { sighash: record.sighash, what });
        what == RepeatedProposal::JudgedAgain
    }

    /// A block that was rejected for good stays rejected.
    fn reject_again(&self, record: &Record, turn: &mut Turn) {
        let reason = RejectReason::RejectedInPriorRound;
        let conclusion = (Conclusion::Reject(reason), Rule::PRIOR_ROUND);
        self.explain((record.cycle, record.sighash), conclusion, &Facts::default(), turn);
        self.publish_rejection(record.cycle, &record.into(), &Refusal::because(reason), turn);
    }

    pub(crate) fn judge_intake(
        &mut self,
        proposal: &BlockProposal,
        patience: Timestamp,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let number = proposal.reward_cycle;
        let sighash = proposal.block.sighash();
        if self.is_overtaken(&sighash, number) || self.is_of_another_cycle(&sighash, number) {
            return Ok(());
        }
        let Some(cycle) = self.started_cycle(number) else { return Ok(()) };
        let judged = judge(proposal, &cycle.views, &self.situation(cycle, facts, turn.now))?;
        let is_by_agreement = judged.sortitions.is_none();
        if judged.sortitions.is_some() {
            self.sortitions = judged.sortitions;
        }
        self.permit(judged.superseded, turn);
        match judged.judgement {
            Judgement::Reject(reason, None)
                if is_by_agreement && self.is_worth_waiting(proposal, reason, patience, turn) =>
            {
                self.hold(proposal, (reason, patience), facts, turn);
            }
            judgement => self.answer(proposal, judgement, facts, turn),
        }
        Ok(())
    }

    /// Whether this rejection may come only from signers not having agreed yet.
    fn is_worth_waiting(
        &self,
        proposal: &BlockProposal,
        reason: RejectReason,
        patience: Timestamp,
        turn: &Turn,
    ) -> bool {
        turn.now < patience
            && self.cycle(proposal.reward_cycle).is_some_and(|cycle| {
                cycle.held.len() < MAX_HELD
                    && is_ahead_of_agreement(proposal, reason, &cycle.machine)
            })
    }

    fn hold(
        &mut self,
        proposal: &BlockProposal,
        (reason, patience): (RejectReason, Timestamp),
        facts: &Facts,
        turn: &mut Turn,
    ) {
        let number = proposal.reward_cycle;
        let sighash = proposal.block.sighash();
        let rule = Rule::broken(reason, self.version_of(number), false);
        self.explain((number, sighash), (Conclusion::Hold, rule), facts, turn);
        turn.note(Note::ProposalHeld { sighash });
        let task = Task::Intake { proposal: Box::new(proposal.clone()), patience };
        if let Some(cycle) = self.cycle_mut(number) {
            cycle.held.insert(sighash, task);
        }
    }

    fn answer(
        &mut self,
        proposal: &BlockProposal,
        judgement: Judgement,
        facts: &Facts,
        turn: &mut Turn,
    ) {
        let number = proposal.reward_cycle;
        let tenure = proposal.block.header.consensus_hash;
        let block = (number, proposal.block.sighash());
        let version = self.version_of(number);
        match judgement {
            Judgement::Validate(check) => {
                self.explain(block, (Conclusion::Validate, Rule::last_of(version)), facts, turn);
                self.apply_tip(tenure, check, turn);
                self.admit(proposal.clone(), turn);
            }
            Judgement::Reject(reason, check) => {
                let rule = Rule::broken(reason, version, check.is_some());
                self.explain(block, (Conclusion::Reject(reason), rule), facts, turn);
                if let Some(check) = check {
                    self.apply_tip(tenure, check, turn);
                }
                let refusal = Refusal::because(reason);
                self.publish_rejection(number, &Refused::from(&proposal.block), &refusal, turn);
            }
        }
    }

    /// The version by whose rules the proposals of a cycle are judged.
    fn version_of(&self, number: RewardCycle) -> Option<u64> {
        self.cycle(number)
            .and_then(|cycle| judging_version(cycle.active_version, &cycle.views, &cycle.set))
    }

    /// Whether the block was promised or signed, or is about to be, while this proposal of it waited
    /// for the node: a late verdict on an earlier proposal overtakes its repetition.
    fn is_overtaken(&self, sighash: &Sighash, number: RewardCycle) -> bool {
        self.evaluations.is_waiting(TaskKey::Promise(*sighash))
            || self.ledger.in_cycle(sighash, number).is_some_and(|entry| {
                entry.record.signed_self_at.is_some()
                    || entry.record.state == BlockState::PreCommitted
            })
    }

    /// Judges proposals again that waited for agreement: when there is news, or patience is over.
    pub(crate) fn judge_held(&mut self, number: RewardCycle, turn: &mut Turn) {
        let Some(cycle) = self.cycle_mut(number) else { return };
        let has_news = std::mem::take(&mut cycle.has_news);
        let due: Vec<Sighash> = cycle
            .held
            .iter()
            .filter(|(_, task)| {
                has_news || matches!(task, Task::Intake { patience, .. } if *patience <= turn.now)
            })
            .map(|(sighash, _)| *sighash)
            .collect();
        for sighash in due {
            if let Some(task) = self.cycle_mut(number).and_then(|cycle| cycle.held.remove(&sighash))
            {
                self.begin(task, turn);
            }
        }
    }

    /// Puts a proposal on record, has it validated, and counts the votes that came before it.
    fn admit(&mut self, proposal: BlockProposal, turn: &mut Turn) {
        let sighash = proposal.block.sighash();
        let number = proposal.reward_cycle;
        let record = match self.ledger.in_cycle(&sighash, number) {
            Some(entry) => {
                let mut record = entry.record.clone();
                record.begin_again(turn.now);
                // It may have had to make room while the proposal was judged.
                record.block.get_or_insert_with(|| Arc::new(proposal.block));
                record
            }
            None => Record::new(proposal, turn.now),
        };
        self.remember(record, turn);
        self.request_validation(sighash, turn);
        self.count_parked(&sighash, number, turn);
    }

    /// Puts a block on record; what makes room for it is forgotten.
    fn remember(&mut self, record: Record, turn: &mut Turn) {
        turn.write(Write::Record(Box::new(record.clone())));
        let forgotten = self.ledger.insert(record);
        turn.forget(forgotten);
    }

    /// What the comparison with a tenure's tip taught besides its answer.
    pub(crate) fn apply_tip(&mut self, tenure: ConsensusHash, check: TipCheck, turn: &mut Turn) {
        if check.is_activity {
            self.burn.touch(tenure, turn.now);
            turn.write(Write::Activity { tenure, at: turn.now });
        }
        if let Some(sighash) = check.confirms {
            self.confirm(&sighash, turn);
        }
    }
}
