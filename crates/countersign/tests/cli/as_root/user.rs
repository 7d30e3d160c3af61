//! Unix users that live as long as a test.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A user without a home and without a password; gone when dropped.
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
}

impl User {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cs-{}-{number}", std::process::id());
        let made = Command::new("useradd").args(["--system", "--no-create-home", &name]).status();
        assert!(made.expect("useradd is installed").success(), "{name}");
        let id = Command::new("id").args(["-u", &name]).output().unwrap();
        let uid = String::from_utf8(id.stdout).unwrap().trim().parse().unwrap();
        Self { name, uid }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let gone = Command::new("userdel").arg(&self.name).stderr(Stdio::null()).status();
        // A test that fails anyway says why itself.
        assert!(std::thread::panicking() || gone.unwrap().success(), "{} stays", self.name);
    }
}

/// A folder of a user's own, beside a copy of the program that the user may run.
pub(super) struct Home {
    pub(super) user: User,
    folder: TempDir,
}

impl Home {
    pub(super) fn new() -> Self {
        let (user, folder) = (User::new(), tempfile::tempdir().unwrap());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = Self { user, folder };
        fs::copy(env!("CARGO_BIN_EXE_countersign"), home.program()).unwrap();
        fs::create_dir(home.path()).unwrap();
        home.give(&home.path(), 0o700);
        home
    }

    pub(super) fn program(&self) -> PathBuf {
        self.folder.path().join("countersign")
    }

    /// The folder with the program.
    pub(super) fn above(&self) -> &Path {
        self.folder.path()
    }

    /// The user's folder.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Makes a file or folder the user's.
    pub(super) fn give(&self, path: &Path, mode: u32) {
        chown(path, Some(self.user.uid), Some(self.user.uid)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes a file of the user's.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        self.give(&path, 0o600);
        path
    }

    /// Runs the program as the user.
    pub(super) fn run(&self, args: &[&str]) -> Output {
        Command::new(self.program())
            .args(args)
            .current_dir(self.path())
            .uid(self.user.uid)
            .gid(self.user.uid)
            .stdin(Stdio::null())
            .env_remove("CREDENTIALS_DIRECTORY")
            .output()
            .unwrap()
    }
}
