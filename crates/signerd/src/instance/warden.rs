//! Keeps the gate: hears every chunk of our key, and every word about who is to sign.
//!
//! It belongs to the vault's thread, beside the vault, and is the one owner of gate and book.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_signer::Timestamp;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{Sighash, SlotVersion, UnixSeconds};
use tokio::sync::watch;

use super::book::{Author, Book, BookError, Entry};
use super::compare::{Comparison, Decision, Outcome};
use super::gate::{Gate, Why};
use super::seen::Seen;
use super::view::InstanceView;
use crate::clock::{now, wall_time};
use crate::metrics::Metrics;
use crate::readiness::Permission;

/// Keeps gate and book.
pub(crate) struct Warden {
    gate: Gate,
    book: Book,
    comparison: Comparison,
    /// Until when chunks that we do not know are taken for what was there before us.
    settling: Settling,
    /// When another instance was heard last to say something new, and what.
    heard: Option<(Timestamp, String)>,
    /// While the floor is waited out: what is gone back to if the other instance is heard, or the vault refuses.
    promoted_from: Option<Gate>,
    view: watch::Sender<InstanceView>,
    metrics: Arc<Metrics>,
    permission: watch::Sender<Permission>,
    has_told: bool,
    /// Whether somebody reads our slots. Nobody does for a dry run, which alone begins with an open gate.
    is_watched: bool,
}

/// Until when chunks of our key may be what somebody wrote before, and not what somebody writes now.
#[derive(Clone, Copy, Debug)]
enum Settling {
    /// Until a while after our slots were read for the first time.
    UntilLook(Duration),
    /// Until then.
    Until(Instant),
    /// No longer.
    Over,
}

/// What a chunk of our key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing.
    Fine,
    /// Signing must end, now and durably. The gate is closed already.
    Freeze {
        /// Why, for a human.
        reason: String,
    },
}

impl Warden {
    /// A warden with this gate. A blank book knows nothing of the time before it, and one that is behind nothing
    /// of what another instance wrote since, so what is in our slots at first is taken as it is, for a tenth of
    /// the time that is listened.
    pub(crate) fn new(
        gate: Gate,
        book: Book,
        metrics: Arc<Metrics>,
        permission: watch::Sender<Permission>,
    ) -> Self {
        let settling = match gate.left() {
            Some(listening) if book.is_blank() || book.is_behind() => {
                Settling::UntilLook((listening / 10).min(MAX_SETTLING))
            }
            None if !gate.is_open() => Settling::UntilLook(Duration::ZERO),
            _ => Settling::Over,
        };
        let view = watch::Sender::new(InstanceView::of(&gate));
        let warden = Self {
            is_watched: !gate.is_open(),
            gate,
            book,
            comparison: Comparison::default(),
            settling,
            heard: None,
            promoted_from: None,
            view,
            metrics,
            permission,
            has_told: false,
        };
        tracing::info!(state = warden.gate.state().label(), "{}", warden.gate);
        warden.show();
        warden
    }

    /// What others may know.
    pub(crate) fn view(&self) -> watch::Receiver<InstanceView> {
        self.view.subscribe()
    }

    /// The gate.
    pub(crate) const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether an order may go on to the vault. If not, it is counted, and told once.
    pub(crate) fn lets_pass(&mut self, payload: &'static str) -> bool {
        if self.gate.is_open() {
            return true;
        }
        self.metrics.instance.withheld.get_or_create(&vec![("payload", payload)]).inc();
        if !std::mem::replace(&mut self.has_told, true) {
            tracing::info!(payload, state = self.gate.state().label(), "not signed: {}", self.gate);
        }
        false
    }

    /// The version for our next chunk, which is above every other and at least `wish`.
    pub(crate) fn next_version(&self, wish: SlotVersion) -> SlotVersion {
        self.book.next_version(wish)
    }

    /// Notes a chunk that was signed, before it leaves.
    pub(crate) fn write(&mut self, chunk: &Chunk) -> Result<(), BookError> {
        self.book.write(Entry::of(&chunk.metadata()))
    }

