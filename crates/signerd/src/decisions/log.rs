//! Writing the log: the loop hands over, a thread writes.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use countersign_logs::chain::{ChainWriter, Files, Head, Limits, Opened};
use countersign_signer::{Note, Timestamp};

use super::entry::Body;
use super::translate::translate;
use crate::clock::now;

/// Why the log cannot go on. A signer that cannot keep what it decides does not go on either.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file cannot be written.
    #[error(
        "the decision log {path} cannot be written; make room or mend permissions, then restart"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The disk did not take the lines for so long that no more can wait.
    #[error(
        "the decision log {path} cannot be written: the disk has not taken the last {MAX_WAITING} \
         steps; see what holds it up, then restart"
    )]
    Behind {
        /// The file.
        path: PathBuf,
    },
}

/// The log of a running signer.
#[derive(Debug)]
pub struct DecisionLog(Option<Pen>);

/// The loop's side.
#[derive(Debug)]
struct Pen {
    path: PathBuf,
    queue: SyncSender<Batch>,
    /// Why the thread has ended, if it could not write; closed when everything is on disk.
    end: Receiver<io::Error>,
}

/// What one step said.
type Batch = Vec<(u64, Body)>;

impl DecisionLog {
    /// A log that keeps nothing, for a signer that keeps its store in memory.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Goes on with the log at `files`, or begins it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(files: Files, limits: Limits) -> Result<Self, LogError> {
        let path = files.current();
        let unwritable = |source| LogError::Unwritable { path: path.clone(), source };
        let (writer, opened) =
            ChainWriter::open(files, limits, now().as_millis()).map_err(unwritable)?;
        tell(&path, &opened, writer.head());
        Self::start(path.clone(), move |queue| write(writer, queue)).map_err(unwritable)
    }

    /// Starts the thread that `write`s what comes.
    fn start(
        path: PathBuf,
        write: impl FnOnce(&Receiver<Batch>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, batches) = mpsc::sync_channel(MAX_WAITING);
        let (ended, end) = mpsc::sync_channel(1);
        thread::Builder::new().name("decision log".to_owned()).spawn(move || {
            if let Err(error) = write(&batches) {
                // Nobody hears it after the loop has ended, which tells it then.
                let _ = ended.send(error);
            }
        })?;
        Ok(Self(Some(Pen { path, queue, end })))
    }

    /// Keeps what `notes` say about blocks. Never waits for the disk.
    ///
    /// # Errors
    /// If what was handed over before could not be written.
    pub fn record(&self, at: Timestamp, notes: &[Note]) -> Result<(), LogError> {
        let Some(pen) = &self.0 else { return Ok(()) };
        let line = |(block, what)| (at.as_millis(), Body { block, what });
        let batch: Batch = notes.iter().filter_map(translate).map(line).collect();
        if batch.is_empty() {
            return Ok(());
        }
        match pen.queue.try_send(batch) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(LogError::Behind { path: pen.path.clone() }),
            Err(TrySendError::Disconnected(_)) => self.check(),
        }
    }

    /// Whether everything that was handed over is written, or waits to be.
    ///
    /// # Errors
    /// If something could not be written.
    pub fn check(&self) -> Result<(), LogError> {
        let Some(Pen { path, end, .. }) = &self.0 else { return Ok(()) };
        match end.try_recv() {
            Ok(source) => Err(LogError::Unwritable { path: path.clone(), source }),
            Err(_) => Ok(()),
        }
    }
}

/// What was decided when the signer stops shall be on disk, but a disk that hangs shall not keep it from
/// stopping.
impl Drop for DecisionLog {
    fn drop(&mut self) {
        let Some(Pen { path, queue, end }) = self.0.take() else { return };
        drop(queue);
        let path = path.display();
        match end.recv_timeout(LAST_WORDS) {
            Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!(%path, "the end of the decision log is not written");
            }
            Ok(error) => {
                tracing::error!(%path, %error, "the end of the decision log is not written");
            }
        }
    }
}

/// The thread: appends what comes, and brings it to the disk now and then.
fn write(mut writer: ChainWriter, queue: &Receiver<Batch>) -> io::Result<()> {
    let mut due: Option<Instant> = None;
    let (mut told, mut untold) = (Instant::now(), None);
    loop {
        let next = due.into_iter().chain(untold.map(|_| told + TELL_EVERY)).min();
        let wait = next.map_or(IDLE, |next| next.saturating_duration_since(Instant::now()));
        match queue.recv_timeout(wait) {
            Ok(mut batch) => {
                while batch.len() < MAX_LINES
                    && let Ok(more) = queue.try_recv()
                {
                    batch.extend(more);
                }
                writer.append(&batch)?;
                due.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                writer.sync()?;
                // Even if it is on the disk since a while: it may not have been told since then.
                writer.head().into_iter().for_each(tell_head);
                return Ok(());
            }
        }
        if due.is_some_and(|due| due <= Instant::now()) {
            due = None;
            untold = writer.sync()?.or(untold);
        }
        if let Some(head) = untold.filter(|_| told.elapsed() >= TELL_EVERY) {
            (told, untold) = (Instant::now(), None);
            tell_head(head);
        }
    }
}

