//! Doing what `--fix` was asked for: taking rights away.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};

use crate::grade::Fix;

/// Why something was not mended. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// It is no longer what was looked at.
    #[error("{} is no longer as it was looked at; run doctor again", .0.display())]
    Changed(PathBuf),
    /// It would give rights.
    #[error("{} would be opened further, which is not for doctor to do", .0.display())]
    Opens(PathBuf),
    /// The operating system refuses.
    #[error("{} cannot be changed; run doctor as its owner or as root", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// Does it. Done twice, it is done once.
pub fn apply(fix: &Fix) -> Result<(), FixError> {
    let Fix { path, mode } = fix;
    let refused = |source: io::Error| FixError::Refused { path: path.to_owned(), source };
    // The file that is opened is the one that is changed, whatever the name leads to by then.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => FixError::Changed(path.to_owned()),
        error => refused(error.into()),
    })?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(refused)?;
    if !metadata.is_file() {
        return Err(FixError::Changed(path.to_owned()));
    }
    if *mode & !(metadata.mode() & 0o7777) != 0 {
        return Err(FixError::Opens(path.to_owned()));
    }
    file.set_permissions(fs::Permissions::from_mode(*mode)).map_err(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::path::Path;

    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn rights_are_taken_away_and_never_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "kept").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let fix = |mode| Fix { path: path.clone(), mode };
        apply(&fix(0o600)).unwrap();
        apply(&fix(0o600)).unwrap();
        assert_eq!(mode_of(&path), 0o600);
        assert!(matches!(apply(&fix(0o640)), Err(FixError::Opens(_))));
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[test]
    fn a_link_in_the_place_of_the_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let refused = apply(&Fix { path: path.clone(), mode: 0o600 });
        assert!(matches!(refused, Err(FixError::Changed(_))), "{refused:?}");
        assert_eq!(mode_of(&other), 0o644);
        let refused = apply(&Fix { path: folder.path().to_owned(), mode: 0o600 });
        assert!(matches!(refused, Err(FixError::Changed(_))), "{refused:?}");
    }
}
