//! Counting votes: promises, signatures, rejections, and those that came too early
//! (`signer-behaviour` 4.2, 4.5 to 4.7).

use countersign_wire::message::{BlockResponse, RejectReason, SignerMessage, StateMachineUpdate};
use countersign_wire::{
    MessageSignature, PublicKey, RewardCycle, Sighash, SlotId, SlotVersion, Weight,
};

use crate::note::Note;
use crate::record::BlockState;
use crate::signer::Signer;
use crate::step::Write;
use crate::turn::Turn;
use crate::votes::{ParkedVote, RejectionVote, Vote};

/// Whose vote on which block, among the signers of which cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ballot {
    pub(crate) cycle: RewardCycle,
    pub(crate) from: SlotId,
    pub(crate) sighash: Sighash,
}

/// Who wrote a chunk, and as which version of its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) key: PublicKey,
    pub(crate) version: SlotVersion,
}

impl Signer {
    /// Takes in what a signer wrote. Writers outside the sets that we know are noted and ignored; so
    /// is everything but views while the cycle has not started.
    pub(crate) fn on_peer(
        &mut self,
        parity: u8,
        writer: &Writer,
        message: &SignerMessage,
        turn: &mut Turn,
    ) {
        let current = self.current_cycle();
        let numbers: Vec<RewardCycle> =
            self.seats.keys().copied().filter(|cycle| cycle.parity() == parity).collect();
        let mut is_stranger = None;
        for number in numbers {
            let Some(cycle) = self.cycle(number) else { continue };
            let Some(from) = cycle.set.slot_of(&writer.key) else {
                is_stranger.get_or_insert(true);
                continue;
            };
            is_stranger = Some(false);
            match message {
                SignerMessage::StateMachineUpdate(update) => {
                    self.hear_view(number, from, (writer.version, update), turn);
                }
                _ if Some(number) > current => {}
                SignerMessage::BlockPreCommit(sighash) => {
                    let ballot = Ballot { cycle: number, from, sighash: *sighash };
                    self.count_promise(ballot, turn);
                }
                SignerMessage::BlockResponse(response) => {
                    self.count_response(number, response, turn);
                }
                _ => {}
            }
        }
        if is_stranger == Some(true) {
            turn.note(Note::StrangerIgnored { key: writer.key });
        }
    }

    fn hear_view(
        &mut self,
        number: RewardCycle,
        from: SlotId,
        (version, update): (SlotVersion, &StateMachineUpdate),
        turn: &mut Turn,
    ) {
        let Some(cycle) = self.cycle_mut(number) else { return };
        if from == cycle.index {
            // Our own view is what our machine says; its echo may be older.
            if cycle.published.as_ref() == Some(update) {
                cycle.unheard.stop();
            }
            return;
        }
        if !cycle.views.hear(from, version, update) {
            return;
        }
        cycle.has_news = true;
        cycle.reports.record(update.content.burn_block, from, turn.now);
        turn.write(Write::PeerUpdate { cycle: number, from, update: update.clone(), at: turn.now });
        let update = Box::new(update.clone());
        turn.note(Note::PeerUpdate { cycle: number, from, update });
    }

    /// The inner signature decides who votes, not the chunk's: responses may be relayed.
    fn count_response(&mut self, number: RewardCycle, response: &BlockResponse, turn: &mut Turn) {
        let voter = match response {
            BlockResponse::Accepted(accepted) => accepted.recover(),
            BlockResponse::Rejected(rejected) => rejected.recover(),
        };
        let Some(cycle) = self.cycle(number) else { return };
        let Some(from) = voter.and_then(|key| cycle.set.slot_of(&key)) else { return };
        let ballot = Ballot { cycle: number, from, sighash: *response.sighash() };
        match response {
            BlockResponse::Accepted(accepted) => {
                self.count_acceptance(ballot, accepted.signature, turn);
            }
            BlockResponse::Rejected(rejected) => {
                self.count_rejection(ballot, rejected.data.reason, turn);
            }
        }
    }

    /// Counts a promise to sign.
    pub(crate) fn count_promise(&mut self, ballot: Ballot, turn: &mut Turn) {
        let Ballot { cycle: number, from, sighash } = ballot;
        if self.ledger.in_cycle(&sighash, number).is_none() {
            return self.park(ballot, Vote::PreCommit, turn);
        }
        let Some(entry) = self.ledger.open_mut(&sighash) else { return };
        let is_news = entry.votes.pre_commit(from);
        if is_news && let Some(cycle) = self.cycle(number) {
            let total = cycle.set.total();
            let weight = self
                .ledger
                .get(&sighash)
                .map_or(Weight::ZERO, |entry| entry.votes.pre_commit_weight(&cycle.set));
            turn.write(Write::PreCommit { sighash, from });
            let own = cycle.set.weight_of(from);
            turn.note(Note::PreCommitReceived { sighash, from, own, weight, total });
        }
        self.weigh_promises(&sighash, turn);
    }

