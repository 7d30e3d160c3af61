//! Walking the tree and reading files, in an order that does not depend on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::StepError;

/// All files under `folder`, sorted, without those for which `skip` holds or that are under a folder
/// for which it holds.
pub(crate) fn under(
    folder: &Path,
    skip: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, StepError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let read_error = |source| StepError::Read { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let kind = entry.file_type().map_err(read_error)?;
            let path = entry.path();
            if skip(&path) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, StepError> {
    fs::read(path).map_err(|source| StepError::Read { path: path.to_path_buf(), source })
}

/// The text of a file that must be UTF-8.
pub(crate) fn text(path: &Path) -> Result<String, StepError> {
    fs::read_to_string(path).map_err(|source| StepError::Read { path: path.to_path_buf(), source })
}

/// `path` as it is written in messages: from the root of the workspace, with slashes.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
