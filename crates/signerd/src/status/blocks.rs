//! The last blocks: what was heard of each, and when.

use std::collections::VecDeque;

use countersign_signer::{Note, Timestamp, WithheldSignature};
use countersign_status::{Block, Outcome, Stance, Totals, Vote, VoteKind};
use countersign_wire::Sighash;
use countersign_wire::message::RejectReason;

use super::latency::{Latencies, Measured};

/// The last blocks, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    kept: VecDeque<Entry>,
    totals: Totals,
    /// Whether the running cycle is known to have no seat of ours, so that nobody asks us.
    pub(super) is_elsewhere: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    sighash: Sighash,
    seen_at: Timestamp,
    proposed_at: Option<Timestamp>,
    /// When the node was asked for its verdict, while it has not answered.
    requested_at: Option<Timestamp>,
    block: Block,
}

impl Blocks {
    /// Takes in what concerns a block.
    pub(super) fn note(&mut self, note: &Note, at: Timestamp, latencies: &mut Latencies) {
        match note {
            Note::ProposalReceived { sighash, height, tenure } => {
                self.totals.proposed += 1;
                let entry = self.entry(*sighash, at);
                entry.proposed_at.get_or_insert(at);
                entry.block.proposed_at.get_or_insert(at.as_millis());
                entry.block.height = Some(height.get());
                entry.block.tenure = Some(tenure.to_string());
            }
            Note::StacksBlock { height, sighash: Some(sighash) }
            | Note::GloballyAccepted { sighash, height } => {
                self.entry(*sighash, at).block.height = Some(height.get());
                self.accept(*sighash, at);
            }
            Note::GloballyRejected { sighash, .. } => {
                let block = &mut self.entry(*sighash, at).block;
                if block.outcome == Outcome::Pending {
                    block.outcome = Outcome::Rejected;
                }
            }
            Note::ThresholdReached { sighash, .. } => {
                let entry = self.entry(*sighash, at);
                if entry.block.approved_at.is_none() {
                    entry.block.approved_at = Some(at.as_millis());
                    entry.measure(Measured::Approval, at, latencies);
                }
            }
            Note::ValidationRequested { .. }
            | Note::Verdict { .. }
            | Note::ValidationTimedOut { .. }
            | Note::ValidationFailed { .. } => self.note_validation(note, at, latencies),
            Note::PreCommitReceived { .. }
            | Note::AcceptanceReceived { .. }
            | Note::RejectionReceived { .. } => self.note_vote(note, at),
            _ => self.note_own(note, at, latencies),
        }
    }

    fn note_validation(&mut self, note: &Note, at: Timestamp, latencies: &mut Latencies) {
        match note {
            Note::ValidationRequested { sighash } => {
                self.entry(*sighash, at).requested_at = Some(at);
            }
            Note::Verdict { sighash, valid, .. } => {
                let entry = self.entry(*sighash, at);
                entry.block.validated_at = Some(at.as_millis());
                entry.block.valid = Some(*valid);
                if let Some(requested) = entry.requested_at.take() {
                    latencies.add(Measured::Validation, at.since(requested), at);
                }
            }
            Note::ValidationTimedOut { sighash, .. } | Note::ValidationFailed { sighash, .. } => {
                self.entry(*sighash, at).requested_at = None;
            }
            _ => {}
        }
    }

    /// What we say ourselves.
    fn note_own(&mut self, note: &Note, at: Timestamp, latencies: &mut Latencies) {
        match note {
            Note::PreCommitted { sighash } => {
                let entry = self.entry(*sighash, at);
                if entry.block.pre_committed_at.is_none() {
                    entry.block.pre_committed_at = Some(at.as_millis());
                    entry.measure(Measured::PreCommit, at, latencies);
                }
                if entry.block.ours == Stance::Silent {
                    entry.block.ours = Stance::PreCommitted;
                }
            }
            Note::Signing { sighash, .. } => {
                let block = &mut self.entry(*sighash, at).block;
                block.threshold_at.get_or_insert(at.as_millis());
                block.reason = None;
            }
            Note::SigningWithheld { sighash, why } => {
                self.entry(*sighash, at).block.reason = Some(withheld(why));
            }
            Note::VaultRefused { sighash, rival } if sighash == rival => {
                let why = "nothing is signed at the moment".to_owned();
                self.entry(*sighash, at).block.reason = Some(why);
            }
            Note::VaultRefused { sighash, rival } => {
                let why = format!("the vault refuses: it signed {} before", short(rival));
                self.entry(*sighash, at).block.reason = Some(why);
            }
            Note::Accepted { sighash, .. } => self.answer(*sighash, None, at, latencies),
            Note::Rejected { sighash, reason, .. } => {
                self.answer(*sighash, Some(*reason), at, latencies);
            }
            _ => {}
        }
    }

    fn answer(
        &mut self,
        sighash: Sighash,
        rejection: Option<RejectReason>,
        at: Timestamp,
        latencies: &mut Latencies,
    ) {
        let stance = if rejection.is_some() { Stance::Rejected } else { Stance::Signed };
        let entry = self.entry(sighash, at);
        let is_first = entry.block.answered_at.is_none();
        let is_news = is_first || entry.block.ours != stance;
        if is_first {
            entry.measure(Measured::Response, at, latencies);
        }
        if is_news {
            entry.block.answered_at = Some(at.as_millis());
            entry.block.ours = stance;
            entry.block.reason = rejection.map(|reason| reason.to_string());
            match stance {
                Stance::Signed => self.totals.signed += 1,
                _ => self.totals.rejected += 1,
            }
        }
    }

