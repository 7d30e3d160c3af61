//! What the core wants done: each action is handed to the task that does it, and nothing waits here.

mod questions;

use std::sync::Arc;

use countersign_node::{NodeClient, ValidationSubmission};
use countersign_signer::{Action, Event, NodeFailure, ReplaySet, Submission};
use countersign_wire::{ChainId, NakamotoBlock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::facts::{answer, describe};
use crate::nodes::Nodes;
use crate::publish::{Outgoing, Publisher};
use crate::retry::while_unreachable;
use crate::sign::{Desk, VaultHandle};
use crate::slots::SlotReaderHandle;
use crate::upload::UploaderHandle;
use questions::Questions;

/// The hands of the core.
pub(crate) struct Effects {
    pub(crate) nodes: Nodes,
    pub(crate) chain_id: ChainId,
    pub(crate) vault: VaultHandle,
    pub(crate) publisher: Publisher,
    pub(crate) slots: SlotReaderHandle,
    pub(crate) uploader: UploaderHandle,
    pub(crate) tasks: Tasks,
}

/// Short tasks that each end with an event.
pub(crate) struct Tasks {
    tracker: TaskTracker,
    questions: Questions,
    /// Which node is to be asked.
    wishes: watch::Receiver<usize>,
    stop: CancellationToken,
}

impl Tasks {
    /// No task yet; all of them end when `stop` is cancelled.
    pub(crate) fn new(nodes: &Nodes, stop: CancellationToken) -> Self {
        let questions = Questions::to(nodes.active(), &stop);
        Self { tracker: TaskTracker::new(), questions, wishes: nodes.wishes(), stop }
    }
}

impl Effects {
    /// The next thing that the core must hear of the node: an answer, or that another node is asked
    /// from now on, which is so as soon as this returns.
    pub(crate) async fn next_event(&mut self) -> Event {
        loop {
            let wished = tokio::select! {
                biased;
                // It cannot fail: the nodes keep the other end.
                _ = self.tasks.wishes.changed() => *self.tasks.wishes.borrow_and_update(),
                answer = self.tasks.questions.next_answer() => return answer,
            };
            if wished != self.nodes.active_index() {
                self.nodes.activate(wished);
                self.tasks.questions = Questions::to(self.nodes.active(), &self.tasks.stop);
                return Event::NodeSwitched;
            }
        }
    }

    /// Has `action` done.
    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Ask { ticket, query } if self.tasks.tracker.len() >= MAX_TASKS => {
                // The core asks again in its own time.
                let answer = Err(NodeFailure { text: CROWDED.to_owned() });
                self.ask(async move { Event::Answered { ticket, query, answer } });
            }
            Action::Ask { ticket, query } => {
                let client = self.tasks.questions.client.clone();
                let turns = Arc::clone(&self.tasks.questions.turns);
                self.ask(async move {
                    let _turn = turns.acquire_owned().await;
                    let answer = answer(&client, query).await;
                    Event::Answered { ticket, query, answer }
                });
            }
            Action::Validate { sighash, block, replay } => {
                let (client, chain_id) = (self.tasks.questions.client.clone(), self.chain_id);
                self.ask(async move {
                    let outcome = validate(&client, &block, chain_id, &replay).await;
                    Event::ValidationSubmitted { sighash, outcome }
                });
            }
            Action::Upload { block } => self.uploader.upload(block),
            Action::SignAcceptance(order) => self.vault.accept(order),
            Action::Reject { cycle, slot, key, rejection } => {
                self.vault.reject(Desk { cycle, slot, key }, rejection);
            }
            Action::SignMock { cycle, slot, key, proposal } => {
                self.vault.mock(Desk { cycle, slot, key }, proposal);
            }
            Action::Publish { cycle, slot, key, message } => {
                self.publisher.publish(Outgoing::new(Desk { cycle, slot, key }, *message));
            }
            Action::ReadSlots { cycle, slots } => self.slots.read(cycle, slots),
        }
    }

    /// Asks the active node for something that no other node's answer can replace.
    fn ask(&self, task: impl Future<Output = Event> + Send + 'static) {
        self.tasks.tracker.spawn(self.tasks.questions.ask(task));
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

/// How many tasks may be under way before questions are refused: a node that hangs, and callbacks that
/// each lead to a question, would fill the memory. Far more than an honest node's callbacks lead to.
const MAX_TASKS: usize = 512;
const CROWDED: &str = "too many questions wait for the node";

#[cfg(test)]
mod tests;
