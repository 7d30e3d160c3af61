//! Whether this signer does what it is for, as a ladder with coded reasons.
//!
//! The loop tells what it hears (`Watcher`); `Readiness::announce` turns that into the ladder, once
//! a second and whenever something changes, and tells the service manager, the log and the metrics.
//! Nothing depends on the ladder: it shows, and decides nothing.

mod climb;
mod facts;
mod ladder;
mod permission;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use countersign_ops::notify::Notifier;
use countersign_signer::{Event, Note, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::metrics::Metrics;

pub(crate) use facts::{Facts, Registration};
pub use ladder::{Ladder, Rung, Step};
pub use permission::Permission;

use climb::climb;

/// The ladder as it is now. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    facts: watch::Sender<Facts>,
    permission: watch::Sender<Permission>,
    ladder: watch::Sender<Ladder>,
}

/// Hears what the loop hears.
#[derive(Debug)]
pub(crate) struct Watcher(watch::Sender<Facts>);

impl Readiness {
    /// The ladder of a signer that has heard nothing yet.
    ///
    /// `permission` says what this instance may do with its key; whoever decides that has the sender.
    pub(crate) fn new(facts: Facts, permission: watch::Sender<Permission>) -> Self {
        let ladder = climb(&facts, *permission.borrow(), &Ladder::default(), now());
        Self { facts: watch::Sender::new(facts), permission, ladder: watch::Sender::new(ladder) }
    }

    /// For the loop, which tells what it hears.
    pub(crate) fn watcher(&self) -> Watcher {
        Watcher(self.facts.clone())
    }

    /// The ladder as it is now.
    pub(crate) fn ladder(&self) -> Ladder {
        self.ladder.borrow().clone()
    }

    /// Tells when the ladder changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Ladder> {
        self.ladder.subscribe()
    }

    /// Keeps the ladder up to date and tells of its changes until `stop` is cancelled.
    pub(crate) async fn announce(
        self,
        notifier: Arc<Notifier>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) {
        let (mut facts, mut permission) = (self.facts.subscribe(), self.permission.subscribe());
        let (mut status, mut told) = (String::new(), None);
        loop {
            let (ladder, registration) = {
                let (facts, permission) =
                    (facts.borrow_and_update(), permission.borrow_and_update());
                let ladder = climb(&facts, *permission, &self.ladder.borrow(), now());
                (ladder, facts.registration())
            };
            show_registration(&metrics, &registration);
            self.ladder.send_if_modified(|shown| {
                let is_news = *shown != ladder;
                shown.clone_from(&ladder);
                is_news
            });
            metrics.readiness.show(&ladder);
            let headline = ladder.headline();
            if status != headline {
                notifier.status(&headline);
                status = headline;
            }
            let missing = ladder.missing().map(|step| (step.rung, step.code.clone()));
            if told.as_ref() != Some(&missing) {
                say(&ladder);
                told = Some(missing);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = facts.changed() => {}
                _ = permission.changed() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }
}

impl Watcher {
    /// An event on its way to the core.
    pub(crate) fn hear(&self, event: &Event, at: Timestamp) {
        self.0.send_if_modified(|facts| facts.hear(event, at));
    }

    /// What the core has to say.
    pub(crate) fn note(&self, notes: &[Note], at: Timestamp) {
        for note in notes {
            self.0.send_if_modified(|facts| facts.note(note, at));
        }
    }
}

fn show_registration(metrics: &Metrics, registration: &Registration) {
    metrics.chain.show_registered(registration.current, registration.next);
    metrics.proposed.show_registered(registration.current, registration.next);
    if let Some(blocks) = registration.blocks_left {
        metrics.chain.show_blocks_left(blocks);
    }
}

/// One line when another rung is the first that is missing, or for another reason.
fn say(ladder: &Ladder) {
    match ladder.missing() {
        None => tracing::info!("the signer is ready: every rung of the ladder holds"),
        Some(Step { rung, code, text, .. }) => {
            tracing::info!(rung = rung.label(), reason = code, "the signer is not ready: {text}");
        }
    }
}

/// For what changes with time alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
