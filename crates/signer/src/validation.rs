//! Validation by the node: one block at a time, a queue, time-outs and verdicts
//! (`signer-behaviour` 2.5 to 2.8).

use std::collections::VecDeque;

use countersign_wire::event::{ExecutionCost, ProposalResponse, ValidationOk, ValidationReject};
use countersign_wire::message::RejectReason;
use countersign_wire::{RewardCycle, Sighash};

use crate::evaluation::Task;
use crate::event::Submission;
use crate::facts::Facts;
use crate::grounds::{Conclusion, Rule};
use crate::note::{Note, QueuedValidation};
use crate::record::BlockState;
use crate::replay::Replayed;
use crate::response::{Refusal, Refused};
use crate::signer::Signer;
use crate::step::{Action, Write};
use crate::tally::Ballot;
use crate::time::{Millis, Timestamp};
use crate::turn::Turn;

/// How many blocks may wait for validation; the oldest gives way.
const QUEUE: usize = 64;
/// How long after a 429 the node is asked again.
const BUSY_RETRY: Millis = Millis::new(200);
/// How long after a failed request the node is asked again.
const UNREACHABLE_RETRY: Millis = Millis::from_secs(1);
/// How long after a refusal that another try may not meet, as of a wrong password, the node is asked
/// again.
const REFUSED_RETRY: Millis = Millis::from_secs(5);
/// How often a block whose parent is unknown is looked at again.
const PARENT_RETRY: Millis = Millis::new(500);
/// How long a verdict is waited for before the node is asked once more: it may have been restarted,
/// or its answer lost. A node that is still at it answers that it is busy.
const ASK_AGAIN: Millis = Millis::from_secs(30);

/// The block that the node validates for us, and those that wait. Entries belong to a cycle, so
/// that none is answered in another cycle's contract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validation {
    outstanding: Option<Outstanding>,
    queue: VecDeque<Waiting>,
    /// What the node was told to replay.
    pub(crate) replayed: Replayed,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    sighash: Sighash,
    cycle: RewardCycle,
    /// When it was first queued. Kept when the node is busy, so that patience for the parent ends.
    since: Timestamp,
    not_before: Timestamp,
    /// Why it waits, as far as that was told: a node that validates for others is asked again five
    /// times a second, which is no news.
    told: Option<QueuedValidation>,
}

#[derive(Clone, Copy, Debug)]
struct Outstanding {
    waiting: Waiting,
    /// When it was first handed to the node.
    since: Timestamp,
    /// When it was last handed to the node.
    asked_at: Timestamp,
}

impl Outstanding {
    fn is_asked_again(&self) -> bool {
        self.asked_at > self.since
    }
}

impl Validation {
    /// Whether this block is being validated or waits for it.
    pub(crate) fn holds(&self, sighash: &Sighash) -> bool {
        let outstanding = self.outstanding.iter().map(|outstanding| &outstanding.waiting);
        outstanding.chain(&self.queue).any(|waiting| waiting.sighash == *sighash)
    }

    /// How many blocks are being validated or wait for it.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len() + usize::from(self.outstanding.is_some())
    }

    /// Whether nothing needs to be done for its validation: it waits for the node, and the node has
    /// not refused to be asked.
    pub(crate) fn is_under_way(&self, sighash: &Sighash) -> bool {
        let is_refused = |waiting: &Waiting| {
            waiting.sighash == *sighash && waiting.told == Some(QueuedValidation::NodeRefuses)
        };
        self.holds(sighash) && !self.queue.iter().any(is_refused)
    }

    /// Has a block's request go out at once that waits in the queue; false if it does not.
    fn hasten(&mut self, sighash: &Sighash, now: Timestamp) -> bool {
        let waiting = self.queue.iter_mut().find(|waiting| waiting.sighash == *sighash);
        waiting.map(|waiting| waiting.not_before = now).is_some()
    }

    /// The node has got further: blocks that wait for it to know their parent are looked at again.
    pub(crate) fn hasten_those_without_parent(&mut self, now: Timestamp) {
        for waiting in self.queue.iter_mut().filter(|waiting| waiting.told.is_none()) {
            waiting.not_before = waiting.not_before.min(now);
        }
    }

    pub(crate) fn forget_cycle(&mut self, cycle: RewardCycle) {
        self.queue.retain(|waiting| waiting.cycle != cycle);
        self.outstanding =
            self.outstanding.filter(|outstanding| outstanding.waiting.cycle != cycle);
    }

    pub(crate) fn next_deadline(&self, timeout: Millis) -> Option<Timestamp> {
        match &self.outstanding {
            Some(outstanding) => {
                let (end, again) = (outstanding.since, outstanding.asked_at);
                Some(end.plus(timeout).min(again.plus(ASK_AGAIN)))
            }
            None => self.queue.iter().map(|waiting| waiting.not_before).min(),
        }
    }

    fn enqueue(&mut self, waiting: Waiting) {
        if self.queue.len() >= QUEUE {
            self.queue.pop_front();
        }
        self.queue.push_back(waiting);
    }

    /// A block needs no validation any more.
    pub(crate) fn forget(&mut self, sighash: &Sighash) {
        self.queue.retain(|waiting| waiting.sighash != *sighash);
        self.outstanding =
            self.outstanding.filter(|outstanding| outstanding.waiting.sighash != *sighash);
    }

    /// Another node is asked from now on: it has not been asked for anything yet. What the node before
    /// was busy with comes first.
    pub(crate) fn start_over(&mut self, now: Timestamp) {
        if let Some(outstanding) = self.outstanding.take() {
            self.queue.push_front(outstanding.waiting);
        }
        for waiting in &mut self.queue {
            waiting.not_before = now;
            waiting.told = None;
        }
    }

    fn take_ready(&mut self, now: Timestamp) -> Option<Waiting> {
        let index = self.queue.iter().position(|waiting| waiting.not_before <= now)?;
        self.queue.remove(index)
    }
}

