//! SIGTERM and SIGINT ask the daemon to finish its step and stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
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
