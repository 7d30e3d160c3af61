//! Where a history can be entered: refs, the heads of worktrees, and reflogs.

use std::path::Path;

use super::oid::Oid;
use super::repository::{names, read_text};

/// A name that leads to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) name: String,
    pub(super) id: Oid,
}

/// Everything that leads into the history of the repository in `folder`, refs first.
pub(super) fn tips(folder: &Path) -> Vec<Tip> {
    let mut tips = Vec::new();
    for line in read_text(&folder.join("packed-refs")).unwrap_or_default().lines() {
        if let Some((id, name)) = line.split_once(' ')
            && let Some(id) = Oid::from_hex(id.as_bytes())
        {
            tips.push(Tip { name: name.to_owned(), id });
        }
    }
    loose(folder, "refs", &mut tips, 0);
    let worktrees = names(&folder.join("worktrees"));
    for place in std::iter::once(folder).chain(worktrees.iter().map(AsRef::as_ref)) {
        let shown = place.strip_prefix(folder).unwrap_or(place).to_string_lossy();
        for head in HEADS {
            let text = read_text(&place.join(head)).unwrap_or_default();
            let ids = text
                .lines()
                .filter_map(|line| Oid::from_hex(line.get(..hex_end(line))?.as_bytes()));
            let name = if shown.is_empty() { head.to_owned() } else { format!("{shown}/{head}") };
            tips.extend(ids.map(|id| Tip { name: name.clone(), id }));
        }
        logs(&place.join("logs"), &shown, &mut tips, 0);
    }
    tips
}

/// The last commit of the branch of a worktree: `own` is what belongs to it alone, `common` the repository.
pub(super) fn head(own: &Path, common: &Path) -> Option<Oid> {
    let mut text = read_text(&own.join("HEAD")).ok()?;
    for _ in 0..LONGEST_SYMBOLIC {
        let Some(name) = text.trim().strip_prefix("ref: ").map(str::to_owned) else { break };
        text = match read_text(&common.join(&name)) {
            Ok(text) => text,
            Err(_) => tips(common).into_iter().find(|tip| tip.name == name)?.id.to_string(),
        };
    }
    Oid::from_hex(text.trim().as_bytes())
}

/// Whether the refs are in a format that is not read here.
pub(super) fn are_in_tables(folder: &Path) -> bool {
    folder.join("reftable").is_dir()
}

fn loose(folder: &Path, name: &str, tips: &mut Vec<Tip>, depth: usize) {
    for path in names(&folder.join(name)) {
        let Some(last) = path.file_name() else { continue };
        let name = format!("{name}/{}", last.to_string_lossy());
        if path.is_dir() && !path.is_symlink() {
            if depth < DEEPEST {
                loose(folder, &name, tips, depth + 1);
            }
        } else if let Some(id) =
            read_text(&path).ok().and_then(|text| Oid::from_hex(text.trim().as_bytes()))
        {
            tips.retain(|tip: &Tip| tip.name != name);
            tips.push(Tip { name, id });
        }
    }
}

/// What the reflogs under `folder` name: what a ref pointed to before it was moved, such as older stashes.
fn logs(folder: &Path, name: &str, tips: &mut Vec<Tip>, depth: usize) {
    for path in names(folder) {
        let Some(last) = path.file_name() else { continue };
        let last = last.to_string_lossy();
        let name = if name.is_empty() { last.into_owned() } else { format!("{name}/{last}") };
        if path.is_dir() && !path.is_symlink() {
            if depth < DEEPEST {
                logs(&path, &name, tips, depth + 1);
            }
            continue;
        }
        for line in read_text(&path).unwrap_or_default().lines() {
            let words = line.splitn(3, ' ').take(2);
            let ids = words.filter_map(|word| Oid::from_hex(word.as_bytes()));
            let ids = ids.filter(|id| !id.is_null());
            tips.extend(ids.map(|id| Tip { name: format!("the reflog of {name}"), id }));
        }
    }
}

fn hex_end(line: &str) -> usize {
    line.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(line.len())
}

const HEADS: [&str; 7] = [
    "HEAD",
    "ORIG_HEAD",
    "FETCH_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "AUTO_MERGE",
];
const LONGEST_SYMBOLIC: usize = 5;
/// How many folders may be in one another.
const DEEPEST: usize = 32;