    /// Counts a signature; it counts as a promise, too.
    pub(crate) fn count_acceptance(
        &mut self,
        ballot: Ballot,
        signature: MessageSignature,
        turn: &mut Turn,
    ) {
        let Ballot { cycle: number, from, sighash } = ballot;
        if self.ledger.in_cycle(&sighash, number).is_none() {
            let vote = Vote::Acceptance(signature);
            return self.park(ballot, vote, turn);
        }
        let Some(entry) = self.ledger.open_mut(&sighash) else { return };
        if !entry.votes.accept(from, signature) {
            return;
        }
        turn.write(Write::Acceptance { sighash, from, signature });
        let has_promised = entry.votes.has_pre_commit_of(from);
        if let (Some(cycle), Some(entry)) = (self.cycle(number), self.ledger.get(&sighash)) {
            turn.note(Note::AcceptanceReceived {
                sighash,
                from,
                own: cycle.set.weight_of(from),
                weight: entry.votes.acceptance_weight(&cycle.set),
                total: cycle.set.total(),
            });
        }
        if has_promised {
            // It may have taken back the rejection that kept us from signing.
            self.weigh_promises(&sighash, turn);
        } else {
            self.count_promise(ballot, turn);
        }
        self.weigh_signatures(number, &sighash, turn);
    }

    /// Counts a rejection.
    pub(crate) fn count_rejection(
        &mut self,
        ballot: Ballot,
        reason: RejectReason,
        turn: &mut Turn,
    ) {
        let Ballot { cycle: number, from, sighash } = ballot;
        let vote = RejectionVote { reason };
        if self.ledger.in_cycle(&sighash, number).is_none() {
            return self.park(ballot, Vote::Rejection(vote), turn);
        }
        let Some(entry) = self.ledger.open_mut(&sighash) else { return };
        if !entry.votes.reject(from, vote) {
            return;
        }
        turn.write(Write::Rejection { sighash, from, vote });
        let (Some(cycle), Some(entry)) = (self.cycle(number), self.ledger.get(&sighash)) else {
            return;
        };
        let weight = entry.votes.rejection_weight(&cycle.set);
        let total = cycle.set.total();
        let own = cycle.set.weight_of(from);
        turn.note(Note::RejectionReceived { sighash, from, own, reason, weight, total });
        if entry.record.state.is_global() || !weight.blocks_approval(total) {
            return;
        }
        let Some(entry) = self.ledger.get_mut(&sighash) else { return };
        if entry.record.move_to(BlockState::GloballyRejected) {
            turn.write(Write::Record(Box::new(entry.record.clone())));
            turn.note(Note::GloballyRejected { sighash, weight });
            self.heed_refused_reorg(number, &sighash);
        }
    }

    /// Enough to block a block say that its miner may not build where it committed to: for versions
    /// below 2 the latest winner is given up for it, whatever we think ourselves.
    fn heed_refused_reorg(&mut self, number: RewardCycle, sighash: &Sighash) {
        let (Some(cycle), Some(entry)) = (self.cycle(number), self.ledger.get(sighash)) else {
            return;
        };
        let weight = entry.votes.rejection_weight_for(RejectReason::ReorgNotAllowed, &cycle.set);
        if weight.blocks_approval(cycle.set.total())
            && let Some(sortitions) = &mut self.sortitions
            && sortitions.current.tenure == entry.record.tenure()
        {
            sortitions.give_up_current();
        }
    }

    fn park(&mut self, ballot: Ballot, vote: Vote, turn: &mut Turn) {
        let Ballot { cycle: number, from, sighash } = ballot;
        // A block of another cycle is no business of this cycle's signers.
        if self.ledger.get(&sighash).is_some() {
            return;
        }
        let parked = ParkedVote { cycle: number, sighash, from, vote, at: turn.now };
        let (is_new, evicted) = self.parked.park(parked.clone());
        if is_new {
            turn.note(Note::VoteParked { sighash, from, vote });
            turn.write(Write::Park(parked));
        }
        if let Some(evicted) = evicted {
            turn.write(Write::Unpark { sighash: evicted.sighash, vote: Some(evicted) });
        }
    }

    /// Counts the votes that came before the block. Rejections among them are of an earlier round:
    /// they are counted, but do not decide the block, whose proposal has just been repeated.
    pub(crate) fn count_parked(&mut self, sighash: &Sighash, number: RewardCycle, turn: &mut Turn) {
        let parked = self.parked.take(sighash, number);
        if !parked.is_empty() {
            turn.write(Write::Unpark { sighash: *sighash, vote: None });
        }
        for ParkedVote { from, vote, .. } in parked {
            let ballot = Ballot { cycle: number, from, sighash: *sighash };
            match vote {
                Vote::PreCommit => self.count_promise(ballot, turn),
                Vote::Acceptance(signature) => self.count_acceptance(ballot, signature, turn),
                Vote::Rejection(vote) => {
                    if let Some(entry) = self.ledger.get_mut(sighash)
                        && entry.votes.reject(from, vote)
                    {
                        turn.write(Write::Rejection { sighash: *sighash, from, vote });
                    }
                }
            }
        }
    }
}
