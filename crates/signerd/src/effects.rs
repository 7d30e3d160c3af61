//! What the core wants done: each action is handed to the task that does it, and nothing waits here.

use std::sync::Arc;

use countersign_node::{NodeClient, ValidationSubmission};
use countersign_signer::{Action, Event, NodeFailure, ReplaySet, Submission};
use countersign_wire::{ChainId, NakamotoBlock};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::facts::{answer, describe};
use crate::publish::{Outgoing, Publisher};
use crate::retry::while_unreachable;
use crate::sign::VaultHandle;
use crate::slots::SlotReaderHandle;
use crate::upload::UploaderHandle;

/// The hands of the core.
pub(crate) struct Effects {
    pub(crate) client: NodeClient,
    pub(crate) chain_id: ChainId,
    pub(crate) inbox: mpsc::Sender<Event>,
    pub(crate) vault: VaultHandle,
    pub(crate) publisher: Publisher,
    pub(crate) slots: SlotReaderHandle,
    pub(crate) uploader: UploaderHandle,
    pub(crate) tasks: Tasks,
}

/// Short tasks that each end with an event.
pub(crate) struct Tasks {
    tracker: TaskTracker,
    /// How many questions the node is asked at once.
    asking: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Tasks {
    /// No task yet; all of them end when `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        let asking = Arc::new(Semaphore::new(MAX_QUESTIONS));
        Self { tracker: TaskTracker::new(), asking, stop }
    }
}

impl Effects {
    /// Has `action` done.
    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Ask { ticket, query } if self.tasks.tracker.len() >= MAX_TASKS => {
                // The core asks again in its own time.
                let answer = Err(NodeFailure { text: CROWDED.to_owned() });
                self.spawn(async move { Some(Event::Answered { ticket, query, answer }) });
            }
            Action::Ask { ticket, query } => {
                let (client, asking) = (self.client.clone(), Arc::clone(&self.tasks.asking));
                self.spawn(async move {
                    let _turn = asking.acquire_owned().await;
                    let answer = answer(&client, query).await;
                    Some(Event::Answered { ticket, query, answer })
                });
            }
            Action::Validate { sighash, block, replay } => {
                let (client, chain_id) = (self.client.clone(), self.chain_id);
                self.spawn(async move {
                    let outcome = validate(&client, &block, chain_id, &replay).await;
                    Some(Event::ValidationSubmitted { sighash, outcome })
                });
            }
            Action::Upload { block } => self.uploader.upload(block),
            Action::SignAcceptance(order) => self.vault.accept(order),
            Action::Reject { cycle, slot, rejection } => self.vault.reject(cycle, slot, rejection),
            Action::Publish { cycle, slot, message } => {
                self.publisher.publish(Outgoing::new(cycle, slot, *message));
            }
            Action::ReadSlots { cycle, slots } => self.slots.read(cycle, slots),
        }
    }

    fn spawn(&self, task: impl Future<Output = Option<Event>> + Send + 'static) {
        let (inbox, stop) = (self.inbox.clone(), self.tasks.stop.clone());
        self.tasks.tracker.spawn(async move {
            let work = async {
                if let Some(event) = task.await {
                    // The loop is gone only when the daemon ends.
                    let _ = inbox.send(event).await;
                }
            };
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Asks the node to validate a block. Only a node that cannot be reached is asked again at once.
async fn validate(
    client: &NodeClient,
    block: &NakamotoBlock,
    chain_id: ChainId,
    replay: &ReplaySet,
) -> Submission {
    let replay = replay.transactions();
    match while_unreachable(|| client.validate_block(block, chain_id, replay)).await {
        Ok(ValidationSubmission::Accepted) => Submission::Accepted,
        Ok(ValidationSubmission::Busy) => Submission::Busy,
        Ok(ValidationSubmission::Refused { status, text }) => {
            Submission::Refused(format!("status {status}: {text}"))
        }
        Err(error) if error.is_transient() => Submission::Unreachable(describe(&error)),
        Err(error) => Submission::Refused(describe(&error)),
    }
}

/// How many questions the node is asked at once. It answers one at a time in any case.
const MAX_QUESTIONS: usize = 16;
/// How many tasks may be under way before questions are refused: a node that hangs, and callbacks that
/// each lead to a question, would fill the memory. Far more than an honest node's callbacks lead to.
const MAX_TASKS: usize = 512;
const CROWDED: &str = "too many questions wait for the node";

#[cfg(test)]
mod tests;
