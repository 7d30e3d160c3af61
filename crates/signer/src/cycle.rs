//! One reward cycle in which we have a seat.

use std::collections::BTreeMap;

use countersign_wire::message::{StateMachineUpdate, UpdateContent};
use countersign_wire::{PublicKey, RewardCycle, Sighash, SignerSet, SlotId};

use crate::agreement::Views;
use crate::burn::BurnReports;
use crate::evaluation::Task;
use crate::machine::{Machine, View};
use crate::note::ViewChange;
use crate::params::SUPPORTED_VERSION;
use crate::reminder::Reminder;
use crate::replay::Replay;
use crate::time::Timestamp;

/// Whether we sign in a cycle.
#[derive(Clone, Debug)]
pub(crate) enum Seat {
    /// We do.
    Registered(Box<Cycle>),
    /// We do not; asked again at the next burn block.
    NotRegistered,
}

/// Where our seat in a cycle is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Which of our keys has it.
    pub(crate) key: PublicKey,
    /// Our index in the slot list.
    pub(crate) slot: SlotId,
    /// Our index in the reward set.
    pub(crate) index: SlotId,
}

/// A cycle in which we have a seat: who signs with us, and how everybody sees the chain.
#[derive(Clone, Debug)]
pub(crate) struct Cycle {
    pub(crate) number: RewardCycle,
    pub(crate) set: SignerSet,
    /// The key of ours that has the seat: all that we say in this cycle is signed with it.
    pub(crate) key: PublicKey,
    /// The slot that we write: our index in the slot list. A dry run's is after the last, and never
    /// written.
    pub(crate) slot: SlotId,
    /// Our index in the reward set, which is how our own votes are counted.
    pub(crate) index: SlotId,
    pub(crate) machine: Machine,
    pub(crate) replay: Replay,
    pub(crate) views: Views,
    /// A view has changed since held proposals were last judged.
    pub(crate) has_news: bool,
    pub(crate) reports: BurnReports,
    pub(crate) active_version: u64,
    pub(crate) published: Option<StateMachineUpdate>,
    /// Publishes our view again until the node echoes it.
    pub(crate) unheard: Reminder,
    /// Reads the slots again while the signers do not agree.
    pub(crate) unagreed: Reminder,
    pub(crate) cause: ViewChange,
    pub(crate) view_retry_at: Option<Timestamp>,
    pub(crate) inactivity_check_at: Option<Timestamp>,
    /// When our view was last published.
    pub(crate) published_at: Timestamp,
    /// When our view was last compared with the others'; taking the seat counts.
    pub(crate) compared_at: Timestamp,
    pub(crate) held: BTreeMap<Sighash, Task>,
}

/// How many proposals of a cycle may wait for the signers to agree.
pub(crate) const MAX_HELD: usize = 16;

impl Cycle {
    pub(crate) fn new(
        number: RewardCycle,
        set: SignerSet,
        Place { key, slot, index }: Place,
        now: Timestamp,
    ) -> Self {
        Self {
            number,
            set,
            key,
            slot,
            index,
            machine: Machine::Uninitialized,
            replay: Replay::Idle,
            views: Views::default(),
            has_news: false,
            reports: BurnReports::default(),
            active_version: SUPPORTED_VERSION,
            published: None,
            unheard: Reminder::default(),
            unagreed: Reminder::default(),
            cause: ViewChange::BurnBlock,
            view_retry_at: None,
            inactivity_check_at: None,
            published_at: now,
            compared_at: now,
            held: BTreeMap::new(),
        }
    }

    /// Our own update: the last view that we derived.
    pub(crate) fn own_update(&self) -> Option<StateMachineUpdate> {
        self.machine.last_view().map(|view| self.update_of(view))
    }

    /// The update that tells this view.
    pub(crate) fn update_of(&self, view: &View) -> StateMachineUpdate {
        StateMachineUpdate {
            active_version: self.active_version,
            supported_version: SUPPORTED_VERSION,
            content: UpdateContent {
                burn_block: view.burn.consensus_hash,
                burn_height: view.burn.height,
                miner: view.miner,
                replay_transactions: self.replay.transactions().to_vec(),
            },
        }
    }

    /// Lets our own view count among the others.
    pub(crate) fn count_own_view(&mut self) {
        if let Some(update) = self.own_update()
            && self.views.of(self.index) != Some(&update)
        {
            self.views.set(self.index, update);
            self.has_news = true;
        }
    }

    /// Adopts the version that the signers agree on; says which one it was before.
    pub(crate) fn negotiate(&mut self) -> Option<u64> {
        let agreed = self.views.version(&self.set)?;
        (agreed != self.active_version).then(|| std::mem::replace(&mut self.active_version, agreed))
    }
}
