//! passwd(5), group(5) and authorized_keys: who may log in and become root.

use std::path::PathBuf;

/// A user that may become root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The home folder.
    pub home: PathBuf,
}

/// The users who may log in and are in a group from which sudo makes root. Root itself is nobody in particular.
pub fn admins(passwd: &str, group: &str) -> Vec<Person> {
    let mut members: Vec<&str> = Vec::new();
    let mut groups: Vec<&str> = Vec::new();
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, id, list] = *fields.as_slice()
            && matches!(name, "sudo" | "wheel" | "admin")
        {
            members.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()));
            groups.push(id);
        }
    }
    let person = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, _, group, _, home, shell] = *fields.as_slice() else { return None };
        let may_log_in = !shell.ends_with("nologin") && !shell.ends_with("false");
        let is_admin = members.contains(&name) || groups.contains(&group);
        (is_admin && may_log_in)
            .then(|| Person { name: name.to_owned(), home: PathBuf::from(home) })
    };
    passwd.lines().filter_map(person).collect()
}

/// The kinds of the keys in an authorized_keys file. Options before the kind are passed over.
pub fn key_kinds(text: &str) -> Vec<String> {
    let is_kind = |word: &&str| {
        word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-")
    };
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().find(is_kind))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_may_become_root_and_log_in_are_found() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nbob:x:1001:27::/home/bob:/bin/sh\ncarol:x:1002:1002::/home/carol:/usr/sbin/nologin\nbroken\n";
        let group = "root:x:0:\nsudo:x:27:alice, carol\nusers:x:100:dave\n";
        let names: Vec<String> =
            admins(passwd, group).into_iter().map(|person| person.name).collect();
        assert_eq!(names, ["alice", "bob"]);
    }

    #[test]
    fn kinds_of_keys_are_found_behind_options() {
        let text = "# mine\nssh-ed25519 AAAA a\nfrom=\"10.0.0.1\" sk-ssh-ed25519@openssh.com AAAA b\n\ngarbage\n";
        assert_eq!(key_kinds(text), ["ssh-ed25519", "sk-ssh-ed25519@openssh.com"]);
    }
}
