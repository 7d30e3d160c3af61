//! The way to a file, through every folder and symbolic link.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// What was met on the way to a file.
pub(super) struct Walk {
    /// Where the file really is, and what it is.
    pub(super) file: (PathBuf, Metadata),
    /// Every folder on the way, from the root on.
    pub(super) folders: Vec<(PathBuf, Metadata)>,
    /// Every symbolic link on the way.
    pub(super) links: Vec<(PathBuf, Metadata)>,
}

impl Walk {
    pub(super) fn to(path: &Path) -> io::Result<Self> {
        let mut rest = names(&super::absolute(path)?);
        let mut here = PathBuf::from("/");
        let mut folders = BTreeMap::from([(here.clone(), fs::symlink_metadata(&here)?)]);
        let mut links = Vec::new();
        let mut file = None;
        while let Some(name) = rest.pop() {
            if name == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&name);
            let metadata = fs::symlink_metadata(&next)?;
            if metadata.is_symlink() {
                let target = fs::read_link(&next)?;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                rest.extend(names(&target));
                links.push((next, metadata));
                if links.len() > MAX_LINKS {
                    return Err(io::Error::other("too many symbolic links"));
                }
            } else if rest.is_empty() {
                file = Some((next, metadata));
            } else {
                folders.insert(next.clone(), metadata);
                here = next;
            }
        }
        let file = match file {
            Some(file) => file,
            // The path ends in `..` or is the root.
            None => (here.clone(), fs::symlink_metadata(&here)?),
        };
        folders.remove(&file.0);
        Ok(Self { file, folders: folders.into_iter().collect(), links })
    }
}

/// The names of a path, the last one first. Both of `.` and the root are left out.
fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    names.reverse();
    names
}

/// As many as Linux follows.
const MAX_LINKS: usize = 40;
