//! What a program that failed has to say about it.

use std::path::{Path, PathBuf};

use super::course::CourseError;
use crate::event::DevnetEvent;
use crate::signers::{ProcessStatus, SignerProcess};
use crate::tail::tail;

/// Waits until a program ends by itself; gives how.
pub(super) async fn ended(process: &SignerProcess) -> String {
    let mut status = process.status();
    let ended = status.wait_for(|status| matches!(status, ProcessStatus::Failed(_))).await;
    match ended.as_deref() {
        Ok(ProcessStatus::Failed(status)) => status.clone(),
        _ => "unknown".to_owned(),
    }
}

/// The event for a program that has ended.
pub(super) fn of_program(name: &str, status: &str, log: &Path) -> DevnetEvent {
    let reason = format!("{name} has ended: {status}");
    DevnetEvent::Failed { reason, tail: tail(log), log: Some(log.to_owned()) }
}

/// The event for a network that does not get on: mostly its node can tell why.
pub(super) fn of_course(error: &CourseError, bitcoind: &Path, node: &Path) -> DevnetEvent {
    let log: PathBuf = match error {
        CourseError::Bitcoin(_) => bitcoind.to_owned(),
        _ if node.exists() => node.to_owned(),
        _ => bitcoind.to_owned(),
    };
    DevnetEvent::Failed { reason: error.to_string(), tail: tail(&log), log: Some(log) }
}
