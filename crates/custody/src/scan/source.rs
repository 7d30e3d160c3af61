//! Bytes that can be read at any place: a file, or what was read out of an archive.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// Bytes that can be read at any place.
#[derive(Debug)]
pub(super) enum Source {
    /// A file on disk, which may shrink at any time: it is read and never mapped.
    File(File, u64),
    /// Bytes in memory.
    Memory(Vec<u8>),
}

impl Source {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File(_, len) => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Reads what there is at `offset`, at most the length of `buffer`.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::File(file, _) => file.read_at(buffer, offset),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let mut rest = bytes.get(start..).unwrap_or_default();
                rest.read(buffer)
            }
        }
    }

    /// Reads exactly `N` bytes.
    pub(super) fn array_at<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from(offset).read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// A reader that begins at `offset`.
    pub(super) const fn from(&self, offset: u64) -> SourceReader<'_> {
        SourceReader { source: self, offset }
    }
}

/// Reads a [`Source`] from some place on.
#[derive(Debug)]
pub(super) struct SourceReader<'s> {
    source: &'s Source,
    offset: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}
