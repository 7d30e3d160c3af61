//! Honest signers: a core, a store, a vault and a publisher, and the crashes between them.

use std::collections::BTreeMap;

use countersign_devnet::chain::StackerDb;
use countersign_signer::{
    AcceptanceOrder, Action, Event, Millis, NodeFailure, Note, OverrideReason, Params, Query,
    Signer, Step, Ticket, Timestamp,
};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, Override, OverrideRule, RejectionRequest, SignError, Vault,
};
use countersign_wire::event::ProposalResponse;
use countersign_wire::message::{BlockRejected, BlockResponse, SignerMessage};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{PublicKey, RewardCycle, SlotId, SlotVersion};

use super::World;
use super::agenda::{Happening, Letter};
use super::checks::{Ballot, Checks};
use super::node::answer;
use super::store::Store;

/// An honest signer and its machine.
pub(super) struct HonestSigner {
    pub(super) params: Params,
    pub(super) node: usize,
    /// None while it is down.
    pub(super) core: Option<Signer>,
    pub(super) store: Store,
    /// The vault of each of its keys.
    pub(super) vaults: Vec<Vault>,
    /// How often it was started.
    pub(super) life: u32,
    /// What the publisher believes about its slots.
    pub(super) versions: BTreeMap<(SignersContract, SlotId), SlotVersion>,
    /// When each lane's last message leaves: a lane keeps its order.
    pub(super) lanes: BTreeMap<Lane, Timestamp>,
    /// The deadline that is on the agenda.
    pub(super) deadline: Option<Timestamp>,
    /// How many deadlines were due at the same moment, and which one.
    pub(super) spins: (Timestamp, u32),
}

impl HonestSigner {
    /// The vault of a key that the core has named.
    fn vault_of(&mut self, key: &PublicKey) -> &mut Vault {
        let vaults = self.vaults.iter_mut();
        vaults.into_iter().find(|vault| vault.public_key() == *key).expect("a key of this signer")
    }
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Completed,
    LostWithItsWrites,
    /// Committed, but only so many of its actions are performed.
    CutOffAfter(usize),
}

/// How many deadlines in a row may be due at one moment.
const MAX_SPINS: u32 = 8;
/// How often a publisher tries to write a message.
const MAX_ATTEMPTS: u32 = 60;

impl World {
    /// Starts a signer from what it has stored.
    pub(super) fn start(&mut self, signer: usize) {
        self.script.start_clock(signer);
        let now = self.clock_of(signer);
        let machine = &mut self.signers[signer];
        machine.life += 1;
        machine.versions.clear();
        machine.lanes.clear();
        machine.deadline = None;
        let saved = machine.store.load();
        if self.is_traced {
            self.twins.start(signer, &machine.params, &saved, now);
        }
        let (core, step) = Signer::restore(machine.params.clone(), saved, now);
        machine.core = Some(core);
        self.compare(signer, &step);
        self.trace.tell(|| format!("{} signer {signer} starts", now.as_millis()));
        self.finish(signer, step);
    }

    pub(super) fn restart(&mut self, signer: usize) {
        if self.signers[signer].core.is_none() {
            self.coverage.restarts += 1;
            self.start(signer);
        }
    }

    /// An event reaches a signer, if it is up and, for an answer, still the one that asked.
    pub(super) fn arrives(&mut self, to: usize, life: Option<u32>, event: Box<Event>) {
        let machine = &self.signers[to];
        if life.is_some_and(|life| life != machine.life) || machine.core.is_none() {
            if matches!(*event, Event::Signed { .. }) {
                self.coverage.lost_signatures += 1;
            } else if life.is_none() && machine.core.is_none() && self.rng.percent(50) {
                // A dispatcher tries again until the signer answers.
                let at = self.now.plus(Millis::new(1000));
                self.agenda.plan(at, Happening::Arrives { to, life, event });
            }
            return;
        }
        if let Event::Verdict(ProposalResponse::Ok(ok)) = &*event {
            self.checks.told_valid(to, ok.sighash);
        }
        self.feed(to, *event);
    }