    /// Does what can be done while nobody waits.
    pub(crate) fn tidy(&mut self) -> Result<(), BookError> {
        self.book.sync()
    }

    /// Ends a run. If it ended signing, the next start knows that nobody else was to sign until then, and listens for
    /// no longer than one look takes. The end of a standby, or of a start that was still listening, says nothing of
    /// the kind.
    pub(crate) fn end(&mut self) -> Result<(), BookError> {
        if self.gate.is_open() { self.book.close() } else { Ok(()) }
    }

    /// Hears a chunk of our key.
    pub(crate) fn hear(&mut self, seen: &Seen) -> Result<Finding, BookError> {
        let entry = seen.entry();
        let author = self.book.judge(&entry);
        if author != Author::Ours && self.gate.follows_another() {
            self.compare_theirs(seen);
        }
        if author != Author::Foreign {
            return Ok(Finding::Fine);
        }
        if self.is_settling() {
            return self.absorb(entry);
        }
        self.heard = Some((now(), seen.to_string()));
        match &self.gate {
            Gate::Standby | Gate::Demoted | Gate::Frozen { .. } => self.absorb(entry),
            Gate::Listening { why: Why::Floor, .. } => {
                self.absorb(entry)?;
                self.call_off(format!("the other instance is not lost: it wrote {seen}"));
                Ok(Finding::Fine)
            }
            Gate::Open | Gate::Listening { .. } => {
                let reason = format!("somebody else signed with this key: {seen}");
                self.turn(Gate::Frozen { reason: reason.clone() });
                Ok(Finding::Freeze { reason })
            }
        }
    }

    /// The freeze that this chunk has led to is on the disk. It is not to lead to another one: whoever promotes
    /// this instance again knows of it, and it stays in its slot until we write there.
    pub(crate) fn frozen_by(&mut self, seen: &Seen) -> Result<(), BookError> {
        let entry = seen.entry();
        self.book.raise_base(entry.slot, entry.version)
    }

    /// What another instance was heard to say after this time, which is by its own clock.
    pub(crate) fn heard_after(&self, time: UnixSeconds) -> Option<String> {
        let (at, word) = self.heard.as_ref()?;
        let ago = now().since(*at).get() / 1000;
        let latest = time.get().saturating_add(CLOCKS_DIFFER_BY);
        (wall_time().get().saturating_sub(ago) > latest).then(|| word.clone())
    }

    /// Our slots were read, beginning at `begun`, and each chunk of our key in them was heard. Opens a gate that
    /// has listened for long enough, unless it is a promotion's: then the vault has the last word.
    pub(crate) fn look_ended(&mut self, begun: Instant) -> Looked {
        if let Settling::UntilLook(after) = self.settling {
            self.settling = Settling::Until(Instant::now() + after);
        }
        for (sighash, outcome) in self.comparison.overdue(Instant::now()) {
            self.tell_outcome(sighash, outcome);
        }
        if !self.gate.has_listened(begun) {
            return Looked::Done;
        }
        if self.promoted_from.is_some() {
            return Looked::PromotionDue;
        }
        self.turn(Gate::Open);
        Looked::Done
    }

    /// The vault lets the key sign: a promotion that was due has come to pass.
    pub(crate) fn open(&mut self) {
        self.turn(Gate::Open);
    }

    /// A promotion does not come to pass: this instance is again what it was before.
    pub(crate) fn call_off(&mut self, why: String) {
        tracing::error!("the promotion is called off: {why}");
        let before = self.promoted_from.take().unwrap_or(Gate::Standby);
        self.turn(before);
        self.view.send_modify(|view| view.called_off = Some(why));
    }

    /// The process stood still, or its machine did. Meanwhile another instance may have taken its place, so our
    /// slots are read before anything more is signed.
    pub(crate) fn stood_still(&mut self) {
        if self.is_watched && self.gate.is_open() {
            self.turn(Gate::listening(Duration::ZERO, Why::CleanStart));
        }
    }

    /// What we would have decided about a block.
    pub(crate) fn compare_ours(&mut self, sighash: Sighash, decision: Decision) {
        if self.gate.follows_another()
            && let Some(outcome) = self.comparison.ours(sighash, decision)
        {
            self.tell_outcome(sighash, outcome);
        }
    }

