//! Whether each block of the chain carries our signature, and if not, why.
//!
//! The loop tells what it hears; the node's callback for a block that became part of the chain has the
//! signatures of its header. Nothing depends on this: it counts and tells, and decides nothing.

mod cause;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use countersign_signer::{BlockState, Event, Note, Record, Timestamp};
use countersign_wire::event::NewBlock;
use countersign_wire::{PublicKey, RewardCycle, Sighash, StacksHeight};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::readiness::Permission;

pub(crate) use cause::Cause;
use cause::Progress;

/// A block of the chain without our signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missed {
    pub(crate) height: StacksHeight,
    pub(crate) sighash: Sighash,
    pub(crate) cause: Cause,
    /// When the node announced it, in seconds since 1970.
    pub(crate) at: u64,
}

impl Missed {
    /// The block.
    pub(crate) const fn sighash(&self) -> &Sighash {
        &self.sighash
    }

    /// Why, for people.
    pub(crate) fn text(&self) -> String {
        self.cause.to_string()
    }

    /// The entry for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "height": self.height.get(),
            "block": self.sighash.to_string(),
            "cause": self.cause.label(),
            "text": self.cause.to_string(),
            "at": self.at,
        })
    }
}

/// The latest blocks that we missed, the newest last.
pub(crate) type Misses = VecDeque<Missed>;

/// What is remembered of the blocks of the chain across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Blocks up to here are accounted for.
    pub(crate) height: Option<StacksHeight>,
    /// How many there were.
    pub(crate) adopted: u64,
    /// How many of them we missed, by the name of the cause.
    pub(crate) causes: BTreeMap<String, u64>,
    /// The latest that we missed.
    pub(crate) missed: Misses,
}

/// What one block adds to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Its height.
    pub(crate) height: StacksHeight,
    /// If we missed it.
    pub(crate) missed: Option<Missed>,
    /// What was missed up to here is told no more.
    pub(crate) forgotten: Option<StacksHeight>,
}

/// A block of the chain that is not counted yet.
#[derive(Debug)]
struct Adopted {
    height: StacksHeight,
    /// If it lacks our signature.
    missed: Option<Missed>,
}

/// Keeps account of the blocks of the chain.
#[derive(Debug)]
pub(crate) struct Attendance {
    metrics: Arc<Metrics>,
    keys: Vec<PublicKey>,
    permission: watch::Receiver<Permission>,
    started: Timestamp,
    /// Whether we have a seat, in the cycles of which that is known.
    seats: BTreeMap<RewardCycle, bool>,
    current: Option<RewardCycle>,
    /// How far we came with each block that is not known to be part of the chain.
    progress: BTreeMap<Sighash, Progress>,
    order: VecDeque<Sighash>,
    /// What was answered before this process started, and did not help.
    answered: BTreeMap<Sighash, Cause>,
    /// Blocks up to here were heard of.
    heard: Option<StacksHeight>,
    /// They are counted when it is known whether we have a seat: after a start the node posts what came meanwhile
    /// before it has told that.
    adopted: VecDeque<Adopted>,
    misses: watch::Sender<Misses>,
}

