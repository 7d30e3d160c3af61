//! `countersign devnet`: a signer that has something to be looked at.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::error::BenchError;

/// A running network. It ends when this is dropped.
pub(super) struct Devnet(Child);

/// Where its first signer is.
#[derive(Deserialize)]
pub(super) struct Place {
    pub(super) config: PathBuf,
    pub(super) metrics: SocketAddr,
    pub(super) page: SocketAddr,
}

impl Devnet {
    /// Starts two signers, and waits until a block of theirs is part of the chain: who has signed has everything that
    /// a signer needs.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<(Self, Place), BenchError> {
        let log = folder.join("devnet.log");
        let fails = BenchError::io("the devnet's log");
        let errors = File::create(&log).map_err(fails)?;
        let mut child = Command::new(program)
            .args(["devnet", "--json", "--signers", "2"])
            .args(["--burn-seconds", "2", "--block-interval-ms", "300"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(BenchError::io("the devnet"))?;
        let out = child.stdout.take().ok_or(BenchError::Missing("output of the devnet"))?;
        let network = Self(child);
        let (begun, mut out) = (Instant::now(), BufReader::new(out));
        let (mut place, mut line) = (None, String::new());
        // It says something with every burn block, so this ends.
        while begun.elapsed() < PATIENCE {
            line.clear();
            if out.read_line(&mut line).map_err(BenchError::io("the devnet's events"))? == 0 {
                break;
            }
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            match (event.get("event").and_then(Value::as_str), place.take()) {
                (Some("started"), _) => place = first_signer(&event),
                (Some("block_adopted"), Some(place)) => {
                    // Who does not read stops who writes.
                    std::thread::spawn(move || io::copy(&mut out, &mut io::sink()));
                    return Ok((network, place));
                }
                (_, before) => place = before,
            }
        }
        let words = std::fs::read_to_string(&log).unwrap_or_default();
        Err(BenchError::Silent { what: "block of a devnet", patience: PATIENCE, words })
    }
}

fn first_signer(started: &Value) -> Option<Place> {
    serde_json::from_value(started.pointer("/signers/0")?.clone()).ok()
}

impl Drop for Devnet {
    /// It ends its signers if it is asked to end.
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < GRACE && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PATIENCE: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(10);
