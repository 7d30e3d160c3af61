//! Reading tape archives (POSIX ustar and pax, GNU), as far as finding their files goes.
//!
//! The `tar` crate reads a long name of any length into memory, which in a hostile archive is the whole
//! archive. Here a header is 512 bytes, and a name that is too long is cut.

use std::io::{self, Read};

/// The header of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) struct Header {
    name: Vec<u8>,
    size: u64,
    kind: u8,
    /// GNU: the map of a file with holes goes on in blocks of its own.
    has_sparse_map: bool,
}

/// A member that has content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) struct Member {
    /// Its path in the archive.
    pub(in crate::scan) name: String,
    /// How many bytes of content follow.
    pub(in crate::scan) size: u64,
}

/// What is known about the next member from the blocks before it.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Reads the headers up to the next member with content. None at the end of the archive.
///
/// The caller reads the content and then [`padding`] bytes more.
pub(in crate::scan) fn next_member(reader: &mut dyn Read) -> io::Result<Option<Member>> {
    let mut extended = Extended::default();
    loop {
        let mut block = [0; BLOCK];
        if !fill(reader, &mut block)? {
            return Ok(None);
        }
        if block == [0; BLOCK] {
            // The end, or between two archives of which one was appended to the other.
            continue;
        }
        let header =
            Header::parse(&block).ok_or_else(|| damaged("the header of a member is damaged"))?;
        match header.kind {
            LONG_NAME => extended.name = Some(c_text(&content(reader, header.size)?).to_vec()),
            PAX => extended.read(&content(reader, header.size)?),
            PAX_GLOBAL | LONG_LINK => drop(content(reader, header.size)?),
            _ => {
                if header.has_sparse_map {
                    skip_sparse_map(reader)?;
                }
                let name = extended.name.take().unwrap_or(header.name);
                let size = extended.size.take().unwrap_or(header.size);
                let is_dataless = matches!(header.kind, b'1'..=b'6');
                if !is_dataless {
                    return Ok(Some(Member {
                        name: String::from_utf8_lossy(&name).into_owned(),
                        size,
                    }));
                }
                extended = Extended::default();
            }
        }
    }
}

/// How many bytes follow a content of `size` bytes before the next header.
pub(in crate::scan) const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// Whether these bytes begin with a header.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|block| Header::parse(block).is_some_and(|h| !h.name.is_empty()))
}

impl Header {
    /// The header in this block, if its checksum fits.
    fn parse(block: &[u8; BLOCK]) -> Option<Self> {
        let field = |start: usize, len: usize| block.get(start..start + len);
        let stated = number(field(148, 8)?)?;
        // The checksum counts as spaces.
        let rest = field(0, 148)?.iter().chain(field(156, BLOCK - 156)?);
        let sum = rest.map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
        if stated != sum {
            return None;
        }
        let mut name = c_text(field(0, 100)?).to_vec();
        let prefix = c_text(field(345, 155)?);
        if field(257, 6)? == b"ustar\0" && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let [kind] = *field(156, 1)? else { return None };
        let has_sparse_map = kind == SPARSE && field(482, 1)? != [0];
        Some(Self { name, size: number(field(124, 12)?)?, kind, has_sparse_map })
    }
}

impl Extended {
    /// Reads the records of a pax header: `LENGTH KEY=VALUE\n` each. What is not understood is left out.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|byte| *byte == b' ') {
            let length =
                records.get(..space).and_then(decimal).and_then(|n| usize::try_from(n).ok());
            let record = length.and_then(|length| records.get(space + 1..length));
            let (Some(record), Some(length)) = (record, length) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(path) = record.strip_prefix(b"path=") {
                self.name = Some(path.to_vec());
            } else if let Some(size) = record.strip_prefix(b"size=") {
                self.size = decimal(size);
            }
            records = records.get(length..).unwrap_or_default();
        }
    }
}

/// The content of a block of names, and what pads it. Only the first [`LONGEST_NAMES`] bytes are kept.
fn content(reader: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut *reader).take(size.min(LONGEST_NAMES)).read_to_end(&mut kept)?;
    let rest = size.saturating_sub(LONGEST_NAMES).saturating_add(padding(size));
    io::copy(&mut reader.take(rest), &mut io::sink())?;
    Ok(kept)
}

/// Reads the blocks in which the map of a file with holes goes on.
fn skip_sparse_map(reader: &mut dyn Read) -> io::Result<()> {
    let mut block = [0; BLOCK];
    while fill(reader, &mut block)? {
        if block.get(504) == Some(&0) {
            break;
        }
    }
    Ok(())
}

/// Fills the block. False if there is nothing; an error if there is less.
fn fill(reader: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut read = Vec::with_capacity(BLOCK);
    reader.take(BLOCK as u64).read_to_end(&mut read)?;
    if read.is_empty() {
        return Ok(false);
    }
    *block = read.try_into().map_err(|_| damaged("the archive ends in the middle of a header"))?;
    Ok(true)
}

/// An octal number, or one of GNU's in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_last_chunk::<8>()?;
        return high.iter().all(|byte| *byte == 0).then(|| u64::from_be_bytes(*low));
    }
    let text = std::str::from_utf8(c_text(field)).ok()?.trim();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn c_text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const BLOCK: usize = 512;
const LONG_NAME: u8 = b'L';
const LONG_LINK: u8 = b'K';
const PAX: u8 = b'x';
const PAX_GLOBAL: u8 = b'g';
const SPARSE: u8 = b'S';
/// Enough for every path that a system can open.
const LONGEST_NAMES: u64 = 64 * 1024;
