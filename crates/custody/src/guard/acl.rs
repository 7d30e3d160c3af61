//! POSIX access control lists, as Linux keeps them in an extended attribute (acl(5)).

use std::io;
use std::path::Path;

use rustix::io::Errno;

/// The bit for reading.
pub(super) const READ: u16 = 4;
/// The bit for writing.
pub(super) const WRITE: u16 = 2;

/// Somebody whom a list names, with what it really lets them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `user 1001` or `group 1001`.
    pub(super) who: String,
    pub(super) grants: u16,
}

/// Who else is named by the list of a file. None if it has no list, or its file system keeps none.
pub(super) fn others(path: &Path, us: u32) -> io::Result<Vec<Entry>> {
    let mut bytes = [0; 4096];
    let len = match rustix::fs::getxattr(path, ATTRIBUTE, &mut bytes[..]) {
        Ok(len) => len,
        Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let list = bytes.get(..len).unwrap_or_default();
    parse(list, us).ok_or_else(|| io::Error::other("its access control list cannot be read"))
}

/// Reads the attribute: a version, then entries of tag, permissions and id, all little-endian.
fn parse(bytes: &[u8], us: u32) -> Option<Vec<Entry>> {
    let (version, entries) = bytes.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
        return None;
    }
    let entries: Vec<(u16, u16, u32)> = entries
        .as_chunks::<8>()
        .0
        .iter()
        .map(|[t0, t1, p0, p1, i0, i1, i2, i3]| {
            let id = u32::from_le_bytes([*i0, *i1, *i2, *i3]);
            (u16::from_le_bytes([*t0, *t1]), u16::from_le_bytes([*p0, *p1]), id)
        })
        .collect();
    let mask = entries.iter().find(|(tag, ..)| *tag == MASK).map_or(7, |(_, grants, _)| *grants);
    let named = entries.into_iter().filter_map(|(tag, grants, id)| match tag {
        USER if id != us && id != 0 => {
            Some(Entry { who: format!("user {id}"), grants: grants & mask })
        }
        GROUP => Some(Entry { who: format!("group {id}"), grants: grants & mask }),
        _ => None,
    });
    Some(named.collect())
}

const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: u32 = 2;
/// A user by number.
const USER: u16 = 0x02;
/// A group by number.
const GROUP: u16 = 0x08;
/// What at most all named ones may do.
const MASK: u16 = 0x10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, grants, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(grants.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn named_others_count_as_far_as_the_mask_lets_them() {
        let some = [(0x01, 6, u32::MAX), (USER, 6, 1001), (GROUP, 4, 50), (MASK, 4, u32::MAX)];
        let read = parse(&list(&some), 1000).unwrap();
        let expected = [("user 1001", 4), ("group 50", 4)];
        let expected = expected.map(|(who, grants)| Entry { who: who.to_owned(), grants });
        assert_eq!(read, expected);
        assert_eq!(parse(&list(&[(USER, 6, 1000), (USER, 6, 0)]), 1000), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(parse(&[], 0), None);
        assert_eq!(parse(&[1, 0, 0, 0], 0), None);
        assert_eq!(parse(&[2, 0, 0, 0, 1], 0), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, us: u32) {
            let _ = parse(&bytes, us);
        }
    }
}