    fn accept(&mut self, sighash: Sighash, at: Timestamp) {
        let has_begun = self.totals.proposed > 0 && !self.is_elsewhere;
        let entry = self.entry(sighash, at);
        if entry.block.accepted_at.is_some() {
            return;
        }
        entry.block.accepted_at = Some(at.as_millis());
        entry.block.outcome = Outcome::Accepted;
        entry.requested_at = None;
        if has_begun && entry.block.ours != Stance::Signed {
            self.totals.missed += 1;
        }
    }

    fn note_vote(&mut self, note: &Note, at: Timestamp) {
        let (Note::PreCommitReceived { sighash, from, own, weight, total }
        | Note::AcceptanceReceived { sighash, from, own, weight, total }
        | Note::RejectionReceived { sighash, from, own, weight, total, .. }) = note
        else {
            return;
        };
        let (kind, reason) = match note {
            Note::AcceptanceReceived { .. } => (VoteKind::Signed, None),
            Note::RejectionReceived { reason, .. } => {
                (VoteKind::Rejected, Some(reason.to_string()))
            }
            _ => (VoteKind::PreCommitted, None),
        };
        let entry = self.entry(*sighash, at);
        let counted = u64::from(weight.get());
        entry.block.total_weight = total.get().into();
        match kind {
            VoteKind::PreCommitted => entry.block.pre_committed_weight = counted,
            VoteKind::Signed => entry.block.signed_weight = counted,
            VoteKind::Rejected => entry.block.rejected_weight = counted,
        }
        let after_ms = at.since(entry.seen_at).get();
        entry.vote(Vote { slot: from.get(), kind, weight: own.get().into(), after_ms, reason });
    }

    /// Why a block of the chain has no signature of ours, if nothing else is known of it.
    pub(super) fn explain(&mut self, sighash: &Sighash, why: &str) {
        let entry = self.kept.iter_mut().find(|entry| entry.sighash == *sighash);
        if let Some(Entry { block, .. }) = entry
            && block.ours != Stance::Signed
            && block.reason.is_none()
        {
            block.reason = Some(format!("not signed in time: {why}"));
        }
    }

    /// What is shown: the newest first.
    pub(super) fn show(&self) -> Vec<Block> {
        self.kept.iter().rev().map(|entry| entry.block.clone()).collect()
    }

    /// Counted since the start.
    pub(super) const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Since when each block waits for the node's verdict.
    pub(super) fn unvalidated(&self) -> impl Iterator<Item = Timestamp> {
        let pending = |entry: &&Entry| entry.block.outcome == Outcome::Pending;
        self.kept.iter().filter(pending).filter_map(|entry| entry.requested_at)
    }

    /// How many blocks of the tenure were accepted.
    pub(super) fn accepted_in(&self, tenure: &str) -> u64 {
        let is_of = |entry: &&Entry| {
            entry.block.outcome == Outcome::Accepted
                && entry.block.tenure.as_deref() == Some(tenure)
        };
        self.kept.iter().filter(is_of).count().try_into().unwrap_or(u64::MAX)
    }

    fn entry(&mut self, sighash: Sighash, at: Timestamp) -> &mut Entry {
        let place = self.kept.iter().position(|entry| entry.sighash == sighash);
        let place = place.unwrap_or_else(|| {
            if self.kept.len() >= MAX_BLOCKS {
                self.kept.pop_front();
            }
            self.kept.push_back(Entry::new(sighash, at));
            self.kept.len() - 1
        });
        self.kept.get_mut(place).expect("it was found, or just put there")
    }
}

impl Entry {
    fn new(sighash: Sighash, at: Timestamp) -> Self {
        let block = Block {
            sighash: sighash.to_string(),
            height: None,
            tenure: None,
            seen_at: at.as_millis(),
            proposed_at: None,
            validated_at: None,
            valid: None,
            pre_committed_at: None,
            threshold_at: None,
            answered_at: None,
            approved_at: None,
            accepted_at: None,
            ours: Stance::Silent,
            reason: None,
            outcome: Outcome::Pending,
            pre_committed_weight: 0,
            signed_weight: 0,
            rejected_weight: 0,
            total_weight: 0,
            votes: Vec::new(),
        };
        Self { sighash, seen_at: at, proposed_at: None, requested_at: None, block }
    }

    fn measure(&self, measured: Measured, at: Timestamp, latencies: &mut Latencies) {
        if let Some(proposed) = self.proposed_at {
            latencies.add(measured, at.since(proposed), at);
        }
    }

    /// A signer's last word takes its earlier one's place, but a promise says less than a signature.
    fn vote(&mut self, vote: Vote) {
        let votes = &mut self.block.votes;
        let known = votes.iter().position(|known| known.slot == vote.slot);
        match known.and_then(|place| votes.get(place)) {
            Some(known)
                if vote.kind == VoteKind::PreCommitted && known.kind == VoteKind::Signed =>
            {
                return;
            }
            None if votes.len() >= MAX_VOTES => return,
            _ => {}
        }
        if let Some(place) = known {
            votes.remove(place);
        }
        votes.push(vote);
    }
}

fn withheld(why: &WithheldSignature) -> String {
    match why {
        WithheldSignature::FreshRival(rival) => {
            format!("held back: a rival that was signed, {}, is still fresh", short(rival))
        }
        WithheldSignature::ConfirmedRival(rival) => {
            format!("held back: a rival, {}, is part of the chain", short(rival))
        }
        WithheldSignature::BlockedByRejections => "held back: too many have rejected it".to_owned(),
        WithheldSignature::ContentUnknown => {
            "held back: its content is not here; the next proposal brings it".to_owned()
        }
    }
}

fn short(sighash: &Sighash) -> String {
    sighash.to_string().chars().take(8).collect()
}

/// How many blocks are kept and shown.
const MAX_BLOCKS: usize = 24;
/// How many votes of a block are shown; all are counted.
const MAX_VOTES: usize = 120;
