//! Whether each block of the chain carries our signature, and if not, why.
//!
//! The loop tells what it hears; the node's callback for a block that became part of the chain has the
//! signatures of its header. Nothing depends on this: it counts and tells, and decides nothing.

mod cause;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use countersign_signer::{Event, Note, Timestamp};
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
    height: StacksHeight,
    sighash: Sighash,
    cause: Cause,
    /// When the node announced it, in seconds since 1970.
    at: u64,
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

/// Keeps account of the blocks of the chain.
#[derive(Debug)]
pub(crate) struct Attendance {
    metrics: Arc<Metrics>,
    keys: Vec<PublicKey>,
    permission: watch::Receiver<Permission>,
    started: Timestamp,
    seats: BTreeMap<RewardCycle, PublicKey>,
    current: Option<RewardCycle>,
    /// How far we came with each block that is not known to be part of the chain.
    progress: BTreeMap<Sighash, Progress>,
    order: VecDeque<Sighash>,
    /// Blocks up to here are accounted for.
    counted: Option<StacksHeight>,
    misses: watch::Sender<Misses>,
}

impl Attendance {
    /// The account of a signer that has just started.
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
            counted: None,
            misses,
        }
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
                Note::Registered { cycle, key, .. } => {
                    self.seats.insert(*cycle, *key);
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
        if self.counted.is_some_and(|counted| block.height <= counted) {
            return;
        }
        self.counted = Some(block.height);
        let has_seat = self.current.is_some_and(|cycle| self.seats.contains_key(&cycle));
        if !has_seat || block.signatures.is_empty() {
            return;
        }
        self.metrics.chain.count_adopted();
        let is_ours = |key: PublicKey| self.keys.contains(&key);
        let digest = sighash.as_bytes();
        if block.signatures.iter().filter_map(|each| each.recover(digest)).any(is_ours) {
            return;
        }
        let cause = self.cause(block, &sighash);
        self.metrics.chain.count_missed(cause);
        let (height, text) = (block.height.get(), cause.to_string());
        tracing::info!(%sighash, height, cause = cause.label(), "a block has no signature of ours: {text}");
        let missed = Missed { height: block.height, sighash, cause, at: at.as_millis() / 1000 };
        self.misses.send_modify(|misses| {
            misses.push_back(missed);
            if misses.len() > MAX_TOLD {
                misses.pop_front();
            }
        });
    }

    fn cause(&self, block: &NewBlock, sighash: &Sighash) -> Cause {
        if *self.permission.borrow() != Permission::Active {
            return Cause::NotAllowed;
        }
        match self.progress.get(sighash) {
            Some(progress) => progress.cause(),
            None if block.time.is_some_and(|time| time < self.started.as_unix()) => Cause::Down,
            None => Cause::NotProposed,
        }
    }
}

/// How many blocks are kept that are not known to be part of the chain: far more than are proposed at once.
const MAX_OPEN: usize = 512;
/// How many missed blocks are told.
const MAX_TOLD: usize = 100;
