//! How long a signer stands still while it hands over a backup of itself: the longest answer to `/status`, which
//! the thread gives that decides.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use countersign_ops::control::ask;
use countersign_signerd::config::Config;
use countersign_signerd::control::Route;
use serde_json::Value;

use crate::error::BenchError;
use crate::process::status;
use crate::samples::Samples;

/// The longest answers of each time.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// While a backup was handed over.
    pub(crate) during: Samples,
    /// In as long a time without one, right before it.
    pub(crate) quiet: Samples,
    /// How long it took to hand over.
    pub(crate) backup: Samples,
}

/// Asks a signer for backups, in turns with as much rest.
pub(crate) async fn measure(config: &Path, endpoint: SocketAddr) -> Result<Pause, BenchError> {
    let socket = Config::load(config).ok().and_then(|config| config.control_socket());
    let socket = socket.ok_or(BenchError::Missing("control socket"))?;
    let (method, path) = Route::Backup.line();
    let mut pause = Pause::default();
    let mut took = FIRST;
    for _ in 0..TURNS {
        let asker = Asker::start(endpoint);
        tokio::time::sleep(took).await;
        let quiet = asker.longest();
        let asker = Asker::start(endpoint);
        let begun = Instant::now();
        let answer = ask(&socket, method, path, &Value::Null, LIMIT).await;
        took = begun.elapsed();
        let during = asker.longest();
        if !answer.is_ok_and(|answer| answer.is_success()) {
            return Err(BenchError::Missing("backup of the signer"));
        }
        pause.quiet.add(quiet);
        pause.during.add(during);
        pause.backup.add(took);
    }
    Ok(pause)
}

/// Asks for `/status` one time after the other.
struct Asker {
    has_ended: Arc<AtomicBool>,
    longest: mpsc::Receiver<Duration>,
}

impl Asker {
    /// It asks when this returns.
    fn start(endpoint: SocketAddr) -> Self {
        let has_ended = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = mpsc::channel();
        let (told, longest) = mpsc::channel();
        let end = Arc::clone(&has_ended);
        thread::spawn(move || {
            let mut most = Duration::ZERO;
            while !end.load(Ordering::Acquire) {
                let begun = Instant::now();
                // One that does not answer in time has taken that time.
                let _ = status(endpoint);
                most = most.max(begun.elapsed());
                let _ = ready.send(());
            }
            let _ = told.send(most);
        });
        let _ = is_ready.recv();
        Self { has_ended, longest }
    }

    /// The longest answer, once it has ended.
    fn longest(self) -> Duration {
        self.has_ended.store(true, Ordering::Release);
        self.longest.recv().unwrap_or_default()
    }
}

const TURNS: u32 = 9;
/// How long the first rest is; each other one is as long as the backup before it.
const FIRST: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(30);
