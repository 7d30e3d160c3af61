//! Writing a recording: the loop hands over, a thread writes.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::thread;
use std::time::Duration;

use countersign_signer::{Event, Outcome, Params, Recorded as _, Saved, Step, Timestamp};

use super::Recording;
use super::folder;
use super::frame::{Header, Kind, frame};
use super::play::Ending;

/// Records what happens to the core, if the operator wants that.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Option<Tape>);

/// Something that is about to happen to the core.
#[derive(Debug)]
pub(crate) struct Heard(Option<(Kind, Vec<u8>)>);

#[derive(Debug)]
struct Tape {
    path: PathBuf,
    entries: SyncSender<Entry>,
    backlog: Arc<Backlog>,
    /// Closed when the thread has written everything.
    done: Receiver<()>,
}

/// What the loop and the thread know of each other.
#[derive(Debug, Default)]
struct Backlog {
    /// Bytes that wait for the thread.
    bytes: AtomicUsize,
    /// More would have had to wait than may, so that what comes after it is missing.
    is_overrun: AtomicBool,
}

/// One frame to come. Its outcome is put into words by the thread.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    body: Vec<u8>,
    step: Step,
}

impl Recorder {
    /// Begins a recording; if that fails, it is told, and there is none.
    pub(crate) fn open(wanted: Option<&Recording>, params: &Params, at: Timestamp) -> Self {
        let Some(wanted) = wanted else { return Self::default() };
        match Tape::begin(wanted, params, at) {
            Ok(tape) => {
                tracing::info!(path = %tape.path.display(), "everything is recorded");
                Self(Some(tape))
            }
            Err(error) => {
                tracing::error!(
                    folder = %wanted.folder.display(),
                    %error,
                    "nothing is recorded: no file can be begun; the signer goes on"
                );
                Self::default()
            }
        }
    }

    /// What the core is about to start from.
    pub(crate) fn hear_start(&self, at: Timestamp, params: &Params, saved: &Saved) -> Heard {
        self.keep(Kind::Start, |body| {
            at.put(body);
            params.put(body);
            saved.put(body);
        })
    }

    /// What the core is about to take in.
    pub(crate) fn hear(&self, at: Timestamp, event: &Event) -> Heard {
        self.keep(Kind::Event, |body| {
            at.put(body);
            event.put(body);
        })
    }

    /// What came of it. Never waits.
    pub(crate) fn record(&mut self, heard: Heard, step: &Step) {
        let (Some(tape), Heard(Some((kind, body)))) = (&self.0, heard) else { return };
        let len = body.len();
        let waiting = tape.backlog.bytes.fetch_add(len, Ordering::Relaxed);
        // A start may be longer than everything that may wait, and nothing waits before it.
        let is_too_much = waiting > 0 && waiting.saturating_add(len) > MAX_WAITING_BYTES;
        let entry = Entry { kind, body, step: step.clone() };
        let sent = if is_too_much { None } else { Some(tape.entries.try_send(entry)) };
        match sent {
            Some(Ok(())) => {}
            // The thread has told why.
            Some(Err(TrySendError::Disconnected(_))) => self.0 = None,
            None | Some(Err(TrySendError::Full(_))) => self.fall_behind(),
        }
    }

    /// Ends the recording before something is missing in it.
    pub(super) fn fall_behind(&mut self) {
        let Some(tape) = self.0.take() else { return };
        tape.backlog.is_overrun.store(true, Ordering::Release);
        tracing::error!(
            path = %tape.path.display(),
            "the recording ends here: the disk is too slow for it; the signer goes on"
        );
    }

    fn keep(&self, kind: Kind, put: impl FnOnce(&mut Vec<u8>)) -> Heard {
        Heard(self.0.as_ref().map(|_| {
            let mut body = Vec::new();
            put(&mut body);
            (kind, body)
        }))
    }
}

/// What is recorded when the signer stops shall be on disk, but a disk that hangs shall not keep the
/// signer from stopping.
impl Drop for Recorder {
    fn drop(&mut self) {
        let Some(Tape { path, entries, done, .. }) = self.0.take() else { return };
        drop(entries);
        if done.recv_timeout(LAST_WORDS) == Err(RecvTimeoutError::Timeout) {
            tracing::error!(path = %path.display(), "the end of the recording is not written");
        }
    }
}

impl Tape {
    fn begin(wanted: &Recording, params: &Params, at: Timestamp) -> io::Result<Self> {
        let (path, file) = folder::begin(&wanted.folder, &params.key, at)?;
        let header = Header { program: crate::release(), key: params.key, network: params.network };
        let mut writer =
            Writer { file: BufWriter::new(file), left: wanted.max_bytes, path: path.clone() };
        writer.write(&header.to_bytes())?;
        writer.file.flush()?;
        let (entries, queue) = mpsc::sync_channel(MAX_WAITING);
        let (is_done, done) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let shared = Arc::clone(&backlog);
        thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            writer.run(&queue, &shared);
            drop(is_done);
        })?;
        Ok(Self { path, entries, backlog, done })
    }
}

struct Writer {
    file: BufWriter<File>,
    /// How many bytes the file may still get.
    left: u64,
    path: PathBuf,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Entry>, backlog: &Backlog) {
        match self.write_all(queue, backlog) {
            Ok(Ending::Full) => tracing::error!(
                path = %self.path.display(),
                "the recording ends here: it has `record_max_mb`; the signer goes on"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(
                path = %self.path.display(),
                %error,
                "the recording ends here: it cannot be written; the signer goes on"
            ),
        }
    }

    fn write_all(&mut self, queue: &Receiver<Entry>, backlog: &Backlog) -> io::Result<Ending> {
        let ending = loop {
            let entry = match queue.try_recv() {
                Ok(entry) => entry,
                Err(TryRecvError::Disconnected) => break Self::stopped(backlog),
                Err(TryRecvError::Empty) => {
                    // Whoever reads a running signer's recording finds what has happened.
                    self.file.flush()?;
                    let Ok(entry) = queue.recv() else { break Self::stopped(backlog) };
                    entry
                }
            };
            let Entry { kind, body: mut payload, step } = entry;
            let len = payload.len();
            Outcome::of(&step).put(&mut payload);
            let bytes = frame(kind, &payload).ok_or(io::ErrorKind::FileTooLarge)?;
            if self.left < bytes.len() as u64 + END_LEN {
                break Ending::Full;
            }
            self.write(&bytes)?;
            backlog.bytes.fetch_sub(len, Ordering::Relaxed);
        };
        let end = frame(Kind::End, &[ending.tag()]).expect("one byte is short");
        self.write(&end)?;
        self.file.flush()?;
        Ok(ending)
    }

    /// Why nothing comes any more.
    fn stopped(backlog: &Backlog) -> Ending {
        if backlog.is_overrun.load(Ordering::Acquire) { Ending::Behind } else { Ending::Stopped }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.file.write_all(bytes)
    }
}

/// How many events may wait for the disk, and how many bytes they may have.
const MAX_WAITING: usize = 4096;
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// How long the end of a recording is waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The length of the last frame.
const END_LEN: u64 = 14;
