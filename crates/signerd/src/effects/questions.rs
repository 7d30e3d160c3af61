//! Questions to one node, for as long as it is the active one.
//!
//! Answers come back over a channel that ends with the questions: what a node says after another took
//! its place is heard by nobody.

use std::sync::Arc;

use countersign_node::NodeClient;
use countersign_signer::Event;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Questions to one node.
pub(super) struct Questions {
    pub(super) client: NodeClient,
    /// How many are asked at once.
    pub(super) turns: Arc<Semaphore>,
    answer_to: mpsc::Sender<Event>,
    answers: mpsc::Receiver<Event>,
    end: CancellationToken,
}

impl Questions {
    /// No question yet; all of them end when `stop` is cancelled.
    pub(super) fn to(client: NodeClient, stop: &CancellationToken) -> Self {
        let (answer_to, answers) = mpsc::channel(ANSWERS_LEN);
        let turns = Arc::new(Semaphore::new(MAX_QUESTIONS));
        Self { client, turns, answer_to, answers, end: stop.child_token() }
    }

    /// The next answer.
    pub(super) async fn next_answer(&mut self) -> Event {
        self.answers.recv().await.expect("this handle keeps the other end open")
    }

    /// Asks in the background, until the questions end.
    pub(super) fn ask(
        &self,
        task: impl Future<Output = Event> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (answer_to, end) = (self.answer_to.clone(), self.end.clone());
        async move {
            let work = async {
                let event = task.await;
                // Nobody listens any more only when another node is asked, or the daemon ends.
                let _ = answer_to.send(event).await;
            };
            tokio::select! {
                biased;
                () = end.cancelled() => {}
                () = work => {}
            }
        }
    }
}

impl Drop for Questions {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// How many questions the node is asked at once. It answers one at a time in any case.
const MAX_QUESTIONS: usize = 16;
/// How many answers may wait for the loop. Whoever brings one more waits.
const ANSWERS_LEN: usize = 1024;