impl Attendance {
    /// The account of a signer that has just started; `resume` takes up an earlier one.
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        keys: Vec<PublicKey>,
        permission: watch::Receiver<Permission>,
        started: Timestamp,
        misses: watch::Sender<Misses>,
    ) -> Self {
        Self {
            metrics,
            keys,
            permission,
            started,
            seats: BTreeMap::new(),
            current: None,
            progress: BTreeMap::new(),
            order: VecDeque::new(),
            answered: BTreeMap::new(),
            heard: None,
            adopted: VecDeque::new(),
            misses,
        }
    }

    /// Goes on with what was counted before, and with what had been answered then.
    #[must_use]
    pub(crate) fn resume(mut self, account: Account, records: &[Record]) -> Self {
        self.heard = account.height;
        self.metrics.chain.resume(account.adopted, &account.causes);
        self.misses.send_replace(account.missed);
        let open = records.iter().filter(|record| record.state != BlockState::GloballyAccepted);
        let answered = |record: &Record| Some((record.sighash, Cause::answered(record)?));
        self.answered = open.filter_map(answered).collect();
        self
    }

    /// An event on its way to the core.
    pub(crate) fn hear(&mut self, event: &Event, at: Timestamp) {
        if let Event::StacksBlock(block) = event {
            self.on_adopted(block, at);
        }
    }

    /// What the core has to say.
    pub(crate) fn note(&mut self, notes: &[Note]) {
        for note in notes {
            match note {
                Note::Registered { cycle, .. } => {
                    self.seats.insert(*cycle, true);
                }
                Note::NotRegistered { cycle, .. } | Note::Watching { cycle, .. } => {
                    self.seats.insert(*cycle, false);
                }
                Note::CycleEnded { cycle } => {
                    self.seats.remove(cycle);
                }
                Note::BurnBlock { cycle: Some(cycle), .. } => self.current = Some(*cycle),
                _ => {
                    if let Some((sighash, progress)) = Progress::told_by(note) {
                        self.advance(sighash, progress);
                    }
                }
            }
        }
    }

    fn advance(&mut self, sighash: Sighash, progress: Progress) {
        if let Some(known) = self.progress.get_mut(&sighash) {
            *known = known.then(progress);
            return;
        }
        self.progress.insert(sighash, progress);
        self.order.push_back(sighash);
        if self.order.len() > MAX_OPEN {
            let oldest = self.order.pop_front();
            oldest.and_then(|sighash| self.progress.remove(&sighash));
        }
    }

    /// A node posts a block again after a restart, and when it has forked; it counts once.
    fn on_adopted(&mut self, block: &NewBlock, at: Timestamp) {
        let Some(sighash) = block.sighash else { return };
        if self.heard.is_some_and(|heard| block.height <= heard) {
            return;
        }
        self.heard = Some(block.height);
        if block.signatures.is_empty() || self.has_seat() == Some(false) {
            return;
        }
        let is_ours = |key: PublicKey| self.keys.contains(&key);
        let digest = sighash.as_bytes();
        let is_signed =
            block.signatures.iter().filter_map(|each| each.recover(digest)).any(is_ours);
        let height = block.height;
        let missed = (!is_signed).then(|| {
            let cause = self.cause(block, &sighash);
            Missed { height, sighash, cause, at: at.as_millis() / 1000 }
        });
        if self.adopted.len() >= MAX_OPEN {
            self.adopted.pop_front();
        }
        self.adopted.push_back(Adopted { height, missed });
    }

    /// Counts what was heard of, once it is known whether we have a seat. Gives back what is to be remembered.
    #[must_use]
    pub(crate) fn settle(&mut self) -> Vec<Counted> {
        let Some(has_seat) = self.has_seat() else { return Vec::new() };
        let adopted = std::mem::take(&mut self.adopted);
        if !has_seat {
            return Vec::new();
        }
        adopted.into_iter().map(|adopted| self.count(adopted)).collect()
    }

    /// Whether we have a seat in this cycle, once that is known.
    fn has_seat(&self) -> Option<bool> {
        self.seats.get(&self.current?).copied()
    }

    fn count(&self, Adopted { height, missed }: Adopted) -> Counted {
        self.metrics.chain.count_adopted();
        let mut forgotten = None;
        if let Some(missed) = &missed {
            self.metrics.chain.count_missed(missed.cause);
            let Missed { sighash, cause, .. } = missed;
            let (height, text) = (height.get(), cause.to_string());
            tracing::info!(%sighash, height, cause = cause.label(), "a block has no signature of ours: {text}");
            self.misses.send_modify(|misses| {
                misses.push_back(missed.clone());
                if misses.len() > MAX_TOLD {
                    forgotten = misses.pop_front().map(|oldest| oldest.height);
                }
            });
        }
        Counted { height, missed, forgotten }
    }

    fn cause(&self, block: &NewBlock, sighash: &Sighash) -> Cause {
        let is_older = block.time.is_some_and(|time| time < self.started.as_unix());
        if is_older {
            // Its proposal may have been kept for us and judged since, too late.
            return self.answered.get(sighash).copied().unwrap_or(Cause::Down);
        }
        if *self.permission.borrow() != Permission::Active {
            return Cause::NotAllowed;
        }
        self.progress.get(sighash).map_or(Cause::NotProposed, |progress| progress.cause())
    }
}

/// How many blocks are kept that are not known to be part of the chain, and how many wait to be counted: far more than
/// are proposed at once.
const MAX_OPEN: usize = 512;
/// How many missed blocks are told.
pub(crate) const MAX_TOLD: usize = 100;
