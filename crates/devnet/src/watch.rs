//! Says what is missing when nothing happens.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::dispatcher::Health;
use crate::event::{DevnetEvent, SignerPlace};
use crate::shared::{ChainHandle, NodeFeed, Stopped};
use crate::signers::ProcessStatus;
use crate::tail::tail;

/// One signer to watch.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) place: SignerPlace,
    /// None for a signer that is not a process of the devnet.
    pub(crate) status: Option<watch::Receiver<ProcessStatus>>,
}

impl Watched {
    pub(crate) fn status(&self) -> Option<ProcessStatus> {
        Some(self.status.as_ref()?.borrow().clone())
    }

    /// Its process, if something is wrong with it, in words.
    pub(crate) fn complaint(&self) -> Option<String> {
        let signer = self.place.signer;
        match self.status()? {
            ProcessStatus::Running => None,
            ProcessStatus::NotStarted => Some(format!("signer {signer} is not started")),
            ProcessStatus::Paused => Some(format!("signer {signer} is paused")),
            ProcessStatus::Ended => Some(format!("signer {signer} was ended")),
            ProcessStatus::Failed(status) => Some(format!(
                "signer {signer} has ended: {status}; see {}",
                self.place.log.display()
            )),
        }
    }

    /// What to tell if it has ended by itself since `was_failed` was last set here.
    pub(crate) fn exit(&self, was_failed: &mut bool) -> Option<DevnetEvent> {
        let status = match self.status() {
            Some(ProcessStatus::Failed(status)) => Some(status),
            _ => None,
        };
        let is_known = std::mem::replace(was_failed, status.is_some());
        let status = status.filter(|_| !is_known)?;
        let (signer, log) = (self.place.signer, self.place.log.clone());
        let tail = tail(&log);
        Some(DevnetEvent::SignerExited { signer, status, log, tail })
    }

    /// Whether it runs and does not take its callbacks, in words.
    pub(crate) fn deafness(&self, health: Health) -> Option<String> {
        if self.complaint().is_some() || health.failures < TOLERATED_FAILURES {
            return None;
        }
        let (signer, endpoint, reason) =
            (self.place.signer, &self.place.endpoint, health.last_failure?);
        Some(format!("signer {signer} does not take callbacks at {endpoint}: {reason}"))
    }
}

/// How long nothing may happen before it is told, and told again.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    next: Duration,
}

impl Patience {
    /// The first time after `limit`, then after twice as long, and so on; in the end once a minute.
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { limit, next: limit }
    }

    /// Whether it is to be told that nothing has happened for so long.
    pub(crate) fn is_over(&mut self, quiet: Duration) -> bool {
        if quiet < self.limit {
            self.next = self.limit;
        }
        let is_over = quiet >= self.next;
        if is_over {
            self.next = quiet + quiet.min(REPEAT_AT_MOST);
        }
        is_over
    }
}

/// Watches until the chain is gone: tells at once when a signer ends by itself, and what is missing
/// when no block was adopted for `quiet_limit`, then for twice as long, and so on.
pub(crate) async fn run(chain: ChainHandle, signers: Vec<Watched>, quiet_limit: Duration) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = vec![false; signers.len()];
    let mut patience = Patience::new(quiet_limit);
    loop {
        ticks.tick().await;
        let told = async {
            tell_failures(&chain, &signers, &mut failed).await?;
            tell_silence(&chain, &signers, &mut patience).await
        };
        if told.await.is_err() {
            return;
        }
    }
}

async fn tell_failures(
    chain: &ChainHandle,
    signers: &[Watched],
    failed: &mut [bool],
) -> Result<(), Stopped> {
    for (signer, was_failed) in signers.iter().zip(failed) {
        if let Some(event) = signer.exit(was_failed) {
            chain.ask(move |shared| shared.emit(&event)).await?;
        }
    }
    Ok(())
}

async fn tell_silence(
    chain: &ChainHandle,
    signers: &[Watched],
    patience: &mut Patience,
) -> Result<(), Stopped> {
    let quiet = chain.ask(|shared| shared.quiet_since().elapsed()).await?;
    if !patience.is_over(quiet) {
        return Ok(());
    }
    let sound: Vec<usize> = signers
        .iter()
        .filter(|signer| signer.complaint().is_none())
        .map(|signer| signer.place.signer)
        .collect();
    let told = chain.ask(move |shared| {
        let health: Vec<_> = shared.nodes().iter().map(NodeFeed::health).collect();
        (health, shared.stats().silent(|signer| sound.contains(&signer)))
    });
    let (health, silent) = told.await?;
    let missing = missing(signers, |signer| health.get(signer).cloned(), &silent, "the signers'");
    let event = DevnetEvent::Waiting { seconds: quiet.as_secs(), missing };
    chain.ask(move |shared| shared.emit(&event)).await
}

/// What is wrong with whom when nothing happens, a sentence each; if there is nothing to be seen,
/// whose logs to read.
pub(crate) fn missing(
    signers: &[Watched],
    health: impl Fn(usize) -> Option<Health>,
    silent: &[String],
    logs_of: &str,
) -> Vec<String> {
    let mut missing: Vec<String> = signers.iter().filter_map(Watched::complaint).collect();
    let deaf = |signer: &Watched| signer.deafness(health(signer.place.signer)?);
    missing.extend(signers.iter().filter_map(deaf));
    if !silent.is_empty() {
        missing.push(format!("no answer to the proposal from signers {}", silent.join(", ")));
    }
    if missing.is_empty() {
        missing.push(format!("nothing that the devnet knows of; see {logs_of} logs"));
    }
    missing
}

/// The pause between two such lines doubles up to this.
const REPEAT_AT_MOST: Duration = Duration::from_mins(1);
/// A signer that is just starting refuses a few connections.
const TOLERATED_FAILURES: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_at_growing_intervals_and_anew_after_an_event() {
        let mut patience = Patience::new(Duration::from_secs(10));
        let mut told = |upto: u64| -> Vec<u64> {
            (0..upto).filter(|quiet| patience.is_over(Duration::from_secs(*quiet))).collect()
        };
        assert_eq!(told(250), [10, 20, 40, 80, 140, 200]);
        assert_eq!(told(30), [10, 20]);
    }
}
