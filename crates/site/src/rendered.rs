//! A file as it is to be on a host.

use std::fmt;

use zeroize::Zeroizing;

use crate::values::{AbsPath, UserName};

/// Whether a file may be seen, and committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secrecy {
    /// Everybody may see it.
    Public,
    /// It holds a secret: it is shown nowhere and committed nowhere.
    Secret,
}

/// A rendered file.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Where it is installed.
    pub path: AbsPath,
    /// Its permissions.
    pub mode: u32,
    /// The user and the group that own it: a name, or a number for a user of a container.
    pub owner: String,
    /// Whether it may be seen.
    pub secrecy: Secrecy,
    /// What is in it.
    pub contents: Zeroizing<String>,
}

impl Rendered {
    /// A file of root's that everybody may read.
    pub(crate) fn public(path: AbsPath, contents: String) -> Self {
        let owner = "root".to_owned();
        let secrecy = Secrecy::Public;
        Self { path, mode: 0o644, owner, secrecy, contents: Zeroizing::new(contents) }
    }

    /// A file with a secret, which only `owner` may read.
    pub(crate) fn secret(path: AbsPath, owner: &UserName, contents: String) -> Self {
        let owner = owner.to_string();
        Self { mode: 0o600, owner, secrecy: Secrecy::Secret, ..Self::public(path, contents) }
    }

    /// A file without a secret, which nobody but `owner` needs to read.
    pub(crate) fn private(path: AbsPath, owner: &UserName, contents: String) -> Self {
        Self { mode: 0o600, owner: owner.to_string(), ..Self::public(path, contents) }
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, owner, secrecy, contents } = self;
        let length = contents.len();
        write!(f, "Rendered({path}, {mode:o}, {owner}, {secrecy:?}, {length} bytes)")
    }
}
