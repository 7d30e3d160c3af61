//! The first task that ends, ends the daemon.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// The tasks of a daemon, each with a name.
pub struct Tasks {
    running: JoinSet<Ending>,
    grace: Duration,
}

/// Why a task failed, and the code that the process should end with.
///
/// Every error converts into one with [`Exit::Failure`].
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    source: Box<dyn Error + Send + Sync>,
}

/// Why the daemon ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// A task failed.
    #[error("the task `{name}` failed")]
    Failed {
        /// The task.
        name: &'static str,
        /// The code that the process should end with.
        exit: Exit,
        /// What it failed of.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A task ended although nobody asked it to.
    #[error("the task `{0}` ended although nobody asked it to")]
    Ended(&'static str),
    /// Tasks that were asked to stop did not, and were cut off.
    #[error("{0} tasks did not stop in time and were cut off")]
    Stuck(usize),
}

struct Ending {
    name: &'static str,
    result: Result<(), Failure>,
}

/// How long tasks have to end after they were asked to: the process is to be gone within five seconds.
const GRACE: Duration = Duration::from_secs(4);

/// Runs every task until the first one ends, for whatever reason, then stops the others.
///
/// Cancelling `stop` is how a task, a signal or a caller asks for the end; every task must obey it.
/// The answer is `Ok` only if the end was asked for and every task took it without failing. Of
/// several failures the first is returned and the others are logged.
pub async fn supervise(tasks: Tasks, stop: CancellationToken) -> Result<(), Fatal> {
    let Tasks { mut running, grace } = tasks;
    let first = running.join_next().await.expect("the caller spawned at least one task");
    let asked_to_stop = stop.is_cancelled();
    stop.cancel();
    let mut verdict = match judge(first) {
        Ok(name) if !asked_to_stop => Err(Fatal::Ended(name)),
        Ok(_) => Ok(()),
        Err(fatal) => Err(fatal),
    };
    let stopping = async {
        while let Some(ending) = running.join_next().await {
            match judge(ending) {
                Ok(_) => {}
                Err(fatal) if verdict.is_ok() => verdict = Err(fatal),
                Err(fatal) => tracing::warn!(
                    error = &fatal as &dyn Error,
                    "another task failed while the daemon stopped"
                ),
            }
        }
    };
    let in_time = timeout(grace, stopping).await.is_ok();
    if !in_time && verdict.is_ok() {
        verdict = Err(Fatal::Stuck(running.len()));
    }
    verdict
}

impl Tasks {
    /// No task yet. Tasks have four seconds to end after they were asked to.
    pub fn new() -> Self {
        Self::with_grace(GRACE)
    }

    /// No task yet; tasks that do not end `grace` after they were asked to are cut off.
    pub fn with_grace(grace: Duration) -> Self {
        Self { running: JoinSet::new(), grace }
    }

    /// Starts a task. It runs until it has something to say or `stop` is cancelled.
    pub fn spawn<E: Into<Failure>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.running.spawn(async move { Ending { name, result: task.await.map_err(Into::into) } });
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Failure {
    /// A failure that should end the process with `exit`.
    pub fn new(exit: Exit, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, source: source.into() }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(source: E) -> Self {
        Self::new(Exit::Failure, source)
    }
}

impl Fatal {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed { exit, .. } => *exit,
            Self::Ended(_) | Self::Stuck(_) => Exit::Failure,
        }
    }
}

fn judge(ending: Result<Ending, tokio::task::JoinError>) -> Result<&'static str, Fatal> {
    let Ending { name, result } =
        ending.expect("no task is aborted, and a panic in a task ends the process");
    match result {
        Ok(()) => Ok(name),
        Err(Failure { exit, source }) => Err(Fatal::Failed { name, exit, source }),
    }
}
