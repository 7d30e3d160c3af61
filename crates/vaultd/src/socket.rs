//! The socket: from systemd, or bound here.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use listenfd::ListenFd;

use crate::config::Config;
use crate::error::VaultdError;

/// The socket that systemd opened for us, or a new one at the path of the configuration.
pub(crate) fn listen(config: &Config) -> Result<UnixListener, VaultdError> {
    let path = &config.socket;
    let refused = |source| VaultdError::Socket { path: path.clone(), source };
    let listener = match ListenFd::from_env().take_unix_listener(0).map_err(refused)? {
        Some(inherited) => {
            tracing::info!("the socket was handed over by the service manager");
            inherited
        }
        None => bind(path, config.socket_group)?,
    };
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// Binds `path`, in place of a socket on which nobody answers; any other file is left alone. Whoever looks
/// sees no socket or one with its final mode and group.
fn bind(path: &Path, group: Option<u32>) -> Result<UnixListener, VaultdError> {
    let refused = |source| VaultdError::Socket { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(VaultdError::NotASocket { path: path.to_owned() });
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(VaultdError::SocketInUse { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    let listener = UnixListener::bind(&draft).map_err(refused)?;
    let mode = if group.is_some() { 0o660 } else { 0o666 };
    let placed = chown(&draft, None, group)
        .and_then(|()| fs::set_permissions(&draft, Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&draft, path));
    if let Err(error) = placed {
        let _ = fs::remove_file(&draft);
        return Err(refused(error));
    }
    Ok(listener)
}
