//! How long to wait before trying again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use countersign_node::NodeError;
use tokio::time::{Instant, sleep};

/// Pauses that grow by half each time, with a jitter of half either way (`signer-wire.md` section
/// 6.1), so that many signers do not ask a returning node in step.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// Pauses from 128 ms up to `cap`.
    pub(crate) const fn up_to(cap: Duration) -> Self {
        Self { next: FIRST, cap }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 3 / 2).min(self.cap);
        // Any number will do that differs between processes; the standard library's hash keys are
        // seeded by the operating system.
        let percent = 50 + u32::try_from(RandomState::new().hash_one(0u8) % 101).unwrap_or(50);
        pause * percent / 100
    }
}

/// Asks again while the node cannot be reached, for at most [`PATIENCE`] since the first try. What the
/// node has answered, even with an error, is its answer.
pub(crate) async fn while_unreachable<T, F>(ask: impl FnMut() -> F) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    while_failing(PATIENCE, is_transport, ask).await
}

/// Asks again while `is_worth_it` says so of the error, for at most `budget` since the first try.
pub(crate) async fn while_failing<T, F>(
    budget: Duration,
    is_worth_it: impl Fn(&NodeError) -> bool,
    mut ask: impl FnMut() -> F,
) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    let end = Instant::now() + budget;
    let mut backoff = Backoff::up_to(MAX_PAUSE);
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let pause = backoff.pause();
        if !is_worth_it(&error) || Instant::now() + pause > end {
            return Err(error);
        }
        sleep(pause).await;
    }
}

/// Whether the node did not get to answer.
pub(crate) const fn is_transport(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::Unreachable { .. }
            | NodeError::Tls { .. }
            | NodeError::Interrupted { .. }
            | NodeError::TimedOut { .. }
    )
}

/// How long a question is repeated while the node cannot be reached.
const PATIENCE: Duration = Duration::from_secs(5);

const FIRST: Duration = Duration::from_millis(128);
const MAX_PAUSE: Duration = Duration::from_millis(16_384);
