//! The loop: one event in, one step out. Commit what the step wants remembered, then do what it
//! wants done, then tell people. There is no decision and no network wait in here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_node::CallbackQueue;
use countersign_ops::watchdog::Pulse;
use countersign_signer::{Event, Signer, Step, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backup::CopyWanted;
use crate::clock::{WallClock, millis, now};
use crate::decisions::{DecisionLog, LogError};
use crate::effects::Effects;
use crate::health::NodeHealth;
use crate::intake::{Intake, Reading};
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::onlookers::Onlookers;
use crate::readiness::Watcher;
use crate::recorder::Recorder;
use crate::status::Teller;
use crate::store::{Store, StoreError};

/// What cannot be remembered any more, so that nothing more is decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Decisions(#[from] LogError),
}

/// Everything that the loop owns.
pub(crate) struct Drive {
    pub(crate) signer: Signer,
    pub(crate) store: Store,
    pub(crate) decisions: DecisionLog,
    pub(crate) recorder: Recorder,
    pub(crate) effects: Effects,
    pub(crate) observer: Observer,
    pub(crate) onlookers: Onlookers,
    pub(crate) health: NodeHealth,
    pub(crate) intake: Intake,
    pub(crate) callbacks: CallbackQueue,
    pub(crate) inbox: mpsc::Receiver<Event>,
    /// Who wants a copy of the store.
    pub(crate) copies: mpsc::Receiver<CopyWanted>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Watcher,
    pub(crate) teller: Teller,
    pub(crate) pulse: Pulse,
    /// Longest pause between two deadlines; a reload may change it.
    pub(crate) tick: watch::Receiver<Duration>,
    pub(crate) wall_clock: WallClock,
    /// When the core was last told that time has passed.
    pub(crate) woken: Instant,
    /// When the store was last tidied up, and the state of the core shown.
    pub(crate) tidied: Instant,
}

