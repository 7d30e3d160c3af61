//! Binding the socket: a file that others cannot open, in nobody's place.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use super::{TooLong, check_len, is_nobody};

/// A bound control socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file, which may have been replaced in the meantime.
    file: (u64, u64),
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No unix socket can have this path.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// Another process answers there.
    #[error(
        "another process answers on the control socket {}; stop it, or name another path",
        .0.display()
    )]
    InUse(PathBuf),
    /// Something else has the name.
    #[error(
        "{} is not a socket, so the control socket cannot replace it; move it away, or name another \
         path",
        .0.display()
    )]
    NotASocket(PathBuf),
    /// The operating system refuses.
    #[error("the control socket {} cannot be created", .path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl ControlSocket {
    /// Binds `path` with mode 0600. A socket that was left behind is replaced, but only if nobody
    /// answers on it; any other file is left alone. To be called inside a tokio runtime.
    ///
    /// Two processes that start at the same moment are to be kept apart by what they lock, not by this.
    pub fn bind(path: &Path) -> Result<Self, ControlError> {
        check_len(path)?;
        let refused = |source| ControlError::Refused { path: path.to_owned(), source };
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(refused)?;
        // Until this is done, a caller is still asked for its user.
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(refused)?;
        let file = identity(path).map_err(refused)?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // A file that stays is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

fn remove_stale(path: &Path) -> Result<(), ControlError> {
    let refused = |source| ControlError::Refused { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(ControlError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match StdStream::connect(path) {
        Ok(_) => Err(ControlError::InUse(path.to_owned())),
        Err(error) if is_nobody(&error) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(error)),
            _ => Ok(()),
        },
        // A full queue, for example: somebody has it.
        Err(error) => Err(refused(error)),
    }
}
