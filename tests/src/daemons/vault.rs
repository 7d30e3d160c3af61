//! One `countersign vault`.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign_vault::{Birth, Vault};
use countersign_wire::PrivateKey;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{Ended, Log, Manager, UnixUser, countersign, processes, within};

/// The files of a vault: a key as a credential of systemd's, a journal, a socket, a configuration.
#[derive(Debug)]
pub struct VaultPlace {
    folder: TempDir,
    owner: Option<(u32, u32)>,
}

impl VaultPlace {
    /// A place for `key`, that belongs to `owner`, or else to the user of the test. `callers` are users by
    /// number, each with a role.
    pub fn new(key: &PrivateKey, owner: Option<&UnixUser>, callers: &[(u32, &str)]) -> Self {
        let owner = owner.map(|owner| (owner.uid(), owner.gid()));
        let place = Self { folder: tempfile::tempdir().unwrap(), owner };
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755)).unwrap();
        for (folder, mode) in [("keys", 0o700), ("journal", 0o700), ("run", 0o755)] {
            let folder = place.path(folder);
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            place.hand_over(&folder);
        }
        place.put_key(key);
        place.begin(key);
        place.configure(callers, "");
        place
    }

    /// A journal for a key that was made just now.
    fn begin(&self, key: &PrivateKey) {
        let key = PrivateKey::from_bytes(*key.to_bytes()).unwrap();
        let vault = Vault::create(key, &self.journal(), Birth::WithKey).unwrap();
        vault.close_cleanly().unwrap();
        for file in fs::read_dir(self.path("journal")).unwrap() {
            self.hand_over(&file.unwrap().path());
        }
    }

    /// Writes the configuration, with more lines of it.
    pub fn configure(&self, callers: &[(u32, &str)], more: &str) {
        let mut text = format!(
            "socket = \"{}\"\njournal = \"{}\"\nnetwork = \"testnet\"\nkey = {{ credential = \"key\" }}\n{more}\n",
            self.socket().display(),
            self.journal().display()
        );
        for (uid, role) in callers {
            writeln!(text, "[[caller]]\nuid = {uid}\nroles = [{role:?}]").unwrap();
        }
        fs::write(self.config(), text).unwrap();
        fs::set_permissions(self.config(), Permissions::from_mode(0o644)).unwrap();
    }

    /// Puts another key in the place of the one that is there.
    pub fn put_key(&self, key: &PrivateKey) {
        fs::write(self.key(), key.to_hex().as_bytes()).unwrap();
        fs::set_permissions(self.key(), Permissions::from_mode(0o400)).unwrap();
        self.hand_over(&self.key());
    }

    fn hand_over(&self, path: &Path) {
        if let Some((uid, gid)) = self.owner {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of the key.
    pub fn key(&self) -> PathBuf {
        self.path("keys/key")
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.path("journal/journal.sqlite")
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.path("run/vault.sock")
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.path("vault.toml")
    }

    /// Starts the vault and waits until it answers.
    pub async fn start(&self) -> VaultProcess {
        self.start_through(self.program()).await
    }

    /// Starts it so that this manager looks after it.
    pub async fn start_under(&self, manager: &Manager, watchdog: Duration) -> VaultProcess {
        self.start_through(manager.look_after(self.program(), watchdog)).await
    }

    /// Starts it so that a journal begins.
    pub async fn start_with_init(&self) -> VaultProcess {
        let mut command = self.program();
        command.arg("--init");
        self.start_through(command).await
    }

    /// Starts it where no file can become longer than `kib` KiB, as on a full disk.
    pub async fn start_on_full_disk(&self, kib: u32) -> VaultProcess {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
        shell.arg("-c").arg(script).arg(countersign()).arg("vault");
        self.start_through(shell).await
    }

    /// The program as the owner of the place, who may lock memory as `AmbientCapabilities=CAP_IPC_LOCK` lets
    /// it in a unit: not every machine of a test lets root raise the limit.
    fn program(&self) -> Command {
        let Some((uid, gid)) = self.owner else {
            let mut command = Command::new(countersign());
            command.arg("vault");
            return command;
        };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
        command.args(["--inh-caps", "+ipc_lock", "--ambient-caps", "+ipc_lock"]);
        command.arg(countersign()).arg("vault");
        command
    }

    /// Runs it to its end as the owner of the place, who may not lock memory.
    pub async fn run_without_locked_memory(&self) -> Ended {
        let (uid, gid) = self.owner.expect("root may always lock memory");
        let mut command = Command::new(countersign());
        command.arg("vault").uid(uid).gid(gid);
        self.spawn(command).ended().await
    }

    async fn start_through(&self, command: Command) -> VaultProcess {
        let vault = self.spawn(command);
        vault.log.wait_for(0, "the vault answers", START_LIMIT).await;
        vault
    }

    /// Runs it to its end.
    pub async fn run(&self) -> Ended {
        self.spawn(self.program()).ended().await
    }

    fn spawn(&self, mut command: Command) -> VaultProcess {
        let mut child = command
            .arg("--config")
            .arg(self.config())
            .env("CREDENTIALS_DIRECTORY", self.path("keys"))
            .env_remove("RUST_LOG")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        let reading = log.follow(child.stderr.take().expect("standard error is piped"));
        VaultProcess { child, log, reading }
    }
}

/// A running `countersign vault`. Dropping it kills it.
#[derive(Debug)]
pub struct VaultProcess {
    child: Child,
    log: Log,
    reading: JoinHandle<()>,
}

impl VaultProcess {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the process was not waited for")
    }

    /// What it has logged so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.child.id().is_some_and(processes::is_running)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Ends it with SIGKILL.
    pub async fn kill(mut self) {
        within(START_LIMIT, "the end of a killed vault", self.child.kill()).await.unwrap();
    }

    /// Waits until it has ended.
    pub async fn ended(mut self) -> Ended {
        let status = within(START_LIMIT, "the end of the vault", self.child.wait()).await.unwrap();
        self.log.finish(self.reading).await;
        Ended { code: status.code(), log: self.log.text() }
    }
}

const START_LIMIT: Duration = Duration::from_secs(20);
