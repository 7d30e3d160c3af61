//! Users of the machine, or of the image under a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{InstallError, at, is_absent};

/// User and group of each name in `etc/passwd` under a folder.
#[derive(Debug)]
pub(super) struct Accounts {
    users: BTreeMap<String, (u32, u32)>,
}

impl Accounts {
    pub(super) fn read(root: &Path) -> Result<Self, InstallError> {
        let path = root.join("etc/passwd");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => String::new(),
            Err(error) => return Err(at(&path, "read")(error)),
        };
        Ok(Self { users: text.lines().filter_map(entry).collect() })
    }

    /// The user and the group of an owner: a name or a number.
    pub(super) fn owner(&self, owner: &str) -> Option<(u32, u32)> {
        match owner.parse() {
            Ok(number) => Some((number, number)),
            Err(_) if owner == "root" => Some((0, 0)),
            Err(_) => self.users.get(owner).copied(),
        }
    }
}

/// `name:x:uid:gid:…`
fn entry(line: &str) -> Option<(String, (u32, u32))> {
    let mut parts = line.split(':');
    let name = parts.next()?.to_owned();
    let (uid, gid) = (parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((name, (uid, gid)))
}

/// How long systemd-sysusers may take: it waits for the lock on the list of users.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has systemd make the users that the rendered files describe.
pub(super) fn make_users(root: &Path) -> Result<(), InstallError> {
    let failed = |source| InstallError::Sysusers { said: String::new(), source: Some(source) };
    let mut command = Command::new("systemd-sysusers");
    if root != Path::new("/") {
        command.arg(format!("--root={}", root.display()));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                child.kill().and_then(|()| child.wait().map(drop)).map_err(failed)?;
                return Err(failed(io::ErrorKind::TimedOut.into()));
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(1000).read_to_string(&mut said).map_err(failed)?;
    }
    let said = format!(": {}", said.split_whitespace().collect::<Vec<_>>().join(" "));
    Err(InstallError::Sysusers { said, source: None })
}
