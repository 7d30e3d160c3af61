//! `sshd -T`: the effective settings of sshd.

use crate::facts::Ssh;
use crate::grade::Unknown;

/// Reads the settings; none if they are none.
pub fn read(text: &str) -> Option<Ssh> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (has, value) = line.trim().split_once(' ')?;
            (has.eq_ignore_ascii_case(key)).then(|| value.trim())
        })
    };
    let is_yes = |key: &str, default: bool| {
        value(key).map_or(default, |value| value.eq_ignore_ascii_case("yes"))
    };
    let root = value("permitrootlogin")?.to_ascii_lowercase();
    let accepted = value("pubkeyacceptedalgorithms").or(value("pubkeyacceptedkeytypes"));
    let only_hardware = accepted.is_some_and(|kinds| {
        kinds.split(',').all(|kind| kind.starts_with("sk-") || kind.contains("-cert-v01@"))
    });
    let ports =
        text.lines().filter_map(|line| line.trim().strip_prefix("port ")?.trim().parse().ok());
    Some(Ssh {
        password: is_yes("passwordauthentication", true),
        keyboard: is_yes("kbdinteractiveauthentication", true),
        root,
        only_hardware,
        ports: ports.collect(),
        admins: Err(Unknown::because("they were not looked at")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn settings_are_read_as_sshd_prints_them() {
        let text = "port 22\nport 2222\npermitrootlogin without-password\npasswordauthentication yes\nkbdinteractiveauthentication no\npubkeyacceptedalgorithms ssh-ed25519,sk-ssh-ed25519@openssh.com\n";
        let ssh = read(text).unwrap();
        assert_eq!(
            (ssh.password, ssh.keyboard, ssh.root.as_str()),
            (true, false, "without-password")
        );
        assert_eq!(ssh.ports, [22, 2222]);
        assert!(!ssh.only_hardware);
        let hard = text.replace("ssh-ed25519,sk-", "sk-ssh-ed25519-cert-v01@openssh.com,sk-");
        assert!(read(&hard).unwrap().only_hardware);
        assert_eq!(read("Missing privilege separation directory: /run/sshd"), None);
    }
}
