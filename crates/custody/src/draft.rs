//! Files that come into being whole, with mode 0600, and never in the place of another file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a new file that only its owner can read. An existing file is left as it is and the error is
/// [`io::ErrorKind::AlreadyExists`]. When this returns, the file survives a power cut.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder(path);
    // A temporary file has mode 0600, whatever the umask.
    let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