/// What somebody should know who looks after the log.
fn tell(path: &std::path::Path, opened: &Opened, head: Option<Head>) {
    let Opened { torn, missing, is_altered, set_aside } = opened;
    let path = path.display();
    if let Some(bytes) = torn {
        tracing::warn!(%path, bytes, "a line of the decision log that was cut off is removed");
    }
    if let Some(lines) = missing {
        tracing::error!(
            %path,
            lines,
            "the decision log has lost its last lines; the gap stays visible to `countersign logs verify`"
        );
    }
    if *is_altered {
        tracing::error!(%path, "the last line of the decision log was changed while no signer ran");
    }
    if let Some(aside) = set_aside {
        tracing::warn!(
            %path,
            aside = %aside.display(),
            "the decision log had no chain of hashes, or was damaged: it is set aside, and a new one begins"
        );
    }
    if let Some(head) = head {
        tell_head(head);
    }
}

/// The head where the log's files are not: whoever changes those does not change the journal, too, or not
/// the one that was sent to another machine.
fn tell_head(head: Head) {
    tracing::info!("the decision log is at {}:{}", head.seq, head.hash);
}

/// How many steps may wait for the disk: minutes of a busy network.
const MAX_WAITING: usize = 8192;
/// How many lines are written at once, about.
const MAX_LINES: usize = 256;
/// How much a power cut may take. More often would hold up the journal's own way to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(10);
/// How often the head is put into the daemon's log while there are decisions.
const TELL_EVERY: Duration = Duration::from_hours(1);
/// How long the end of a log is waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Nothing is due while nothing comes.
const IDLE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use countersign_wire::Sighash;

    use super::super::What;
    use super::*;

    fn note() -> [Note; 1] {
        [Note::Uploaded { sighash: Sighash::new([1; 32]) }]
    }

    /// A log whose disk takes nothing before `release` is dropped, and then fails.
    fn stuck() -> (DecisionLog, mpsc::Sender<()>) {
        let (release, wait) = mpsc::channel::<()>();
        let log = DecisionLog::start("log".into(), move |_| {
            let _ = wait.recv();
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        (log.unwrap(), release)
    }

    #[test]
    fn a_disk_that_takes_nothing_does_not_hold_up_the_loop_until_too_much_waits() {
        let (log, release) = stuck();
        let begun = Instant::now();
        for step in 0..MAX_WAITING {
            log.record(Timestamp::from_millis(step as u64), &note()).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let error = log.record(Timestamp::from_millis(0), &note()).unwrap_err();
        assert!(matches!(error, LogError::Behind { .. }), "{error:?}");
        drop(release);
    }

    #[test]
    fn a_write_that_fails_is_told_to_the_loop_even_if_there_is_nothing_to_record() {
        let (log, release) = stuck();
        log.check().unwrap();
        drop(release);
        let error = loop {
            match log.check() {
                Err(error) => break error,
                Ok(()) => thread::yield_now(),
            }
        };
        let LogError::Unwritable { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }

    /// It is what shows a log that was written anew while no signer ran.
    #[test]
    fn the_head_is_told_at_the_end_even_if_it_was_on_the_disk_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of_store(&folder.path().join("signer.sqlite"));
        let limits = Limits::keeping(u64::MAX, 90);
        let (mut writer, _) = ChainWriter::open(files, limits, 0).unwrap();
        writer.append(&[(0, Body { block: Sighash::new([1; 32]), what: What::Uploaded })]).unwrap();
        let head = writer.sync().unwrap().unwrap();
        let (queue, batches) = mpsc::channel();
        drop(queue);
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(file.reopen().unwrap())).finish();
        tracing::subscriber::with_default(log, || write(writer, &batches)).unwrap();
        let said = std::fs::read_to_string(file.path()).unwrap();
        assert!(said.contains(&format!("the decision log is at 0:{}", head.hash)), "{said}");
    }

    #[test]
    fn steps_without_a_word_about_a_block_cost_nothing() {
        let (log, release) = stuck();
        for _ in 0..2 * MAX_WAITING {
            log.record(Timestamp::from_millis(0), &[]).unwrap();
        }
        drop(release);
        DecisionLog::off().record(Timestamp::from_millis(0), &note()).unwrap();
    }
}
