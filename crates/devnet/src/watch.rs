//! Says what is missing when nothing happens.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::dispatcher::Health;
use crate::event::{DevnetEvent, SignerPlace};
use crate::shared::{ChainHandle, SharedChain, Stopped};
use crate::signers::ProcessStatus;

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
}

/// Watches until the chain is gone: tells at once when a signer ends by itself, and what is missing
/// when no block was adopted for `quiet_limit`, then for twice as long, and so on.
pub(crate) async fn run(chain: ChainHandle, signers: Vec<Watched>, quiet_limit: Duration) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = vec![false; signers.len()];
    let mut patience = quiet_limit;
    loop {
        ticks.tick().await;
        let told = async {
            tell_failures(&chain, &signers, &mut failed).await?;
            tell_silence(&chain, &signers, quiet_limit, &mut patience).await
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
        let status = match signer.status() {
            Some(ProcessStatus::Failed(status)) => Some(status),
            _ => None,
        };
        let is_new = status.is_some() && !*was_failed;
        *was_failed = status.is_some();
        if let Some(status) = status.filter(|_| is_new) {
            let (signer, log) = (signer.place.signer, signer.place.log.clone());
            let event = DevnetEvent::SignerExited { signer, status, log };
            chain.ask(move |shared| shared.emit(&event)).await?;
        }
    }
    Ok(())
}

async fn tell_silence(
    chain: &ChainHandle,
    signers: &[Watched],
    quiet_limit: Duration,
    patience: &mut Duration,
) -> Result<(), Stopped> {
    let quiet = chain.ask(|shared| shared.quiet_since().elapsed()).await?;
    if quiet < quiet_limit {
        *patience = quiet_limit;
        return Ok(());
    }
    if quiet < *patience {
        return Ok(());
    }
    *patience = quiet + quiet.min(REPEAT_AT_MOST);
    let mut missing: Vec<String> = signers.iter().filter_map(Watched::complaint).collect();
    let sound: Vec<_> = signers
        .iter()
        .filter(|signer| signer.complaint().is_none())
        .map(|signer| (signer.place.signer, signer.place.endpoint.clone()))
        .collect();
    chain
        .ask(move |shared| {
            for (signer, endpoint) in &sound {
                missing.extend(unheard(shared, *signer, endpoint));
            }
            let silent =
                shared.stats().silent(|signer| sound.iter().any(|(own, _)| *own == signer));
            if !silent.is_empty() {
                missing
                    .push(format!("no answer to the proposal from signers {}", silent.join(", ")));
            }
            if missing.is_empty() {
                missing.push("nothing that the devnet knows of; see the signers' logs".to_owned());
            }
            shared.emit(&DevnetEvent::Waiting { seconds: quiet.as_secs(), missing });
        })
        .await
}

/// Whether a signer that runs does not take its callbacks.
fn unheard(shared: &SharedChain, signer: usize, endpoint: &str) -> Option<String> {
    let Health { failures, last_failure, .. } = shared.nodes().get(signer)?.health();
    let reason = last_failure.filter(|_| failures >= TOLERATED_FAILURES)?;
    Some(format!("signer {signer} does not take callbacks at {endpoint}: {reason}"))
}

/// The pause between two such lines doubles up to this.
pub(crate) const REPEAT_AT_MOST: Duration = Duration::from_mins(1);
/// A signer that is just starting refuses a few connections.
pub(crate) const TOLERATED_FAILURES: u64 = 3;
