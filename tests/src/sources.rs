//! The sources of the repository as text, for tests that look for a name in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of each of our Rust sources.
///
/// # Panics
///
/// If the sources cannot be read.
pub fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        read(&root().join(folder), &mut texts);
    }
    texts
}

/// Whether a function of this name is anywhere in our Rust sources, for each of `names`: those that are not.
///
/// # Panics
///
/// If the sources cannot be read.
pub fn missing_functions<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = texts().concat();
    names.into_iter().filter(|name| !text.contains(&format!("fn {name}("))).collect()
}

fn read(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder is part of the repository") {
        let path = entry.expect("the folder can be read to its end").path();
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(fs::read_to_string(&path).expect("a source is text"));
        }
    }
}
