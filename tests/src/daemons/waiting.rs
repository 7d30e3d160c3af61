//! Waiting for something to happen, with an end.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Waits for `work`; fails the test with `what` if that takes longer than `limit`.
pub async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    timeout(limit, work).await.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
}

/// Looks again and again until there is something, for what nobody announces: files, processes and
/// metrics.
pub async fn poll<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    within(limit, what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    })
    .await
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
