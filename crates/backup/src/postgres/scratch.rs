//! A PostgreSQL that is thrown away: in a temporary folder, on a unix socket that only its user reaches, without
//! any network.
//!
//! What is restored into it may be hostile, since whoever knows a recipient can encrypt to it. Therefore it
//! is restored by a role that may neither run programs nor read files, and PostgreSQL itself runs as an
//! unprivileged user if this process is root.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::User;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::programs::Programs;
use super::psql::{Asker, PgError};
use crate::child::{ChildError, Other, Running, command, output};

/// Where and as whom a PostgreSQL is started that is thrown away.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// With which programs.
    pub programs: Programs,
    /// The folder for temporary folders.
    pub folder: PathBuf,
    /// The user that it runs as if this process is root, who may not run it.
    pub user: String,
}

/// Why there is no PostgreSQL to restore into.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The folder cannot be used.
    #[error("no temporary folder can be made in {}; name another one with --scratch", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A unix socket cannot have such a long name.
    #[error("the path {} is too long for a unix socket; name a shorter folder with --scratch", folder.display())]
    TooLong {
        /// The folder.
        folder: PathBuf,
    },
    /// PostgreSQL does not run as root, and there is nobody else.
    #[error(
        "there is no user `{user}` to run PostgreSQL as, and it refuses to run as root; name one with --postgres-user"
    )]
    NoUser {
        /// The user that was asked for.
        user: String,
    },
    /// A program gave no result.
    #[error("the temporary PostgreSQL cannot be started")]
    Child(#[from] ChildError),
    /// It does not start.
    #[error("the temporary PostgreSQL does not start: {said}")]
    Failed {
        /// What it said.
        said: String,
    },
    /// It does not answer.
    #[error("the temporary PostgreSQL does not answer")]
    Database(#[from] PgError),
}

/// A PostgreSQL that runs until this is dropped.
pub(crate) struct Scratch {
    server: Option<Running>,
    folder: TempDir,
    other: Option<Other>,
    programs: Programs,
    _lock: File,
}

impl Workshop {
    /// Starts a PostgreSQL with an empty database, and keeps a list of entries for pg_restore beside it.
    pub(crate) fn open(
        &self,
        entries: &str,
        stop: &CancellationToken,
    ) -> Result<Scratch, ScratchError> {
        let other = self.other()?;
        let made = |source| ScratchError::Folder { folder: self.folder.clone(), source };
        sweep(&self.folder, other);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&self.folder);
        let folder = folder.map_err(made)?;
        if folder.path().as_os_str().len() + SOCKET_LEN > MAX_SOCKET_LEN {
            return Err(ScratchError::TooLong { folder: folder.path().to_owned() });
        }
        let lock = File::create(folder.path().join(LOCK)).map_err(made)?;
        lock.lock().map_err(made)?;
        DirBuilder::new().mode(0o700).create(folder.path().join(DATA)).map_err(made)?;
        // Inside out: what is in a folder that another user owns may be a link by now.
        fs::write(folder.path().join(ENTRIES), entries).map_err(made)?;
        for name in [DATA, ENTRIES, ""] {
            own(other, &folder.path().join(name)).map_err(made)?;
        }
        let programs = self.programs.clone();
        let mut scratch = Scratch { server: None, folder, other, programs, _lock: lock };
        scratch.initialize(stop)?;
        scratch.start(stop)?;
        scratch.asker(&scratch.superuser("postgres"), stop).run(MAKE_SQL, START)?;
        Ok(scratch)
    }

    fn other(&self) -> Result<Option<Other>, ScratchError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        match User::from_name(&self.user) {
            Ok(Some(user)) if !user.uid.is_root() => {
                Ok(Some(Other { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
            }
            _ => Err(ScratchError::NoUser { user: self.user.clone() }),
        }
    }
}

impl Scratch {
    /// The database that is restored into, as its owner, who can do nothing else.
    pub(crate) fn connection(&self) -> Connection {
        Connection { user: RESTORER.to_owned(), ..self.superuser(RESTORED) }
    }

    pub(crate) fn asker<'a>(
        &'a self,
        connection: &'a Connection,
        stop: &'a CancellationToken,
    ) -> Asker<'a> {
        Asker { programs: &self.programs, connection, other: self.other, stop }
    }

    pub(crate) const fn other(&self) -> Option<Other> {
        self.other
    }

    /// The file with the entries that are wanted.
    pub(crate) fn entries(&self) -> PathBuf {
        self.folder.path().join(ENTRIES)
    }

    fn superuser(&self, database: &str) -> Connection {
        Connection {
            host: self.folder.path().display().to_string(),
            port: PORT,
            database: database.to_owned(),
            user: SUPERUSER.to_owned(),
            password_file: None,
            service: None,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    fn initialize(&self, stop: &CancellationToken) -> Result<(), ScratchError> {
        let mut command = command(&self.programs.path("initdb"), self.other);
        command
            .arg("--pgdata")
            .arg(self.data())
            .args([
                "--username",
                SUPERUSER,
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .current_dir(self.folder.path());
        let (finished, _) = output(command, "", START, stop)?;
        if !finished.status.success() {
            return Err(ScratchError::Failed { said: finished.last_words() });
        }
        Ok(())
    }

    /// Starts it and waits until it takes connections, which it writes into its file with the process id.
    fn start(&mut self, stop: &CancellationToken) -> Result<(), ScratchError> {
        let mut command = command(&self.programs.path("postgres"), self.other);
        command.arg("-D").arg(self.data()).current_dir(self.data());
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.arg("-k").arg(self.folder.path());
        let server =
            self.server.insert(Running::start(command, Duration::MAX, &CancellationToken::new())?);
        let (started, file) = (Instant::now(), self.folder.path().join(DATA).join(PID_FILE));
        loop {
            let text = fs::read_to_string(&file).unwrap_or_default();
            if text.lines().nth(7).is_some_and(|status| status.trim() == "ready") {
                return Ok(());
            }
            let is_late = started.elapsed() > START;
            if server.has_ended() || is_late || stop.is_cancelled() {
                break;
            }
            thread::sleep(LOOK);
        }
        let mut server = self.server.take().expect("it was started above");
        shut_down(&mut server, PATIENCE);
        let finished = server.finish(stop)?;
        Err(ScratchError::Failed { said: finished.last_words() })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Its processes end at once, and without writing: the folder is removed next.
        if let Some(mut server) = self.server.take() {
            shut_down(&mut server, PATIENCE);
        }
        // What is in it is plain. A process that still writes as its parent is gone keeps a folder from going.
        let until = Instant::now() + PATIENCE;
        while self.folder.path().exists()
            && fs::remove_dir_all(self.folder.path()).is_err()
            && Instant::now() < until
        {
            thread::sleep(LOOK);
        }
    }
}

/// Ends and removes what was left by a process that was killed. Whoever may write into `folder` can have put anything
/// there, such as a link to the folder of a PostgreSQL that must live: only folders of our own user, and of the one
/// that PostgreSQL runs as, are looked into.
fn sweep(folder: &Path, other: Option<Other>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let owners = [Some(geteuid().as_raw()), other.map(|other| other.uid)];
    let is_our_folder = |path: &Path| {
        let found = path.symlink_metadata();
        found.is_ok_and(|found| found.is_dir() && owners.contains(&Some(found.uid())))
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let path = entry.path();
        if !is_ours || !is_our_folder(&path) {
            continue;
        }
        if !open(&path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            continue;
        }
        let data = path.join(DATA);
        let mut text = String::new();
        if is_our_folder(&data)
            && let Ok(file) = open(&data.join(PID_FILE))
        {
            // What cannot be read names no process.
            let _ = file.take(MAX_PID_FILE).read_to_string(&mut text);
        }
        let id = text.lines().next().and_then(|id| id.trim().parse::<u32>().ok());
        if let Some(id) = id.filter(|id| works_in(*id, &data)) {
            signal(id, Signal::QUIT);
            if !ends_within(PATIENCE, || !works_in(id, &data)) {
                signal(id, Signal::KILL);
            }
        }
        let _ = fs::remove_dir_all(&path);
    }
}

/// Opens a file for reading: no link, and no pipe that is waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty()).map(File::from)?)
}

/// Whether this process works in this folder, so that its number was not given to another one since.
fn works_in(id: u32, folder: &Path) -> bool {
    let works_in = fs::read_link(format!("/proc/{id}/cwd"));
    works_in.is_ok_and(|works_in| fs::canonicalize(folder).is_ok_and(|folder| works_in == folder))
}

/// "Immediate shutdown", and the end of a server that does not heed it.
fn shut_down(server: &mut Running, patience: Duration) {
    signal(server.id(), Signal::QUIT);
    if !ends_within(patience, || server.has_ended()) {
        server.kill();
    }
}

/// Whether something ends in this time.
fn ends_within(patience: Duration, mut has_ended: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    while !has_ended() {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// It may have ended already.
fn signal(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, signal);
    }
}

fn own(other: Option<Other>, path: &Path) -> io::Result<()> {
    other.map_or(Ok(()), |Other { uid, gid }| chown(path, Some(uid), Some(gid)))
}

/// How the name of every such folder begins.
const PREFIX: &str = "countersign-scratch-";
const LOCK: &str = ".lock";
const DATA: &str = "data";
const ENTRIES: &str = "entries";
const PID_FILE: &str = "postmaster.pid";
/// It has eight short lines.
const MAX_PID_FILE: u64 = 4096;
const SUPERUSER: &str = "countersign_scratch";
const RESTORER: &str = "countersign_restorer";
const RESTORED: &str = "restored";
/// A part of the socket's name.
const PORT: u16 = 5432;
/// Nothing is kept, so nothing is synced.
const SETTINGS: [&str; 16] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "ssl=off",
    "max_connections=8",
    "shared_buffers=64MB",
    "maintenance_work_mem=128MB",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    // In the sandbox of its unit nobody may make memory executable.
    "jit=off",
    "logging_collector=off",
    "log_min_messages=fatal",
    "lc_messages=C",
];
const MAKE_SQL: &str = "
CREATE ROLE countersign_restorer LOGIN;
CREATE DATABASE restored OWNER countersign_restorer TEMPLATE template0;
";
const SOCKET_LEN: usize = "/.s.PGSQL.5432".len();
/// As Linux has it.
const MAX_SOCKET_LEN: usize = 107;
const START: Duration = Duration::from_mins(2);
/// Twice as long as PostgreSQL itself waits before it kills its processes.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// A PostgreSQL, as far as it shows: a process in a folder that holds its number. It says what it is told.
    fn server() -> (TempDir, std::process::Child) {
        let data = tempfile::tempdir().unwrap();
        let server = Command::new("cat")
            .current_dir(data.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(data.path().join(PID_FILE), format!("{}\n", server.id())).unwrap();
        (data, server)
    }

    /// A folder as a verification leaves it that was killed.
    fn left(folder: &Path) -> PathBuf {
        let left = folder.join(format!("{PREFIX}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        left
    }

    #[test]
    fn what_a_killed_verification_has_left_is_ended_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (data, mut server) = server();
        let left = left(folder.path());
        fs::rename(data.path(), left.join(DATA)).unwrap();
        sweep(folder.path(), None);
        assert_eq!(server.wait().unwrap().code(), None, "a signal has ended it");
        assert!(!left.exists());
    }

    #[test]
    fn a_server_that_does_not_heed_its_end_is_killed() {
        let mut command = command(Path::new("/bin/sh"), None);
        command.args(["-c", "trap '' QUIT; echo deaf; exec sleep 600"]).stdout(Stdio::piped());
        let stop = CancellationToken::new();
        let mut server = Running::start(command, Duration::MAX, &stop).unwrap();
        let mut said = [0; 5];
        server.stdout().read_exact(&mut said).unwrap();
        shut_down(&mut server, Duration::from_millis(100));
        let finished = server.finish(&stop).unwrap();
        assert_eq!(finished.status.signal(), Some(Signal::KILL.as_raw()));
    }

    #[test]
    fn a_link_to_the_folder_of_a_living_server_does_not_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let (data, mut server) = server();
        symlink(data.path(), left(folder.path()).join(DATA)).unwrap();
        sweep(folder.path(), None);
        // A process that is sent a signal is ended before it runs on.
        let (mut ask, mut answer) = (server.stdin.take().unwrap(), String::new());
        let _ = ask.write_all(b"alive");
        drop(ask);
        server.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        assert_eq!((answer.as_str(), server.wait().unwrap().code()), ("alive", Some(0)));
    }
}
