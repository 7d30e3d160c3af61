//! sshd's effective settings, and the people who may become root.

use std::path::Path;
use std::time::Duration;

use super::bounded::{blocking, read, run};
use crate::facts::{Admin, Ssh};
use crate::grade::{Fact, Unknown};
use crate::parse::{people, sshd};

pub(super) async fn gather(limit: Duration) -> Fact<Ssh> {
    let said = run("sshd", &["-T"], limit).await.map_err(|unknown| match unknown {
        Unknown::Unmeasured { reason, .. } if reason.contains("not installed") => {
            Unknown::not_here("no sshd is installed")
        }
        unknown => unknown,
    })?;
    let mut ssh = sshd::read(&said.out).ok_or_else(|| {
        let how = if said.err.contains("/run/sshd") {
            "install -d -m 0755 /run/sshd"
        } else {
            "run doctor as root"
        };
        Unknown::but(format!("sshd -T does not show its settings: {}", said.err), how)
    })?;
    // Homes may be on another machine.
    ssh.admins = blocking("looking at who may log in", limit, || admins(Path::new("/"))).await;
    Ok(ssh)
}

/// Who may become root, below `root`.
pub(super) fn admins(root: &Path) -> Fact<Vec<Admin>> {
    let passwd = read(&root.join("etc/passwd"))?;
    let group = read(&root.join("etc/group"))?;
    let mut admins = Vec::new();
    for person in people::admins(&passwd, &group) {
        let home = person.home.strip_prefix("/").unwrap_or(&person.home);
        let path = root.join(home).join(".ssh/authorized_keys");
        let keys = match read(&path) {
            Ok(text) => people::key_kinds(&text),
            Err(unknown) if path.exists() || !is_visible(&path) => return Err(unknown),
            Err(_) => Vec::new(),
        };
        admins.push(Admin { name: person.name, keys });
    }
    Ok(admins)
}

/// Whether we may see that something is not there.
fn is_visible(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn those_who_may_become_root_are_listed_with_their_keys() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("etc/passwd", "a:x:1:1::/home/a:/bin/sh\nb:x:2:2::/home/b:/bin/sh\n");
        write("etc/group", "sudo:x:27:a,b\n");
        write("home/a/.ssh/authorized_keys", "sk-ssh-ed25519@openssh.com AAAA\n");
        let found = admins(root.path()).unwrap();
        let keys = vec!["sk-ssh-ed25519@openssh.com".to_owned()];
        let a = Admin { name: "a".to_owned(), keys };
        assert_eq!(found, [a, Admin { name: "b".to_owned(), keys: Vec::new() }]);
    }
}
