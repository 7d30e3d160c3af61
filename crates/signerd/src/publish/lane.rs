//! One lane's task: takes messages in order and keeps at each until it is delivered or worthless.

use std::time::Duration;

use countersign_wire::stackerdb::Lane;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Outcome};
use super::queue::Queue;
use super::{Outgoing, label};
use crate::facts::describe;
use crate::instance::GateState;
use crate::retry::Backoff;

/// One lane's task.
pub(crate) struct LaneTask {
    lane: Lane,
    arrivals: mpsc::UnboundedReceiver<Outgoing>,
    queue: Queue,
    pub(super) courier: Courier,
    /// Why the node does not take anything at the moment; logged once.
    failing: Option<&'static str>,
}

/// How often a message has failed in ways that time does not mend.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    stale: u32,
    refused: u32,
}

impl Tries {
    fn may_be_refused_again(&mut self) -> bool {
        self.refused += 1;
        self.refused < MAX_REFUSED
    }
}

/// Whether to go on with a message.
enum Next {
    /// Nothing more is to be done about it.
    Done,
    /// It will never be delivered.
    GiveUp,
    /// At once, past the version that the slot has.
    Again,
    /// After a pause.
    Later,
    /// When this instance may sign.
    Held,
}

impl LaneTask {
    pub(super) fn new(arrivals: mpsc::UnboundedReceiver<Outgoing>, courier: Courier) -> Self {
        let lane = courier.lane;
        Self { lane, arrivals, queue: Queue::new(lane), courier, failing: None }
    }

    /// The lane's name.
    pub(crate) const fn name(&self) -> &'static str {
        label(self.lane)
    }

    /// Runs until `stop` is cancelled. Then what waits has [`FLUSH_TIME`] for one more try each.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                (outgoing, lost) = next(&mut self.queue, &mut self.arrivals) => {
                    self.count_lost(lost);
                    let Some(outgoing) = outgoing else { break };
                    if let Some(mut left) = self.deliver(outgoing, &stop).await {
                        let _ = timeout(FLUSH_TIME, self.courier.attempt(&mut left)).await;
                        break;
                    }
                }
            }
        }
        let flush = async {
            while let Some(mut outgoing) =
                self.queue.pop().or_else(|| self.arrivals.try_recv().ok())
            {
                let _ = self.courier.attempt(&mut outgoing).await;
            }
        };
        let _ = timeout(FLUSH_TIME, flush).await;
    }

    /// Keeps at a message. Gives it back if `stop` came first.
    async fn deliver(
        &mut self,
        mut outgoing: Outgoing,
        stop: &CancellationToken,
    ) -> Option<Outgoing> {
        let mut backoff = Backoff::up_to(MAX_PAUSE);
        let mut tries = Tries::default();
        loop {
            let mut turns = self.courier.delivery.vault.instance();
            let attempt = self.courier.attempt(&mut outgoing);
            let attempt = beside(&mut self.arrivals, &mut self.queue, attempt);
            let (outcome, lost) = tokio::select! {
                done = attempt => done,
                () = stop_and_wait(stop) => return None,
            };
            self.count_lost(lost);
            let next = self.assess(outcome, &mut tries);
            let is_held = matches!(next, Next::Held);
            match next {
                Next::Done => return None,
                Next::GiveUp => {
                    self.count_lost(1);
                    return None;
                }
                Next::Again => continue,
                Next::Later | Next::Held => {}
            }
            let pause = async {
                if is_held {
                    sleep(MIN_HOLD).await;
                    let opens = turns.wait_for(|view| view.state() == GateState::Open);
                    let _ = timeout(MAX_AGE, opens).await;
                } else {
                    sleep(backoff.pause()).await;
                }
            };
            let pause = beside(&mut self.arrivals, &mut self.queue, pause);
            let lost = tokio::select! {
                ((), lost) = pause => lost,
                () = stop.cancelled() => return Some(outgoing),
            };
            self.count_lost(lost);
            if self.queue.overtakes(&outgoing) {
                return None;
            }
            let is_old = outgoing.since.elapsed() > MAX_AGE;
            if is_held && is_old {
                return None;
            }
            if is_held {
                continue;
            }
            if is_old {
                tracing::warn!(lane = self.name(), "gave up a message that is ten minutes old");
                self.count_lost(1);
                return None;
            }
            self.count_retry();
        }
    }

    fn assess(&mut self, outcome: Outcome, tries: &mut Tries) -> Next {
        let lane = self.name();
        match outcome {
            Outcome::Delivered => {
                if self.failing.take().is_some() {
                    tracing::info!(lane, "messages are delivered to stackerdb again");
                }
                return Next::Done;
            }
            Outcome::Stale { stored } => return self.assess_stale(stored.get(), &mut tries.stale),
            Outcome::Failed(error) => {
                if self.failing != Some(error.kind()) {
                    let error_text = describe(&error);
                    tracing::warn!(lane, error = error_text, "{}", failure_phrase(self.lane));
                    self.failing = Some(error.kind());
                }
                if error.is_transient() || tries.may_be_refused_again() {
                    return Next::Later;
                }
                let error = describe(&error);
                tracing::error!(lane, error, "the node does not take our message; it is given up");
            }
            Outcome::Refused(code) => {
                // At the start of a cycle the node may be about to learn who owns the slots.
                if tries.may_be_refused_again() {
                    return Next::Later;
                }
                let reason = code.map(|code| code.to_string()).unwrap_or_default();
                tracing::error!(lane, reason, "the node refuses our message; it is given up");
            }
            // Its process, or its token: what was to be said is still worth saying.
            Outcome::Unsigned(error) if error.is_transient() => return Next::Later,
            Outcome::Unsigned(error) => {
                let error = describe(&error);
                tracing::error!(lane, error, "the vault does not sign our message; it is given up");
            }
            // Of what is said about blocks nothing is worth keeping; a view of the network is.
            Outcome::Withheld if self.lane == Lane::StateUpdates => return Next::Held,
            Outcome::Withheld | Outcome::Closed => return Next::Done,
        }
        Next::GiveUp
    }

    /// We read the slot's version before the first write, so somebody else has written since.
    fn assess_stale(&mut self, stored: u32, stale: &mut u32) -> Next {
        let lane = self.name();
        *stale += 1;
        self.count_retry();
        tracing::warn!(
            lane,
            stored,
            "Failed to send message to stackerdb due to wrong version number. Jumping past it"
        );
        if *stale < MAX_STALE {
            return Next::Again;
        }
        tracing::error!(
            lane,
            stored,
            "our slot always has a later version than we write; the message is given up"
        );
        Next::GiveUp
    }

    fn count_retry(&self) {
        let retries = &self.courier.delivery.metrics.publish_retries;
        retries.get_or_create(&vec![("lane", self.name())]).inc();
    }

    fn count_lost(&self, lost: u64) {
        let dropped = &self.courier.delivery.metrics.publish_dropped;
        dropped.get_or_create(&vec![("lane", self.name())]).inc_by(lost);
    }
}

