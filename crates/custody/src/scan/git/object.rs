//! What is read out of commits, tags, trees, and the headers of loose objects.

use super::oid::{HashKind, ObjectKind, Oid};

/// What of a commit tells where it is in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) struct Commit {
    pub(in crate::scan) tree: Oid,
    pub(in crate::scan) parents: Vec<Oid>,
    /// When it was committed, in seconds of Unix time; zero if it does not say.
    pub(in crate::scan) time: i64,
}

impl Commit {
    /// The commit with this content. A header that is not understood is left out.
    pub(in crate::scan) fn parse(content: &[u8]) -> Option<Self> {
        let mut commit = None;
        for line in content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty()) {
            if let Some(tree) = line.strip_prefix(b"tree ") {
                let tree = Oid::from_hex(tree)?;
                commit.get_or_insert(Self { tree, parents: Vec::new(), time: 0 });
            } else if let Some(parent) = line.strip_prefix(b"parent ") {
                commit.as_mut()?.parents.push(Oid::from_hex(parent)?);
            } else if let Some(committer) = line.strip_prefix(b"committer ") {
                commit.as_mut()?.time = time(committer).unwrap_or_default();
            }
        }
        commit
    }
}

/// The seconds in `NAME <ADDRESS> SECONDS ZONE`.
fn time(committer: &[u8]) -> Option<i64> {
    let seconds = committer.rsplit(|byte| *byte == b' ').nth(1)?;
    std::str::from_utf8(seconds).ok()?.parse().ok()
}

/// The object that a tag names.
pub(in crate::scan) fn tagged(content: &[u8]) -> Option<Oid> {
    let line = content.split(|byte| *byte == b'\n').next()?;
    Oid::from_hex(line.strip_prefix(b"object ")?)
}

/// One line of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) struct TreeEntry<'c> {
    pub(in crate::scan) name: &'c [u8],
    pub(in crate::scan) id: Oid,
    pub(in crate::scan) is_tree: bool,
}

/// The lines of a tree, up to the first that is damaged.
pub(in crate::scan) fn tree_entries(
    mut content: &[u8],
    hash: HashKind,
) -> impl Iterator<Item = TreeEntry<'_>> {
    std::iter::from_fn(move || {
        let space = content.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = content.split_at_checked(space)?;
        let (_, rest) = rest.split_first()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = rest.split_at_checked(end)?;
        let (_, rest) = rest.split_first()?;
        let (id, rest) = rest.split_at_checked(hash.len())?;
        content = rest;
        Some(TreeEntry { name, id: Oid::new(id)?, is_tree: mode == b"40000" || mode == b"040000" })
    })
}

/// Kind and size in the header of a loose object, and how many bytes the header has.
pub(in crate::scan) fn loose_header(content: &[u8]) -> Option<(ObjectKind, u64, usize)> {
    let end = content.iter().take(LONGEST_HEADER).position(|byte| *byte == 0)?;
    let mut words = content.get(..end)?.split(|byte| *byte == b' ');
    let kind = ObjectKind::named(words.next()?)?;
    let size = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    words.next().is_none().then_some((kind, size, end + 1))
}

/// The longest kind, a space and the longest size.
const LONGEST_HEADER: usize = 28;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_commit_says_what_it_follows() {
        let (tree, parent) = ("11".repeat(20), "22".repeat(20));
        let text = format!(
            "tree {tree}\nparent {parent}\nparent {parent}\nauthor A <a@b> 5 +0000\n\
             committer B C <b@c> 1700000000 +0100\ngpgsig x\n y\n\ntree of life\nparent none\n"
        );
        let commit = Commit::parse(text.as_bytes()).unwrap();
        assert_eq!(commit.tree.to_string(), tree);
        assert_eq!(commit.parents.len(), 2);
        assert_eq!(commit.time, 1_700_000_000);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Commit::parse(&bytes);
            let _ = tagged(&bytes);
            let _ = loose_header(&bytes);
            let _ = tree_entries(&bytes, HashKind::Sha1).count();
        }

        #[test]
        fn a_tree_is_read_to_its_end(names in prop::collection::vec("[a-z.]{1,9}", 0..9)) {
            let mut content = Vec::new();
            for name in &names {
                content.extend_from_slice(format!("100644 {name}\0").as_bytes());
                content.extend_from_slice(&[7; 20]);
            }
            let read: Vec<_> = tree_entries(&content, HashKind::Sha1).map(|e| e.name.to_vec()).collect();
            prop_assert_eq!(read, names.iter().map(|n| n.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
}
