//! Signers as real child processes with real configuration files.

mod folder;
mod leash;
mod process;

pub(crate) use folder::write_private;
pub use folder::{FolderError, NetworkFolder, SignerFiles, SignerSettings};
pub use leash::exec_leashed;
pub use process::{EndSignal, ProcessError, ProcessStatus, SignerProcess, SignerProgram};
