//! Who can log in.

use super::{SPLIT, count};
use crate::check::{Check, EVERYBODY, FOR_OTHERS, Source};
use crate::facts::{Admin, Facts, Ssh};
use crate::grade::{Fact, Outcome};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ssh-password",
        rows: &["D16"],
        profiles: EVERYBODY,
        title: "nobody logs in with a password",
        why: "passwords are guessed, reused and phished",
        source: Source::Ssh,
        judge: password,
    },
    Check {
        id: "ssh-root",
        rows: &["D16"],
        profiles: EVERYBODY,
        title: "root does not log in",
        why: "a login of root is nobody's in particular",
        source: Source::Ssh,
        judge: root,
    },
    Check {
        id: "ssh-hardware",
        rows: &["B5"],
        profiles: EVERYBODY,
        title: "logins need a key in hardware",
        why: "a key that is a file is copied with the laptop",
        source: Source::Ssh,
        judge: hardware,
    },
    Check {
        id: "ssh-port",
        rows: &["D17"],
        profiles: EVERYBODY,
        title: "the port of SSH",
        why: "another port keeps the log quiet, and nobody out",
        source: Source::Ssh,
        judge: port,
    },
    Check {
        id: "ssh-admins",
        rows: &["A28", "B20", "C9"],
        profiles: FOR_OTHERS,
        title: "at least two people can act",
        why: "a signer whose only operator sleeps stays down",
        source: Source::Ssh,
        judge: admins,
    },
];

const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-countersign.conf";

fn drop_in(lines: &str) -> String {
    format!("printf '{lines}\\n' >> {DROP_IN} && sshd -t && systemctl reload ssh")
}

/// The same, after what keeps a door open: unless somebody but root logs in with such a key, these lines would lock
/// everybody out.
fn without_lockout(ssh: &Ssh, is_such: impl Fn(&str) -> bool, first: &str, lines: &str) -> String {
    let has_such = |admin: &Admin| admin.keys.iter().any(|kind| is_such(kind));
    let is_safe = ssh.admins.as_ref().is_ok_and(|admins| admins.iter().any(has_such));
    let then = drop_in(lines);
    if is_safe { then } else { format!("{first}, log in with it, and only then: {then}") }
}

const ANY_KEY: &str = "give a user of the group sudo a key in ~/.ssh/authorized_keys";

fn is_hardware(kind: &str) -> bool {
    kind.starts_with("sk-")
}

fn password(facts: &Facts) -> Fact<Outcome> {
    let ssh = facts.ssh.as_ref()?;
    let lines = "PasswordAuthentication no\\nKbdInteractiveAuthentication no";
    let remedy = without_lockout(ssh, |_| true, ANY_KEY, lines);
    Ok(match (ssh.password, ssh.keyboard) {
        (true, _) => Outcome::fail("PasswordAuthentication is yes", remedy),
        (false, true) => Outcome::warn(
            "KbdInteractiveAuthentication is yes, which may ask for a password",
            remedy,
        ),
        (false, false) => Outcome::ok("neither passwords nor questions on the keyboard"),
    })
}

fn root(facts: &Facts) -> Fact<Outcome> {
    let ssh = facts.ssh.as_ref()?;
    let measured = format!("PermitRootLogin is {}", shell::shown(&ssh.root));
    let remedy = without_lockout(ssh, |_| true, ANY_KEY, "PermitRootLogin no");
    Ok(match ssh.root.as_str() {
        "no" => Outcome::ok(measured),
        "yes" => Outcome::fail(measured, remedy),
        _ => Outcome::warn(measured, remedy),
    })
}

fn hardware(facts: &Facts) -> Fact<Outcome> {
    let ssh = facts.ssh.as_ref()?;
    if ssh.only_hardware {
        return Ok(Outcome::ok("sshd takes only keys in hardware"));
    }
    let admins = ssh.admins.as_ref()?;
    let soft: Vec<String> = admins
        .iter()
        .filter(|admin| admin.keys.iter().any(|kind| !is_hardware(kind)))
        .map(|admin| shell::shown(&admin.name))
        .collect();
    let lines =
        "PubkeyAcceptedAlgorithms sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com";
    let first = "ssh-keygen -t ed25519-sk for each on their own computer, its public half in ~/.ssh/authorized_keys";
    let remedy = without_lockout(ssh, is_hardware, first, lines);
    Ok(match soft.as_slice() {
        [] => Outcome::warn(
            "sshd would take keys in files; no user who may become root has one",
            remedy,
        ),
        soft => Outcome::warn(format!("keys in files: {}", soft.join(SPLIT)), remedy),
    })
}

fn port(facts: &Facts) -> Fact<Outcome> {
    let ports = &facts.ssh.as_ref()?.ports;
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Ok(Outcome::ok(format!("SSH is on port {}", ports.join(SPLIT))))
}

fn admins(facts: &Facts) -> Fact<Outcome> {
    let admins = facts.ssh.as_ref()?.admins.as_ref()?;
    let able: Vec<String> = admins
        .iter()
        .filter(|admin| !admin.keys.is_empty())
        .map(|admin| shell::shown(&admin.name))
        .collect();
    let measured = format!(
        "{} with a key for SSH and a way to root: {}",
        count(able.len(), "user"),
        able.join(SPLIT)
    );
    Ok(if able.len() >= 2 {
        Outcome::ok(measured)
    } else {
        Outcome::warn(
            measured,
            "adduser SECOND && adduser SECOND sudo, and their key in ~/.ssh/authorized_keys",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Unknown;

    fn ssh(keys: Fact<&[&str]>) -> Ssh {
        let admin = |keys: &[&str]| Admin {
            name: "alice".to_owned(),
            keys: keys.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        Ssh {
            password: true,
            keyboard: true,
            root: "yes".to_owned(),
            only_hardware: false,
            ports: vec![22],
            admins: keys.map(|keys| vec![admin(keys)]),
        }
    }

    #[test]
    fn no_door_is_closed_before_another_one_is_known_to_be_open() {
        let rows: [(Fact<&[&str]>, bool, bool); 4] = [
            (Ok(&["sk-ssh-ed25519@openssh.com"]), true, true),
            (Ok(&["ssh-ed25519"]), true, false),
            (Ok(&[]), false, false),
            (Err(Unknown::because("not root")), false, false),
        ];
        for (keys, may_close_passwords, may_close_files) in rows {
            let ssh = ssh(keys);
            let is_at_once = |is_such: fn(&str) -> bool| {
                without_lockout(&ssh, is_such, ANY_KEY, "X no").starts_with("printf ")
            };
            assert_eq!(is_at_once(|_| true), may_close_passwords, "{ssh:?}");
            assert_eq!(is_at_once(is_hardware), may_close_files, "{ssh:?}");
        }
    }
}
