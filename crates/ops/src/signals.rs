//! SIGTERM and SIGINT ask the daemon to finish its step and stop, SIGHUP to read its configuration
//! again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Waits for SIGTERM or SIGINT and cancels `stop`; ends as well when something else cancels it.
///
/// From the first poll on, neither signal ends the process any more, so a second one cannot cut the
/// stopping short. Whoever wants it dead sends SIGKILL, which the journal survives.
///
/// # Errors
///
/// If the operating system takes no handler.
pub async fn shutdown_signal(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(signal = name, "asked to stop");
    stop.cancel();
    Ok(())
}

/// SIGHUP, which does not end the process any more once this exists.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Takes charge of the signal.
    ///
    /// # Errors
    ///
    /// If the operating system takes no handler.
    pub fn new() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one. Several that come at once count as one.
    pub async fn next(&mut self) {
        // It yields for as long as the runtime lives.
        let _ = self.0.recv().await;
    }
}
