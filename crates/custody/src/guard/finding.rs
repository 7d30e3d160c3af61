//! What is wrong with where a file is, and the command that mends it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The file belongs to somebody else.
    Owner {
        /// The number of its owner.
        owner: u32,
        /// Our number.
        us: u32,
    },
    /// Group or others may read or write.
    Mode {
        /// The permissions.
        mode: u32,
        /// `read` or `change`.
        others_may: &'static str,
        /// The permissions that it should have, as chmod(1) takes them.
        mend: &'static str,
    },
    /// An access control list names somebody.
    Acl {
        /// Whom.
        who: String,
    },
    /// A folder on the way belongs to somebody else.
    FolderOwner {
        /// The number of its owner.
        owner: u32,
    },
    /// Group or others may write into a folder on the way.
    FolderMode {
        /// The permissions.
        mode: u32,
    },
    /// An access control list lets somebody write into a folder on the way.
    FolderAcl {
        /// Whom.
        who: String,
    },
    /// A symbolic link on the way belongs to somebody else.
    Link {
        /// The number of its owner.
        owner: u32,
    },
    /// The file is in a git work tree.
    Git {
        /// The folder with `.git`.
        tree: PathBuf,
    },
    /// The process is root's.
    Root,
}

impl Rule {
    /// A word for machines.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Owner { .. } => "owner",
            Self::Mode { .. } => "mode",
            Self::Acl { .. } => "acl",
            Self::FolderOwner { .. } | Self::FolderMode { .. } | Self::FolderAcl { .. } => {
                "folders"
            }
            Self::Link { .. } => "links",
            Self::Git { .. } => "git",
            Self::Root => "root",
        }
    }
}

/// A broken rule, where, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for machines.
    pub check: &'static str,
    /// What is wrong.
    pub what: String,
    /// The command that mends it.
    pub remedy: String,
}

impl Finding {
    /// `at` is what breaks the rule, `path` the path by which we came there.
    pub(super) fn new(rule: Rule, at: &Path, path: &Path) -> Self {
        let at_text = at.display();
        let quoted = shell(at);
        let check = rule.name();
        let (what, remedy) = match rule {
            Rule::Owner { owner, us } => (
                format!("{at_text} belongs to user {owner}, and this process is user {us}"),
                format!("chown {us} {quoted}"),
            ),
            Rule::Mode { mode, others_may, mend } => {
                let what = format!("others can {others_may} {at_text} (mode {mode:04o})");
                (what, format!("chmod {mend} {quoted}"))
            }
            Rule::Acl { who } => (
                format!("an access control list opens {at_text} to {who}"),
                format!("setfacl -b {quoted}"),
            ),
            Rule::FolderOwner { owner } => (
                format!(
                    "the folder {at_text} belongs to user {owner}, who can replace what is in it"
                ),
                format!("chown root {quoted}"),
            ),
            Rule::FolderMode { mode } => (
                format!("others can replace what is in the folder {at_text} (mode {mode:04o})"),
                format!("chmod go-w {quoted}"),
            ),
            Rule::FolderAcl { who } => (
                format!(
                    "an access control list lets {who} replace what is in the folder {at_text}"
                ),
                format!("setfacl -b {quoted}"),
            ),
            Rule::Link { owner } => (
                format!("the link {at_text} belongs to user {owner}, who can lead it elsewhere"),
                format!("rm {quoted}, and name the file itself instead of {}", path.display()),
            ),
            Rule::Git { tree } => (
                format!(
                    "{at_text} is in the git work tree {}, from where keys get published",
                    tree.display()
                ),
                format!("mv {quoted} /etc/countersign/"),
            ),
            Rule::Root => (
                "the process runs as root, and so would whoever takes it over".to_owned(),
                format!(
                    "useradd --system --shell /usr/sbin/nologin countersign; chown countersign {quoted}; \
                     and run the signer as that user (User=countersign in its unit)"
                ),
            ),
        };
        Self { check, what, remedy }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; mend it with: {}", self.what, self.remedy)
    }
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Unsafe {
    /// A rule is broken.
    #[error("the key is not safe: {0}")]
    Found(Finding),
    /// It cannot be told.
    #[error("{} cannot be looked at, so nobody can tell who else reads it", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// The path in the words of a shell.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(
            shell(Path::new("/etc/countersign/signer.toml")),
            "/etc/countersign/signer.toml"
        );
        assert_eq!(shell(Path::new("/my keys/it's; rm")), "'/my keys/it'\\''s; rm'");
    }
}
