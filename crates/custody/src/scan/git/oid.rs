//! Ids of Git objects, and the hash functions that make them.

use std::fmt;
use std::io::{self, Read};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The hash function of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum HashKind {
    /// SHA-1, of nearly all repositories.
    Sha1,
    /// SHA-256 (`extensions.objectFormat`).
    Sha256,
}

/// The id of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::scan) struct Oid {
    bytes: [u8; 32],
    len: u8,
}

/// The type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum ObjectKind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl HashKind {
    /// How many bytes an id has.
    pub(in crate::scan) const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The id of the object with this content, which is read to its end.
    pub(in crate::scan) fn id_of(
        self,
        kind: ObjectKind,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<Oid> {
        let head = format!("{} {size}\0", kind.name());
        let digest = match self {
            Self::Sha1 => {
                let mut hasher = Sha1::new();
                hasher.update(head);
                read_all(content, |bytes| hasher.update(bytes))?;
                hasher.finalize().to_vec()
            }
            Self::Sha256 => {
                let mut hasher = Sha256::new();
                hasher.update(head);
                read_all(content, |bytes| hasher.update(bytes))?;
                hasher.finalize().to_vec()
            }
        };
        Ok(Oid::new(&digest).expect("a digest has the length of an id"))
    }
}

fn read_all(content: &mut dyn Read, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(()),
            read => each(buffer.get(..read).unwrap_or_default()),
        }
    }
}

impl Oid {
    /// The id with these bytes: 20 or 32.
    pub(in crate::scan) fn new(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok().filter(|len| matches!(len, 20 | 32))?;
        let mut padded = [0; 32];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: padded, len })
    }

    /// The id that these hex digits spell.
    pub(in crate::scan) fn from_hex(text: &[u8]) -> Option<Self> {
        Self::new(&hex::decode(text).ok()?)
    }

    pub(in crate::scan) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether Git writes this where there is no object.
    pub(in crate::scan) fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl ObjectKind {
    pub(in crate::scan) const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind in the header of a loose object.
    pub(in crate::scan) fn named(name: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag]
            .into_iter()
            .find(|kind| kind.name().as_bytes() == name)
    }
}
