//! How a signer is bound to the life of the devnet that started it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Turns this process into `command`, which the kernel will kill as soon as the parent of this
/// process is gone, however that ends: a devnet that is killed leaves no signers behind.
///
/// The devnet starts a small launcher that calls this instead of the signer itself: the request to
/// the kernel has to come from the child, and survives the `exec`. Returns only if that fails.
/// Outside Linux the kernel has no such request; there the devnet's own handlers have to do.
///
/// `parent` is the process that asked for this. If it has ended before the kernel was asked, nothing is
/// started: no signal would come any more.
pub fn exec_leashed(parent: u32, command: &[OsString]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no program to start is named");
    };
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        return error.into();
    }
    if std::os::unix::process::parent_id() != parent {
        return io::Error::other("the network has ended already");
    }
    Command::new(program).args(arguments).exec()
}