    /// The other instance is proven to have stopped: this one signs from now on, or after it has listened for so
    /// long. What the other wrote last may still be on its way to our node, so a few versions more count as its own.
    /// If our slots were not read yet, so does what is in them, and nothing is signed before they are: until then
    /// nobody could tell that somebody else goes on.
    pub(crate) fn promote(&mut self, listening: Duration) -> Result<(), BookError> {
        for (slot, version) in self.book.bases() {
            let last = SlotVersion::new(version.get().saturating_add(ON_THEIR_WAY));
            self.book.raise_base(slot, last)?;
        }
        let is_blind = matches!(self.settling, Settling::UntilLook(_));
        self.settling = if is_blind { Settling::UntilLook(MAX_SETTLING) } else { Settling::Over };
        self.turn(match (is_blind, listening.is_zero()) {
            (false, true) => Gate::Open,
            (true, true) => Gate::listening(Duration::ZERO, Why::CleanStart),
            (_, false) => Gate::listening(listening, Why::Start),
        });
        Ok(())
    }

    /// The other instance is lost: signs after `floor`, unless it is heard.
    pub(crate) fn wait_out(&mut self, floor: Duration) {
        let grace = (floor / 10).min(MAX_SETTLING);
        self.settling = Settling::Until(Instant::now() + grace);
        let before = std::mem::replace(&mut self.gate, Gate::listening(floor, Why::Floor));
        // Whoever says it twice is still promoted from where it was at first.
        self.promoted_from.get_or_insert(before);
        self.after_turn();
    }

    /// Stops.
    pub(crate) fn close(&mut self, gate: Gate) {
        self.turn(gate);
    }

    fn is_settling(&mut self) -> bool {
        match self.settling {
            Settling::UntilLook(_) => true,
            Settling::Until(until) if Instant::now() < until => true,
            Settling::Until(_) => {
                self.settling = Settling::Over;
                false
            }
            Settling::Over => false,
        }
    }

    fn absorb(&mut self, entry: Entry) -> Result<Finding, BookError> {
        self.book.raise_base(entry.slot, entry.version)?;
        Ok(Finding::Fine)
    }

    fn compare_theirs(&mut self, seen: &Seen) {
        if let Some((sighash, decision)) = seen.decision()
            && let Some(outcome) = self.comparison.theirs(sighash, decision)
        {
            self.tell_outcome(sighash, outcome);
        }
    }

    fn tell_outcome(&self, sighash: Sighash, outcome: Outcome) {
        self.metrics.instance.compared.get_or_create(&vec![("outcome", outcome.label())]).inc();
        match outcome {
            Outcome::Agreed => {
                tracing::info!(%sighash, "this instance would have decided as the active one did");
            }
            Outcome::Differs | Outcome::OnlyOurs | Outcome::OnlyTheirs => tracing::warn!(
                %sighash,
                outcome = outcome.label(),
                "this instance would not have decided as the active one did"
            ),
        }
        self.view.send_modify(|view| view.comparison.count(outcome));
    }

    fn turn(&mut self, gate: Gate) {
        self.promoted_from = None;
        self.gate = gate;
        self.after_turn();
    }

    fn after_turn(&mut self) {
        self.has_told = false;
        tracing::info!(state = self.gate.state().label(), "{}", self.gate);
        self.view.send_modify(|view| view.turn(&self.gate));
        self.show();
    }

    fn show(&self) {
        let state = self.gate.state();
        self.metrics.instance.show(state);
        self.permission.send_replace(state.permission());
    }
}

/// What a look at our slots has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// Nothing is left to do.
    Done,
    /// The floor is waited out. The gate is closed until the vault lets the key sign.
    PromotionDue,
}

/// What somebody wrote right before may reach our node this much later.
const MAX_SETTLING: Duration = Duration::from_secs(5);
/// How many seconds the clocks of two hosts may differ by, and a chunk take from one to the other.
const CLOCKS_DIFFER_BY: u64 = 10;
/// How many chunks of an instance that has stopped may not have reached our node yet.
const ON_THEIR_WAY: u32 = 64;