impl Signer {
    /// Has a recorded block validated, as soon as the node is free and knows its parent.
    pub(crate) fn request_validation(&mut self, sighash: Sighash, turn: &mut Turn) {
        let Some(entry) = self.ledger.get(&sighash) else { return };
        // What is not here cannot be shown to the node; a repeated proposal brings it.
        if entry.record.block.is_none() {
            return;
        }
        let cycle = entry.record.cycle;
        if self.validation.hasten(&sighash, turn.now) {
            return self.serve_validation(turn);
        }
        if self.validation.holds(&sighash) {
            return;
        }
        let now = turn.now;
        self.validation.enqueue(Waiting {
            sighash,
            cycle,
            since: now,
            not_before: now,
            told: None,
        });
        if self.validation.outstanding.is_some() {
            let why = QueuedValidation::Occupied;
            turn.note(Note::ValidationQueued { sighash, why });
        }
        self.serve_validation(turn);
    }

    /// Hands the node the next block that is ready.
    pub(crate) fn serve_validation(&mut self, turn: &mut Turn) {
        while self.validation.outstanding.is_none() {
            let Some(waiting) = self.validation.take_ready(turn.now) else { return };
            self.submit(waiting, turn);
        }
    }

    fn submit(&mut self, waiting: Waiting, turn: &mut Turn) {
        let sighash = waiting.sighash;
        let Some(entry) = self.ledger.in_cycle(&sighash, waiting.cycle) else { return };
        let record = &entry.record;
        let Some(block) = record.block.clone() else { return };
        if record.valid.is_some() || self.is_wrong_network {
            return;
        }
        let parent = &block.header.parent_block_id;
        let has_patience = turn.now.since(waiting.since) < self.params.timeouts.wait_for_parent;
        if has_patience && !self.is_known_to_node(parent, record.height()) {
            if waiting.since == waiting.not_before {
                let why = QueuedValidation::ParentUnknown;
                turn.note(Note::ValidationQueued { sighash, why });
                self.begin(Task::Poll, turn);
            }
            let not_before = turn.now.plus(PARENT_RETRY);
            self.validation.enqueue(Waiting { not_before, ..waiting });
            return;
        }
        if waiting.told.is_none() {
            turn.note(Note::ValidationRequested { sighash });
        }
        let replay = self.replay_for_validation(waiting.cycle);
        self.validation.replayed.give(sighash, replay.clone());
        turn.act(Action::Validate { sighash, block, replay });
        let (since, asked_at) = (turn.now, turn.now);
        self.validation.outstanding = Some(Outstanding { waiting, since, asked_at });
    }

    pub(crate) fn on_submitted(&mut self, sighash: Sighash, outcome: Submission, turn: &mut Turn) {
        // When it is asked again, only the verdict counts: the node may still be at it.
        let Some(Outstanding { waiting, .. }) = self.validation.outstanding.filter(|outstanding| {
            outstanding.waiting.sighash == sighash && !outstanding.is_asked_again()
        }) else {
            return;
        };
        let (why, pause) = match outcome {
            Submission::Accepted => return,
            Submission::Refused(text) => {
                if waiting.told != Some(QueuedValidation::NodeRefuses) {
                    turn.note(Note::ValidationFailed { sighash, text });
                }
                if turn.now.since(waiting.since) >= self.params.timeouts.validation {
                    self.validation.outstanding = None;
                    return;
                }
                (QueuedValidation::NodeRefuses, REFUSED_RETRY)
            }
            Submission::Busy => (QueuedValidation::NodeBusy, BUSY_RETRY),
            Submission::Unreachable(_) => (QueuedValidation::NodeUnreachable, UNREACHABLE_RETRY),
        };
        self.validation.outstanding = None;
        if waiting.told != Some(why) && why != QueuedValidation::NodeRefuses {
            turn.note(Note::ValidationQueued { sighash, why });
        }
        let not_before = turn.now.plus(pause);
        self.validation.enqueue(Waiting { not_before, told: Some(why), ..waiting });
    }