    /// A deadline is due, unless the core has changed its mind.
    pub(super) fn deadline(&mut self, signer: usize, life: u32) {
        let now = self.clock_of(signer);
        let machine = &mut self.signers[signer];
        if machine.life != life {
            return;
        }
        let Some(core) = &machine.core else { return };
        machine.deadline = None;
        if core.next_deadline().is_none_or(|due| due > now) {
            self.plan_deadline(signer);
            return;
        }
        let (at, spins) = machine.spins;
        machine.spins = if at == now { (now, spins + 1) } else { (now, 1) };
        if machine.spins.1 > MAX_SPINS {
            self.complain(format!("the deadline of signer {signer} comes again and again"));
            return;
        }
        self.feed(signer, Event::Deadline);
    }

    fn feed(&mut self, signer: usize, event: Event) {
        let now = self.clock_of(signer);
        self.coverage.events += 1;
        self.trace.tell(|| {
            let text = format!("{event:?}");
            let end = text.char_indices().nth(300).map_or(text.len(), |(end, _)| end);
            format!("{} signer {signer} <- {}", now.as_millis(), &text[..end])
        });
        let Some(core) = &mut self.signers[signer].core else { return };
        if self.is_traced {
            self.twins.feed(signer, &event, now);
        }
        let step = core.handle(event, now);
        self.compare(signer, &step);
        self.finish(signer, step);
    }

    /// A recording of this signer, played back, must give the very step.
    fn compare(&mut self, signer: usize, step: &Step) {
        if self.is_traced && !self.twins.agrees(signer, step) {
            self.complain(format!("signer {signer} and its recording part"));
        }
    }

    /// Commits and performs a step as a daemon does, or crashes on the way.
    fn finish(&mut self, signer: usize, step: Step) {
        if self.is_traced {
            self.trace.add(&(signer, self.now, &step));
        }
        for note in &step.notes {
            self.coverage.note(note);
            self.count_change_of_keys(signer, note);
            self.script.note(signer, note);
            let now = self.now;
            self.trace.tell(|| format!("{} signer {signer}: {note:?}", now.as_millis()));
        }
        let fate = self.fate_of(&step);
        if fate == Fate::LostWithItsWrites {
            self.coverage.crashes_before_commit += 1;
            self.crash(signer);
            return;
        }
        self.signers[signer].store.commit(&step.writes);
        for (index, action) in step.actions.into_iter().enumerate() {
            if fate == Fate::CutOffAfter(index) {
                break;
            }
            self.perform(signer, action);
        }
        if fate == Fate::Completed {
            self.plan_deadline(signer);
        } else {
            self.coverage.crashes_after_commit += 1;
            self.crash(signer);
        }
    }

    fn count_change_of_keys(&mut self, signer: usize, note: &Note) {
        if let Note::Registered { key, .. } = note
            && self.signers[signer].params.next_key == Some(*key)
        {
            self.coverage.seats_of_next_keys += 1;
        }
    }

    fn fate_of(&mut self, step: &Step) -> Fate {
        let promises = step.actions.iter().any(|action| match action {
            Action::SignAcceptance(_) => true,
            Action::Publish { message, .. } => {
                matches!(**message, SignerMessage::BlockPreCommit(_))
            }
            _ => false,
        });
        let weather = self.weather;
        let crashes = if promises { weather.crashes_at_promises * 100 } else { weather.crashes };
        if self.rng.below(10_000) >= crashes {
            Fate::Completed
        } else if self.rng.percent(30) {
            Fate::LostWithItsWrites
        } else {
            Fate::CutOffAfter(self.rng.index(step.actions.len() + 1))
        }
    }

    pub(super) fn crash(&mut self, signer: usize) {
        let now = self.now;
        self.trace.tell(|| format!("{} signer {signer} crashes", now.as_millis()));
        self.signers[signer].core = None;
        self.signers[signer].life += 1;
        let pause = Millis::new(self.rng.between(50, 15_000));
        self.agenda.plan(self.now.plus(pause), Happening::Restarts { signer });
    }

    fn plan_deadline(&mut self, signer: usize) {
        let now = self.clock_of(signer);
        let machine = &mut self.signers[signer];
        let Some(due) = machine.core.as_ref().and_then(Signer::next_deadline) else { return };
        if machine.deadline != Some(due) {
            machine.deadline = Some(due);
            let life = machine.life;
            let at = self.now.plus(due.since(now));
            self.agenda.plan(at, Happening::Deadline { of: signer, life });
        }
    }

