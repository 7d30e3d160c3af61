//! Users of the operating system that live as long as a test. Only root can make them.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A real user with a group of its own and no home. Dropping it removes both.
#[derive(Debug)]
pub struct UnixUser {
    name: String,
    uid: u32,
    gid: u32,
}

impl UnixUser {
    /// Makes a user whose name begins with `role`.
    pub fn create(role: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{role}-{}-{number}", std::process::id());
        run(Command::new("useradd")
            .args(["--system", "--no-create-home", "--user-group"])
            .arg(&name));
        let id = |what: &str| -> u32 {
            let said = Command::new("id").args([what, &name]).output().unwrap().stdout;
            String::from_utf8(said).unwrap().trim().parse().unwrap()
        };
        let (uid, gid) = (id("-u"), id("-g"));
        Self { name, uid, gid }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// The number of its group.
    pub const fn gid(&self) -> u32 {
        self.gid
    }

    /// Does `work` as this user, on a thread of its own: the kernel keeps a user for each thread.
    pub fn act<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        std::thread::scope(|scope| {
            let acting = scope.spawn(move || {
                set_thread_groups(&[]).unwrap();
                set_thread_res_gid(gid, gid, gid).unwrap();
                set_thread_res_uid(uid, uid, uid).unwrap();
                work()
            });
            acting.join().unwrap()
        })
    }
}

impl Drop for UnixUser {
    fn drop(&mut self) {
        // A user that stays is a nuisance, and no reason to hide why a test failed.
        let _ = Command::new("userdel").arg(&self.name).output();
    }
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?} (as root, with the package `passwd`): {said}");
}

static NEXT: AtomicU32 = AtomicU32::new(0);
