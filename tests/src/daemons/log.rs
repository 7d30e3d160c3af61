//! The lines that a process writes, as they come.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::within;

/// One line and its number, counted from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How many lines came before.
    pub number: usize,
    /// The line without its end.
    pub text: String,
}

/// Everything that a process has written so far. A clone is another handle to the same lines.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Vec<String>>,
    grown: Notify,
}

impl Log {
    /// Reads `stream` to its end, in the background.
    pub(crate) fn follow(&self, stream: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                log.lock().push(line);
                log.0.grown.notify_waiters();
            }
        })
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines from `start` on.
    pub fn since(&self, start: usize) -> Vec<String> {
        self.lock()[start..].to_vec()
    }

    /// All lines as one text.
    pub fn text(&self) -> String {
        self.lock().join("\n")
    }

    /// Waits for the first line from `start` on that holds `needle`.
    pub async fn wait_for(&self, start: usize, needle: &str, limit: Duration) -> Line {
        let what = format!("a line with `{needle}`");
        let found = async {
            loop {
                let grown = self.0.grown.notified();
                if let Some(line) = self.find(start, needle) {
                    return line;
                }
                grown.await;
            }
        };
        // The last lines say best what happened instead.
        tokio::time::timeout(limit, found).await.unwrap_or_else(|_| {
            panic!("waited {limit:?} for {what}; the last lines are:\n{}", self.tail())
        })
    }

    /// Waits until the process has closed its end of `reading`.
    pub(crate) async fn finish(&self, reading: JoinHandle<()>) {
        let read = within(Duration::from_secs(10), "the end of a process's output", reading);
        read.await.unwrap();
    }

    fn find(&self, start: usize, needle: &str) -> Option<Line> {
        let lines = self.lock();
        let (number, text) =
            lines.iter().enumerate().skip(start).find(|(_, line)| line.contains(needle))?;
        Some(Line { number, text: text.clone() })
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> String {
        let lines = self.lock();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap()
    }
}

const TAIL: usize = 40;