    fn perform(&mut self, by: usize, action: Action) {
        let life = self.signers[by].life;
        match action {
            Action::Ask { ticket, query } => {
                let at = self.soon();
                self.agenda.plan(at, Happening::Asked { by, life, ticket, query });
            }
            Action::Validate { sighash, block, .. } => {
                let at = self.soon();
                self.agenda.plan(at, Happening::ToValidate { by, life, sighash, block });
            }
            Action::SignAcceptance(order) => {
                self.check_order(by, &order);
                let now = self.now;
                self.trace.tell(|| format!("{} signer {by} orders {order:?}", now.as_millis()));
                let at = self.now.plus(Millis::new(self.rng.between(1, 20)));
                self.agenda.plan(at, Happening::ToSign { by, life, order });
            }
            // The simulated chain begins in epoch 3.
            Action::SignMock { .. } => self.complain("a mock proposal is signed".to_owned()),
            Action::Reject { cycle, slot, key, rejection } => {
                self.sign_rejection(by, (cycle, slot, key), *rejection);
            }
            Action::Publish { cycle, slot, key, message } => {
                self.post(by, Letter { cycle, slot, key, message, attempts: 0 });
            }
            Action::Upload { block } => {
                let at = self.soon();
                self.agenda.plan(at, Happening::ToUpload { by, life, block });
            }
            Action::ReadSlots { cycle, slots } => {
                let at = self.soon();
                self.agenda.plan(at, Happening::SlotsRead { by, life, cycle, slots });
            }
        }
    }

    fn check_order(&mut self, by: usize, order: &AcceptanceOrder) {
        let machine = &self.signers[by];
        let cycle = machine.store.record(&order.sighash).map(|record| record.cycle);
        let Some(set) = cycle.and_then(|cycle| self.chain.stacker_set(cycle)) else {
            self.complain(format!("signer {by} signs a block of no known cycle: {order:?}"));
            return;
        };
        if set.slot_of(&order.key).is_none() {
            self.complain(format!("signer {by} signs with a key that has no seat: {order:?}"));
            return;
        }
        let ballot = Ballot { store: &machine.store, set: &set, own: order.key };
        if let Err(what) = self.checks.judge_order(by, order, &ballot) {
            self.complain(what);
        }
    }

    /// The vault records and signs; the signature may be lost on its way back.
    pub(super) fn sign(&mut self, by: usize, life: u32, order: &AcceptanceOrder) {
        let machine = &mut self.signers[by];
        if machine.life != life || machine.core.is_none() {
            return;
        }
        let request = AcceptanceRequest {
            header: order.header.clone(),
            burn_height: order.burn_height,
            overriding: order.overriding.iter().map(override_of).collect(),
            at: order.at.as_unix(),
        };
        let sighash = order.sighash;
        let event = match machine.vault_of(&order.key).sign_acceptance(&request) {
            Ok(signature) => {
                let fresh_for = self.timeouts.tenure_last_block.get();
                if let Err(what) = self.checks.signed(by, order, signature, fresh_for) {
                    self.complain(what);
                }
                Event::Signed { sighash, signature }
            }
            Err(SignError::Conflict { rival, .. }) => {
                let at = self.checks.signed_at(by, &rival);
                self.complain(format!(
                    "signer {by} asks its vault for {sighash} and has forgotten {rival} of {at:?}"
                ));
                Event::SigningRefused { sighash, rival }
            }
            Err(error) => return self.complain(format!("the vault of signer {by}: {error}")),
        };
        let at = self.now.plus(Millis::new(self.rng.between(1, 20)));
        let arrives = Happening::Arrives { to: by, life: Some(life), event: Box::new(event) };
        self.agenda.plan(at, arrives);
        if self.rng.percent(self.weather.crashes_at_promises) {
            self.crash(by);
        }
    }

    fn sign_rejection(
        &mut self,
        by: usize,
        (cycle, slot, key): (RewardCycle, SlotId, PublicKey),
        mut rejection: BlockRejected,
    ) {
        let (sighash, chain_id) = (rejection.sighash, rejection.chain_id);
        let request = RejectionRequest { sighash, chain_id, at: self.now.as_unix() };
        match self.signers[by].vault_of(&key).sign_rejection(&request) {
            Ok(signature) => rejection.signature = signature,
            Err(error) => return self.complain(format!("signer {by} rejects {sighash}: {error}")),
        }
        let message = SignerMessage::BlockResponse(BlockResponse::Rejected(rejection));
        self.post(by, Letter { cycle, slot, key, message: Box::new(message), attempts: 0 });
    }

