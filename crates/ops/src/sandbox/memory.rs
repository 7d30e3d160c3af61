//! Memory that stays where it is.

use super::SandboxError;

/// Keeps all memory that the process has and will have out of the swap.
///
/// What is locked counts against a limit, and an allocation beyond it would fail in mid-run; so the limit
/// must leave room before anything is locked.
#[cfg(target_os = "linux")]
pub(super) fn lock() -> Result<String, SandboxError> {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, getrlimit};
    use rustix::thread::{CapabilitySet, capabilities};

    let may_lock_all =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    let limit = getrlimit(Resource::Memlock).current.map(|bytes| bytes / MIB);
    if let Some(limit) = limit.filter(|limit| *limit < NEEDED_MIB && !may_lock_all) {
        return Err(SandboxError::MemoryLimit { limit, needed: NEEDED_MIB });
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
        .map_err(|error| SandboxError::Refused(error.into()))?;
    Ok("all memory is locked".to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn lock() -> Result<String, SandboxError> {
    Err(SandboxError::OtherSystem)
}

const MIB: u64 = 1024 * 1024;
/// Room for every buffer of every connection, and for what SQLite keeps.
const NEEDED_MIB: u64 = 512;
