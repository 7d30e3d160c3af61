//! Files that are whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::{InstallError, at};

/// Makes a folder and those above it, unless they are there.
pub(super) fn folder(path: &Path, mode: u32) -> Result<(), InstallError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(at(path, "made"))
}

/// Writes a file under another name, syncs it, gives it its owner and mode, and renames it.
pub(super) fn whole(
    place: &Path,
    contents: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), InstallError> {
    let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
        return Err(at(place, "written")(io::ErrorKind::InvalidInput.into()));
    };
    folder(parent, 0o755)?;
    // A leading dot: programs that read every file of a folder leave those out.
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    let temporary = parent.join(temporary);
    fill(&temporary, contents, mode, owner).and_then(|()| fs::rename(&temporary, place)).map_err(
        |error| {
            // Nothing half-written stays; what it says matters less than why.
            drop(fs::remove_file(&temporary));
            at(place, "written")(error)
        },
    )?;
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(at(parent, "synced"))
}

fn fill(
    temporary: &PathBuf,
    contents: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    // Left by an interrupted run.
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(contents)?;
    if let Some((uid, gid)) = owner {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}
