//! What the core wants done: each action is handed to the task that does it, and nothing waits here.

use std::sync::Arc;
use std::time::Duration;

use countersign_node::{NodeClient, NodeError, ValidationSubmission};
use countersign_signer::{Action, Event, NodeFailure, Submission};
use countersign_wire::{ChainId, NakamotoBlock, Sighash};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::facts::{answer, describe};
use crate::publish::{Outgoing, Publisher};
use crate::retry::{while_failing, while_unreachable};
use crate::sign::VaultHandle;
use crate::slots::SlotReaderHandle;

/// The hands of the core.
pub(crate) struct Effects {
    pub(crate) client: NodeClient,
    pub(crate) chain_id: ChainId,
    pub(crate) inbox: mpsc::Sender<Event>,
    pub(crate) vault: VaultHandle,
    pub(crate) publisher: Publisher,
    pub(crate) slots: SlotReaderHandle,
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
            Action::Validate { sighash, block } => {
                let (client, chain_id) = (self.client.clone(), self.chain_id);
                self.spawn(async move {
                    let outcome = validate(&client, &block, chain_id).await;
                    Some(Event::ValidationSubmitted { sighash, outcome })
                });
            }
            Action::Upload { block } => {
                let client = self.client.clone();
                self.spawn(async move {
                    upload(&client, &block).await.map(|sighash| Event::Uploaded { sighash })
                });
            }
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
async fn validate(client: &NodeClient, block: &NakamotoBlock, chain_id: ChainId) -> Submission {
    match while_unreachable(|| client.validate_block(block, chain_id)).await {
        Ok(ValidationSubmission::Accepted) => Submission::Accepted,
        Ok(ValidationSubmission::Busy) => Submission::Busy,
        Ok(ValidationSubmission::Refused { status, text }) => {
            Submission::Refused(format!("status {status}: {text}"))
        }
        Err(error) if error.is_transient() => Submission::Unreachable(describe(&error)),
        Err(error) => Submission::Refused(describe(&error)),
    }
}

/// Brings a signed block to the node, whatever the node says at first: it may not know the parent
/// yet. A node that has the block already has it, which is all that was wanted.
async fn upload(client: &NodeClient, block: &NakamotoBlock) -> Option<Sighash> {
    let sighash = block.sighash();
    match while_failing(UPLOAD_PATIENCE, is_worth_repeating, || client.upload_block(block)).await {
        Ok(_) => Some(sighash),
        Err(error) => {
            let error = describe(&error);
            tracing::warn!(%sighash, error, "Failed to broadcast block; others broadcast it too");
            None
        }
    }
}

const fn is_worth_repeating(error: &NodeError) -> bool {
    !matches!(error, NodeError::TooLarge { .. })
}

/// How long a block is offered to the node. Later the network has it from others.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(30);
/// How many questions the node is asked at once. It answers one at a time in any case.
const MAX_QUESTIONS: usize = 16;
/// How many tasks may be under way before questions are refused: a node that hangs, and callbacks that
/// each lead to a question, would fill the memory. Far more than an honest node's callbacks lead to.
const MAX_TASKS: usize = 512;
const CROWDED: &str = "too many questions wait for the node";

#[cfg(test)]
mod tests;