impl Drive {
    /// Takes up what `first` has left over from before, then runs until `stop` is cancelled. A store
    /// or a log that cannot be written ends it at once, with nothing of the step done.
    pub(crate) async fn run(
        mut self,
        first: Step,
        stop: CancellationToken,
    ) -> Result<(), DriveError> {
        self.apply(first, now())?;
        self.metrics.proposed.begin();
        let mut reading = None;
        let (mut awake, mut turn) = (now(), Instant::now());
        while !stop.is_cancelled() {
            self.pulse.beat();
            if let Some(ahead) = self.wall_clock.news() {
                self.handle(Event::ClockSet { ahead })?;
            }
            self.meet_deadline()?;
            let pause = self.until_deadline();
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                heard = self.effects.next_event() => Some(heard),
                Some(brought) = self.inbox.recv() => Some(brought),
                said = next_word(&mut reading, &self.callbacks, &self.intake) => said,
                Some(wanted) = self.copies.recv() => {
                    // Whoever asked may have gone away.
                    let _ = wanted.send(self.store.copy());
                    None
                }
                () = sleep(pause) => None,
            };
            if now().since(awake).get() > millis(self.tick().min(STOPPED_FOR) + STOPPED_FOR) {
                tracing::warn!("the process stood still; reading the slots again");
                self.effects.vault.stood_still();
                self.handle(Event::Resumed)?;
            }
            if let Some(event) = event {
                self.handle(event)?;
            }
            awake = now();
            // Nobody else runs while there is always something to do here, and the node is to be
            // answered all the same.
            if turn.elapsed() > MAX_TURN {
                yield_now().await;
                turn = Instant::now();
            }
        }
        Ok(())
    }

    /// Deadlines come before everything else, so that no flood of callbacks delays them; but not
    /// faster than one per [`MIN_PAUSE`], whatever the core asks for.
    fn meet_deadline(&mut self) -> Result<(), DriveError> {
        let pause = self.woken.elapsed();
        let is_due = self.signer.next_deadline().is_some_and(|deadline| deadline <= now());
        if (is_due && pause >= MIN_PAUSE) || pause >= self.tick() {
            self.woken = Instant::now();
            self.handle(Event::Deadline)?;
        }
        if self.tidied.elapsed() >= TIDY_EVERY {
            self.tidied = Instant::now();
            self.store.tidy()?;
            self.decisions.check()?;
            self.metrics
                .proposed
                .show_core(self.signer.validations_pending(), self.signer.support());
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), DriveError> {
        let begun = Instant::now();
        self.health.observe(&event);
        self.metrics.events.get_or_create(&vec![("kind", label(&event))]).inc();
        let at = now();
        self.readiness.hear(&event, at);
        self.onlookers.hear(&event, at);
        self.teller.hear(&event, at);
        let heard = self.recorder.hear(at, &event);
        let step = self.signer.handle(event, at);
        self.recorder.record(heard, &step);
        self.apply(step, at)?;
        self.metrics.step_seconds.observe(begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn apply(&mut self, step: Step, at: Timestamp) -> Result<(), DriveError> {
        self.store.commit(&step.writes)?;
        self.decisions.record(at, &step.notes)?;
        for action in step.actions {
            self.effects.perform(action);
        }
        self.observer.report(&step.notes);
        self.readiness.note(&step.notes, at);
        self.teller.note(&step.notes, at);
        self.store.count(&self.onlookers.note(&step.notes))?;
        Ok(())
    }

    fn tick(&self) -> Duration {
        (*self.tick.borrow()).max(MIN_TICK)
    }

    /// Until the core wants to be woken, but no longer than a tick, nor than the watchdog can wait.
    fn until_deadline(&self) -> Duration {
        let tick = self.tick().saturating_sub(self.woken.elapsed()).min(BEAT_EVERY);
        let due = self.signer.next_deadline().map(|deadline| deadline.since(now()).get());
        due.map_or(tick, |due| tick.min(Duration::from_millis(due))).max(MIN_PAUSE)
    }
}

/// The next thing that the callbacks say; nothing for a chunk that is skipped. What was begun to be
/// read stays in `reading`, so dropping the future loses nothing.
async fn next_word(
    reading: &mut Option<Reading>,
    callbacks: &CallbackQueue,
    intake: &Intake,
) -> Option<Event> {
    loop {
        if let Some(word) = reading.as_mut().and_then(Iterator::next) {
            return word;
        }
        *reading = Some(intake.read(callbacks.next().await.callback));
    }
}

/// What kind of event it is, for the metric.
const fn label(event: &Event) -> &'static str {
    match event {
        Event::Deadline => "deadline",
        Event::Resumed => "resumed",
        Event::NodeSwitched => "node_switched",
        Event::ClockSet { .. } => "clock_set",
        Event::BurnBlock(_) => "burn_block",
        Event::StacksBlock(_) => "stacks_block",
        Event::Verdict(_) => "verdict",
        Event::Proposal(_) => "proposal",
        Event::MockProposal(_) => "mock_proposal",
        Event::Pushed(_) => "pushed",
        Event::Peer { .. } => "peer",
        Event::Answered { .. } => "answered",
        Event::ValidationSubmitted { .. } => "validation_submitted",
        Event::Signed { .. } => "signed",
        Event::SigningRefused { .. } => "signing_refused",
        Event::Uploaded { .. } => "uploaded",
    }
}

/// A loop that comes round this much later than its tick was stopped, or its machine was. However long the tick, it
/// comes round every [`BEAT_EVERY`].
const STOPPED_FOR: Duration = Duration::from_secs(5);
/// How long the loop may keep the thread from the listener and the others.
const MAX_TURN: Duration = Duration::from_millis(2);
/// Short enough for a small log, and long enough to hit hardly any decision.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// How long the loop may sleep: it shows that it is alive by coming round.
const BEAT_EVERY: Duration = Duration::from_millis(100);
/// An `event_timeout_ms` of zero would spin.
const MIN_TICK: Duration = Duration::from_millis(10);
const MIN_PAUSE: Duration = Duration::from_millis(1);
