//! Who calls, and what the configuration says of them.

use countersign_vault::ipc::RequestKind;

use crate::permission::Role;

/// Somebody whom the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user as the configuration writes it: a name, or a number.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// What it may be.
    pub roles: Vec<Role>,
}

impl Caller {
    /// The role that lets this caller ask, if one does.
    pub fn role_for(&self, kind: RequestKind) -> Option<Role> {
        self.roles.iter().copied().find(|role| role.permits(kind))
    }
}

/// Everybody whom the configuration names, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers(Vec<Caller>);

impl Callers {
    /// A caller more. Gives it back if its user is there already.
    pub fn insert(&mut self, caller: Caller) -> Result<(), Caller> {
        if self.find(caller.uid).is_some() {
            return Err(caller);
        }
        self.0.push(caller);
        Ok(())
    }

    /// The caller with this user; none for a stranger.
    pub fn find(&self, uid: u32) -> Option<&Caller> {
        self.0.iter().find(|caller| caller.uid == uid)
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Caller> {
        self.0.iter()
    }
}
