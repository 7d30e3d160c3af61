//! One signer as a child process, owned by one task.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use super::folder::{SignerFiles, open_log};

/// What is started as a signer: `LAUNCHER… PROGRAM run --config FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerProgram {
    /// The signer.
    pub program: PathBuf,
    /// A program and arguments to start the signer through, which end in
    /// [`exec_leashed`](super::exec_leashed); empty to start it directly.
    pub launcher: Vec<OsString>,
}

/// How a signer is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSignal {
    /// SIGTERM: it may finish what it is doing.
    Terminate,
    /// SIGKILL: it is gone at once.
    Kill,
}

/// Whether a signer runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessStatus {
    /// Not yet, or not again, started.
    NotStarted,
    /// It runs.
    Running,
    /// It is stopped with SIGSTOP.
    Paused,
    /// It ended although nobody asked it to.
    Failed(String),
    /// It ended as it was told to.
    Ended,
}

/// Why a signer cannot be started or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program cannot be started.
    #[error("{} cannot be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a process already.
    #[error("the signer runs already")]
    Runs,
    /// There is no process.
    #[error("the signer does not run")]
    RunsNot,
    /// The system refuses the signal.
    #[error("the signal cannot be sent: {0}")]
    Signal(io::Error),
    /// The devnet is shutting down.
    #[error("the devnet has stopped")]
    Gone,
}

/// The handle of one signer. Dropping it kills the process.
#[derive(Debug)]
pub struct SignerProcess {
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<ProcessStatus>,
}

enum Order {
    Start(Answer),
    End(EndSignal, Answer),
    Pause(Answer),
    Resume(Answer),
    Stop(Duration, Answer),
}

type Answer = oneshot::Sender<Result<(), ProcessError>>;

impl SignerProcess {
    /// A signer that is not started yet.
    pub fn new(program: SignerProgram, files: SignerFiles) -> Self {
        let SignerFiles { config, log, credentials } = files;
        let arguments = vec!["run".into(), "--config".into(), config.into()];
        Self::keep(program, arguments, log, credentials)
    }

    /// Another program of a network, such as a node, that is not started yet. It prints into `log`;
    /// while it runs, its process id is in a file `pid` beside that.
    pub(crate) fn other(program: SignerProgram, arguments: Vec<OsString>, log: PathBuf) -> Self {
        Self::keep(program, arguments, log, None)
    }

    fn keep(
        program: SignerProgram,
        arguments: Vec<OsString>,
        log: PathBuf,
        credentials: Option<PathBuf>,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(8);
        let (told, status) = watch::channel(ProcessStatus::NotStarted);
        let keeper = Keeper {
            program,
            arguments,
            log,
            credentials,
            child: None,
            is_told_to_end: false,
            status: told,
        };
        tokio::spawn(keeper.run(inbox));
        Self { orders, status }
    }

    /// Starts it.
    pub async fn start(&self) -> Result<(), ProcessError> {
        self.order(Order::Start).await
    }

    /// Sends it a signal that ends it, and waits until it is gone.
    pub async fn end(&self, signal: EndSignal) -> Result<(), ProcessError> {
        self.order(|answer| Order::End(signal, answer)).await
    }

    /// Stops it where it stands.
    pub async fn pause(&self) -> Result<(), ProcessError> {
        self.order(Order::Pause).await
    }

    /// Lets it run on.
    pub async fn resume(&self) -> Result<(), ProcessError> {
        self.order(Order::Resume).await
    }

    /// Ends it with SIGTERM, and with SIGKILL if it is still there after `grace`.
    pub async fn stop(&self, grace: Duration) -> Result<(), ProcessError> {
        self.order(|answer| Order::Stop(grace, answer)).await
    }

    /// Whether it runs, and how that changes.
    pub fn status(&self) -> watch::Receiver<ProcessStatus> {
        self.status.clone()
    }

    async fn order(&self, order: impl FnOnce(Answer) -> Order) -> Result<(), ProcessError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.map_err(|_| ProcessError::Gone)?;
        answered.await.map_err(|_| ProcessError::Gone)?
    }
}

/// Owns the child.
struct Keeper {
    program: SignerProgram,
    arguments: Vec<OsString>,
    log: PathBuf,
    credentials: Option<PathBuf>,
    child: Option<Child>,
    is_told_to_end: bool,
    status: watch::Sender<ProcessStatus>,
}