/// The next message of the lane, and how many were lost.
async fn next(
    queue: &mut Queue,
    arrivals: &mut mpsc::UnboundedReceiver<Outgoing>,
) -> (Option<Outgoing>, u64) {
    let mut lost = 0;
    while let Ok(outgoing) = arrivals.try_recv() {
        lost += queue.push(outgoing);
    }
    match queue.pop() {
        Some(outgoing) => (Some(outgoing), lost),
        None => (arrivals.recv().await, lost),
    }
}

/// Does `work` and meanwhile moves arrivals into the bounded queue. Returns how many were lost.
async fn beside<T>(
    arrivals: &mut mpsc::UnboundedReceiver<Outgoing>,
    queue: &mut Queue,
    work: impl Future<Output = T>,
) -> (T, u64) {
    let mut work = std::pin::pin!(work);
    let mut lost = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return (done, lost),
            Some(outgoing) = arrivals.recv() => lost += queue.push(outgoing),
        }
    }
}

/// A write that has begun may end after the stop was asked for.
async fn stop_and_wait(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(FLUSH_TIME).await;
}

/// The reference's words for a failed write (`signer-behaviour.md` section 10).
const fn failure_phrase(lane: Lane) -> &'static str {
    match lane {
        Lane::Responses => "Failed to send block response to stacker-db; it is tried again",
        Lane::StateUpdates => "Failed to send signer update; it is tried again",
        Lane::PreCommits => "Failed to send block pre-commit; it is tried again",
    }
}

/// The vault may refuse for a while what the gate lets through.
const MIN_HOLD: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(5);
const MAX_AGE: Duration = Duration::from_mins(10);
/// How long a stop may wait for writes.
const FLUSH_TIME: Duration = Duration::from_secs(2);
/// How often the node may refuse a message, over about a second, before it makes room for others.
const MAX_REFUSED: u32 = 5;
/// How often a message jumps past somebody else's version.
const MAX_STALE: u32 = 8;