    /// Hands a message to its lane.
    fn post(&mut self, by: usize, mut letter: Letter) {
        let is_old = by < self.plan.old_signers;
        if let SignerMessage::StateMachineUpdate(update) = &mut *letter.message
            && is_old
        {
            update.supported_version = 1;
            update.active_version = update.active_version.min(1);
        }
        let soon = self.soon();
        let Some(lane) = letter.message.lane() else { return };
        let machine = &mut self.signers[by];
        let at = machine.lanes.get(&lane).copied().unwrap_or_default().max(soon);
        machine.lanes.insert(lane, at);
        let life = machine.life;
        self.agenda.plan(at, Happening::ToWrite { by, life, letter });
    }

    /// A publisher writes a message into its slot, and corrects the slot's version if it must.
    pub(super) fn write(&mut self, by: usize, life: u32, mut letter: Letter) {
        let machine = &mut self.signers[by];
        if machine.life != life || machine.core.is_none() {
            return;
        }
        letter.attempts += 1;
        let Some(lane) = letter.message.lane() else { return };
        if !self.nodes[machine.node].is_up {
            if letter.attempts < MAX_ATTEMPTS {
                let at = self.now.plus(Millis::new(self.rng.between(300, 900)));
                self.agenda.plan(at, Happening::ToWrite { by, life, letter });
            }
            return;
        }
        if let Err(what) = Checks::judge_message(&letter.message, &machine.store) {
            return self.complain(format!("signer {by}: {what}"));
        }
        let contract = SignersContract::new(letter.cycle, lane);
        let place = (contract, letter.slot);
        let slot_version = machine.versions.get(&place).copied().unwrap_or_default().next();
        machine.versions.insert(place, slot_version);
        let slot_id = letter.slot;
        let message = SignerMessage::clone(&letter.message);
        let request = ChunkRequest { contract, slot_id, slot_version, message };
        let chunk = match machine.vault_of(&letter.key).sign_chunk(&request) {
            Ok(chunk) => chunk,
            Err(SignError::ContradictsAcceptance { .. }) => {
                // The block was accepted while its rejection waited to be written.
                self.coverage.outdated_rejections += 1;
                return;
            }
            Err(error) => return self.complain(format!("the vault of signer {by}: {error}")),
        };
        let ack = self.chain.put_chunk(StackerDb::Signers(contract), &chunk);
        if ack.accepted {
            self.broadcast(contract.parity, letter.key, slot_version, &letter.message);
        } else if let Some(stored) =
            ack.metadata.filter(|stored| stored.slot_version >= slot_version)
        {
            self.signers[by].versions.insert(place, stored.slot_version);
            self.coverage.stale_chunks += 1;
            self.agenda.plan(self.now, Happening::ToWrite { by, life, letter });
        }
    }

    /// A node answers, or it does not.
    pub(super) fn asked(&mut self, by: usize, life: u32, ticket: Ticket, query: Query) {
        let node = &self.nodes[self.signers[by].node];
        let answer = if !node.is_up || self.rng.percent(self.weather.unanswered) {
            self.coverage.unanswered_questions += 1;
            Err(NodeFailure { text: "the node cannot be reached".to_owned() })
        } else {
            answer(&self.versions[node.seen].chain, &query)
        };
        let answer = self.script.answer(self.signers[by].node, &query, answer);
        let event = Box::new(Event::Answered { ticket, query, answer });
        let at = self.soon();
        self.agenda.plan(at, Happening::Arrives { to: by, life: Some(life), event });
    }
}

fn override_of((sighash, reason): &(countersign_wire::Sighash, OverrideReason)) -> Override {
    let rule = match reason {
        OverrideReason::Stale => OverrideRule::Stale,
        OverrideReason::NotLive => OverrideRule::NotLive,
        OverrideReason::Permitted => OverrideRule::Permitted,
    };
    Override { sighash: *sighash, rule }
}