    /// Asks again for a verdict that does not come, and at last rejects the block.
    pub(crate) fn expire_validation(&mut self, turn: &mut Turn) {
        let timeout = self.params.timeouts.validation;
        let Some(late) = self.validation.outstanding else { return };
        let sighash = late.waiting.sighash;
        if turn.now.since(late.since) < timeout {
            if turn.now.since(late.asked_at) >= ASK_AGAIN {
                self.validation.outstanding = Some(Outstanding { asked_at: turn.now, ..late });
                if let Some(block) =
                    self.ledger.get(&sighash).and_then(|entry| entry.record.block.clone())
                {
                    let replay = self.validation.replayed.given(&sighash);
                    turn.act(Action::Validate { sighash, block, replay });
                }
            }
            return;
        }
        self.validation.outstanding = None;
        turn.note(Note::ValidationTimedOut { sighash, after: timeout });
        let refusal = Refusal {
            reason: RejectReason::ConnectivityIssues,
            text: format!("The validation response did not come within {} ms", timeout.get()),
            failed_txid: None,
        };
        self.explain_refusal(&sighash, &refusal, Rule::VALIDATION_TIME, turn);
        self.reject_recorded(&sighash, &refusal, true, turn);
    }

    /// Notes why the validation of a block ends with its rejection.
    fn explain_refusal(&self, sighash: &Sighash, refusal: &Refusal, rule: Rule, turn: &mut Turn) {
        if let Some(entry) = self.ledger.get(sighash).filter(|_| self.may_reject(sighash)) {
            let block = (entry.record.cycle, *sighash);
            let conclusion = Conclusion::Reject(refusal.reason);
            self.explain(block, (conclusion, rule), &Facts::default(), turn);
        }
    }

    pub(crate) fn on_verdict(&mut self, verdict: ProposalResponse, turn: &mut Turn) {
        let sighash = match &verdict {
            ProposalResponse::Ok(ok) => ok.sighash,
            ProposalResponse::Reject(reject) => reject.sighash,
        };
        if !self.validation.holds(&sighash) {
            // Whoever reaches our endpoint can say that a block is valid. Believed is only what was
            // asked for, or is about to be: another signer may share the node.
            turn.note(Note::VerdictIgnored { sighash });
            return;
        }
        self.validation.forget(&sighash);
        match verdict {
            ProposalResponse::Ok(ok) => self.on_valid(&ok, turn),
            ProposalResponse::Reject(reject) => self.on_invalid(reject, turn),
        }
    }

    fn on_valid(&mut self, verdict: &ValidationOk, turn: &mut Turn) {
        let took = Millis::new(verdict.validation_time_ms);
        let sighash = verdict.sighash;
        turn.note(Note::Verdict { sighash, valid: true, took: Some(took) });
        if verdict.replay_tx_hash.is_some() {
            self.validation.replayed.validated(&sighash, verdict.replay_tx_exhausted);
        }
        let Some(entry) = self.ledger.get_mut(&sighash) else { return };
        if entry.record.valid.is_some() {
            return;
        }
        let is_free = verdict.cost == ExecutionCost::default();
        entry.record.validation_time = if is_free { Millis::ZERO } else { took };
        self.begin(Task::Promise(sighash), turn);
    }

    fn on_invalid(&mut self, verdict: ValidationReject, turn: &mut Turn) {
        let sighash = verdict.sighash;
        turn.note(Note::Verdict { sighash, valid: false, took: None });
        if self.ledger.get(&sighash).is_some_and(|entry| entry.record.valid.is_none()) {
            let refusal = Refusal {
                reason: RejectReason::ValidationFailed(verdict.code),
                text: verdict.reason,
                failed_txid: verdict.failed_txid,
            };
            self.explain_refusal(&sighash, &refusal, Rule::NODE_VALID, turn);
            self.reject_recorded(&sighash, &refusal, true, turn);
        }
    }

    /// Whether a block can still be rejected: not one that we have signed or that the network has
    /// decided.
    pub(crate) fn may_reject(&self, sighash: &Sighash) -> bool {
        self.ledger.get(sighash).is_some_and(|entry| {
            !entry.record.state.is_global() && entry.record.signed_self_at.is_none()
        })
    }

    /// Rejects a block that is on record: stored, counted as our vote, and published.
    ///
    /// A reason that is not remembered makes the rejection final. Nothing is rejected that we have
    /// signed or that is part of the chain.
    pub(crate) fn reject_recorded(
        &mut self,
        sighash: &Sighash,
        refusal: &Refusal,
        is_remembered: bool,
        turn: &mut Turn,
    ) {
        if !self.may_reject(sighash) {
            return;
        }
        let Some(entry) = self.ledger.get_mut(sighash) else { return };
        let record = &mut entry.record;
        record.valid = Some(false);
        record.move_to(BlockState::LocallyRejected);
        record.reject_reason = is_remembered.then_some(refusal.reason);
        let record = record.clone();
        turn.write(Write::Record(Box::new(record.clone())));
        self.publish_rejection(record.cycle, &Refused::from(&record), refusal, turn);
        if let Some(own) = self.cycle(record.cycle).map(|cycle| cycle.index) {
            let ballot = Ballot { cycle: record.cycle, from: own, sighash: *sighash };
            self.count_rejection(ballot, refusal.reason, turn);
        }
    }
}
