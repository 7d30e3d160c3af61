//! What a file is, by its first bytes.

use std::io::Read as _;

use flate2::bufread::ZlibDecoder;

use super::tar;

/// What a file is, as far as it changes how it is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Kind {
    /// Searched as it is.
    Plain,
    /// gzip (RFC 1952), of one member or more.
    Gzip,
    /// Zstandard (RFC 8878), of one frame or more.
    Zstd,
    /// xz.
    Xz,
    /// zlib (RFC 1950), such as a loose object of Git.
    Zlib,
    /// A tape archive, such as an image or one of its layers.
    Tar,
    /// A zip archive.
    Zip,
    /// A pack of Git.
    Pack,
    /// A bundle of Git: a text, and a pack after it.
    Bundle,
}

impl Kind {
    /// What begins with these bytes, [`HEAD`] of them or all there are.
    pub(in crate::scan) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // The second is a frame to be skipped, which comes first in some layers.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => Self::Pack,
            [b'#', b' ', b'v', b'2' | b'3', rest @ ..] if rest.starts_with(b" git bundle\n") => {
                Self::Bundle
            }
            _ if tar::is_header(head) => Self::Tar,
            _ if is_zlib(head) => Self::Zlib,
            _ => Self::Plain,
        }
    }
}

/// Two bytes are too little to tell: some content must come out.
fn is_zlib(head: &[u8]) -> bool {
    let [method, flags, ..] = *head else { return false };
    let is_header = method & 0x8f == 8
        && flags & 0x20 == 0
        && u16::from_be_bytes([method, flags]).is_multiple_of(31);
    is_header && matches!(ZlibDecoder::new(head).read(&mut [0; 16]), Ok(1..))
}

/// How many bytes tell what a file is.
pub(in crate::scan) const HEAD: usize = 1024;
