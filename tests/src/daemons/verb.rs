//! `countersign devnet --json`, as a process.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{Log, countersign, processes};

/// A running `countersign devnet --json`. Dropping it kills it.
#[derive(Debug)]
pub struct Verb {
    child: Child,
    lines: Log,
    errors: Log,
    reading: Vec<JoinHandle<()>>,
}

impl Verb {
    /// Starts it with these arguments besides `--json`.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(countersign())
            .args(["devnet", "--json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (lines, errors) = (Log::default(), Log::default());
        let reading = vec![
            lines.follow(child.stdout.take().expect("standard output is piped")),
            errors.follow(child.stderr.take().expect("standard error is piped")),
        ];
        Self { child, lines, errors, reading }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the process was not waited for")
    }

    /// Waits for the first event of a kind from line `start` on; gives it and the next line's number.
    pub async fn event(&self, start: usize, kind: &str, limit: Duration) -> (Value, usize) {
        let needle = format!("\"event\":\"{kind}\"");
        let line = self.lines.wait_for(start, &needle, limit).await;
        (serde_json::from_str(&line.text).unwrap(), line.number + 1)
    }

    /// Where it keeps its files.
    pub async fn folder(&self) -> String {
        let (started, _) = self.event(0, "started", Duration::from_secs(30)).await;
        started["folder"].as_str().unwrap().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits for its end; gives the exit code, none after a signal, and every event.
    pub async fn ended(mut self, limit: Duration) -> (Option<i32>, Vec<Value>) {
        let Ok(status) = tokio::time::timeout(limit, self.child.wait()).await else {
            let (lines, errors) = (self.lines.text(), self.errors.text());
            panic!("waited {limit:?} for the end of the devnet; it says:\n{lines}\n{errors}");
        };
        for reading in self.reading {
            self.lines.finish(reading).await;
        }
        let lines = self.lines.since(0);
        let events = lines.iter().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not a JSON object: {line}"))
        });
        (status.unwrap().code(), events.collect())
    }
}
