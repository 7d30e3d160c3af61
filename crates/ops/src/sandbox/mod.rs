//! A process that locks itself in: memory that is not swapped, files that it cannot open any more, system
//! calls that end it.
//!
//! Each measure is for the whole process, so it is taken while the process has one thread, after everything
//! is open. None can be taken back. What a kernel does not offer is reported, and it is for the caller to
//! say whether the process may run without it.

mod calls;
mod files;
mod memory;

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What the process still needs once it is locked in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cage {
    /// Folders in which it reads, writes, makes and removes files. Everything else on the disk is closed.
    pub folders: Vec<PathBuf>,
    /// Whether somebody else's library works in the process, such as a token's, whose system calls nobody
    /// can list. Then only the calls that lead to other programs and into other processes are forbidden.
    pub has_library: bool,
}

/// One way of locking a process in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nothing of its memory is written to a swap device.
    Memory,
    /// Landlock: only the folders of the [`Cage`] can be opened, nothing can be executed, no TCP port can be
    /// bound or connected to, and no process outside can be signalled.
    Files,
    /// seccomp: a system call that the process does not need ends it at once. There is no call left that
    /// makes a socket, starts a program or a thread, looks into another process, or makes memory executable.
    Calls,
}

impl Measure {
    /// The name in logs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory lock",
            Self::Files => "landlock",
            Self::Calls => "seccomp",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a measure is not in force.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The limit of locked memory is too low.
    #[error(
        "{needed} MiB of memory must be lockable and the limit is {limit} MiB; raise it (LimitMEMLOCK=infinity \
         in the unit, `ulimit -l unlimited` in a shell)"
    )]
    MemoryLimit {
        /// What the limit is, in MiB.
        limit: u64,
        /// What it must be, in MiB.
        needed: u64,
    },
    /// The system refuses.
    #[error("the system refuses it")]
    Refused(#[source] io::Error),
    /// The kernel has no Landlock, or it is switched off.
    #[error(
        "the kernel has no Landlock; it is in Linux 5.13 and later, if it is in the list `lsm=`"
    )]
    NoLandlock,
    /// A folder of the cage cannot be opened.
    #[error("the folder {} cannot be opened", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The rules could not be put in force.
    #[error("the rules cannot be put in force")]
    Rules(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is nothing of the kind on this system.
    #[error("it is for Linux only")]
    OtherSystem,
}

/// What came of each measure.
#[derive(Debug)]
pub struct Confinement {
    /// The measures in the order in which they were taken: what is in force, in a few words, or why it is not.
    pub measures: Vec<(Measure, Result<String, SandboxError>)>,
}

impl Confinement {
    /// The first measure that is not in force, if there is one.
    pub fn into_first_failure(self) -> Option<(Measure, SandboxError)> {
        self.measures.into_iter().find_map(|(measure, result)| Some((measure, result.err()?)))
    }
}

/// Takes every measure that this system offers. For the process's only thread.
pub fn confine(cage: &Cage) -> Confinement {
    Confinement {
        measures: vec![
            (Measure::Memory, memory::lock()),
            (Measure::Files, files::restrict(&cage.folders)),
            // The last: it forbids the calls of the other two.
            (Measure::Calls, calls::restrict(cage.has_library)),
        ],
    }
}