impl Keeper {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        loop {
            let order = match self.child.as_mut() {
                None => inbox.recv().await,
                Some(child) => tokio::select! {
                    order = inbox.recv() => order,
                    ended = child.wait() => {
                        self.on_ended(ended);
                        continue;
                    }
                },
            };
            match order {
                None => return,
                Some(order) => self.on_order(order).await,
            }
        }
    }

    async fn on_order(&mut self, order: Order) {
        // Who asked may have gone away, which changes nothing.
        let _ = match order {
            Order::Start(answer) => answer.send(self.start()),
            Order::End(signal, answer) => answer.send(self.end(signal).await),
            Order::Pause(answer) => answer.send(self.signal(Signal::STOP, ProcessStatus::Paused)),
            Order::Resume(answer) => answer.send(self.signal(Signal::CONT, ProcessStatus::Running)),
            Order::Stop(grace, answer) => answer.send(self.stop(grace).await),
        };
    }

    fn start(&mut self) -> Result<(), ProcessError> {
        if self.child.is_some() {
            return Err(ProcessError::Runs);
        }
        let fail = |source| ProcessError::Start { program: self.program.program.clone(), source };
        let log = open_log(&self.log).map_err(fail)?;
        let errors = log.try_clone().map_err(fail)?;
        let mut words = self.program.launcher.iter().map(OsString::as_os_str);
        let mut command = match words.next() {
            Some(launcher) => {
                let mut command = Command::new(launcher);
                command.args(words).arg(&self.program.program);
                command
            }
            None => Command::new(&self.program.program),
        };
        if let Some(credentials) = &self.credentials {
            command.env("CREDENTIALS_DIRECTORY", credentials);
        }
        let child = command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in the terminal is for the devnet, which then ends its signers in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fail)?;
        if let Some(id) = child.id() {
            // For whoever disturbs the network from outside; the network does not need it.
            let _ = std::fs::write(self.pid_file(), id.to_string());
        }
        self.child = Some(child);
        self.is_told_to_end = false;
        self.status.send_replace(ProcessStatus::Running);
        Ok(())
    }

    async fn end(&mut self, signal: EndSignal) -> Result<(), ProcessError> {
        let signal = match signal {
            EndSignal::Terminate => Signal::TERM,
            EndSignal::Kill => Signal::KILL,
        };
        self.is_told_to_end = true;
        send(self.child.as_ref(), signal)?;
        let ended = self.child.as_mut().ok_or(ProcessError::RunsNot)?.wait().await;
        self.on_ended(ended);
        Ok(())
    }

    async fn stop(&mut self, grace: Duration) -> Result<(), ProcessError> {
        if self.child.is_none() {
            return Ok(());
        }
        self.is_told_to_end = true;
        send(self.child.as_ref(), Signal::TERM)?;
        // A paused process acts on SIGTERM only when it goes on.
        send(self.child.as_ref(), Signal::CONT)?;
        let child = self.child.as_mut().ok_or(ProcessError::RunsNot)?;
        let ended = if let Ok(ended) = tokio::time::timeout(grace, child.wait()).await {
            ended
        } else {
            send(self.child.as_ref(), Signal::KILL)?;
            self.child.as_mut().ok_or(ProcessError::RunsNot)?.wait().await
        };
        self.on_ended(ended);
        Ok(())
    }

    fn signal(&self, signal: Signal, status: ProcessStatus) -> Result<(), ProcessError> {
        send(self.child.as_ref(), signal)?;
        self.status.send_replace(status);
        Ok(())
    }

    fn pid_file(&self) -> PathBuf {
        self.log.with_file_name("pid")
    }

    fn on_ended(&mut self, ended: io::Result<ExitStatus>) {
        self.child = None;
        let _ = std::fs::remove_file(self.pid_file());
        self.status.send_replace(match (self.is_told_to_end, ended) {
            (true, _) => ProcessStatus::Ended,
            (false, Ok(status)) => ProcessStatus::Failed(status.to_string()),
            (false, Err(error)) => ProcessStatus::Failed(error.to_string()),
        });
    }
}

/// Signals the child, which has not been waited for, so that its id is still its own.
fn send(child: Option<&Child>, signal: Signal) -> Result<(), ProcessError> {
    let pid = child
        .and_then(Child::id)
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .ok_or(ProcessError::RunsNot)?;
    kill_process(pid, signal).map_err(|error| ProcessError::Signal(error.into()))
}
